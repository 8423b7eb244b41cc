"""Whether a process works in a run's folder now: it keeps a lock on a file there, which ends with it however it ends."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..errors import UserError
from ..files import try_lock

LOCK_FILE = "running.lock"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder; it is made where it is missing.

    The lock's file goes when all went well, or when there is nothing else in the folder, which then can be used again. A run that
    failed later keeps it: free, it says that the run has ended.

    Raises:
        UserError: Another process works there.
        OSError: The folder cannot be made or written; what was made is gone again.

    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    path = folder / LOCK_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError:
        _remove_empty(made)
        raise
    with file:
        if try_lock(file, exclusive=True) is False:
            raise UserError(f"Another process works in {folder}: wait until it ends, or name another folder.")
        try:
            yield
        except BaseException:
            with suppress(OSError):  # what the block raised says more
                if [entry.name for entry in folder.iterdir()] == [LOCK_FILE]:
                    _unlink(path, file)
                    _remove_empty(made)
            raise
        _unlink(path, file)


def _unlink(path: Path, file: IO[bytes]) -> None:
    """Remove the lock's file while it is locked; Windows, which has no such locks, removes none that is open."""
    if sys.platform == "win32":
        file.close()
    path.unlink(missing_ok=True)


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, unless another run is in there by now."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def is_running(folder: Path) -> bool | None:
    """Whether a process works in a run's folder now; None where that cannot be known, as of runs of earlier versions."""
    try:
        with (folder / LOCK_FILE).open("rb") as file:
            locked = try_lock(file, exclusive=False)
    except OSError:
        return None
    return None if locked is None else not locked
