"""The loss of a classifier."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional


def make_loss(class_weights: list[float] | None, label_smoothing: float) -> Callable[..., torch.Tensor] | None:
    """Return the loss for the Trainer's `compute_loss_func`, or None where the model's own plain one will do.

    Each row's cross-entropy counts by the weight of its class, and the sum is divided by the number of rows of the whole
    accumulated batch, so that 8 rows at once and 2 x 4 accumulated rows give the same gradient.

    Args:
        class_weights: A weight for each class, or None for equal ones.
        label_smoothing: Share of the target that is spread over all classes (Szegedy et al., arXiv 1512.00567).

    """
    if class_weights is None and label_smoothing == 0:
        return None

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None) -> torch.Tensor:
        """Average the weighted, smoothed cross-entropy of (batch, labels) logits over the accumulated batch."""
        logits = outputs.logits
        losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
        if class_weights is not None:
            weights = losses.new_tensor(class_weights)
            losses = losses * (weights[labels] if labels.ndim == 1 else labels @ weights)
        if getattr(outputs, "auxiliary_loss", None) is not None:  # what a model adds of its own, a mean over the rows
            losses = losses + outputs.auxiliary_loss
        if num_items_in_batch is None:
            return losses.mean()
        # The Trainer counts labels, of which a mixed row has one for each class.
        return losses.sum() / (num_items_in_batch / (labels.numel() / len(labels)))

    return loss
