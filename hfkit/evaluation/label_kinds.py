"""One label a row, or any number: what differs between the two, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from ..models.label_sets import (
    DEFAULT_THRESHOLD,
    MULTI_LABEL,
    SINGLE_LABEL,
    choose_labels,
    is_multi_label,
    label_scores,
)
from ..models.losses import row_losses
from .intervals import interval_metrics
from .label_set_intervals import label_set_intervals


class LabelKind(Protocol):
    """How logits become scores and decisions, and when a decision is right.

    Logits and scores are (rows, labels). Decisions and references are (rows,) label ids where each row has one label, and else
    (rows, labels): booleans, and 0 or 1.
    """

    @property
    def problem_type(self) -> str:
        """The `problem_type` of the model's config."""
        ...

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Return the score of each label (rows, labels) in float64."""
        ...

    def decide(self, logits: np.ndarray) -> np.ndarray:
        """Return what is predicted of each row."""
        ...

    def right(self, decisions: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return which rows (rows,) are predicted rightly: with all their labels, and no other."""
        ...

    def losses(self, logits: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return the plain loss of each row (rows,), the natural logarithm's, in float64."""
        ...

    def names(self, decisions: np.ndarray, label_names: Sequence[str]) -> list[str]:
        """Return decisions or references as they are written in tables."""
        ...

    def intervals(self, logits: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return the 95 % intervals of metrics by their names with `_low` and `_high` behind."""
        ...


@dataclass(frozen=True)
class SingleLabel:
    """Each row has one label."""

    problem_type: str = SINGLE_LABEL

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Return the softmax."""
        return softmax(logits)

    def decide(self, logits: np.ndarray) -> np.ndarray:
        """Return the ids of the labels with the highest logits."""
        return np.asarray(logits.argmax(axis=-1))

    def right(self, decisions: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return where both are the same."""
        return np.asarray(decisions == references)

    def losses(self, logits: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return the cross-entropies."""
        return _row_losses(logits, references, SINGLE_LABEL)

    def names(self, decisions: np.ndarray, label_names: Sequence[str]) -> list[str]:
        """Return the name of each label."""
        return [label_names[index] for index in decisions]

    def intervals(self, logits: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return those of `accuracy` and `macro_f1`."""
        label_ids = list(range(logits.shape[-1]))
        return interval_metrics(confusion_matrix(references, self.decide(logits), labels=label_ids))


@dataclass(frozen=True)
class MultiLabel:
    """Each row has any number of labels.

    Attributes:
        thresholds: The lowest score of each label with which a row gets it; None: 0.5 for all.

    """

    thresholds: tuple[float, ...] | None = None
    problem_type: str = MULTI_LABEL

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Return the sigmoids, computed in float32 as `pipeline()` does."""
        return label_scores(torch.from_numpy(logits)).numpy()

    def decide(self, logits: np.ndarray) -> np.ndarray:
        """Return which labels reach their thresholds."""
        return choose_labels(torch.from_numpy(logits), self.thresholds).numpy()

    def right(self, decisions: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return where all labels are the same: exact matches."""
        return np.asarray((decisions == (references == 1)).all(axis=-1))

    def losses(self, logits: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return the means over the labels of the binary cross-entropies."""
        return _row_losses(logits, references, MULTI_LABEL)

    def names(self, decisions: np.ndarray, label_names: Sequence[str]) -> list[str]:
        """Return the names of each row's labels, with commas between them; an empty text where it has none."""
        return [", ".join(label_names[index] for index in np.flatnonzero(row).tolist()) for row in decisions]

    def intervals(self, logits: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return those of the exact match, of micro, macro and weighted F1, of mAP and of the Hamming loss."""
        return label_set_intervals(self.decide(logits), references == 1, self.scores(logits)).metrics()

    def all_thresholds(self, labels: int) -> list[float]:
        """Return the threshold of each label."""
        return [DEFAULT_THRESHOLD] * labels if self.thresholds is None else list(self.thresholds)


SINGLE = SingleLabel()
"""The kind of all models but those whose config says otherwise."""


def label_kind(config: Any) -> SingleLabel | MultiLabel:
    """Return the kind of a model's labels by its config."""
    if not is_multi_label(config):
        return SINGLE
    return MultiLabel(None if config.label_thresholds is None else tuple(config.label_thresholds))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of `logits` (rows, classes) in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _row_losses(logits: np.ndarray, references: np.ndarray, problem_type: str) -> np.ndarray:
    wide, labels = torch.from_numpy(logits.astype(np.float64)), torch.from_numpy(references)
    return row_losses(wide, labels, problem_type).numpy()
