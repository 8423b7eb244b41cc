"""Logits of a model over a dataset, in float32, by one process or several."""

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset

from ..data.batching import Collator, iter_batches
from ..models.base import BackboneClassifier


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
    state = PartialState()
    device = device or state.device
    model = model.to(device, memory_format=torch.channels_last).eval()
    logits: list[tuple[int, np.ndarray]] = []
    with torch.inference_mode():
        for indices, batch in iter_batches(inputs, collator, batch_size, device, "Predicting"):
            logits += zip(indices, model(**batch).logits.float().cpu().numpy(), strict=True)
    if state.num_processes > 1:
        logits = gather_object(logits)
    return np.stack([row for _, row in sorted(logits, key=lambda pair: pair[0])])
