"""The first prediction of a loaded model, on a row of ours: what no look at its files tells is found before the user's rows."""

import math
from typing import Any

from PIL import Image
from transformers import Pipeline

from ..models.refusing import refusing

_TEXT = "A text of a few words."


def check_first_prediction(classify: Pipeline) -> None:
    """Predict one short text, or one small grey picture, as the model's pipeline does.

    Raises:
        ValueError: That fails, or a score is no number.

    """
    sample: Any = _TEXT
    if classify.tokenizer is None:
        sample = Image.new("RGB", (16, 16), (128, 128, 128))
    elif classify.model.config.pair != "join":
        sample = {"text": _TEXT, "text_pair": _TEXT}
    scores: list[float] = []
    with refusing("it does not predict", as_they_are=()):
        scores += [float(answer["score"]) for answer in classify(sample, top_k=None)]
    if not all(map(math.isfinite, scores)):
        raise ValueError("it does not predict: its scores are no numbers")
