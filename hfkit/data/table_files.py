"""Files of tables as bytes, packed or not."""

import bz2
import csv
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import UserError, os_reason
from ..flags.paths import table_suffix
from ..flags.tables import TableFlags
from ..notes import Note

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_LINES_SUFFIXES = ("", ".csv", ".tsv", ".txt", ".tab", ".dat", ".data")
_JSON = re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*"[^"]*"\s*:')
_BEGIN = 4096
ARROW_SUFFIXES = (".arrow", ".feather")
_POINTER = b"version https://git-lfs.github.com/spec/"
_ABOUT, _ABOUT_SUFFIXES = ("readme", "license", "licence"), ("", ".txt", ".md", ".rst", ".pdf", ".html")
_ADDED = ("__macosx", "thumbs.db", "desktop.ini")
_OPEN = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
UNPACKING_ERRORS = (EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
"""What the unpackers raise for a broken file besides OSError."""
ENCODING_FLAGS = ("encoding", "encoding_errors")
"""Those of the flags for tables that count for any file of characters."""
PARSING_ERRORS = (
    ValueError,  # pandas' and most of pyarrow's
    TypeError,
    LookupError,  # a part that is missing in an Excel file, a key that pyarrow does not know
    ArithmeticError,  # times beyond the year 9999
    AttributeError,  # openpyxl's, of an element that is missing
    SyntaxError,  # of XML
    NotImplementedError,  # pyarrow's, of a type that has no Python value
    RecursionError,  # JSON in JSON in JSON
    csv.Error,
)
"""What the libraries raise that read tables, for a file that is no table or has a value that no cell can have."""


def describe_parsing_error(error: Exception) -> str:
    """Return in some words what is wrong with a file whose reading raised one of `PARSING_ERRORS`."""
    text = " ".join(str(error).split()).rstrip(".")[:200]
    is_plain = not isinstance(error, PARSING_ERRORS) or isinstance(error, ValueError)
    return text if is_plain and text else f"{type(error).__name__}: {text}".rstrip(": ")


def open_table(path: Path) -> IO[bytes]:
    """Open a file to read its bytes, unpacked where it is a .gz, .xz, .bz2 or .zip file.

    Raises:
        UserError: A .zip file holds not one file but several, or is none.
        OSError: It cannot be opened.

    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return _open_zip(path)
    return _OPEN[suffix](path, "rb") if suffix in _OPEN else path.open("rb")  # type: ignore[operator]


def check_is_no_pointer(path: Path) -> None:
    """Refuse what Git leaves in the place of a large file that was not fetched.

    Raises:
        UserError: It is such.
        OSError: It cannot be read.

    """
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise UserError(
                f"{path} is not the file itself but says where Git LFS has it: write git lfs pull in its folder, or download it."
            )


def kind_of_table(path: Path) -> str:
    """Return the suffix that tells how a file is read, such as `.csv` for `a.csv.gz`.

    It is that of the only member of a .zip file, and `.json` for objects of JSON in a file that is called like lines of text.
    """
    suffix = table_suffix(path.name)
    if path.suffix.lower() == ".zip" and not suffix:
        with open_zip(path) as archive:
            suffix = table_suffix(_only_member(path, archive))
    return ".json" if suffix in _LINES_SUFFIXES and _begins_as_json(path) else suffix


def _begins_as_json(path: Path) -> bool:
    """Tell whether a file begins with an object of JSON, or an array of these; that it cannot be read is told later."""
    try:
        with open_table(path) as file:
            return _JSON.match(file.read(_BEGIN)) is not None
    except (OSError, *UNPACKING_ERRORS):
        return False


def note_unused_flags(path: Path, given: TableFlags, used: Collection[str] = ()) -> list[Note]:
    """Say which flags for tables change nothing for a file.

    Args:
        path: The file.
        given: The flags.
        used: Names of those that count for its kind.

    """
    names = [
        item.name for item in fields(TableFlags) if getattr(given, item.name) != item.default and item.name not in used
    ]
    if not names:
        return []
    flags = ", ".join(f"--{name}" for name in names)
    are = "is for files of another kind and changes" if len(names) == 1 else "are for files of another kind and change"
    return [Note("flags_unused", f"{path.name}: {flags} {are} nothing.", on_card=False)]


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a .zip file.

    Raises:
        UserError: It is none, or cannot be read.

    """
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as zip: {error}.") from error


def list_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files in an archive, but for hidden ones, those that a Mac or Windows adds, and a readme or license."""
    return [
        member
        for member in archive.infolist()
        if not member.filename.endswith(("/", "\\")) and not any(map(_is_added, member_path(member).parts))
    ]


def member_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """Return where a file of an archive lies; some programs of Windows write backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _is_added(name: str) -> bool:
    is_about = PurePosixPath(name.lower()).stem in _ABOUT and PurePosixPath(name.lower()).suffix in _ABOUT_SUFFIXES
    return name.lower() in _ADDED or is_about or (name.startswith(".") and name != "..")


def _open_zip(path: Path) -> IO[bytes]:
    archive = open_zip(path)
    try:
        return archive.open(_only_member(path, archive))
    except RuntimeError as error:  # it has a password
        raise UserError(f"{path} cannot be unpacked: {error}; unpack it, and name the file.") from error


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of the only file in an archive.

    Raises:
        UserError: It has several, or none.

    """
    names = [member.filename for member in list_members(archive)]
    if len(names) != 1:
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        raise UserError(f"{path} holds {len(names)} files ({shown}): unpack it, and name the file or the folder.")
    return names[0]
