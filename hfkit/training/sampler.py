"""The order of training rows: random, each class equally often, or random batches of similar length."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.utils.data import Sampler


class ShuffledSampler(Sampler[int]):
    """Random order, a new one each epoch: that of accelerate's sampler, which `accelerate` does not reach in a run of several
    processes that is continued in the middle of an epoch.

    Args:
        rows: How many there are.
        seed: The order depends on it and on the epoch alone.
        epoch: Says which epoch begins.

    """

    def __init__(self, rows: int, seed: int, epoch: Callable[[], int]) -> None:
        self.rows, self.seed, self.epoch = rows, seed, epoch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        """Draw a new order."""
        generator = torch.Generator().manual_seed(self.seed + self.epoch())
        return map(int, torch.randperm(self.rows, generator=generator).numpy())


class ClassBalancedSampler(Sampler[int]):
    """As many rows an epoch as there are, of each class equally many, in random order.

    The rows of a class are drawn equally often, but for one time: of a rare class each row several times, of a frequent one a
    part of the rows, another one each epoch.

    Args:
        labels: Class of each row (rows,).
        seed: The order depends on it and on the epoch alone, so that it is the same in all processes and in a resumed run.
        epoch: Says which epoch begins.

    """

    def __init__(self, labels: np.ndarray, seed: int, epoch: Callable[[], int]) -> None:
        self.labels, self.seed, self.epoch = np.asarray(labels), seed, epoch

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[int]:
        """Draw a new order."""
        generator = np.random.default_rng([self.seed, self.epoch()])
        classes = generator.permutation(
            np.unique(self.labels)
        )  # which ones have a row more, where the rows cannot be parted
        parts = np.array_split(np.arange(len(self.labels)), len(classes))
        drawn = [
            self._draw(generator, np.flatnonzero(self.labels == label), len(part))
            for label, part in zip(classes, parts, strict=True)
        ]
        return map(int, generator.permutation(np.concatenate(drawn)))

    def _draw(self, generator: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
        """Return `count` of the rows of a class."""
        repeats, rest = divmod(count, len(rows))
        return np.concatenate([np.tile(rows, repeats), generator.choice(rows, rest, replace=False)])


class BalancedLengthSampler(Sampler[int]):
    """Random batches of similar length in which each class has its share.

    Batches that are grouped by length alone hold too much of one class where length and class go together, as with tweets: a
    linear head on frozen MiniLM lost two points of accuracy. Here the rows of each class are sorted by length, 50 batches at a
    time, and a batch takes the same quantile of each.

    Args:
        batch_size: Rows of a batch, those of all processes together.
        lengths: Of each row.
        labels: Class of each row (rows,), or (rows, labels) with several labels a row: those with the same ones are a class.
        seed: The order depends on it and on the epoch, so that it is the same in all processes and in a resumed run.
        epoch: Says which epoch begins; accelerate tells it to the samplers that it finds, and in a run that is resumed in
            the middle of an epoch it does not find this one.

    """

    def __init__(
        self, batch_size: int, lengths: np.ndarray, labels: np.ndarray, seed: int, epoch: Callable[[], int]
    ) -> None:
        self.batch_size, self.lengths, self.labels = batch_size, np.asarray(lengths), np.asarray(labels)
        if self.labels.ndim > 1:
            self.labels = np.unique(self.labels, axis=0, return_inverse=True)[1].reshape(-1)
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """Draw a new order; the batch with the longest row comes first, so that too little memory shows at once."""
        generator = np.random.default_rng([self.seed, self.epoch()])
        shuffled = generator.permutation(len(self.lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(shuffled), 50 * self.batch_size):
            rows = shuffled[start : start + 50 * self.batch_size]
            rows = rows[np.argsort(self._quantiles(rows), kind="stable")]
            batches += [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        whole = [batch for batch in batches if len(batch) == self.batch_size]
        short = [batch for batch in batches if len(batch) < self.batch_size]  # at most one: it must come last
        whole = [whole[number] for number in generator.permutation(len(whole))]
        longest = self.lengths.max()
        whole.sort(key=lambda batch: self.lengths[batch].max() < longest)
        return map(int, np.concatenate([*whole, *short]))  # a list of a million numbers would take 40 MB

    def _quantiles(self, rows: np.ndarray) -> np.ndarray:
        """Return where each row stands among those of its class, the longest at 0 and the shortest at 1."""
        quantiles = np.empty(len(rows))
        for label in np.unique(self.labels[rows]):
            members = np.flatnonzero(self.labels[rows] == label)
            by_length = members[np.argsort(-self.lengths[rows[members]], kind="stable")]
            quantiles[by_length] = (np.arange(len(members)) + 0.5) / len(members)
        return quantiles
