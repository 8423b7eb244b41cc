"""The answer of a model for one text or photo, as texts and scores that a page can show."""

from dataclasses import dataclass, field
from typing import Any

from ..prediction.contents import join_cells
from ..prediction.predictor import Predictor

NOT_SURE = "not sure"
"""What the page says where the model abstains."""
NONE_CHOSEN = "none of the labels reaches its threshold"
"""What it says of a row that gets none of its labels."""


@dataclass(frozen=True)
class Answer:
    """What a page shows for one text or photo.

    Attributes:
        headline: The label and how sure the model is of it, or that it is not sure; of any number of labels a row those that it
            gets, or that it gets none; or what is wrong.
        scores: Of each label, in the order of the label ids; empty where the content cannot be read.
        note: What else is to be told, such as that a text was cut.

    """

    headline: str
    scores: dict[str, float] = field(default_factory=dict)
    note: str = ""


def answer_text(predictor: Predictor, *texts: str) -> Answer:
    """Classify a text, or the two of a pair, cleaned and cut as in training."""
    content, problem = join_cells(texts, predictor.reads_pairs)
    return _refuse(problem) if problem else answer(predictor, content)


def answer_photo(predictor: Predictor, file: str) -> Answer:
    """Classify a photo by its file."""
    return answer(predictor, {"bytes": None, "path": file})


def answer(predictor: Predictor, content: Any) -> Answer:
    """Classify one content as the model's scorer takes it."""
    scored = predictor.scorer.score([content], lambda _: None)
    if scored.problems:
        return _refuse(scored.problems[0])
    results = predictor.results
    [values] = results.values(scored.logits)
    named = dict(zip(results.names, values, strict=True))
    scores = {name: float(named[f"score_{name}"]) for name in results.label_names}
    note = "The text was cut at the model's max_length." if scored.truncated else ""
    if results.label_thresholds is not None:
        return Answer(str(named["prediction"]) or NONE_CHOSEN, scores, note)
    confidence, threshold = float(named["confidence"]), results.answer_threshold
    headline = f"{named['prediction']}, with a confidence of {confidence:.4f}"
    if threshold is not None and not named["answered"]:
        digits = 4 if threshold < 0.9995 else 8
        headline = (
            f"{NOT_SURE}: a confidence of {confidence:.{digits}f}, and the model is silent below {threshold:.{digits}f}"
        )
    return Answer(headline, scores, note)


def _refuse(problem: str) -> Answer:
    return Answer(f"This cannot be read: {problem}.")
