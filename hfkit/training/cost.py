"""What a training will take, from a training step that is measured before it begins."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from ..data.batching import longest_first, make_batch
from ..data.stored_rows import read_column
from ..features.cache import CannotCacheError, find_start_layer
from ..features.inputs import has_stored_states
from ..flags.kinds import Arguments
from ..flags.solver import is_solved
from ..freezing import FreezePlan
from ..machine import measure_seconds
from ..task import Task
from .dry_step import unchanged

FORWARD_SHARE = 1 / 3
"""Of a training step: the forward pass; the backward pass computes twice as much."""
_TIMES = 5
_LONG_SECONDS = 2.0
"""So many times a step is measured at most, and until it has taken so long."""
_PRODUCTS, _PRODUCT_ROWS = 1500, 2000
"""Products with all rows that choosing and solving amounts to, as measured on four data sets, and the rows of one such here."""
_PASS_ROWS, _PART = 64, 4
"""Rows that stand for a pass, and how many of similar length run together: fewer than in the pass, for they are few."""


@dataclass(frozen=True)
class Cost:
    """What a training will take.

    Attributes:
        frozen: Seconds a row of the part that runs once, since it is frozen and stored; 0 where there is none.
        copies: How many augmented copies of each training row are stored.
        step: Seconds a row of a training step of the rest, forward and backward.
        rows: Of each split.
        epochs: How often training reads each row; 0 where the head is solved, without steps.
        solving: Seconds of choosing and solving a head.
        is_stored: Whether an earlier run has stored what the frozen part gives.

    """

    frozen: float
    copies: int
    step: float
    rows: dict[str, int]
    epochs: float
    solving: float = 0.0
    is_stored: bool = False

    @property
    def pass_seconds(self) -> float:
        """Seconds of running the frozen part once over the rows of training and validation; 0 where nothing is frozen."""
        return self.frozen * (self.copies * self.rows["train"] + self.rows["validation"])

    @property
    def seconds(self) -> float:
        """Seconds of the frozen part, of solving or the epochs, each with its evaluation, and of the predictions at the end."""
        held_out, validation = self.rows["validation"] + self.rows.get("test", 0), self.rows["validation"]
        forward = self.step * FORWARD_SHARE
        once = (0.0 if self.is_stored else self.pass_seconds) + (self.frozen + forward) * held_out
        return once + self.solving + self.epochs * (self.step * self.rows["train"] + forward * validation)

    def describe(self) -> str:
        """Say how long, and what that is made of."""
        once = f"the frozen layers once, {1e3 * self.frozen:.2f} ms a row"
        if self.is_stored:
            once = f"what the frozen layers give is stored; of what is predicted at the end {1e3 * self.frozen:.2f} ms a row"
        if not self.epochs:
            return (
                f"about {self.seconds:.0f} s ({once}, and about {self.solving:.0f} s for choosing and solving the head; "
                "reading and reporting not counted)"
            )
        frozen = f"{once}; " if self.frozen else ""
        epochs = f"{self.epochs:g} epoch{'' if self.epochs == 1 else 's'} of {self.rows['train']:,} rows"
        return (
            f"about {self.seconds:.0f} s ({frozen}{epochs} at {1e3 * self.step:.2f} ms, as measured on one batch; evaluations at "
            "a third of that; reading and reporting not counted)"
        )


def estimate_cost(task: Task, arguments: Arguments[Any, Any]) -> Cost:
    """Measure a training step on one batch, and say what the whole training takes; the model stays as it is.

    Reading the data and loading the model, which have been done, do not count, nor does what is fitted without steps.

    Args:
        task: Model and data.
        arguments: The flags.

    Raises:
        UserError: The layer that training shall begin with does not exist.

    """
    training, model = arguments.training, task.model
    FreezePlan.from_flags(arguments.model).apply(model)
    train = task.inputs["train"]
    count = min(training.per_device_train_batch_size, len(train))
    indices = np.unique(np.linspace(0, len(train) - 1, count).round().astype(int)).tolist()
    layer = _stored_before(task, training)
    before = model.start_layer
    with unchanged(model.to(training.device)):
        try:
            model.start_layer = layer or before
            frozen, step = _measure(task, training, indices, layer)
        finally:
            model.start_layer = before
    rows = {split: len(split_rows) for split, split_rows in task.inputs.items()}
    rows_a_step = training.per_device_train_batch_size * training.gradient_accumulation_steps * training.world_size
    is_limited = training.max_steps > 0
    epochs = training.max_steps * rows_a_step / len(train) if is_limited else training.num_train_epochs
    copies = len(task.frozen["train"].copies)
    is_stored = layer is not None and has_stored_states(task, arguments)
    if is_solved(training):
        return Cost(frozen, copies, step, rows, 0, _estimate_solving(task, rows["train"]), is_stored)
    return Cost(frozen, copies, step, rows, epochs, is_stored=is_stored)


def _estimate_solving(task: Task, rows: int) -> float:
    """Return about how long choosing and solving a head takes, from a product like those that it consists of."""
    features = next(
        module.in_features for module in task.model.classifier.modules() if isinstance(module, torch.nn.Linear)
    )
    matrix = torch.ones(min(rows, _PRODUCT_ROWS), features)
    weights = torch.ones(features, task.model.config.num_labels)
    product = _measure_warm(lambda: matrix.T @ (matrix @ weights), torch.device("cpu"))
    return _PRODUCTS * rows / len(matrix) * product


def _stored_before(task: Task, training: Any) -> str | None:
    """Return the layer in front of which states are stored; None where nothing is frozen, or nothing is stored."""
    if training.feature_cache == "off" or not task.frozen["train"].copies:
        return None
    try:
        return find_start_layer(task.model)
    except CannotCacheError:
        return None


def _measure(task: Task, training: Any, indices: list[int], layer: str | None) -> tuple[float, float]:
    """Return the seconds a row of the stored part, and of a training step of the rest on the rows `indices`."""
    device, model = training.device, task.model
    precision = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(training.mixed_precision)
    labels = torch.as_tensor(read_column(task.rows["train"], "label")[indices].copy(), device=device)

    def read(rows: list[int]) -> dict[str, torch.Tensor]:
        """Read rows and run what is stored of them; return what enters the rest of the model."""
        batch = make_batch(task.inputs["train"], rows, task.collator, device)
        if layer is None:
            return batch
        states = {"states": model.eval().forward_to(layer, **batch)}
        return states | {name: tensor for name, tensor in batch.items() if name == "attention_mask"}

    def take_step() -> None:
        """Run forward and backward."""
        model.train()(**inputs, labels=labels).loss.backward()

    with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
        with torch.no_grad():
            parts = [indices] if layer is None else rows_of_pass(task.inputs["train"])
            once = _measure_warm(lambda: [read(part) for part in parts], device) / sum(map(len, parts))
            inputs = read(indices)
        step = _measure_warm(take_step, device) / len(indices)
    return (once, step) if layer is not None else (0.0, once + step)


def rows_of_pass(inputs: Dataset) -> list[list[int]]:
    """Return up to 64 row indices of all lengths, in parts of similar length, from the longest: what stands for a pass.

    A pass reads rows in this order; of a batch of random rows the longest would pad all others.
    """
    order = longest_first(inputs)
    count = min(_PASS_ROWS, len(order))
    rows = order[((np.arange(count) + 0.5) * len(order) / count).astype(int)]
    return [part.tolist() for part in np.array_split(rows, -(-count // _PART))]


def _measure_warm(action: Callable[[], object], device: torch.device) -> float:
    """Measure something several times and return the median, without the first time unless that alone was long."""
    first = measure_seconds(action, device)
    seconds: list[float] = []
    while len(seconds) < _TIMES and first + sum(seconds) < _LONG_SECONDS:
        seconds.append(measure_seconds(action, device))
    return float(np.median(seconds or [first]))
