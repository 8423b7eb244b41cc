"""A run in its phases: resolve, fit, finish, push."""

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from ..console import make_console
from ..flags.kinds import Arguments
from ..hub.push import push_run
from ..task import Task
from .adapters import finish_adapters
from .finish import finish
from .fit import fit
from .folder import work_in
from .ngrams import add_ngrams
from .resolve import resolve


def train_classifier(task: Task, arguments: Arguments[Any, Any], name: str) -> tuple[Path, dict[str, float]]:
    """Train, choose the best checkpoint, save it, evaluate the saved model in float32, report, and push if that is asked for.

    Args:
        task: Model and data.
        arguments: The flags, which stay as they are.
        name: What the name of a new folder begins with.

    Returns:
        The run's folder, and all results, as in `all_results.json`.

    Raises:
        UserError: A layer or metric does not exist, flags do not go together, or another process works in the folder.
        Stopped: By Ctrl-C or SIGTERM; while a net trains a checkpoint is written first.

    """
    console = make_console(is_quiet=arguments.training.process_index != 0)
    settings = resolve(task, arguments, name)
    with work_in(settings.folder, arguments):
        fitted = add_ngrams(task, settings, fit(task, settings, console), console)
        fitted = finish_adapters(task, settings, fitted, console)
        results = finish(task, settings, fitted, console)
    if settings.push is not None:
        _end_process_group(fitted.trainer.accelerator)
        if fitted.trainer.is_world_process_zero():
            order = settings.push
            push_run(settings.folder, order.repo_id, order.license, order.language, order.private)
    return settings.folder, results


def _end_process_group(accelerator: Accelerator) -> None:
    """Let the other processes go: one that waits longer for a push than `--ddp_timeout` would end them all."""
    accelerator.wait_for_everyone()
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
