"""Batches: collators, and rows of similar length together."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from datasets import Dataset
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from ..machine import hides_bars
from .stored_rows import read_column

Collator = Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]


def iter_batches(
    inputs: Dataset, collator: Collator, batch_size: int, device: torch.device, description: str | None = None
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Yield this process's share of the batches of `inputs`, of rows of similar length: their indices, and the batch.

    The longest come first: what memory they take is enough for all that follow, where growing batches would each need a
    new block. Labels are left out. With a `description` the main process shows how far it is.
    """
    state = PartialState()
    order = longest_first(inputs)
    starts = range(0, len(order), batch_size)[state.process_index :: state.num_processes]
    silent = True if description is None or not state.is_main_process else hides_bars()
    for start in tqdm(starts, desc=description, disable=silent, leave=False):
        indices = order[start : start + batch_size].tolist()
        yield indices, make_batch(inputs, indices, collator, device)


def longest_first(inputs: Dataset) -> np.ndarray:
    """Return the indices (rows,) of the rows from the longest to the shortest, or as they are where they have no length."""
    lengths = -read_column(inputs, "length") if "length" in inputs.column_names else np.zeros(len(inputs))
    return np.argsort(lengths, kind="stable")


def make_batch(
    inputs: Dataset, indices: list[int], collator: Collator, device: torch.device
) -> dict[str, torch.Tensor]:
    """Return a batch of the rows of these indices on a device, without labels."""
    columns = inputs.remove_columns([name for name in ("length", "label", "labels") if name in inputs.column_names])
    batch = collator(columns.__getitems__(indices))  # as DataLoader reads a batch: at once
    return {name: batch[name].to(device) for name in batch}


def collate_packed(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pad token states (tokens, width) to the longest of the batch, and add the attention mask and the labels."""
    states = [row["states"] for row in rows]
    lengths = torch.tensor([len(row) for row in states])
    batch = {"states": pad_sequence(states, batch_first=True)}
    batch["attention_mask"] = (torch.arange(batch["states"].shape[1]) < lengths[:, None]).long()
    batch["labels"] = torch.tensor([row["labels"] for row in rows])
    return batch


def collate_even(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Stack states of the same shape, those of convolutions with the channels last, as the whole net has them."""
    states = torch.stack([row["states"] for row in rows])
    if states.ndim == 4:
        states = states.contiguous(memory_format=torch.channels_last)
    return {"states": states, "labels": torch.tensor([row["labels"] for row in rows])}


def sort_by_length(inputs: Dataset) -> Dataset:
    """Sort rows by length where they have one, so that an evaluation pads little."""
    return inputs.sort("length") if "length" in inputs.column_names else inputs
