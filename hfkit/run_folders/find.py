"""Where the runs below a folder are."""

import os
from pathlib import Path

from ..errors import UserError
from .state import is_run_folder

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
    folder = check_folder(folder)
    runs: list[Path] = []
    _collect(folder, DEPTH, runs)
    return runs


def _collect(folder: Path, depth: int, runs: list[Path]) -> None:
    try:
        if is_run_folder(folder):
            runs.append(folder)
            return
        with os.scandir(folder) as entries:
            below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # gone by now, or somebody else's
        return
    if depth == 0:
        return
    for name in sorted(below):
        if not name.startswith("."):
            _collect(folder / name, depth - 1, runs)


def name_run(run: Path, folder: Path) -> str:
    """Return what a run is called in a list of those of a folder: its path from there."""
    return run.name if run == folder else run.relative_to(folder).as_posix()
