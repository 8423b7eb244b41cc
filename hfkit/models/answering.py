"""Which answers are given: below a confidence that its config names, a classifier does not answer."""

from typing import Any

import torch


def confidences(logits: torch.Tensor) -> torch.Tensor:
    """Return how sure a model is, (...,) in float64: of `logits` (..., classes) the highest softmax, computed in float32.

    In float32, since saved models give their scores so: near 1 several confidences are one and the same there.
    """
    return logits.float().softmax(dim=-1).amax(dim=-1).double()


def mark_answers(answers: Any, logits: torch.Tensor, threshold: float | None) -> Any:
    """Say in each answer for one row by `answered` whether the row is answered; without a threshold nothing is said.

    Args:
        answers: What `postprocess` of a pipeline gives: a dictionary with `label` and `score`, or a list of them.
        logits: (1, classes).
        threshold: The lowest confidence of a row that is answered.

    """
    if threshold is None:
        return answers
    answered = bool(confidences(logits[0]) >= threshold)
    if isinstance(answers, dict):
        return {**answers, "answered": answered}
    return [{**answer, "answered": answered} for answer in answers]


def check_threshold(threshold: float | None) -> None:
    """Refuse what is no confidence.

    Raises:
        ValueError: It is not between 0 and 1.

    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"answer_threshold is {threshold}: write a confidence from 0 to 1, or leave it out.")
