"""Logits of a model over a data set, in float32, by one process or several."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset
from tqdm.auto import tqdm

from ..data.stored_rows import numbers_of
from ..models.base import BackboneClassifier

Collator = Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]


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
        for numbers, batch in share_of_batches(inputs, collator, batch_size, device, "Predicting"):
            logits += zip(numbers, model(**batch).logits.float().cpu().numpy(), strict=True)
    if state.num_processes > 1:
        logits = gather_object(logits)
    return np.stack([row for _, row in sorted(logits, key=lambda pair: pair[0])])


def share_of_batches(
    inputs: Dataset, collator: Collator, batch_size: int, device: torch.device, description: str | None = None
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Yield this process's share of the batches of `inputs`, of rows of similar length: their numbers, and the batch.

    The longest come first: what memory they take is enough for all that follow, where growing batches would each need a
    new block. Labels are left out. With a `description` the main process shows how far it is.
    """
    state = PartialState()
    lengths = -numbers_of(inputs, "length") if "length" in inputs.column_names else np.zeros(len(inputs))
    order = np.argsort(lengths, kind="stable")
    starts = range(0, len(order), batch_size)[state.process_index :: state.num_processes]
    silent = True if description is None or not state.is_main_process else None
    for start in tqdm(starts, desc=description, disable=silent, leave=False):
        numbers = order[start : start + batch_size].tolist()
        yield numbers, batch_of(inputs, numbers, collator, device)


def batch_of(inputs: Dataset, numbers: list[int], collator: Collator, device: torch.device) -> dict[str, torch.Tensor]:
    """Return a batch of the rows of these numbers on a device, without labels."""
    columns = inputs.remove_columns([name for name in ("length", "label", "labels") if name in inputs.column_names])
    batch = collator(columns.__getitems__(numbers))  # as DataLoader reads a batch: at once
    return {name: batch[name].to(device) for name in batch}
