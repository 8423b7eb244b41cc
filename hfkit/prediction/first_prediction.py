"""The first prediction of a loaded model, on a row of ours: what no look at its files tells is found before the user's rows."""

import math

from transformers import Pipeline

from ..models.refusing import refusing
from .first_sample import first_sample


def check_first_prediction(classify: Pipeline) -> None:
    """Predict one short text, or one small grey picture, as the model's pipeline does.

    Raises:
        ValueError: That fails, or a score is no number.

    """
    reads_texts = classify.tokenizer is not None
    sample = first_sample(reads_texts, reads_texts and classify.model.config.pair != "join")
    scores: list[float] = []
    with refusing("it does not predict", as_they_are=()):
        scores += [float(answer["score"]) for answer in classify(sample, top_k=None)]
    if not all(map(math.isfinite, scores)):
        raise ValueError("it does not predict: its scores are no numbers")
