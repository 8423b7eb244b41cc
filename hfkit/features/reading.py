"""Stored hidden states and features in the place of the rows that the Trainer reads."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import torch
from datasets import Dataset

from ..data.augmented import FrozenInputs
from ..data.batching import Collator, collate_even, collate_packed
from ..data.chance import SharedEpoch
from ..notes import Note
from .cache import CannotCacheError, FeatureCache, SplitStates
from .gain import why_not_worth_it
from .hidden_states import StateReader
from .passes import Wanted, compute_states
from .store_entry import STATES_FILE


@dataclass
class TrainingInputs:
    """What the Trainer gets: rows of inputs, or of stored states.

    Attributes:
        train: Training rows.
        validation: Validation rows, if training evaluates.
        collator: Makes batches of either.
        notes: What is said of the cache.
        epochs: What has to know which epoch is read.
        seconds: How long it took to find the states or to compute them, checks included.
        locks: Open files that keep the states from being removed while they are read.
        states: Stored states of the training rows, or None.

    """

    train: Dataset
    validation: Dataset | None
    collator: Collator
    notes: list[Note]
    epochs: list[SharedEpoch] = field(default_factory=list)
    seconds: float = 0.0
    locks: list[IO[bytes]] = field(default_factory=list)
    states: StateReader | None = None

    @property
    def is_cached(self) -> bool:
        """Whether training reads stored states."""
        return bool(self.locks)

    def metrics(self) -> dict[str, float]:
        """Return how long computing the states took, by the name of the result; nothing where they were not computed."""
        return {"train_feature_seconds": round(self.seconds, 3)} if self.seconds else {}


def use_feature_cache(
    cache: FeatureCache, train: FrozenInputs, validation: FrozenInputs | None, epochs: float, explicit: bool
) -> TrainingInputs:
    """Return stored states for training and validation; the model is set to enter them.

    Args:
        cache: For the model, which is in eval mode afterwards.
        train: Training rows.
        validation: Validation rows, with one copy; None where training does not evaluate.
        epochs: How often training reads each row.
        explicit: Whether the user asked for the cache, worth it or not.

    Raises:
        CannotCacheError: The cache cannot be used; nothing has changed.

    """
    started, model = time.perf_counter(), cache.model
    states, missing = list[SplitStates](), list[SplitStates]()
    try:
        states, _ = find_states(cache, train, validation, epochs, explicit)
        missing = [split for split in states if split.folder is None]
        if missing:
            compute_states([Wanted(cache, split) for split in missing])
    except CannotCacheError:
        model.start_layer = "classifier"
        raise
    seconds = time.perf_counter() - started
    readers = [_reader(split) for split in states]
    size = sum(reader.layout.bytes for reader in readers)
    how = f"computed in {seconds:.1f} s" if missing else "found"
    kind = str(readers[0].layout.stored).removeprefix("torch.")
    note = (
        f"Feature cache: training enters {cache.start_layer}; what is in front of it was {how}, once for each row "
        f"({size / 1e6:,.1f} MB of {kind} in {cache.store.root})."
    )
    return TrainingInputs(
        readers[0].rows(train.labels, train.lengths),
        readers[1].rows(validation.labels, validation.lengths) if validation else None,
        collate_even if readers[0].layout.offsets is None else collate_packed,
        [
            *cache.notes,
            Note("feature_cache", note),
            *([Note("augmented_copies", f"Augmented copies: {train.note}.")] if train.note else []),
        ],
        [readers[0].epoch],
        seconds if missing else 0.0,
        [split.lock for split in states if split.lock],
        readers[0],
    )


def find_states(
    cache: FeatureCache, train: FrozenInputs, validation: FrozenInputs | None, epochs: float, explicit: bool
) -> tuple[list[SplitStates], torch.Tensor]:
    """Look for the states of a training in the store; the model, in eval mode afterwards, is set to enter them.

    Args:
        cache: As of `use_feature_cache`, like all others.
        train: Training rows.
        validation: Validation rows.
        epochs: How often training reads each row.
        explicit: Whether they are wanted, worth it or not.

    Returns:
        The states of each split, without a folder where they are to be computed, and those of the rows of a sample.

    Raises:
        CannotCacheError: The cache cannot be used.

    """
    if not train.copies:
        raise CannotCacheError(train.note)
    cache.model.to(cache.processes.device).eval()
    cache.model.start_layer = cache.start_layer
    sample = cache.sample(train.copies[0])
    splits = {"train": train} | ({"validation": validation} if validation else {})
    states = [cache.look_up(split, inputs, sample) for split, inputs in splits.items()]
    if states[0].folder is None and not explicit:
        reason = cache.on_main(lambda: why_not_worth_it(cache, states[0], epochs))
        if reason:
            raise CannotCacheError(reason)
    return states, sample


def _reader(states: SplitStates) -> StateReader:
    """Return a reader of the stored states of a split."""
    inputs, draws = states.inputs, states.layout.copies > 1 and not states.inputs.by_epoch
    row_ids = inputs.row_ids if draws else None
    return StateReader(Path(str(states.folder)) / STATES_FILE, states.layout, inputs.by_epoch, inputs.seed, row_ids)
