"""The start of a run: what is refused before any data are read, and what of the process is prepared."""

import os
from pathlib import Path
from typing import Any

import transformers

from ..errors import UserError
from ..flags.kinds import Arguments
from ..machine import keep_freed_memory
from ..run_folders.manifest import check_saved_model
from ..visible import say
from .checks import check_flags
from .folder import check_folder


def start_run(arguments: Arguments[Any, Any], first_line: str) -> None:
    """Say what runs, refuse what flags alone say cannot work, prepare memory, and set the seed.

    Raises:
        UserError: As `check_processes`, `check_folder`, `check_flags` and, of a run that is the backbone, `check_saved_model`.

    """
    training = arguments.training
    if training.process_index == 0:
        say(first_line)
    transformers.utils.logging.disable_progress_bar()  # bars for loading and saving weights; training keeps its own
    check_processes(training.world_size)
    check_folder(arguments)
    check_flags(arguments)
    check_saved_model(Path(arguments.model.backbone).expanduser())
    if training.device.type == "cpu":
        keep_freed_memory()
    transformers.set_seed(training.seed)


def check_processes(world_size: int) -> None:
    """Refuse to run as independent copies that all think they are the only one.

    Raises:
        UserError: The launcher started more processes than found each other.

    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != world_size:
        raise UserError(
            f"The launcher started {started} processes that do not work together (each sees {world_size}): on a CPU add "
            "--use_cpu true, or start one process."
        )
