"""Whether it is faster to read what is stored than to compute it again: on a fast GPU the first layers may be."""

import os
import tempfile
from pathlib import Path

import numpy as np
import psutil
import torch
from datasets import Dataset

from ..data.batching import make_batch
from ..machine import measure_seconds
from .cache import FeatureCache, SplitStates

_WRITTEN_BYTES = 1 << 24
_LONG_SECONDS = 1.0
"""A batch that takes so long is measured without a warm-up."""


def why_not_worth_it(cache: FeatureCache, states: SplitStates, epochs: float) -> str:
    """Return why `states` should not be stored for training, without a full stop, or an empty text.

    Args:
        cache: For the model, which is on its device and in eval mode.
        states: Those of the training rows.
        epochs: How often training reads each row.

    """
    copies = len(states.inputs.copies)
    if epochs <= copies:
        if copies == 1:
            return "each row is read once, so that nothing would be saved"
        return f"each row is read {epochs:g} times, so that nothing would be saved by {copies} augmented copies of each"
    # Who asked for fixed changes gets them, whatever the time: others would be another training.
    if states.inputs.by_epoch:
        return ""
    size, states_stored = states.layout.bytes, states.layout.rows * copies
    computing = seconds_to_compute(cache, states.inputs.copies[0])
    reading = seconds_to_read(cache.store.root, size, cache.processes.device) / states_stored
    if copies * computing + epochs * reading < epochs * computing:
        return ""
    return (
        f"reading the {size / states_stored / 1e3:,.1f} kB of a row ({reading * 1e3:.3f} ms) saves "
        f"nothing against computing them ({computing * 1e3:.3f} ms)"
    )


def seconds_to_compute(cache: FeatureCache, rows: Dataset) -> float:
    """Measure the frozen part on a batch of rows, reading them included: seconds a row."""
    indices = np.unique(np.linspace(0, len(rows) - 1, min(cache.batch_size, len(rows))).round().astype(int)).tolist()
    device = cache.processes.device

    def compute() -> None:
        """Read a batch and run the frozen part on it."""
        with torch.inference_mode(), cache.autocast():
            cache.model.forward_to(cache.start_layer, **make_batch(rows, indices, cache.collator, device))

    seconds = measure_seconds(compute, device)
    if seconds < _LONG_SECONDS:
        seconds = measure_seconds(compute, device)
    return seconds / len(indices)


def seconds_to_read(folder: Path, size: int, device: torch.device) -> float:
    """Measure how long it takes to bring so many bytes from a file in `folder` to a device.

    What does not fit into memory will have to come from the disk whenever it is read, so that it is read from there here, too.

    Raises:
        OSError: The folder cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(_WRITTEN_BYTES))
        file.flush()
        if size > psutil.virtual_memory().available and hasattr(os, "posix_fadvise"):
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        seconds = measure_seconds(lambda: torch.from_numpy(np.array(np.memmap(file, np.uint8, "r"))).to(device), device)
        return seconds * (size / _WRITTEN_BYTES)
