"""A step before training: what would end a run late, or spoil it without a word, is refused or run in a way that passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..data.batching import make_batch
from ..data.stored_rows import read_column
from ..errors import FORWARD_ERRORS, UserError, first_sentence
from ..flags.kinds import Arguments, TrainingArguments
from ..models.base import BackboneClassifier
from ..notes import Note
from ..task import Task

ROWS = 4
"""Rows of the step: the longest ones of train, which are the first to fail."""
PADDING = 5
"""Tokens of padding that a row gets beside itself alone."""
TOLERANCE = 1e-4
"""Largest difference of a logit in float32 that padding may make."""


@dataclass(frozen=True)
class DryStep:
    """What a step showed.

    Attributes:
        failed_precision: Why the step fails in the run's precision, where it passes in float32; else empty.
        without_gradient: Parameters that train by the plan and got no gradient.

    """

    failed_precision: str = ""
    without_gradient: list[str] = field(default_factory=list)

    def notes(self, precision: str) -> list[Note]:
        """Say what is done about it."""
        notes = []
        if self.failed_precision:
            text = f"Precision: float32, since a step in {precision} fails ({self.failed_precision})."
            notes.append(Note("precision", text))
        if self.without_gradient:
            shown = ", ".join(self.without_gradient[:3])
            more = f" and {len(self.without_gradient) - 3} more" if len(self.without_gradient) > 3 else ""
            notes.append(Note("without_gradient", f"No gradient reaches {shown}{more}: they stay as they are."))
        return notes


def take_dry_step(task: Task, dtype: torch.dtype | None, device: torch.device) -> DryStep:
    """Run a few rows forward and backward as training will, and for texts one row alone and padded; the model stays as it is.

    Args:
        task: Model, frozen by its plan, and data.
        dtype: What autocast computes in, or None for float32.
        device: Where the model trains.

    Raises:
        UserError: The net cannot be trained, or its logits depend on padding.

    """
    model = task.model
    batch, labels = _longest_rows(task, device)
    with unchanged(model.to(device)):
        problem = _step(model, batch, labels, dtype)
        failed = problem if dtype is not None else ""
        if failed:
            problem = _step(model, batch, labels, None)
        if problem:
            name = type(model.backbone).__name__
            raise UserError(
                f"The backbone {name} with this head cannot be trained: {problem}; choose another --backbone or --head."
            )
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        unreached = [name for name, parameter in trained.items() if parameter.grad is None]
        if "input_ids" in batch:
            _check_padding(model, batch)
    return DryStep(failed, unreached)


def _longest_rows(task: Task, device: torch.device) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return the longest rows of train as a batch, and their label ids."""
    rows = task.inputs["train"]
    indices = list(range(min(ROWS, len(rows))))
    if "length" in rows.column_names:
        indices = (-read_column(rows, "length")).argsort(kind="stable")[:ROWS].tolist()
    labels = read_column(task.rows["train"], "label")[indices]
    return make_batch(rows, indices, task.collator, device), torch.as_tensor(labels.copy(), device=device)


def _step(
    model: BackboneClassifier, batch: dict[str, torch.Tensor], labels: torch.Tensor, dtype: torch.dtype | None
) -> str:
    """Run forward and backward in training mode, and return what is wrong, or an empty text."""
    model.zero_grad()
    try:
        with torch.autocast(labels.device.type, dtype=dtype, enabled=dtype is not None):
            outputs = model.train()(**batch, labels=labels)
        outputs.loss.backward()
    except torch.OutOfMemoryError:
        raise
    except FORWARD_ERRORS as error:
        return first_sentence(error)
    return "" if outputs.logits.isfinite().all() else "its logits are no numbers"


def _check_padding(model: BackboneClassifier, batch: dict[str, torch.Tensor]) -> None:
    """Compare the logits of a row alone with those of the same row padded, in float32.

    Raises:
        UserError: They differ: the same text would get other scores in another batch.

    """
    length = max(int(batch["attention_mask"][0].sum()) - PADDING, 1)
    alone = {name: tensor[:1, :length] for name, tensor in batch.items() if tensor.ndim > 1}
    padded = {name: functional.pad(tensor, (0, PADDING)) for name, tensor in alone.items()}
    with torch.inference_mode():
        logits, padded_logits = (model.eval()(**inputs).logits for inputs in (alone, padded))
    difference = float((logits - padded_logits).abs().max())
    if not difference <= TOLERANCE:
        raise UserError(
            f"The logits of {type(model.backbone).__name__} depend on padding (they move by {difference:.2g}), so that a text "
            "would get other scores beside longer ones: choose a backbone that takes a mask, such as bert-base-uncased."
        )


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Put buffers (BatchNorm's statistics), gradients, mode and random numbers back as they were."""
    buffers = {name: tensor.clone() for name, tensor in model.named_buffers()}
    training = model.training
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            model.zero_grad(set_to_none=True)
            model.train(training)
            with torch.no_grad():
                for name, tensor in model.named_buffers():
                    tensor.copy_(buffers[name])


def run_dry_step(training: TrainingArguments, arguments: Arguments[Any, Any], task: Task) -> list[Note]:
    """Take a step before training; run in float32 what fails in a precision that nobody asked for.

    Raises:
        UserError: The net cannot be trained, or not in the precision that was given.

    """
    names = {"bf16": "bfloat16", "fp16": "float16"}
    precision = names.get(training.mixed_precision)
    step = take_dry_step(task, getattr(torch, precision) if precision else None, training.device)
    if step.failed_precision:
        if not training.bf16 or "bf16" in arguments.given:
            raise UserError(
                f"The backbone {arguments.model.backbone} cannot be trained in {precision} ({step.failed_precision}): write "
                "--bf16 false --fp16 false, and mixed_precision: no in the launcher's configuration."
            )
        training.bf16 = False
        training.mixed_precision = "no"
    if step.without_gradient and training.world_size > 1:
        training.ddp_find_unused_parameters = True  # else DDP waits for their gradients, and ends with an error
    return step.notes(str(precision))
