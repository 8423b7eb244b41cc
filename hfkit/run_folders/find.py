"""Where the runs below a folder are."""

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..files import describe_bytes
from .state import is_run_folder, measure_folder

EVALUATION_FILE = "evaluation.json"
"""What `hfkit evaluate` writes into its folder."""
DEPTH = 5
"""Folders below each other that are looked through for runs."""


def check_folder(folder: Path) -> Path:
    """Return a folder with its home spelled out.

    Raises:
        UserError: There is none.

    """
    folder = folder.expanduser()
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "is not there"
        raise UserError(f"The folder {folder} {kind}: name the folder that your runs are in (from {Path.cwd()}).")
    return folder


def find_run_folders(folder: Path) -> list[Path]:
    """Return the folders of runs in a folder and below it, the rungs of ladders too; a run's own folder is one.

    No link is followed, no hidden folder is looked into, and none that is a run's.

    Raises:
        UserError: There is no such folder.

    """
    return _find(folder, is_run_folder)


def find_evaluations(folder: Path) -> list[Path]:
    """Return the folders that `hfkit evaluate` wrote, in a folder and below it, looked for as runs are.

    Raises:
        UserError: There is no such folder.

    """
    return _find(folder, lambda path: (path / EVALUATION_FILE).is_file())


def describe_evaluations(folder: Path) -> str:
    """Say how many evaluations there are, which no table of runs lists, and how large; empty where there are none."""
    evaluations = find_evaluations(folder)
    if not evaluations:
        return ""
    size = describe_bytes(sum(measure_folder(each).bytes for each in evaluations))
    count = f"{len(evaluations)} evaluation{'' if len(evaluations) == 1 else 's'}"
    first = name_run(evaluations[0], folder.expanduser())
    return f"Besides, {count} of hfkit evaluate, {size}, such as {first}: not listed, and yours to delete."


def _find(folder: Path, is_wanted: Callable[[Path], bool]) -> list[Path]:
    """Return the folders of a kind; none is looked for in a run or in another one of the kind."""
    wanted: list[Path] = []
    _collect(check_folder(folder), DEPTH, is_wanted, wanted)
    return wanted


def _collect(folder: Path, depth: int, is_wanted: Callable[[Path], bool], wanted: list[Path]) -> None:
    try:
        if is_wanted(folder):
            wanted.append(folder)
            return
        if is_run_folder(folder):
            return
        with os.scandir(folder) as entries:
            below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # gone by now, or somebody else's
        return
    if depth == 0:
        return
    for name in sorted(below):
        if not name.startswith("."):
            _collect(folder / name, depth - 1, is_wanted, wanted)


def name_run(run: Path, folder: Path) -> str:
    """Return what a run is called in a list of those of a folder: its path from there."""
    return run.name if run == folder else run.relative_to(folder).as_posix()
