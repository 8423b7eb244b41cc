"""Stored features on disk: a folder an entry, keyed by content, written beside and then renamed."""

import json
import os
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import xxhash

from .files import write_file

STATES_FILE = "states.bin"
RECORD_FILE = "record.json"
DEFAULT_LIMIT_GB = 50.0
_CHUNK = 1 << 24


class StoreFullError(Exception):
    """There is no room for what is to be stored; the message says how much is missing and where."""


@dataclass(frozen=True)
class Entry:
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
    """A folder of entries with a limit on their size; the least recently used entries make room for new ones.

    Args:
        root: The folder; default: `features` in `HFKIT_CACHE`, or in `~/.cache/hfkit`.
        limit: Bytes that all entries may take; default: `HFKIT_CACHE_LIMIT_GB` gigabytes, or 50.

    """

    def __init__(self, root: Path | None = None, limit: int | None = None) -> None:
        cache = os.environ.get("HFKIT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "hfkit"
        self.root = (root or Path(cache) / "features").expanduser()
        gigabytes = float(os.environ.get("HFKIT_CACHE_LIMIT_GB") or DEFAULT_LIMIT_GB)
        self.limit = int(gigabytes * 1e9) if limit is None else limit

    def entries(self) -> list[Entry]:
        """Return the whole entries, the most recently used first."""
        found = []
        for file in self.root.glob(f"*/{RECORD_FILE}"):
            try:
                found.append(Entry(file.parent, json.loads(file.read_text()), file.stat().st_mtime))
            except (OSError, ValueError):  # removed by another process, or damaged: `find` says so
                continue
        whole = [entry for entry in found if ".partial" not in entry.folder.name]
        return sorted(whole, key=lambda entry: entry.used, reverse=True)

    def find(self, key: str) -> tuple[Entry | None, str]:
        """Return the entry of a key, and a sentence where one was there but damaged; that one is removed."""
        folder = self.root / key
        if not folder.exists():
            return None, ""
        try:
            record = json.loads((folder / RECORD_FILE).read_text())
            states = folder / STATES_FILE
            if states.stat().st_size == record["bytes"] and checksum(states) == record["checksum"]:
                os.utime(folder / RECORD_FILE)
                return Entry(folder, record, time.time()), ""
        except (OSError, ValueError, KeyError):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        return None, "Stored features were damaged; they are computed anew."

    def begin(self, key: str, size: int) -> Path:
        """Make a folder with a states file of `size` bytes, to be filled and handed to `finish`.

        Raises:
            StoreFullError: The limit or the disk has no room for it.
            OSError: The folder cannot be written.

        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        self._make_room(size)
        folder = self.root / f"{key}.partial-{socket.gethostname()}-{os.getpid()}"
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

    def finish(self, folder: Path, record: dict[str, Any]) -> Entry:
        """Write the record of a filled folder and give it its name; only then it is an entry."""
        states = folder / STATES_FILE
        whole = {**record, "bytes": states.stat().st_size, "checksum": checksum(states), "created": time.time()}
        write_file(folder / RECORD_FILE, json.dumps(whole, indent=2))
        target = folder.with_name(folder.name.partition(".partial")[0])
        try:
            folder.rename(target)
        except OSError:  # another run was faster with the same
            shutil.rmtree(folder)
        return Entry(target, whole, time.time())

    def clear(self) -> int:
        """Remove all entries, and what killed runs left, and return how many bytes that were."""
        size = sum(entry.record["bytes"] for entry in self.entries())
        for entry in self.entries():
            shutil.rmtree(entry.folder)
        self._remove_abandoned()
        return size

    def _make_room(self, size: int) -> None:
        """Remove the least recently used entries until `size` more bytes are below the limit."""
        if size > self.limit:
            raise StoreFullError(
                f"{size / 1e9:.1f} GB would be above the cache's limit of {self.limit / 1e9:.1f} GB (HFKIT_CACHE_LIMIT_GB)"
            )
        entries = self.entries()
        while entries and sum(entry.record["bytes"] for entry in entries) + size > self.limit:
            shutil.rmtree(entries.pop().folder, ignore_errors=True)
        free = shutil.disk_usage(self.root).free
        if size > 0.95 * free:  # a full disk would stop more than this run
            raise StoreFullError(
                f"{size / 1e9:.1f} GB do not fit on the disk of {self.root}, which has {free / 1e9:.1f} GB free"
            )

    def _remove_abandoned(self) -> None:
        """Remove what processes of this machine left that were killed while they wrote."""
        for folder in self.root.glob(f"*.partial-{socket.gethostname()}-*"):
            if not psutil.pid_exists(int(folder.name.rpartition("-")[2])):
                shutil.rmtree(folder, ignore_errors=True)


def checksum(file: Path) -> str:
    """Return the XXH3 sum of a file: it finds damage, not malice."""
    digest = xxhash.xxh3_64()
    with open(file, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
