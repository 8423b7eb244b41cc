"""Whether a process works in a run's folder now: it keeps a lock on a file there, which ends with it however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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

    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_FILE
    with path.open("ab") as file:
        if try_lock(file, exclusive=True) is False:
            raise UserError(f"Another process works in {folder}: wait until it ends, or name another folder.")
        try:
            yield
        except BaseException:
            if [entry.name for entry in folder.iterdir()] == [LOCK_FILE]:
                path.unlink()
                with suppress(OSError):  # another run is in there by now
                    for path in made:
                        path.rmdir()
            raise
        with suppress(FileNotFoundError):
            path.unlink()


def is_running(folder: Path) -> bool | None:
    """Whether a process works in a run's folder now; None where that cannot be known, as of runs of earlier versions."""
    try:
        with (folder / LOCK_FILE).open("rb") as file:
            locked = try_lock(file, exclusive=False)
    except OSError:
        return None
    return None if locked is None else not locked
