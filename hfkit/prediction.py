"""Logits of a model over a data set, in float32, by one process or several."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset
from tqdm.auto import tqdm

from .models.base import BackboneClassifier

Collator = Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]


def predict_logits(
    model: BackboneClassifier,
    inputs: Dataset,
    collator: Collator,
    batch_size: int,
) -> np.ndarray:
    """Return the logits (rows, classes) of `inputs` in float32, in its order; batches are of similar length.

    With several processes each computes its share and all get the whole.
    """
    state = PartialState()
    model = model.to(state.device, memory_format=torch.channels_last).eval()
    order = np.argsort(inputs["length"], kind="stable") if "length" in inputs.column_names else np.arange(len(inputs))
    columns = inputs.remove_columns([name for name in ("length", "labels") if name in inputs.column_names])
    logits: list[tuple[int, np.ndarray]] = []
    with state.split_between_processes(order.tolist()) as share, torch.inference_mode():
        starts = range(0, len(share), batch_size)
        for start in tqdm(starts, desc="Predicting", disable=None if state.is_main_process else True, leave=False):
            numbers = share[start : start + batch_size]
            batch = collator(columns.__getitems__(numbers))  # as DataLoader reads a batch: at once
            inputs_of_model = {name: batch[name].to(state.device) for name in batch if name != "labels"}
            outputs = model(**inputs_of_model)
            logits += zip(numbers, outputs.logits.float().cpu().numpy(), strict=True)
    if state.num_processes > 1:
        logits = gather_object(logits)
    return np.stack([row for _, row in sorted(logits, key=lambda pair: pair[0])])
