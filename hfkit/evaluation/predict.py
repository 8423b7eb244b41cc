"""Logits of a model over a dataset, in float32, by one process or several."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset

from ..data.batching import Collator, iter_batches, longest_first, make_batch
from ..models.base import BackboneClassifier

Score = Callable[[torch.Tensor, torch.Tensor | None], np.ndarray]
"""From what the head takes of a batch, and its attention mask where it is of texts, to (batch, logits)."""


def predict_logits(
    model: BackboneClassifier,
    inputs: Dataset,
    collator: Collator,
    batch_size: int,
    device: torch.device | None = None,
) -> np.ndarray:
    """Return the logits (rows, classes) of `inputs` in float32, in its order; batches are of similar length.

    With several processes each computes its share and all get the whole. Without a `device` it is that of the process.
    """
    return _run(model, inputs, collator, batch_size, device, lambda batch: model(**batch).logits.float().cpu().numpy())


def predict_beside(
    model: BackboneClassifier, inputs: Dataset, collator: Collator, batch_size: int, score: Score
) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of a model, and those of another head on what the model's own head takes, by one pass.

    Args:
        model: The model.
        inputs: The rows.
        collator: Makes batches of them.
        batch_size: Rows of a batch.
        score: The other head.

    Returns:
        (rows, classes) as `predict_logits` gives them, and (rows, logits) of the other head.

    """

    def run(batch: dict[str, Any]) -> np.ndarray:
        """Run the backbone once, and both heads on what it gives."""
        features = model.features(**batch)
        own = model(states=features, **batch).logits.float().cpu().numpy()
        return np.concatenate([own, score(features, batch.get("attention_mask"))], axis=1)

    both = _run(model, inputs, collator, batch_size, None, run)
    return both[:, : model.config.num_labels], both[:, model.config.num_labels :]


def _run(
    model: BackboneClassifier,
    inputs: Dataset,
    collator: Collator,
    batch_size: int,
    device: torch.device | None,
    compute: Callable[[dict[str, Any]], np.ndarray],
) -> np.ndarray:
    """Return what is computed of each batch, in the order of the rows."""
    state = PartialState()
    device = device or state.device
    model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    computed: list[tuple[int, np.ndarray]] = []
    with torch.inference_mode():
        for indices, batch in iter_batches(inputs, collator, batch_size, device, "Predicting"):
            computed += zip(indices, compute(batch), strict=True)
    if state.num_processes > 1:
        computed = gather_object(computed)
    return np.stack([row for _, row in sorted(computed, key=lambda pair: pair[0])])


def predict_alone(
    model: BackboneClassifier, inputs: Dataset, collator: Collator, batch_size: int, advance: Callable[[int], object]
) -> np.ndarray:
    """Return the logits (rows, classes) as `predict_logits` does, by this process alone, on the device that the model is on.

    Args:
        model: In eval mode.
        inputs: Rows as `forward` takes them.
        collator: Makes a batch of them.
        batch_size: Rows of a batch.
        advance: Is told after each batch how many rows it had.

    """
    order = longest_first(inputs)
    logits = np.empty((len(inputs), model.config.num_labels), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size].tolist()
            batch = make_batch(inputs, indices, collator, model.device)
            logits[indices] = model(**batch).logits.float().cpu().numpy()
            advance(len(indices))
    return logits
