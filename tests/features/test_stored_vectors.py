"""One vector a row of what the feature cache has stored, and the same of a batch."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from hfkit.features.hidden_states import StateLayout, StateReader
from hfkit.features.matrix import has_stored_vectors, read_stored_vectors
from hfkit.features.reading import TrainingInputs
from hfkit.features.solved_scores import read_vectors


def make_stored(folder: Path, layout: StateLayout, content: torch.Tensor, by_epoch: bool = False) -> tuple[Any, Any]:
    """Return a task and inputs of which the states are `content`."""
    layout.open(_make_file(folder / "states.bin", layout.bytes), writable=True)[:] = content
    task = SimpleNamespace(
        model=SimpleNamespace(start_layer="classifier"), frozen={"train": SimpleNamespace(by_epoch=by_epoch)}
    )
    reader = StateReader(folder / "states.bin", layout, by_epoch)
    inputs: Any = TrainingInputs(None, None, lambda rows: {}, [], states=reader)  # type: ignore[arg-type]
    return task, inputs


def _make_file(file: Path, size: int) -> Path:
    file.write_bytes(bytes(size))
    return file


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_stored_tokens_have_the_mean_of_a_batch(dtype: torch.dtype, tmp_path: Path) -> None:
    lengths = np.array([3, 1, 0, 5] * 400)  # more rows than are read at once, and one of four without a token
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    content = torch.randn(int(offsets[-1]), 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    layout = StateLayout((6,), offsets, len(lengths), 1, dtype, dtype)
    vectors = read_stored_vectors(*make_stored(tmp_path, layout, content))
    rows = [content[start:end].float() for start, end in pairwise(offsets)]
    states = pad_sequence(rows, batch_first=True)
    mask = torch.arange(5)[None] < torch.from_numpy(lengths)[:, None]
    torch.testing.assert_close(vectors, read_vectors(states, mask.long()))
    assert not vectors[2].any()


def test_of_two_copies_the_image_as_it_is_counts(tmp_path: Path) -> None:
    content = torch.arange(24.0).reshape(
        6, 2, 2
    )  # three images, as they are and flipped, with two tokens for two heads
    layout = StateLayout((2, 2), None, 3, 2, torch.float32, torch.float32)
    task, inputs = make_stored(tmp_path, layout, content)
    assert torch.equal(read_stored_vectors(task, inputs), read_vectors(content[::2], None))


def test_what_is_no_vector_of_a_row_as_it_is(tmp_path: Path) -> None:
    layout = StateLayout((2,), None, 3, 2, torch.float32, torch.float32)
    task, inputs = make_stored(tmp_path, layout, torch.zeros(6, 2))
    assert has_stored_vectors(task, inputs)
    task.model.start_layer = "encoder.layer.1"
    assert not has_stored_vectors(task, inputs)
    changed, inputs = make_stored(tmp_path, layout, torch.zeros(6, 2), by_epoch=True)
    assert not has_stored_vectors(changed, inputs)
    inputs.states = None
    assert not has_stored_vectors(task, inputs)
