"""The loss of a classifier: the only place that computes it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

IGNORED = -100
"""Label of a row that counts nowhere, such as those that fill the last batch of several processes."""


def classifier_loss(logits: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor | None:
    """Return the mean cross-entropy of a batch, or None without labels.

    Args:
        logits: (rows, classes).
        labels: (rows,) label ids, or (rows, classes) probabilities (MixUp, CutMix).

    """
    return None if labels is None else _cross_entropy(logits, labels, "mean")


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
        class_weights: A weight for each class, or None for equal ones.
        label_smoothing: Share of the target that is spread over all classes (Szegedy et al., arXiv 1512.00567).

    """

    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0

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
        losses = _cross_entropy(outputs.logits, labels, "none", self.label_smoothing)
        if self.class_weights is not None:
            weights = losses.new_tensor(self.class_weights)
            losses = losses * (weights[labels.clamp(min=0)] if labels.ndim == 1 else labels.to(weights.dtype) @ weights)
        auxiliary = getattr(outputs, "auxiliary_loss", None)
        if auxiliary is not None:  # what a model adds of its own, a mean over the rows
            losses = losses + auxiliary
        return torch.where(counted_rows(labels), losses, 0.0)

    def is_plain(self, outputs: Any, labels: torch.Tensor) -> bool:
        """Return whether it is the plain cross-entropy for such a batch."""
        changed = self.class_weights is not None or self.label_smoothing > 0
        return not changed and labels.ndim == 1 and getattr(outputs, "auxiliary_loss", None) is None


def _cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, reduction: str, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Compute the cross-entropy in float32 or better: autocast leaves bfloat16 logits as they are outside of its region."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    targets = labels if labels.ndim == 1 else labels.to(wide.dtype)
    return functional.cross_entropy(
        wide, targets, reduction=reduction, ignore_index=IGNORED, label_smoothing=label_smoothing
    )
