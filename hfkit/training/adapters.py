"""The end of adapters: they are merged into the weights of the trained model, whose logits must stay what they were."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from safetensors.torch import save_file

from ..backbones.lora import ADAPTER_FOLDER, find_adapters, merge_adapters, save_adapter
from ..data.batching import make_batch
from ..errors import UserError
from ..files import files_beside
from ..hub.check import ADAPTER_CONFIG
from ..notes import Note
from ..report.summary import find_base_model
from ..task import Task
from .fitted import Fitted
from .settings import RunSettings

TOLERANCE = 1e-5
"""Largest difference of a logit in float32 that merging may make, where float32 can hold that."""
ROUNDING = 16
"""Of a largest logit above 5.2, the same in float32 roundings: sums in another order move such logits by more than 1e-5."""
HEAD_FILE = "head.safetensors"
"""Beside the adapters, where they are all that is left of a training."""
CHECKED_ROWS = 32
"""Rows of validation that are compared."""


def finish_adapters(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> Fitted:
    """Merge the adapters of a trained model into its weights, and keep them beside it if a flag asks for that.

    They are written before, with the head, and deleted where merging went well and nobody asked for them: whatever goes wrong
    in it, the training is not lost. All processes call it; the main one writes.

    Returns:
        What training left, with what there is to say of merging; unchanged where there are no adapters.

    Raises:
        UserError: The training diverged, or merging changes what the model gives.

    """
    if not find_adapters(task.model):
        return fitted
    before = _compute_logits(task)
    _check_numbers(before)
    folder, is_main = settings.folder / ADAPTER_FOLDER, fitted.trainer.is_world_process_zero()
    if is_main:
        with files_beside(folder, ADAPTER_CONFIG) as beside:
            save_adapter(task.model, beside, find_base_model(settings.arguments))
            _save_head(task, beside)
    count = merge_adapters(task.model)
    difference = _check_logits(before, _compute_logits(task), folder)
    keeps = settings.arguments.model.keep_adapter
    if is_main:
        (folder / HEAD_FILE).unlink()  # the saved model has it
        if not keeps:
            shutil.rmtree(folder)
    kept = f" The adapters alone are in the folder {ADAPTER_FOLDER}." if keeps else ""
    text = (
        f"The {count} adapters were merged into the weights of their layers; on {len(before)} rows of validation that moved a "
        f"logit by {difference:.1g} at most, of {np.abs(before).max():.2g}.{kept}"
    )
    note = Note("adapters", text)
    console.print(f"\n{note.text}", markup=False, highlight=False, soft_wrap=True)
    return replace(fitted, notes=[*fitted.notes, note])


def _save_head(task: Task, folder: Path) -> None:
    """Write all weights of a model but those of its backbone, named as in the model."""
    state = task.model.state_dict().items()
    head = {name: tensor.detach().cpu().contiguous() for name, tensor in state if not name.startswith("backbone.")}
    save_file(head, folder / HEAD_FILE, metadata={"format": "pt"})


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


def _check_numbers(logits: np.ndarray) -> None:
    """Refuse a model that diverged.

    Raises:
        UserError: A logit is no number.

    """
    if not np.isfinite(logits).all():
        raise UserError(
            "The training diverged: the model gives no numbers any more. Lower --learning_rate and --head_learning_rate."
        )


def _check_logits(before: np.ndarray, after: np.ndarray, folder: Path) -> float:
    """Return the largest difference of a logit; it may be `TOLERANCE`, or of large logits `ROUNDING` float32 roundings.

    That is 1e-5 up to a largest logit of 5.2, and 1.9e-6 of the largest one above: 3.8e-5 where it is 20.

    Args:
        before: (rows, classes) logits of the model with adapters.
        after: The same of the merged one.
        folder: Where the adapters and the head are.

    Raises:
        UserError: It is too large.

    """
    difference, largest = float(np.abs(after - before).max()), float(np.abs(before).max())
    allowed = max(TOLERANCE, ROUNDING * float(np.finfo(np.float32).eps) * largest)
    if not difference <= allowed:
        checkpoints = any(folder.parent.glob("checkpoint-*"))
        also = ", and the run's checkpoints have both, too" if checkpoints else ""
        raise UserError(
            f"Merging the adapters moves a logit by {difference:.2g}, of {largest:.2g} (at most {allowed:.2g} may be), so that "
            f"no merged model is saved; the trained adapters and the head ({HEAD_FILE}) are in {folder}{also}. Write other "
            "--lora_targets, or --unfreeze_from in the place of --peft."
        )
    return difference
