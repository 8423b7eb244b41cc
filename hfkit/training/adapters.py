"""The end of adapters: they are merged into the weights of the trained model, whose logits must stay what they were."""

from dataclasses import replace

import numpy as np
import torch
from rich.console import Console

from ..backbones.lora import ADAPTER_FOLDER, find_adapters, merge_adapters, save_adapter
from ..data.batching import make_batch
from ..errors import UserError
from ..notes import Note
from ..report.summary import find_base_model
from ..task import Task
from .fitted import Fitted
from .settings import RunSettings

TOLERANCE = 1e-5
"""Largest difference of a logit in float32 that merging may make, as a share of the largest logit where that is above 1."""
CHECKED_ROWS = 32
"""Rows of validation that are compared."""


def finish_adapters(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> Fitted:
    """Merge the adapters of a trained model into its weights, and keep them beside it if a flag asks for that.

    All processes call it; the main one writes.

    Returns:
        What training left, with what there is to say of merging; unchanged where there are no adapters.

    Raises:
        UserError: The training diverged, or merging changes what the model gives.

    """
    if not find_adapters(task.model):
        return fitted
    folder = settings.folder / ADAPTER_FOLDER
    keeps = settings.arguments.model.keep_adapter
    if keeps and fitted.trainer.is_world_process_zero():
        save_adapter(task.model, folder, find_base_model(settings.arguments))
    before = _compute_logits(task)
    count = merge_adapters(task.model)
    after = _compute_logits(task)
    difference = _check_logits(before, after)
    kept = f" The adapters alone are in the folder {ADAPTER_FOLDER}." if keeps else ""
    text = (
        f"The {count} adapters were merged into the weights of their layers; on {len(before)} rows of validation that moved a "
        f"logit by {difference:.1g} at most, of {np.abs(before).max():.2g}.{kept}"
    )
    note = Note("adapters", text)
    console.print(f"\n{note.text}", markup=False, highlight=False, soft_wrap=True)
    return replace(fitted, notes=[*fitted.notes, note])


@torch.no_grad()
def _compute_logits(task: Task) -> np.ndarray:
    """Return the logits (rows, classes) of the first rows of validation, in eval mode and float32."""
    model, rows = task.model.eval(), task.inputs["validation"]
    indices = list(range(min(CHECKED_ROWS, len(rows))))
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # what is compared are weights, and not the products' precision
    try:
        logits = model(**make_batch(rows, indices, task.collator, model.device)).logits
    finally:
        torch.set_float32_matmul_precision(precision)
    return logits.float().cpu().numpy()


def _check_logits(before: np.ndarray, after: np.ndarray) -> float:
    """Return the largest difference of a logit.

    Raises:
        UserError: It is too large, or a logit is no number.

    """
    if not np.isfinite(before).all():
        raise UserError(
            "The training diverged: the model gives no numbers any more. Lower --learning_rate and --head_learning_rate."
        )
    difference, largest = float(np.abs(after - before).max()), max(float(np.abs(before).max()), 1.0)
    if not difference <= TOLERANCE * largest:
        raise UserError(
            f"Merging the adapters moves a logit by {difference:.2g}, of {largest:.2g}, so that no model is saved; the run's "
            "checkpoints have weights and adapters apart. Write other --lora_targets, or --unfreeze_from in the place of --peft."
        )
    return difference
