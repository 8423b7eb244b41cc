"""What a head is solved on: features of the training rows as one matrix, stored or computed now, and their token ids."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from accelerate import PartialState

from ..data.batching import iter_batches
from ..data.ngrams import find_special_ids
from ..data.stored_rows import read_column
from ..errors import UserError
from ..task import Task
from .hidden_states import StateReader


def read_features(task: Task, states: StateReader | None, batch_size: int) -> torch.Tensor:
    """Return what the head takes of the training rows, (rows, columns); several processes compute a share each, and have all.

    Args:
        task: With the model, whose backbone is frozen, and the rows.
        states: Stored states of these rows, or None.
        batch_size: Rows of a forward pass.

    Raises:
        UserError: There are no rows that stay as they are.

    """
    if states is not None:
        return states.layout.open(states.file)
    if not task.frozen["train"].copies:
        raise UserError(
            "A head is solved on training images that do not change at random, and these do "
            f"({task.frozen['train'].note}): write --augment none or --augment flip."
        )
    state, model = PartialState(), task.model
    rows = task.frozen["train"].copies[0]
    model.to(state.device).eval()
    computed: dict[str, Any] = {}
    with torch.inference_mode():
        for indices, batch in iter_batches(rows, task.collator, batch_size, state.device, "Frozen part, train"):
            part = model.features(**batch).float().cpu()
            whole = computed.setdefault("features", torch.zeros(len(rows), part.shape[1]))
            whole[torch.tensor(indices)] = part
    features: torch.Tensor = computed["features"]
    if state.num_processes > 1:  # each has computed its share, and zeros elsewhere
        moved = features.to(state.device)
        torch.distributed.all_reduce(moved)
        features = moved.cpu()
    return features


def read_token_ids(task: Task) -> tuple[np.ndarray | None, Sequence[int]]:
    """Return the token ids of each training row, and those that are in no n-gram; None and nothing for images."""
    train = task.inputs["train"]
    if "input_ids" not in train.column_names:
        return None, ()
    return read_column(train, "input_ids"), find_special_ids(task.processor)
