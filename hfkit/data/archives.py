"""Data on this machine by their name: a file, a folder, or a .zip of several files, unpacked into the cache."""

import contextlib
import logging
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PureWindowsPath

from ..errors import UserError, os_reason
from ..files import cache_folder, checksum, describe_bytes
from ..flags.paths import check_dataset_path, check_names
from ..notes import Note
from .table_files import UNPACKING_ERRORS, list_members, member_path, open_zip

_FOLDER = "unpacked"
_LEAST_LIMIT = 1 << 30
_MOST_TIMES = 100
"""What is so many times as large as its archive, and more than a GiB, is made to fill disks: texts are packed to a tenth."""
_AT_ONCE = 1 << 20
_DAMAGED = (*UNPACKING_ERRORS, RuntimeError)
"""What is raised for a file that is broken, has a password, or is packed in a way that is not known."""

logger = logging.getLogger(__name__)


def find_local(dataset: str) -> tuple[Path | None, list[Note]]:
    """Return the file or folder of a dataset, and a note where it was unpacked; None: the name may be one of the Hub's.

    A .zip of one file is that file's, and stays as it is.

    Raises:
        UserError: The name is a path where nothing is, or not UTF-8, or of an archive that cannot be unpacked.

    """
    check_names([dataset])
    path = Path(dataset).expanduser()
    if not path.exists():
        check_dataset_path(dataset)
        return None, []
    if not holds_several(path):
        return path, []
    status = path.stat()
    folder, number = _unpack(path, status.st_size, status.st_mtime_ns)
    return folder, [Note("unpacked", f"{path.name}: {number:,} files, unpacked into {folder}.", on_card=False)]


def holds_several(path: Path) -> bool:
    """Tell whether a path is a .zip of several files, not counting those that a Mac or Windows adds.

    Raises:
        UserError: It cannot be read as one.

    """
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    with open_zip(path) as archive:
        return len(list_members(archive)) > 1


@lru_cache(16)
def _unpack(path: Path, size: int, time: int) -> tuple[Path, int]:
    """Unpack an archive of this size and time into a folder called after its content, and return it and how many files it has.

    What is there already, with the sum that the archive states of it, stays.
    """
    with open_zip(path) as archive:
        members = list_members(archive)
        _check_members(path, size, members)
        folder = cache_folder() / _FOLDER / f"{path.stem}-{checksum(path)}"
        try:
            for member in members:
                target = folder / member_path(member)
                if not _is_whole(target, member):
                    _write(archive, member, target)
        except OSError as error:
            raise UserError(
                f"{path} cannot be unpacked into {folder} ({os_reason(error)}): unpack it, and name the folder, or name another "
                "folder for caches by the environment variable HFKIT_CACHE."
            ) from error
        except _DAMAGED as error:
            raise UserError(
                f"{path} cannot be unpacked ({str(error).rstrip('.')}): pack it again without a password, or name a folder."
            ) from error
    return folder, len(members)


def _check_members(path: Path, size: int, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose files would lie elsewhere, over one another, or fill the disk.

    Raises:
        UserError: As above.

    """
    total = sum(member.file_size for member in members)
    if total > max(_LEAST_LIMIT, _MOST_TIMES * size):
        raise UserError(
            f"{path} would be {describe_bytes(total)} when it is unpacked, {total // max(size, 1):,} times what it is: if it is "
            "meant so, unpack it, and name the folder."
        )
    names: set[str] = set()
    for member in members:
        name, parts = member_path(member).as_posix(), member_path(member).parts
        if not parts or ".." in parts or PureWindowsPath(name).anchor:
            raise UserError(f"{path} has a file that would lie outside of its folder, {name}: do not use it.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UserError(f"{path} has a link, {name}, which is not followed: unpack it, and name the folder.")
        if name in names:
            raise UserError(f"{path} has the file {name} twice: unpack it, and name the folder.")
        names.add(name)


def _is_whole(target: Path, member: zipfile.ZipInfo) -> bool:
    """Tell whether a file is there as it was packed; a damaged one is told."""
    if not target.is_file():
        return False
    total = 0
    with target.open("rb") as file:
        while content := file.read(_AT_ONCE):
            total = zlib.crc32(content, total)
    if target.stat().st_size == member.file_size and total == member.CRC:
        return True
    logger.warning(f"{target} was damaged: it is unpacked again.")
    return False


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Write a file of an archive beside its place, and rename it: several processes may do so at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{os.getpid()}.partial")
    try:
        with archive.open(member) as source, beside.open("wb") as file:
            shutil.copyfileobj(source, file, _AT_ONCE)
        os.replace(beside, target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
