"""Several labels a row: how a config says so, the score of each label, and which labels a row gets."""

from collections.abc import Sequence
from typing import Any

import torch

SINGLE_LABEL = "single_label_classification"
"""The `problem_type` of a classifier that gives each row one of its classes."""
MULTI_LABEL = "multi_label_classification"
"""The `problem_type` of a classifier that gives each row any number of its labels, none or all of them too."""
DEFAULT_THRESHOLD = 0.5


def is_multi_label(config: Any) -> bool:
    """Tell whether a classifier gives each row any number of labels, by its config."""
    return getattr(config, "problem_type", None) == MULTI_LABEL


def label_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return the score of each label for itself: of `logits` (..., labels) the sigmoid in float64, computed in float32.

    In float32, since `pipeline()` computes it so: a score that just reaches a threshold reaches it everywhere.
    """
    return logits.float().sigmoid().double()


def choose_labels(logits: torch.Tensor, thresholds: Sequence[float] | None = None) -> torch.Tensor:
    """Return which labels are given: those whose score is at least their threshold.

    Args:
        logits: (..., labels).
        thresholds: One for each label; None: 0.5 for each.

    Returns:
        Booleans of the same shape.

    """
    scores = label_scores(logits)
    return scores >= (DEFAULT_THRESHOLD if thresholds is None else scores.new_tensor(thresholds))


def check_problem_type(config: Any) -> None:
    """Refuse a config that is neither for one label a row nor for several, or whose thresholds do not fit.

    Raises:
        ValueError: As above.

    """
    if config.problem_type not in (SINGLE_LABEL, MULTI_LABEL):
        raise ValueError(f"problem_type is {config.problem_type}: write {SINGLE_LABEL} or {MULTI_LABEL}.")
    thresholds = config.label_thresholds
    if not is_multi_label(config):
        if thresholds is not None:
            raise ValueError(f"label_thresholds are for {MULTI_LABEL}, not for {config.problem_type}.")
        return
    if config.num_labels < 2 or getattr(config, "head_logits", None) == 1:
        raise ValueError(f"{MULTI_LABEL} takes two labels or more, and one logit for each: leave head_logits out.")
    if config.answer_threshold is not None:
        raise ValueError(f"answer_threshold is for {SINGLE_LABEL}: labels of {MULTI_LABEL} have label_thresholds.")
    if thresholds is None:
        return
    if len(thresholds) != config.num_labels or not all(0 < threshold < 1 for threshold in thresholds):
        raise ValueError(
            f"label_thresholds is {thresholds}: write one score between 0 and 1 for each of {config.num_labels} labels."
        )


def keep_answers(answers: Sequence[dict[str, Any]], logits: torch.Tensor, config: Any, **options: Any) -> list[Any]:
    """Return what a pipeline answers for one row: the labels that it gets, the highest score first; none: an empty list.

    Args:
        answers: All labels with their scores, sorted.
        logits: (labels,).
        config: Of the model.
        options: `top_k`, where it is given: so many labels in the place of those that the row gets, or None for all.

    """
    if "top_k" in options:
        return list(answers[: options["top_k"]])
    chosen = choose_labels(logits, config.label_thresholds).tolist()
    names = {config.id2label[index] for index, is_chosen in enumerate(chosen) if is_chosen}
    return [answer for answer in answers if answer["label"] in names]
