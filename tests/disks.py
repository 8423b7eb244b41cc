"""Disks as they go wrong: that can only be read, that are full, and whose files were damaged. Also for root."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import resource

_CLOSED: list[str] = []
_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.utime", "os.truncate", "os.link", "os.symlink")


def _refuse_changes(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise what a disk that can only be read does, for what Python's own functions would change there."""
    if not _CLOSED or event not in (*_CHANGES, "open", "shutil.rmtree"):
        return
    if event == "open":
        path, mode, flags = arguments
        changes = any(letter in mode for letter in "wax+") if mode else flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not changes:
            return
    for path in arguments:
        if isinstance(path, str | Path) and any(str(path).startswith(folder) for folder in _CLOSED):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a folder be one that can only be read; permissions would not bind root."""
    if not hasattr(read_only, "is_hooked"):
        sys.addaudithook(_refuse_changes)
        read_only.is_hooked = True  # type: ignore[attr-defined]
    _CLOSED.append(str(folder))
    try:
        yield
    finally:
        _CLOSED.remove(str(folder))


@contextmanager
def no_room_for_more_than(size: int) -> Iterator[None]:
    """Let the system refuse to make any file longer than so many bytes, in the midst of writing it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _flip(content: bytes) -> bytes:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "flipped": _flip,
    "cut": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "empty": lambda content: b"",
}
"""What becomes of a file's content."""
