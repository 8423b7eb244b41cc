"""The frozen part of a model runs once over the data; training then starts from what it gave.

Stored is what the forward pass produced in front of the first stage that trains, for every row; texts without padding. It is
read from the disk through a memory map, so that memory does not grow with the data.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from datasets import Dataset
from transformers import TrainerCallback

from .backbones import first_sentence
from .data.views import FrozenInputs
from .feature_store import STATES_FILE, FeatureStore, StoreFullError
from .freezing import frozen_checksum
from .models.base import BackboneClassifier
from .prediction import Collator, share_of_batches
from .stored_states import StateLayout, StateReader, ViewOfEpoch, collate_even, collate_packed
from .versions import code_checksum, package_versions


class CannotCacheError(Exception):
    """The cache stays off; the message is the reason, without a full stop."""


@dataclass
class TrainingInputs:
    """What the Trainer gets: rows of inputs, or of stored states.

    Attributes:
        train: Training rows.
        validation: Validation rows, if training evaluates.
        collator: Makes batches of either.
        note: A sentence on the cache.
        callbacks: What the Trainer needs to call for it.
        seconds: How long the passes through the frozen part took.

    """

    train: Dataset
    validation: Dataset | None
    collator: Collator
    note: str
    callbacks: list[TrainerCallback] = field(default_factory=list)
    seconds: float = 0.0


class FeatureCache:
    """Computes, stores and finds what a model's frozen part makes of the rows of a split.

    Args:
        model: The model, frozen by its plan; it is moved to the device of this process.
        collator: Makes batches of the inputs.
        store: Where the states are kept.
        batch_size: Rows of a forward pass.
        compute_dtype: What autocast computes in, or None for float32.
        dtype: What the states are stored in, or None for what the forward pass gives.

    """

    def __init__(
        self,
        model: BackboneClassifier,
        collator: Collator,
        store: FeatureStore,
        batch_size: int,
        compute_dtype: torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.model, self.collator, self.store, self.batch_size = model, collator, store, batch_size
        self.compute_dtype, self.dtype = compute_dtype, dtype
        self.processes = PartialState()
        self.stage = entry_stage(model)
        self.notes: list[str] = []
        self.seconds = 0.0

    def key(self, inputs: FrozenInputs) -> str:
        """Hash everything that the states depend on: weights, code, config, rows, views, stage and dtypes."""
        config = {key: value for key, value in self.model.config.to_dict().items() if key not in _HEAD_ONLY}
        parts = {
            "weights": frozen_checksum(self.model),
            "code": code_checksum(),
            "versions": package_versions(),
            "config": config,
            "stage": self.stage,
            "inputs": inputs.content(),
            "views": len(inputs.views),
            "dtypes": [str(self.compute_dtype), str(self.dtype)],
            "device": self.processes.device.type,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def sample(self, rows: Dataset) -> torch.Tensor:
        """Return the states of the first rows, after having run them both ways.

        Raises:
            CannotCacheError: The two halves of the model do not give what the whole gives.

        """
        batch = next(share_of_batches(rows, self.collator, min(len(rows), 4), self.processes.device))[1]
        mask = {name: batch[name] for name in ("attention_mask",) if name in batch}
        try:
            with torch.inference_mode():
                whole = self.model(**batch).logits
                states = self.model.run_to(self.stage, **batch)
                parted = self.model(states=states, **mask).logits
                torch.testing.assert_close(parted, whole, rtol=1e-4, atol=1e-5)
                with self._autocast():
                    return self.model.run_to(self.stage, **batch)
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            raise CannotCacheError(
                f"the model in two parts differs from the whole ({first_sentence(error)})"
            ) from error

    def states_of(self, split: str, inputs: FrozenInputs, sample: torch.Tensor, worth_it: bool) -> StateReader:
        """Find the states of a split, or compute and store them.

        Raises:
            CannotCacheError: They are not there, and it is not worth it to compute them, or there is no room.

        """
        lengths = inputs.lengths if sample.ndim == 3 else None
        layout = StateLayout(
            shape=tuple(sample.shape[1:] if lengths is None else sample.shape[2:]),
            offsets=None if lengths is None else np.concatenate([[0], np.cumsum(lengths)]),
            rows=len(inputs.labels),
            views=len(inputs.views),
            stored=self.dtype or sample.dtype,
            produced=sample.dtype,
        )
        key = self._agreed(self.key(inputs))
        found = self._agreed(self._find(key))
        if found is None:
            if not worth_it:
                raise CannotCacheError("each row is read once, so that nothing would be saved")
            started = time.perf_counter()
            found = self._compute(key, split, inputs, layout)
            self.seconds += time.perf_counter() - started
        return StateReader(Path(found) / STATES_FILE, layout, inputs.by_epoch)

    def _find(self, key: str) -> str | None:
        """Look for an entry, on the main process."""
        if not self.processes.is_main_process:
            return None
        entry, note = self.store.find(key)
        self.notes += [note] if note else []
        return str(entry.folder) if entry else None

    def _agreed(self, value: Any) -> Any:
        """Return what the main process says."""
        return broadcast_object_list([value])[0] if self.processes.num_processes > 1 else value

    def _compute(self, key: str, split: str, inputs: FrozenInputs, layout: StateLayout) -> str:
        """Run the frozen part over all views of all rows, each process over its share, and store what it gives."""
        folder, problem = None, ""
        if self.processes.is_main_process:
            try:
                folder = str(self.store.begin(key, layout.bytes))
            except (StoreFullError, OSError) as error:
                problem = first_sentence(error)
        folder, problem = self._agreed((folder, problem))
        if folder is None:
            raise CannotCacheError(problem)
        target = layout.open(Path(folder) / STATES_FILE, writable=True)
        for view, rows in enumerate(inputs.views):
            description = f"Frozen part, {split}" + (f", view {view + 1}" if layout.views > 1 else "")
            batches = share_of_batches(rows, self.collator, self.batch_size, self.processes.device, description)
            with torch.inference_mode(), self._autocast():
                for numbers, batch in batches:
                    states = self.model.run_to(self.stage, **batch)
                    for number, row in zip(numbers, states, strict=True):
                        place = layout.place(number, view)
                        target[place] = row[: len(target[place])] if layout.offsets is not None else row
        del target
        self.processes.wait_for_everyone()
        if self.processes.is_main_process:
            name = type(self.model.backbone).__name__
            of = f"{split}: {len(inputs.labels)} rows before {self.stage} of {name}, {str(layout.stored)[6:]}"
            self.store.finish(Path(folder), {"of": of})
        self.processes.wait_for_everyone()
        return folder.partition(".partial")[0]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self.processes.device.type, dtype=self.compute_dtype, enabled=self.compute_dtype is not None
        )


def entry_stage(model: BackboneClassifier) -> str:
    """Return the first stage, in order of execution, that trains: everything in front of it is frozen.

    Raises:
        CannotCacheError: Nothing in front of it is frozen, or what trains stands in no stage of known order.

    """
    trainable = [name for name, parameter in model.backbone.named_parameters() if parameter.requires_grad]
    if len(trainable) == len(list(model.backbone.parameters())):
        raise CannotCacheError("nothing is frozen")
    entries = model.entries()
    first = len(entries) - 1
    for name in trainable:
        position = next((index for index, stage in enumerate(entries) if name.startswith(f"{stage}.")), None)
        if position is None:
            raise CannotCacheError(
                f"{type(model.backbone).__name__} cannot be entered in front of {name}, only at {', '.join(entries)}"
            )
        first = min(first, position)
    if first == 0 and len(entries) > 1:
        raise CannotCacheError(f"the first stage, {entries[0]}, trains")
    return entries[first]


def use_feature_cache(
    cache: FeatureCache, train: FrozenInputs, validation: FrozenInputs | None, passes: float, explicit: bool
) -> TrainingInputs:
    """Return stored states for training and validation; the model is set to enter them.

    Args:
        cache: For the model, which is in eval mode afterwards.
        train: Training rows.
        validation: Validation rows, with one view; None where training does not evaluate.
        passes: How often training reads each row.
        explicit: Whether the user asked for the cache, worth it or not.

    Raises:
        CannotCacheError: The cache cannot be used; nothing has changed.

    """
    if not train.views:
        raise CannotCacheError(train.note)
    model = cache.model
    model.to(cache.processes.device).eval()
    model.entry = cache.stage
    try:
        sample = cache.sample(train.views[0])
        worth_it = explicit or passes > len(train.views)
        readers = [
            cache.states_of(split, inputs, sample, worth_it)
            for split, inputs in (("train", train), ("validation", validation))
            if inputs is not None
        ]
    except CannotCacheError:
        model.entry = "classifier"
        raise
    size = sum(reader.layout.bytes for reader in readers)
    how = f"computed in {cache.seconds:.1f} s" if cache.seconds else "found"
    kind = str(readers[0].layout.stored).removeprefix("torch.")
    note = (
        f"Feature cache: training enters {cache.stage}; what is in front of it was {how}, once for each row "
        f"({size / 1e6:,.1f} MB of {kind} in {cache.store.root})."
    )
    return TrainingInputs(
        readers[0].rows(train.labels, train.lengths),
        readers[1].rows(validation.labels, validation.lengths) if validation else None,
        collate_even if readers[0].layout.offsets is None else collate_packed,
        " ".join([*cache.notes, note, *([f"Views: {train.note}."] if train.note else [])]),
        [ViewOfEpoch(readers[0])],
        cache.seconds,
    )


_HEAD_ONLY = (
    "head_hidden_size",
    "head_layers",
    "head_activation",
    "head_dropout",
    "head_logits",
    "id2label",
    "label2id",
)
