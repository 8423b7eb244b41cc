"""Stored features on disk: a folder an item, keyed by content, written beside and then renamed."""

import contextlib
import errno
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..errors import UserError, os_reason
from ..files import cache_folder, checksum, describe_bytes, describe_room, try_lock, write_file
from .held_item import HeldItem, begin_item, hold_whole, put_in_place
from .store_entry import (
    RECORD_FILE,
    Entry,
    is_abandoned,
    is_held,
    list_entries,
    name_finished,
    name_unfinished,
    remove,
)

DEFAULT_LIMIT_GB = 50.0
LOCK_FILE = "begin.lock"
"""Who looks for room locks it until the room is taken."""
_LONGEST_WAIT_SECONDS = 60.0


class StoreFullError(Exception):
    """What is to be stored cannot be; the message says why and where, and how much room is missing."""


class Cleared(NamedTuple):
    """What came of clearing a store.

    Attributes:
        removed: Bytes that are gone.
        in_use: Bytes that stay, since runs read or write them now, or on a disk without locks did so lately.
        refusals: Of each entry that may not be removed, why.

    """

    removed: int
    in_use: int
    refusals: list[OSError]


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
        for _ in range(2):  # another run may put a whole one in the place of a damaged one in between
            was_there = folder.exists()
            item = hold_whole(folder)
            if item is not None:
                return item, ""
            if not was_there or not folder.exists():
                return None, ""
            if remove(Entry(folder, None, 0, time.time())):
                return None, "Stored features were damaged; they are computed again."
        raise StoreFullError(f"what is stored in {folder} is damaged, and another run reads it")

    def begin(self, wanted: Sequence[tuple[str, int]]) -> list[HeldItem]:
        """Make folders with a file of states each, to be filled and handed to `finish`; of all, or of none.

        Of several runs that begin one looks for room at a time, so that each sees what the others take. On a disk without locks
        two that begin in the same moment may together take more than the limit.

        Args:
            wanted: Keys, and how many bytes their states take.

        Raises:
            StoreFullError: The limit or the disk has no room for them, or the folder cannot be written.

        """
        total, begun = sum(size for _, size in wanted), list[HeldItem]()
        try:
            self._remove_abandoned()
            self.root.mkdir(parents=True, exist_ok=True)
            with self._one_at_a_time():
                self.make_room(total)
                for key, size in wanted:
                    begun.append(begin_item(name_unfinished(self.root / key)))
                    begun[-1].lock.truncate(size)
                    if hasattr(os, "posix_fallocate") and size:
                        # A mapped file that finds the disk full kills the process; reserved now, that cannot happen.
                        os.posix_fallocate(begun[-1].lock.fileno(), 0, size)
        except BaseException as error:
            for item in begun:
                item.give_up()
            if isinstance(error, OSError):
                raise StoreFullError(f"{describe_room(total)} cannot be written: {self.describe(error)}") from error
            raise
        return begun

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Wait until no other run looks for room, for a minute at most, and keep others waiting."""
        path = self.root / LOCK_FILE
        file: IO[bytes]
        try:
            file = path.open("ab")
        except PermissionError:
            if not path.exists():
                raise
            file = path.open("rb")  # another user's
        with file:
            until = time.monotonic() + _LONGEST_WAIT_SECONDS
            while try_lock(file, exclusive=True) is False and time.monotonic() < until:
                time.sleep(0.05)
            yield

    def finish(self, begun: HeldItem, record: dict[str, Any]) -> HeldItem:
        """Write the record of what was begun and filled, and give it its name; only then it is an item, and it is held.

        Where another run was faster with the same, its item is returned.

        Raises:
            StoreFullError: Another one of the same name is damaged, and another run reads it.
            OSError: It cannot be written.

        """
        size, digest = begun.states.stat().st_size, checksum(begun.states)
        whole = {**record, "bytes": size, "checksum": digest, "created": time.time()}
        write_file(begun.folder / RECORD_FILE, json.dumps(whole, indent=2))
        target = name_finished(begun.folder)
        item, _ = self.find(target.name)
        if item is None:
            try:
                return put_in_place(begun, target, whole)
            except OSError:  # perhaps another run was faster in this moment
                item, _ = self.find(target.name)
                if item is None:
                    raise
        begun.give_up()
        return item

    def describe(self, error: OSError) -> str:
        """Return why the folder is of no use, and what to do, without a full stop."""
        return (
            f"{self.root} cannot be read or written ({os_reason(error)}); --feature_cache FOLDER or the environment variable "
            "HFKIT_CACHE names another"
        )

    def clear(self) -> Cleared:
        """Remove all that no run reads or writes.

        Raises:
            OSError: The folder cannot be read.

        """
        removed, in_use, refusals = 0, 0, list[OSError]()
        for entry in self.entries():
            try:
                is_gone = (not entry.is_unfinished or is_abandoned(entry)) and remove(entry)
            except OSError as error:
                refusals.append(error)  # others may go
                continue
            removed, in_use = removed + entry.bytes * is_gone, in_use + entry.bytes * (not is_gone)
        return Cleared(removed, in_use, refusals)

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
        removable = [entry for entry in entries if not entry.is_unfinished and _may_go(entry)]
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

    def _remove_abandoned(self) -> None:
        """Remove what was left by processes that were killed while they wrote or removed something, and what is damaged."""
        for entry in self.entries():
            with contextlib.suppress(OSError):  # somebody else's, or gone already
                if is_abandoned(entry) or (entry.record is None and not entry.is_unfinished):
                    remove(entry)


def _may_go(entry: Entry) -> bool:
    """Whether nobody reads an entry now, and it is not another user's."""
    try:
        return not is_held(entry)
    except PermissionError:
        return False


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
