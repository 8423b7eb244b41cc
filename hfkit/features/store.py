"""Stored features on disk: a folder an item, keyed by content, written beside and then renamed."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from ..errors import UserError
from ..files import checksum, try_lock, write_file

STATES_FILE = "states.bin"
RECORD_FILE = "record.json"
DEFAULT_LIMIT_GB = 50.0
FORGOTTEN_SECONDS = 2 * 24 * 3600.0
"""After so long what another machine began to write is taken for left behind."""


class StoreFullError(Exception):
    """There is no room for what is to be stored; the message says how much is missing and where."""


@dataclass(frozen=True)
class CacheItem:
    """One stored pass over the rows of one split.

    Attributes:
        folder: Where it is; its name is the key.
        record: What was stored: `bytes`, `checksum`, `shape`, `dtype`, `created`, and `of`, a line for a person.
        used: Seconds since 1970 when it was last read or written.

    """

    folder: Path
    record: dict[str, Any]
    used: float


class FeatureStore:
    """A folder of items with a limit on their size; the least recently used items make room for new ones.

    Args:
        root: The folder; default: `features` in `HFKIT_CACHE`, or in `~/.cache/hfkit`.
        limit: Bytes that all items may take; default: `HFKIT_CACHE_LIMIT_GB` gigabytes, or 50.

    Raises:
        UserError: The variable holds no number.

    """

    def __init__(self, root: Path | None = None, limit: int | None = None) -> None:
        cache = os.environ.get("HFKIT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "hfkit"
        self.root = (root or Path(cache) / "features").expanduser()
        stated = os.environ.get("HFKIT_CACHE_LIMIT_GB") or str(DEFAULT_LIMIT_GB)
        try:
            gigabytes = float(stated)
        except ValueError as error:
            raise UserError(f"HFKIT_CACHE_LIMIT_GB is {stated}: write a number of gigabytes, such as 50.") from error
        self.limit = int(gigabytes * 1e9) if limit is None else limit

    def items(self) -> list[CacheItem]:
        """Return the whole items, the most recently used first."""
        items = []
        for file in self.root.glob(f"*/{RECORD_FILE}"):
            try:
                items.append(CacheItem(file.parent, json.loads(file.read_text()), file.stat().st_mtime))
            except (OSError, ValueError):  # removed by another process, or damaged: `find` says so
                continue
        whole = [item for item in items if ".partial" not in item.folder.name]
        return sorted(whole, key=lambda item: item.used, reverse=True)

    def find(self, key: str) -> tuple[CacheItem | None, str]:
        """Return the item of a key, and a sentence where one was there but damaged; that one is removed.

        Raises:
            OSError: It cannot be read, which is no damage.

        """
        folder = self.root / key
        try:
            record = json.loads((folder / RECORD_FILE).read_text())
            states = folder / STATES_FILE
            whole = states.stat().st_size == record["bytes"] and checksum(states) == record["checksum"]
        except FileNotFoundError:
            if not folder.exists():
                return None, ""
            whole = False
        except (ValueError, KeyError):
            whole = False
        if not whole:
            _remove(folder)
            return None, "Stored features were damaged; they are computed again."
        with contextlib.suppress(OSError):  # somebody else's item may only be read
            os.utime(folder / RECORD_FILE)
        return CacheItem(folder, record, time.time()), ""

    def lock(self, item: CacheItem) -> IO[bytes]:
        """Keep an item from being removed, by this process or others, for as long as the file that is returned is open."""
        file = (item.folder / RECORD_FILE).open("rb")
        try_lock(file, exclusive=False)
        return file

    def begin(self, key: str, size: int) -> Path:
        """Make a folder with a states file of `size` bytes, to be filled and handed to `finish`.

        Raises:
            StoreFullError: The limit or the disk has no room for it.
            OSError: The folder cannot be written.

        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        self.make_room(size)
        folder = self.root / f"{key}.partial-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            with open(folder / STATES_FILE, "wb") as file:
                file.truncate(size)
                if hasattr(os, "posix_fallocate") and size:
                    # A mapped file that finds the disk full kills the process; reserved now, that cannot happen.
                    os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def finish(self, folder: Path, record: dict[str, Any]) -> CacheItem:
        """Write the record of a filled folder and give it its name; only then it is an item."""
        states = folder / STATES_FILE
        whole = {**record, "bytes": states.stat().st_size, "checksum": checksum(states), "created": time.time()}
        write_file(folder / RECORD_FILE, json.dumps(whole, indent=2))
        target = folder.with_name(folder.name.partition(".partial")[0])
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            shutil.rmtree(folder)  # another run was faster with the same
        return CacheItem(target, whole, time.time())

    def clear(self) -> int:
        """Remove all items that no run reads, and what killed runs left, and return how many bytes that were."""
        items = [item for item in self.items() if not _is_locked(item)]
        for item in items:
            _remove(item.folder)
        self._remove_abandoned()
        return sum(item.record["bytes"] for item in items)

    def make_room(self, size: int) -> None:
        """Remove the least recently used items that no run reads, until `size` more bytes have room.

        Raises:
            StoreFullError: There would not be enough; nothing is removed then.

        """
        if size > self.limit:
            raise StoreFullError(
                f"{size / 1e9:.1f} GB would be above the cache's limit of {self.limit / 1e9:.1f} GB (HFKIT_CACHE_LIMIT_GB)"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        items = self.items()
        free = shutil.disk_usage(self.root).free
        above_limit = sum(item.record["bytes"] for item in items) + size - self.limit
        above_disk = size / 0.95 - free  # a full disk would stop more than this run
        removable = [item for item in items if not _is_locked(item)]
        total = sum(item.record["bytes"] for item in removable)
        if above_disk > total:
            raise StoreFullError(
                f"{size / 1e9:.1f} GB do not fit on the disk of {self.root}, which has {free / 1e9:.1f} GB free"
            )
        if above_limit > total:
            raise StoreFullError(
                f"{size / 1e9:.1f} GB have no room beside what other runs read now, below the cache's limit of "
                f"{self.limit / 1e9:.1f} GB (HFKIT_CACHE_LIMIT_GB)"
            )
        removed = 0
        while removed < max(above_limit, above_disk):
            item = removable.pop()
            _remove(item.folder)
            removed += item.record["bytes"]

    def _remove_abandoned(self) -> None:
        """Remove what was left by processes that were killed while they wrote or removed something."""
        for folder in self.root.glob("*"):
            if ".partial-" in folder.name:
                host, _, number = folder.name.partition(".partial-")[2].rpartition("-")[0].rpartition("-")
                abandoned = host == socket.gethostname() and not (number.isdigit() and psutil.pid_exists(int(number)))
            else:  # a whole item was renamed with its record in it
                abandoned = bool(re.fullmatch("[0-9a-f]{32}", folder.name)) and not (folder / RECORD_FILE).exists()
            with contextlib.suppress(OSError):  # somebody else's, or gone already
                newest = max(path.stat().st_mtime for path in (folder, *folder.glob("*")))
                if abandoned or (".partial-" in folder.name and time.time() - newest > FORGOTTEN_SECONDS):
                    shutil.rmtree(folder)


def _remove(folder: Path) -> None:
    """Remove an item; killed in between, it leaves what `_remove_abandoned` finds."""
    doomed = folder.with_name(f"{folder.name}.partial-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _is_locked(item: CacheItem) -> bool:
    """Whether a run reads an item now."""
    try:
        with open(item.folder / RECORD_FILE, "rb") as file:
            return try_lock(file, exclusive=True) is False
    except OSError:
        return False
