"""An item of the feature cache that nobody removes: while it is written, and while it is read."""

import contextlib
import errno
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..files import checksum
from .store_entry import RECORD_FILE, STATES_FILE, hold, lock_shared, read_record


@dataclass(frozen=True)
class HeldItem:
    """One stored pass over the rows of one split; nobody removes it for as long as `lock` is open.

    Attributes:
        folder: Where it is; its name is the key, with more behind it while it is written.
        record: What was stored, see `Entry`; nothing while it is written.
        lock: Its file of states, open.

    """

    folder: Path
    record: dict[str, Any]
    lock: IO[bytes]

    @property
    def states(self) -> Path:
        """Its file of states."""
        return self.folder / STATES_FILE

    def give_up(self) -> None:
        """Let go of what was begun, and remove it."""
        self.lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def begin_item(folder: Path) -> HeldItem:
    """Make the folder of an item with empty states.

    Raises:
        OSError: It cannot be written.

    """
    folder.mkdir()
    try:
        file = (folder / STATES_FILE).open("x+b")
    except OSError:
        folder.rmdir()
        raise
    lock_shared(file)
    return HeldItem(folder, {}, file)


def put_in_place(begun: HeldItem, target: Path, record: dict[str, Any]) -> HeldItem:
    """Give an item its name once its record is written.

    Raises:
        OSError: It cannot be renamed, such as where something is there.

    """
    if sys.platform == "win32":
        begun.lock.close()  # there no folder is renamed in which a file is open
    begun.folder.rename(target)
    lock = hold(target) if begun.lock.closed else begun.lock
    if lock is None:  # another process was faster to remove it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target))
    return HeldItem(target, record, lock)


def hold_whole(folder: Path) -> HeldItem | None:
    """Hold an item and return it, or None where it is damaged or gone.

    Raises:
        OSError: It cannot be read.

    """
    lock = hold(folder)
    if lock is None:
        return None
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
        record = read_record(folder)
        if record is None:
            return None
        item = HeldItem(folder, record, lock)
        try:
            is_whole = item.states.stat().st_size == record["bytes"] and checksum(item.states) == record["checksum"]
        except FileNotFoundError:  # a disk without locks keeps nobody from removing it
            return None
        if not is_whole:
            return None
        stack.pop_all()
    with contextlib.suppress(OSError):  # another user's may only be read
        os.utime(folder / RECORD_FILE)
    return item
