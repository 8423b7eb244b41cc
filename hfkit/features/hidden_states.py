"""States of rows in one file: how they lie there, and how the Trainer reads them."""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, List, Value

from ..data.chance import SharedEpoch, draws_flip


@dataclass
class StateLayout:
    """How the states of all rows lie in one file.

    Attributes:
        shape: Of the states of a row; of a token where `offsets` are given.
        offsets: Index of the first token of each row, and of the end; None where all rows have the same shape.
        rows: How many rows there are.
        copies: How many augmented copies each has, one after the other; 1 where there are none.
        stored: Type of the numbers in the file.
        produced: Type of the numbers that the forward pass gave, and that are read.

    """

    shape: tuple[int, ...]
    offsets: np.ndarray | None
    rows: int
    copies: int
    stored: torch.dtype
    produced: torch.dtype

    @property
    def items(self) -> int:
        """How many shapes lie one after the other."""
        return self.rows * self.copies if self.offsets is None else int(self.offsets[-1])

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.items * math.prod(self.shape) * self.stored.itemsize

    def place(self, row: int, copy: int) -> int | slice:
        """Return where the states of a row lie, in items; texts have one copy."""
        if self.offsets is None:
            return row * self.copies + copy
        return slice(int(self.offsets[row]), int(self.offsets[row + 1]))

    def open(self, file: Path, writable: bool = False) -> torch.Tensor:
        """Map a file into memory: (items, *shape)."""
        if writable:
            size = self.items * math.prod(self.shape)
            return torch.from_file(str(file), shared=True, size=size, dtype=self.stored).view(-1, *self.shape)
        # torch's own private mapping counts against the memory that may be promised: a file above it could not be read
        # (pytorch#192209).
        mapped = np.memmap(file, dtype=np.uint8, mode="r")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            return torch.from_numpy(mapped).view(self.stored).view(-1, *self.shape)


class StateReader:
    """Gives rows of stored states to a dataset that is read by it; it holds the file's name, so that it can be copied.

    Args:
        file: The states.
        layout: How they lie in it.
        by_epoch: Whether epoch e takes copy e, over and over; else each row draws one of its two copies in each epoch, as the
            image that it was made of draws its flip.
        seed: What the flips are drawn by, with the epoch and the row.
        row_ids: Id of each row, which the flip of an image is drawn by; None where nothing is drawn.

    """

    def __init__(
        self,
        file: Path,
        layout: StateLayout,
        by_epoch: bool = False,
        seed: int = 0,
        row_ids: np.ndarray | None = None,
    ) -> None:
        self.file, self.layout, self.by_epoch = file, layout, by_epoch
        self.seed, self.row_ids = seed, row_ids
        self.epoch = SharedEpoch()
        self._states: torch.Tensor | None = None

    def rows(self, labels: np.ndarray, lengths: np.ndarray | None) -> Dataset:
        """Return a dataset with `states` (the shape of a row), `labels`, and the lengths of texts for their batches."""
        columns = {"position": np.arange(len(labels)), "labels": labels}
        if lengths is not None:
            columns["length"] = lengths
        small = {name: column.astype(np.int32) for name, column in columns.items()}  # they are held in memory
        features = Features({name: Value("int32") for name in small})
        if labels.ndim > 1:  # any number of labels a row
            features["labels"] = List(Value("int32"), length=labels.shape[1])
        return Dataset.from_dict(small, features=features).with_transform(self)

    def __call__(self, rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Put the states in the place of `position`; rows without it stay as they are."""
        if "position" not in rows:
            return rows
        if self._states is None:
            self._states = self.layout.open(self.file)
        states = [self._states[self.layout.place(row, self._choose_copy(row))] for row in rows["position"]]
        if self.layout.stored != self.layout.produced:
            states = [row.to(self.layout.produced) for row in states]
        return {"states": states, "labels": rows["labels"]}

    def _choose_copy(self, row: int) -> int:
        if self.layout.copies == 1:
            return 0
        if self.by_epoch:
            return self.epoch.index % self.layout.copies
        assert self.row_ids is not None
        return int(draws_flip(self.seed, self.epoch.index, int(self.row_ids[row])))  # the second is the flipped one

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapped file out: copies, and the sum that `datasets` makes of a transform, open it themselves."""
        return {**self.__dict__, "_states": None}
