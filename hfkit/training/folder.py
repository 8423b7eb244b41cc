"""The folder of a run: a new one, one that was named, or that of a run that is continued."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from ..errors import Stopped, UserError, told
from ..flags.kinds import Arguments
from ..flags.paths import check_is_folder, check_output_dir
from ..run_folders.clean import delete_start_files
from ..run_folders.lock import lock_folder
from ..run_folders.new_folder import make_new_folder
from .continued import list_checkpoints


def check_folder(arguments: Arguments[Any, Any]) -> None:
    """Refuse a folder that cannot be the run's, before any data are read; nothing is made.

    Raises:
        UserError: It is a file, holds something already, or has nothing to continue from.

    """
    if arguments.given_output_dir is None:
        return
    if arguments.training.resume_from_checkpoint is not None:
        folder = check_is_folder(arguments.given_output_dir)
        list_checkpoints(folder, arguments.training.resume_from_checkpoint)
    elif arguments.training.process_index == 0:
        check_output_dir(arguments.given_output_dir)


def make_folder(arguments: Arguments[Any, Any], name: str) -> Path:
    """Return the run's folder, the same one for all processes; where none was named, make `runs/NAME-TIME`."""
    if arguments.given_output_dir is not None:
        return Path(arguments.given_output_dir).expanduser()
    is_main = arguments.training.process_index == 0
    folder = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    return Path(_share(str(make_new_folder(folder)) if is_main else ""))


@contextmanager
def work_in(folder: Path, arguments: Arguments[Any, Any]) -> Iterator[None]:
    """Keep other processes out of a run's folder, and leave none behind where the run fails before it has a checkpoint.

    Raises:
        Stopped: By Ctrl-C or SIGTERM, with the folder.
        UserError: Another process works there, the memory is full, or a disk cannot be written; what else the block raises
            goes on.

    """
    is_main, is_new = arguments.training.process_index == 0, arguments.training.resume_from_checkpoint is None
    try:
        with lock_folder(folder) if is_main else nullcontext():
            try:
                with told(folder):
                    yield
            except (UserError, KeyboardInterrupt):
                if is_main and is_new:
                    with suppress(OSError):  # a disk that can only be read by now
                        delete_start_files(folder)
                raise
    except BaseException as error:
        if arguments.given_output_dir is None and is_main:
            with suppress(OSError):  # it holds something
                folder.rmdir()
                folder.parent.rmdir()
        if isinstance(error, KeyboardInterrupt):
            number = error.number if isinstance(error, Stopped) else signal.SIGINT
            raise Stopped(number, folder) from error
        raise


def _share(value: str) -> str:
    """Return the main process's `value` on all processes."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    values = [value]
    torch.distributed.broadcast_object_list(values)
    return values[0]
