"""Stored features on disk: a folder an item, keyed by content, written beside and then renamed."""

import contextlib
import errno
import json
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import UserError, os_reason
from ..files import cache_folder, checksum, describe_bytes, describe_room, try_lock, write_file
from .store_entry import (
    RECORD_FILE,
    STATES_FILE,
    Entry,
    hold,
    is_held,
    list_entries,
    name_finished,
    name_unfinished,
    read_record,
    remove,
)

DEFAULT_LIMIT_GB = 50.0


class StoreFullError(Exception):
    """What is to be stored cannot be; the message says why and where, and how much room is missing."""


@dataclass(frozen=True)
class HeldItem:
    """One stored pass over the rows of one split; nobody removes it for as long as `lock` is open.

    Attributes:
        folder: Where it is; its name is the key.
        record: What was stored, see `Entry`.
        lock: An open file.

    """

    folder: Path
    record: dict[str, Any]
    lock: IO[bytes]


class FeatureStore:
    """A folder of items with a limit on their size; the least recently used items make room for new ones.

    Args:
        root: The folder; default: `features` in `HFKIT_CACHE`, or in `~/.cache/hfkit`.
        limit: Bytes that all of it may take; default: `HFKIT_CACHE_LIMIT_GB` gigabytes, or 50.

    Raises:
        UserError: The variable holds no number of gigabytes.

    """

    def __init__(self, root: Path | None = None, limit: int | None = None) -> None:
        self.root = (root or cache_folder() / "features").expanduser()
        self.limit = _read_limit() if limit is None else limit

    def entries(self) -> list[Entry]:
        """Return all that takes room: whole, damaged and unfinished, the most recently used first.

        Raises:
            OSError: The folder is there and cannot be read.

        """
        return list_entries(self.root)

    def items(self) -> list[Entry]:
        """Return the whole items, the most recently used first.

        Raises:
            OSError: As `entries`.

        """
        return [entry for entry in self.entries() if entry.record is not None and not entry.is_unfinished]

    def find(self, key: str) -> tuple[HeldItem | None, str]:
        """Return the item of a key, held, and a sentence where one was there but damaged; that one is removed.

        Raises:
            StoreFullError: It is damaged, and another run reads it.
            OSError: It cannot be read, which is no damage, or cannot be removed.

        """
        folder = self.root / key
        lock = hold(folder)
        if lock is not None:
            with contextlib.ExitStack() as stack:
                stack.enter_context(lock)
                record = read_record(folder)
                states = folder / STATES_FILE
                if record and states.stat().st_size == record["bytes"] and checksum(states) == record["checksum"]:
                    stack.pop_all()
                    with contextlib.suppress(OSError):  # somebody else's item may only be read
                        os.utime(folder / RECORD_FILE)
                    return HeldItem(folder, record, lock), ""
        if not folder.exists():
            return None, ""
        if not remove(Entry(folder, None, 0, time.time())):
            raise StoreFullError(f"what is stored in {folder} is damaged, and another run reads it")
        return None, "Stored features were damaged; they are computed again."

    def begin(self, key: str, size: int) -> Path:
        """Make a folder with a states file of `size` bytes, to be filled and handed to `finish`.

        Raises:
            StoreFullError: The limit or the disk has no room for it, or the folder cannot be written.

        """
        try:
            self._remove_abandoned()
            self.make_room(size)
            folder = name_unfinished(self.root / key)
            folder.mkdir()
            try:
                with open(folder / STATES_FILE, "wb") as file:
                    file.truncate(size)
                    if hasattr(os, "posix_fallocate") and size:
                        # A mapped file that finds the disk full kills the process; reserved now, that cannot happen.
                        os.posix_fallocate(file.fileno(), 0, size)
                self.make_room(0)  # another run may have begun at the same time; now each sees what the other takes
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        except OSError as error:
            raise StoreFullError(f"{describe_room(size)} cannot be written: {self.describe(error)}") from error
        return folder

    def finish(self, folder: Path, record: dict[str, Any]) -> HeldItem:
        """Write the record of a filled folder and give it its name; only then it is an item, and it is held.

        Raises:
            StoreFullError: Another one of the same name is damaged, and another run reads it.
            OSError: It cannot be written.

        """
        states = folder / STATES_FILE
        whole = {**record, "bytes": states.stat().st_size, "checksum": checksum(states), "created": time.time()}
        write_file(folder / RECORD_FILE, json.dumps(whole, indent=2))
        target = name_finished(folder)
        item = self.find(target.name)[0] if target.exists() else None
        if item is not None:
            shutil.rmtree(folder)  # another run was faster with the same
            return item
        lock = states.open("rb")
        try_lock(lock, exclusive=False)  # it goes with the file: nobody can remove it in between
        try:
            folder.rename(target)
        except OSError:
            lock.close()
            raise
        return HeldItem(target, whole, lock)

    def describe(self, error: OSError) -> str:
        """Return why the folder is of no use, and what to do, without a full stop."""
        return (
            f"{self.root} cannot be read or written ({os_reason(error)}); --feature_cache FOLDER or the environment variable "
            "HFKIT_CACHE names another"
        )

    def clear(self) -> tuple[int, int]:
        """Remove all that no run reads or writes.

        Returns:
            How many bytes that were, and how many stay.

        Raises:
            OSError: The folder cannot be read or written.

        """
        before, problems = self._size(), []
        self._remove_abandoned()
        for entry in self.entries():
            try:
                if not entry.is_unfinished:
                    remove(entry)
            except OSError as error:
                problems.append(error)  # that of another entry may go
        if problems:
            raise problems[0]
        after = self._size()
        return before - after, after

    def make_room(self, size: int) -> None:
        """Remove the least recently used items that no run reads, until `size` more bytes have room.

        Raises:
            StoreFullError: There would not be enough; nothing is removed then.
            OSError: The folder cannot be read or written.

        """
        if size > self.limit:
            raise StoreFullError(
                f"{describe_room(size)} would be above the cache's limit of {describe_bytes(self.limit)} (HFKIT_CACHE_LIMIT_GB)"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        if not os.access(self.root, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.root))
        entries = self.entries()
        free = shutil.disk_usage(self.root).free
        above_limit = sum(entry.bytes for entry in entries) + size - self.limit
        above_disk = size / 0.95 - free  # a full disk would stop more than this run
        removable = [entry for entry in entries if not entry.is_unfinished and not is_held(entry)]
        total = sum(entry.bytes for entry in removable)
        if above_disk > total:
            raise StoreFullError(
                f"{describe_room(size)} do not fit on the disk of {self.root}, which has {describe_bytes(free)} free"
            )
        no_room = StoreFullError(
            f"{describe_room(size)} have no room beside what other runs read or write now, below the cache's limit of "
            f"{describe_bytes(self.limit)} (HFKIT_CACHE_LIMIT_GB)"
        )
        if above_limit > total:
            raise no_room
        removed = 0
        while removed < max(above_limit, above_disk):
            if not removable:  # others began to read what was to go
                raise no_room
            oldest = removable.pop()
            removed += oldest.bytes if remove(oldest) else 0

    def _size(self) -> int:
        return sum(entry.bytes for entry in self.entries())

    def _remove_abandoned(self) -> None:
        """Remove what was left by processes that were killed while they wrote or removed something, and what is damaged."""
        for entry in self.entries():
            with contextlib.suppress(OSError):  # somebody else's, or gone already
                if entry.is_abandoned:
                    shutil.rmtree(entry.folder)
                elif entry.record is None and not entry.is_unfinished:
                    remove(entry)


def _read_limit() -> int:
    """Return the bytes that the environment variable allows."""
    stated = os.environ.get("HFKIT_CACHE_LIMIT_GB") or str(DEFAULT_LIMIT_GB)
    try:
        size = float(stated) * 1e9
    except ValueError:
        size = math.nan
    if not math.isfinite(size) or size < 0:
        raise UserError(f"HFKIT_CACHE_LIMIT_GB is {stated}: write a number of gigabytes, such as 50.")
    return int(size)
