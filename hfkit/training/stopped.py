"""What a run that was stopped says: whether it can be continued, and the whole command that does."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from ..errors import Stopped
from ..run_folders.manifest import MANIFEST_FILE
from ..run_folders.state import find_state

_GOES_ON = ("--resume_from_checkpoint", "true")
_LAUNCHERS = ("accelerate", "accelerate-launch", "torchrun")
_LAUNCHER_MODULES = ("accelerate.commands.launch", "accelerate.commands.accelerate_cli", "torch.distributed.run")


def describe_stop(stopped: Stopped, command: Sequence[str], goes_on: Sequence[str] = _GOES_ON) -> str:
    """Say how a run that was stopped is continued, or that it has nothing to go on from.

    Args:
        stopped: With the run's folder, if it had one.
        command: The words that run the recipe, see `find_command`.
        goes_on: Those by which the command continues the run in its folder.

    """
    folder = stopped.folder
    if folder is not None and (folder / MANIFEST_FILE).is_file():
        return f"Stopped. The run in {folder} is finished."
    last = (
        None
        if folder is None
        else max((each.step for each in find_state(folder).checkpoints if each.is_whole), default=None)
    )
    if folder is None or last is None:
        return "Stopped before the first checkpoint: start again with the same flags."
    words = [*command, "--output_dir", str(folder), *goes_on]
    return f"Stopped. The last checkpoint is that of step {last}; continue by:\n\n{shlex.join(words)}"


def find_command(command: str | None) -> list[str]:
    """Return the words of the command that started this process, without the flags of the recipe.

    It is asked for when the process starts: a launcher may be gone when Ctrl-C has ended it, too.

    Args:
        command: What runs the recipe without a launcher; default: Python and the script.

    """
    own = shlex.split(command) if command else ["python", sys.argv[0]]
    launcher = _cut_launcher(_read_parent()[1], sys.argv[1:])
    return [*launcher, *own[1:]] if launcher and command else launcher or own


def find_launcher() -> int | None:
    """Return the id of the process of the launcher that started this one; None where none did."""
    parent, words = _read_parent()
    return parent if _cut_launcher(words, sys.argv[1:]) else None


def _read_parent() -> tuple[int | None, list[str]]:
    """Return id and command line of the process that started this one; None and nothing where it is gone."""
    try:
        parent = psutil.Process().parent()
        return (None, []) if parent is None else (parent.pid, parent.cmdline())
    except psutil.Error:
        return None, []


def _cut_launcher(words: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return a launcher's command line up to what it hands on, with plain names; nothing where it is no launcher's."""
    start = next((index for index, word in enumerate(words[:4]) if _is_launcher(word)), None)
    if start is None or list(words[len(words) - len(arguments) :]) != list(arguments):
        return []
    first = ["python", "-m", words[start]] if words[start] in _LAUNCHER_MODULES else [Path(words[start]).name]
    return [*first, *words[start + 1 : len(words) - len(arguments)]]


def _is_launcher(word: str) -> bool:
    return word in _LAUNCHER_MODULES or os.path.basename(word) in _LAUNCHERS
