"""One entry of the feature cache on disk: what it holds, who holds it, and its removal."""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..files import try_lock

STATES_FILE = "states.bin"
RECORD_FILE = "record.json"
FORGOTTEN_SECONDS = 2 * 24 * 3600.0
"""After so long what was begun is taken for left behind, on a disk without locks and of what has no states yet."""
_FILES = {STATES_FILE, RECORD_FILE, f"{RECORD_FILE}.tmp"}
_FIELDS = {"bytes": int, "checksum": str, "of": str}
_UNFINISHED = ".partial-"
_NAME = re.compile(rf"[0-9a-f]{{32}}|.+{re.escape(_UNFINISHED)}.*-\d+-[0-9a-f]{{8}}")
"""What an empty folder is called that is one of ours."""


@dataclass(frozen=True)
class Entry:
    """A folder in the store: whole, damaged, or one that is written or removed now.

    Attributes:
        folder: Where it is; its name is the key, with more behind it where it is unfinished.
        record: What was stored: `bytes`, `checksum`, `created`, and `of`, a line for a person; None where that cannot be read.
        bytes: What its states take on the disk.
        used: Seconds since 1970 when it was last read or written.

    """

    folder: Path
    record: dict[str, Any] | None
    bytes: int
    used: float

    @property
    def is_unfinished(self) -> bool:
        """Whether it is written or removed now, or was left behind then."""
        return _UNFINISHED in self.folder.name

    @property
    def what(self) -> str:
        """A line for a person on what is stored, or why nobody can read it."""
        if self.is_unfinished:
            return "unfinished"
        return "damaged" if self.record is None else str(self.record["of"])


def is_abandoned(entry: Entry) -> bool:
    """Whether an entry is unfinished and nobody writes or removes it any more: who writes one holds it from its begin.

    Raises:
        OSError: As `is_held`.

    """
    if not entry.is_unfinished:
        return False
    if entry.bytes == 0 and entry.record is None:  # it may be made this moment, and held the moment after
        return time.time() - entry.used > FORGOTTEN_SECONDS
    return not is_held(entry)


def name_unfinished(folder: Path) -> Path:
    """Return a new folder beside one, whose name tells a person which process is at it."""
    return folder.with_name(f"{folder.name}{_UNFINISHED}{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")


def name_finished(folder: Path) -> Path:
    """Return the folder that an unfinished one is to become."""
    return folder.with_name(folder.name.partition(_UNFINISHED)[0])


def list_entries(root: Path) -> list[Entry]:
    """Return all entries of a store, the most recently used first; folders that hold anything else are none.

    Raises:
        OSError: The folder is there and cannot be read.

    """
    entries = []
    for folder in root.iterdir() if root.exists() else ():
        if folder.is_dir() and not folder.is_symlink():
            with contextlib.suppress(
                FileNotFoundError, PermissionError
            ):  # removed by another process, or somebody else's
                entries.append(_read_entry(folder))
    return sorted(filter(None, entries), key=lambda entry: entry.used, reverse=True)


def _read_entry(folder: Path) -> Entry | None:
    """Return what is in a folder, or None where it is not of a store."""
    files = {path.name: path.stat() for path in folder.iterdir()}
    if not files.keys() <= _FILES or not (files or _NAME.fullmatch(folder.name)):
        return None
    used = (
        files[RECORD_FILE]
        if RECORD_FILE in files
        else max([folder.stat(), *files.values()], key=lambda it: it.st_mtime)
    )
    size = files[STATES_FILE].st_size if STATES_FILE in files else 0
    return Entry(folder, read_record(folder), size, used.st_mtime)


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return the record of an entry, or None where it is missing or damaged, which concerns that entry alone.

    Raises:
        PermissionError: It may not be read, which is no damage.

    """
    try:
        record = json.loads((folder / RECORD_FILE).read_bytes())
        is_whole = isinstance(record, dict) and all(type(record.get(name)) is kind for name, kind in _FIELDS.items())
        if is_whole:
            record["of"].encode()
    except PermissionError:
        raise
    except (OSError, ValueError, RecursionError):
        return None
    return record if is_whole else None


def hold(folder: Path) -> IO[bytes] | None:
    """Keep an entry from being removed, by this process or others, for as long as the file that is returned is open.

    Returns:
        None where it has no states or is removed now.

    Raises:
        OSError: Its states cannot be read.

    """
    path = folder / STATES_FILE
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    if lock_shared(file) and _is_at(file, path):
        return file
    file.close()
    return None


def lock_shared(file: IO[bytes]) -> bool:
    """Hold an open file of states, and return whether nobody removes it now."""
    for _ in range(40):  # who only asks whether it is held has it for a moment
        if try_lock(file, exclusive=False) is not False:
            return True
        time.sleep(0.05)
    return False


def is_held(entry: Entry) -> bool:
    """Whether a run reads or writes an entry now.

    Raises:
        OSError: It may not be removed, such as another user's.

    """
    try:
        with (entry.folder / STATES_FILE).open("rb+") as file:
            _check_removable(entry)
            return _is_held(file, entry)
    except FileNotFoundError:
        return False


def remove(entry: Entry) -> bool:
    """Remove an entry unless it is held; killed in between, this leaves one that is abandoned.

    Returns:
        Whether it is gone.

    Raises:
        OSError: It may not be removed, such as another user's.

    """
    path = entry.folder / STATES_FILE
    doomed = name_unfinished(name_finished(entry.folder))
    try:
        # Network disks give the exclusive lock only of a file that is open for writing.
        with path.open("rb+") if path.exists() else contextlib.nullcontext() as file:
            if file is not None and (_is_held(file, entry) or not _is_at(file, path)):
                return False
            _check_removable(entry)
            if file is not None and sys.platform == "win32":
                file.close()  # there an open file keeps its folder where it is, which protects what others hold
            entry.folder.rename(doomed)  # while it is locked: nobody can hold it in between
    except FileNotFoundError:  # another process was faster
        return True
    except PermissionError:
        if sys.platform == "win32":
            return False
        raise
    shutil.rmtree(doomed, ignore_errors=True)
    return True


def _check_removable(entry: Entry) -> None:
    """Raise PermissionError where the files of an entry may not be removed, though its folder could be renamed."""
    if entry.folder.exists() and not os.access(entry.folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(entry.folder))


def _is_held(file: IO[bytes], entry: Entry) -> bool:
    """Lock a file of states for this process alone, and return whether others have it, or may have it on a disk without locks."""
    is_locked = try_lock(file, exclusive=True)
    if is_locked is None and sys.platform != "win32":
        return time.time() - entry.used < FORGOTTEN_SECONDS
    return is_locked is False


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
