"""Writing files so that a kill at any moment leaves the old one or the new one, never half of it; their sums, and locks."""

import contextlib
import csv
import errno
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import xxhash

if TYPE_CHECKING:
    import pandas as pd

if sys.platform != "win32":
    import fcntl

BESIDE_FOLDER = ".written"
"""In which files that belong together are written, until all of them get their places in the folder around it."""


def write_file(path: Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) beside `path`, then rename it; the folder is made where it is missing.

    Raises:
        OSError: It cannot be written, such as on a full disk; what was at `path` stays, and nothing beside it.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.tmp")
    written = content.encode() if isinstance(content, str) else content
    try:
        beside.write_bytes(written)
        os.replace(beside, path)
    except OSError as error:
        # The system does not say which file it has no room for, and for how much.
        error.filename = error.filename or str(path)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            error.strerror = f"{error.strerror}, {path.name} takes {describe_room(len(written))}"
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


@contextlib.contextmanager
def files_beside(folder: Path, last: str, replaced: Sequence[str] = ()) -> Iterator[Path]:
    """Yield a hidden folder for files that belong together; afterwards each of them gets its place in `folder`.

    A kill while they are written leaves the files of before. While they get their places, `last` is not there: who needs it
    cannot take some old and some new files for a whole.

    Args:
        folder: Where to; it is made where it is missing, and its other files stay.
        last: Name of the file without which the others are of no use; what is at its place goes first, and it comes last.
        replaced: Patterns of files in `folder` that go, too, where none of that name was written.

    """
    beside = folder / BESIDE_FOLDER
    shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
    beside.mkdir(parents=True)
    try:
        yield beside
        names = [path.relative_to(beside) for path in sorted(beside.rglob("*")) if path.is_file()]
        assert Path(last) in names, f"{last} was not written"
        (folder / last).unlink(missing_ok=True)
        for old in {path for pattern in replaced for path in folder.glob(pattern)}:
            if old.relative_to(folder) not in names:
                old.unlink()
        for name in sorted(names, key=lambda name: name == Path(last)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(beside / name, folder / name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def cache_folder() -> Path:
    """Return the folder of hfkit's caches: `HFKIT_CACHE`, or `hfkit` in `XDG_CACHE_HOME` or `~/.cache`."""
    cache = os.environ.get("HFKIT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "hfkit"
    return Path(cache).expanduser()


def describe_bytes(size: float) -> str:
    """Write a number of bytes for people: MB, or GB from 1 GB on."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def describe_room(size: float) -> str:
    """Write how many bytes are needed, rounded up."""
    return describe_bytes(math.ceil(size / 1e5) * 1e5)


def checksum(path: Path, bits: Literal[64, 128] = 64) -> str:
    """Return the XXH3 sum of a file: it finds damage, not malice."""
    digest = xxhash.xxh3_64() if bits == 64 else xxhash.xxh3_128()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 24):
            digest.update(chunk)
    return digest.hexdigest()


def csv_quoting(cells: Iterable[Any]) -> Literal[0, 1]:
    """Return how a CSV of these cells is quoted: all of them where one has a carriage return, bare before Python 3.13 else."""
    has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    return csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL


def format_table(table: "pd.DataFrame", index: bool = False) -> str:
    """Return a table as CSV, quoted by `csv_quoting`."""
    quoting = csv_quoting([*table.columns, *table.select_dtypes(exclude="number").to_numpy().flat])
    return table.to_csv(index=index, lineterminator="\n", quoting=quoting)


def flush_file(path: Path) -> None:
    """Wait until a file is on the disk, where a power cut cannot reach it."""
    with path.open("rb+") as file:  # Windows flushes none that is open for reading alone
        os.fsync(file.fileno())


def attach(path: Path, name: str, content: str) -> None:
    """Attach a short text to a file, with which it moves and goes; nothing is done where system or disk cannot."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setxattr(path, f"user.{name}", content.encode())


def read_attached(path: Path, name: str) -> str | None:
    """Return the text that `attach` gave a file, or None where there is none."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):
            return os.getxattr(path, f"user.{name}").decode()
    return None


def try_lock(file: IO[bytes], exclusive: bool) -> bool | None:
    """Lock an open file until it is closed; a process that is killed lets go of it.

    Args:
        file: Which.
        exclusive: Whether nobody else may have a lock on it.

    Returns:
        Whether it is locked now; False: another process has it. None: this system or this disk has no locks.

    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_NB | (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
