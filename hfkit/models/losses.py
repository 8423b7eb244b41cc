"""The loss of a classifier: the only place that computes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from .label_sets import MULTI_LABEL, SINGLE_LABEL, choose_labels

IGNORED = -100
"""Label of a row that counts nowhere, such as those that fill the last batch of several processes."""


def classifier_loss(
    logits: torch.Tensor, labels: torch.Tensor | None, problem_type: str = SINGLE_LABEL
) -> torch.Tensor | None:
    """Return the mean loss of the rows of a batch, or None without labels.

    Args:
        logits: (rows, classes).
        labels: (rows,) label ids, or (rows, classes) probabilities (MixUp, CutMix); with several labels a row, (rows, labels) of
            0 and 1.
        problem_type: Of the config: by it alone the last two are told apart.

    """
    if labels is None:
        return None
    if problem_type == MULTI_LABEL:
        return _binary_cross_entropy(logits, labels).sum() / counted_rows(labels).sum()
    return _cross_entropy(logits, labels, "mean")


def row_losses(logits: torch.Tensor, labels: torch.Tensor, problem_type: str = SINGLE_LABEL) -> torch.Tensor:
    """Return the plain loss of each row (rows,), as training and evaluation report it; an ignored row has 0.

    Args:
        logits: (rows, classes).
        labels: As `classifier_loss` takes them.
        problem_type: Of the config. With several labels a row, its loss is the mean over the labels of their binary
            cross-entropies.

    """
    if problem_type == MULTI_LABEL:
        return _binary_cross_entropy(logits, labels)
    return row_cross_entropy(logits, labels)


def right_rows(
    logits: torch.Tensor,
    labels: torch.Tensor,
    problem_type: str = SINGLE_LABEL,
    thresholds: Sequence[float] | None = None,
) -> torch.Tensor:
    """Return which rows are predicted rightly (rows,); an ignored one is not.

    Args:
        logits: (rows, classes).
        labels: As `classifier_loss` takes them.
        problem_type: Of the config. With several labels a row, all of them have to be right (an exact match).
        thresholds: Of the labels, see `label_sets.choose_labels`.

    """
    if problem_type == MULTI_LABEL:
        return (choose_labels(logits, thresholds) == (labels == 1)).all(dim=-1) & counted_rows(labels)
    return logits.argmax(dim=-1) == label_ids(labels)


def row_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the plain cross-entropy of each row (rows,); an ignored row has 0.

    It is what training and evaluation both report: no weights, no smoothing, nothing added.

    Args:
        logits: (rows, classes).
        labels: As `label_ids` takes them.

    """
    return _cross_entropy(logits, label_ids(labels), "none")


def label_ids(labels: torch.Tensor) -> torch.Tensor:
    """Return the label id of each row (rows,); of mixed labels (rows, classes) that of the class with the largest share."""
    if labels.ndim == 1:
        return labels
    return torch.where(counted_rows(labels), labels.argmax(dim=-1), IGNORED)


def counted_rows(labels: torch.Tensor) -> torch.Tensor:
    """Return which rows count (rows,): those whose label, or whose mixed labels, are not `IGNORED`."""
    return (labels if labels.ndim == 1 else labels[:, 0]) != IGNORED


