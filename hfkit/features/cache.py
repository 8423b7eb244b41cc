"""The frozen part of a model runs once over the data, and what it gave is kept.

Stored is what the forward pass produced in front of the first stage that trains, for every row; texts without padding. It is
read from the disk through a memory map, so that memory does not grow with the data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from datasets import Dataset

from ..data.augmented import FrozenInputs
from ..data.batching import Collator, make_batch
from ..data.stored_rows import read_column
from ..errors import UserError, first_sentence
from ..models.base import BackboneClassifier
from ..notes import Note
from .held_item import HeldItem
from .hidden_states import StateLayout
from .state_key import state_key
from .store import FeatureStore, StoreFullError

Value = TypeVar("Value")


class CannotCacheError(Exception):
    """The cache stays off; the message is the reason, without a full stop."""


@dataclass
class SplitStates:
    """The states of one split: those that are there, or that are to be computed.

    Attributes:
        split: Its name.
        inputs: Its rows.
        layout: How the states lie in their file.
        key: Under which they are stored.
        folder: Where they are, or None.
        lock: Keeps them from being removed.

    """

    split: str
    inputs: FrozenInputs
    layout: StateLayout
    key: str
    folder: Path | None = None
    lock: IO[bytes] | None = None


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
        self.start_layer = find_start_layer(model)
        self.notes: list[Note] = []

    def key(self, inputs: FrozenInputs) -> str:
        """Return the name of the states of a split in the store, see `state_key`."""
        dtypes = [str(self.compute_dtype), str(self.dtype)]
        return state_key(self.model, self.start_layer, inputs, dtypes, self.processes.device.type)

    def sample(self, rows: Dataset) -> torch.Tensor:
        """Return the states of some rows, short and long ones, after having run them both ways; all processes take the same.

        Raises:
            CannotCacheError: The two halves of the model do not give what the whole gives.

        """
        batch = self.sample_batch(rows)
        mask = {name: batch[name] for name in ("attention_mask",) if name in batch}
        problem, sample_states = "", torch.empty(0)
        try:
            with torch.inference_mode():
                whole = self.model(**batch).logits
                states = self.model.forward_to(self.start_layer, **batch)
                parted = self.model(states=states, **mask).logits
                torch.testing.assert_close(parted, whole, rtol=1e-4, atol=1e-5)
                with self.autocast():
                    sample_states = self.model.forward_to(self.start_layer, **batch)
        except torch.OutOfMemoryError:
            raise
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            problem = f"the model in two parts differs from the whole ({first_sentence(error)})"
        self.raise_together(problem)
        return sample_states

    def sample_batch(self, rows: Dataset) -> dict[str, torch.Tensor]:
        """Return the inputs of some rows, short and long ones."""
        lengths = read_column(rows, "length") if "length" in rows.column_names else np.arange(len(rows))
        order = np.argsort(lengths, kind="stable")
        ends = np.unique(np.concatenate([order[:2], order[-2:]])).tolist()
        return make_batch(rows, ends, self.collator, self.processes.device)

    def look_up(self, split: str, inputs: FrozenInputs, sample: torch.Tensor) -> SplitStates:
        """Look for the states of a split, of which `sample` has the shape.

        Raises:
            CannotCacheError: The store cannot be read.

        """
        lengths = inputs.lengths if sample.ndim == 3 else None
        layout = StateLayout(
            shape=tuple(sample.shape[1:] if lengths is None else sample.shape[2:]),
            offsets=None if lengths is None else np.concatenate([[0], np.cumsum(lengths)]),
            rows=inputs.rows,
            copies=len(inputs.copies),
            stored=self.dtype or sample.dtype,
            produced=sample.dtype,
        )
        states = SplitStates(split, inputs, layout, "")

        def find() -> tuple[str, Path | None]:
            """Look on the main process, and keep what is found."""
            key = self.key(inputs)
            item, note = self.store.find(key)
            self.notes += [Note("features_damaged", note)] if note else []
            states.lock = item.lock if item else None
            return key, item.folder if item else None

        states.key, states.folder = self.on_main(find)
        return states

    def finish(self, begun: list[HeldItem], states: SplitStates) -> Path:
        """Make an item of the cache of what all processes have written, the first of what was begun, on the main process."""
        name = type(self.model.backbone).__name__
        rows, kind = states.layout.rows, str(states.layout.stored)[6:]
        of = f"{states.split}: {rows} rows before {self.start_layer} of {name}, {kind}"
        item = self.store.finish(begun[0], {"of": of})
        del begun[0]
        states.lock = item.lock
        return item.folder

    def on_main(self, action: Callable[[], Value]) -> Value:
        """Do something on the main process, and return on all what it gives.

        Raises:
            CannotCacheError: It was not possible; all processes raise.

        """
        result: tuple[Any, str] = (None, "")
        if self.processes.is_main_process:
            try:
                result = action(), ""
            except StoreFullError as error:
                result = None, str(error)
            except OSError as error:
                result = None, self.store.describe(error)
        value, problem = broadcast_object_list([result])[0] if self.processes.num_processes > 1 else result
        if problem:
            raise CannotCacheError(problem)
        return value

    def raise_together(self, problem: str) -> None:
        """Raise on all processes what is a problem on one."""
        problems = gather_object([problem]) if self.processes.num_processes > 1 else [problem]
        for message in filter(None, problems):
            raise CannotCacheError(message)

    def autocast(self) -> torch.autocast:
        """Compute in the type that training computes in."""
        return torch.autocast(
            self.processes.device.type, dtype=self.compute_dtype, enabled=self.compute_dtype is not None
        )


def as_stored(states: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return the states of a batch on the CPU, in the type that they are stored in.

    Raises:
        UserError: The numbers are too large for float16.

    """
    stored = states.to(dtype).cpu()
    if dtype == torch.float16 and states.dtype != dtype and not stored.isfinite().all() and states.isfinite().all():
        raise UserError("--feature_cache_dtype float16 is too small for these states: write bfloat16 or float32.")
    return stored


def find_start_layer(model: BackboneClassifier) -> str:
    """Return the layer that training can enter: everything in front of it is frozen, and all that trains behind it.

    It is the first trained layer, or where more than one tensor comes from the frozen layers (as inside a residual block) the
    nearest module around it that one tensor enters.

    Raises:
        CannotCacheError: Nothing in front of it is frozen, or the model cannot be entered there.

    """
    parameters = list(model.backbone.parameters())
    if not any(parameter.requires_grad for parameter in parameters):
        return "classifier"
    if all(parameter.requires_grad for parameter in parameters) or model.trained_from is None:
        raise CannotCacheError("nothing is frozen")
    order, first = model.execution_order(), model.trained_from
    if not order.inputs_depend_on[first]:
        raise CannotCacheError(f"nothing in front of {first} is frozen")
    reasons = []
    for layer in [first, *order.modules_around(first)]:
        reason = model.why_no_split(layer) if layer and order.inputs_depend_on[layer] else ""
        if reason:
            reasons.append(reason)
        elif layer and order.inputs_depend_on[layer]:
            return layer
    raise CannotCacheError(f"{type(model.backbone).__name__} cannot be entered in front of {first} ({reasons[0]})")
