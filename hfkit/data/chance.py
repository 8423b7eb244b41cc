"""Chance that can be repeated: what is random of a row or a batch is drawn from the seed, the epoch and the rows alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import xxhash


class SharedEpoch:
    """Which epoch is read: one place in memory that all copies share, so that workers that stay see it move."""

    def __init__(self) -> None:
        self._index = torch.zeros((), dtype=torch.int64)
        self._index.share_memory_()  # type: ignore[no-untyped-call]

    @property
    def index(self) -> int:
        """Index of the epoch, from 0."""
        return int(self._index)

    @index.setter
    def index(self, index: int) -> None:
        self._index.fill_(index)

    def __deepcopy__(self, memo: object) -> "SharedEpoch":
        """Stay the same one: `datasets` copies a dataset with its transform whenever it changes a column."""
        return self


def draw_seed(*parts: int) -> int:
    """Return a seed for a generator, such as that of a row in an epoch; neighbours have nothing in common."""
    return xxhash.xxh3_64_intdigest(" ".join(map(str, parts)).encode())


@contextmanager
def seeded(*parts: int) -> Iterator[None]:
    """Seed torch's global generator of the CPU for a block, from which torchvision draws, and put it back afterwards.

    `torch.manual_seed` would seed those of the GPUs, too, which nobody puts back.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(draw_seed(*parts))
        yield


def draws_flip(*parts: int) -> bool:
    """Return whether torchvision's `RandomHorizontalFlip` flips when it is seeded by these parts."""
    generator = torch.Generator().manual_seed(draw_seed(*parts))
    return bool(torch.rand(1, generator=generator) < 0.5)