@dataclass(frozen=True)
class Objective:
    """What training minimises: the Trainer's `compute_loss_func`.

    Each row's cross-entropy counts by the weight of its class. The sum is divided by the number of rows of the whole
    accumulated batch, of all processes, so that 52 rows in batches of 32 and of 16 x 2 give the same gradients, also in the
    last and smaller one.

    Attributes:
        class_weights: A weight for each class, or None for equal ones. With several labels a row: how much a label counts in
            the rows that have it.
        label_smoothing: Share of the target that is spread over all classes (Szegedy et al., arXiv 1512.00567), or over having
            a label and not having it.
        problem_type: Of the config.
        label_thresholds: Of the config; they change nothing that is minimised, and say which rows are right.
        focal_gamma: Above 0 each loss is multiplied by (1 - p) to this power, where p is the probability of the row's class, or
            of having or not having the label (focal loss: Lin et al. 2017, arXiv 1708.02002, eq. 4). It is for labels that are
            neither smoothed nor mixed.
        logit_offsets: Added to the logits of each class, for one label a row: tau times the logarithm of its share of the rows
            (logit adjustment: Menon et al. 2021, arXiv 2007.07314, eq. 10). A model predicts without them.

    """

    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0
    problem_type: str = SINGLE_LABEL
    label_thresholds: Sequence[float] | None = None
    focal_gamma: float = 0.0
    logit_offsets: tuple[float, ...] | None = None

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Return the sum over the rows of a batch, divided by the rows of the whole accumulated batch.

        Args:
            outputs: With `logits` (rows, classes), and perhaps `auxiliary_loss`.
            labels: (rows,) label ids, or (rows, classes) probabilities.
            num_items_in_batch: Rows of the accumulated batch; default: those of this batch.

        """
        rows = counted_rows(labels).sum() if num_items_in_batch is None else num_items_in_batch
        return self.per_row(outputs, labels).sum() / rows

    def per_row(self, outputs: Any, labels: torch.Tensor) -> torch.Tensor:
        """Return what is minimised of each row (rows,): an ignored one has 0."""
        if self.problem_type == MULTI_LABEL:
            losses = _binary_cross_entropy(
                outputs.logits, labels, self.label_smoothing, self.class_weights, self.focal_gamma
            )
        else:
            losses = self._weighted_cross_entropy(outputs.logits, labels)
        auxiliary = getattr(outputs, "auxiliary_loss", None)
        if auxiliary is not None:  # what a model adds of its own, a mean over the rows
            losses = losses + auxiliary
        return torch.where(counted_rows(labels), losses, 0.0)

    def _weighted_cross_entropy(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return each row's cross-entropy (rows,), weighted by its class or by the shares of its classes."""
        if self.logit_offsets is not None:
            logits = logits + logits.new_tensor(self.logit_offsets)
        losses = _cross_entropy(logits, labels, "none", self.label_smoothing)
        losses = losses * _focal_factor(losses, self.focal_gamma)
        if self.class_weights is None:
            return losses
        weights = losses.new_tensor(self.class_weights)
        return losses * (weights[labels.clamp(min=0)] if labels.ndim == 1 else labels.to(weights.dtype) @ weights)

    def right(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return which rows are predicted rightly (rows,), see `right_rows`."""
        return right_rows(logits, labels, self.problem_type, self.label_thresholds)

    def is_plain(self, outputs: Any, labels: torch.Tensor) -> bool:
        """Return whether it is the plain loss of the rows for such a batch."""
        given = (self.class_weights, self.logit_offsets)
        changed = any(each is not None for each in given) or self.label_smoothing > 0 or self.focal_gamma > 0
        mixed = labels.ndim > 1 and self.problem_type != MULTI_LABEL
        return not changed and not mixed and getattr(outputs, "auxiliary_loss", None) is None


def _cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, reduction: str, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Compute the cross-entropy in float32 or better: autocast leaves bfloat16 logits as they are outside of its region."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    targets = labels if labels.ndim == 1 else labels.to(wide.dtype)
    return functional.cross_entropy(
        wide, targets, reduction=reduction, ignore_index=IGNORED, label_smoothing=label_smoothing
    )


def _binary_cross_entropy(
    logits: torch.Tensor,
    labels: torch.Tensor,
    label_smoothing: float = 0.0,
    positive_weights: Sequence[float] | None = None,
    focal_gamma: float = 0.0,
) -> torch.Tensor:
    """Return the mean over the labels of each row (rows,), in float32 or better as above; an ignored row has 0."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    counted = counted_rows(labels)
    targets = torch.where(counted[:, None], labels, 0).to(wide.dtype)
    targets = targets * (1 - label_smoothing) + label_smoothing / 2
    weights = None if positive_weights is None else wide.new_tensor(positive_weights)
    losses = functional.binary_cross_entropy_with_logits(wide, targets, reduction="none", pos_weight=weights)
    if focal_gamma > 0:
        plain = functional.binary_cross_entropy_with_logits(wide, targets, reduction="none")
        losses = losses * _focal_factor(plain, focal_gamma)
    return torch.where(counted, losses.mean(dim=-1), 0.0)


def _focal_factor(losses: torch.Tensor, gamma: float) -> torch.Tensor | float:
    """Return (1 - p) to the power of gamma, where -log p are the plain losses; gradients run through it, as in the paper."""
    if gamma == 0:
        return 1.0
    # Of a row that is certain, or ignored, the slope would be infinite for a gamma below 1.
    return (-torch.expm1(-losses)).clamp(min=torch.finfo(losses.dtype).tiny ** 0.5) ** gamma
