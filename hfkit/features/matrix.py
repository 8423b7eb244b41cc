"""What a head is solved on: features of the training rows as one matrix, stored or computed now, and their token ids."""

from collections.abc import Sequence

import numpy as np
import torch
from accelerate import PartialState

from ..data.batching import iter_batches
from ..data.ngrams import find_special_ids
from ..data.stored_rows import read_column
from ..errors import UserError
from ..task import Task
from .hidden_states import StateReader
from .reading import TrainingInputs

_ROWS_AT_ONCE = 1024


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
    features = torch.zeros(
        len(rows), model.feature_size
    )  # of few rows a process may have no batch to tell the width by
    with torch.inference_mode():
        for indices, batch in iter_batches(rows, task.collator, batch_size, state.device, "Frozen part, train"):
            features[torch.tensor(indices)] = model.features(**batch).float().cpu()
    if state.num_processes > 1:  # each has computed its share, and zeros elsewhere
        moved = features.to(state.device)
        torch.distributed.all_reduce(moved)
        features = moved.cpu()
    return features


def has_stored_vectors(task: Task, inputs: TrainingInputs) -> bool:
    """Tell whether what the head takes of each training row is stored, as the row is without random changes.

    It is not where the cache is off, has what enters a layer in the middle, or has changed copies of images alone.

    Args:
        task: With the model that is trained.
        inputs: What it is trained on.

    """
    return inputs.states is not None and task.model.start_layer == "classifier" and not task.frozen["train"].by_epoch


def read_stored_vectors(task: Task, inputs: TrainingInputs) -> torch.Tensor:
    """Return one vector (rows, columns) for each training row, of what `has_stored_vectors` says is stored.

    Of stored tokens it is their mean, which is what a linear head on the mean over tokens takes.
    """
    assert has_stored_vectors(task, inputs)
    assert inputs.states is not None
    states, layout = inputs.states.layout.open(inputs.states.file), inputs.states.layout
    if layout.offsets is None:
        return states.flatten(1)[:: layout.copies]  # the first copy of an image is the image as it is
    return _average_tokens(states, layout.offsets)


def _average_tokens(states: torch.Tensor, offsets: np.ndarray) -> torch.Tensor:
    """Return (rows, width): the mean over the tokens of each row, in float32; zeros for a row without tokens."""
    result = torch.zeros(len(offsets) - 1, states.shape[1])
    for start in range(0, len(result), _ROWS_AT_ONCE):
        ends = offsets[start : start + _ROWS_AT_ONCE + 1]
        lengths = torch.from_numpy(np.diff(ends))
        rows = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        sums = torch.zeros(len(lengths), states.shape[1]).index_add_(0, rows, states[ends[0] : ends[-1]].float())
        result[start : start + len(lengths)] = sums / lengths.clamp(min=1)[:, None]
    return result


def read_token_ids(task: Task) -> tuple[np.ndarray | None, Sequence[int]]:
    """Return the token ids of each training row, and those that are in no n-gram; None and nothing for images."""
    train = task.inputs["train"]
    if "input_ids" not in train.column_names:
        return None, ()
    return read_column(train, "input_ids"), find_special_ids(task.processor)
