"""What the input of a prediction is: a file, a folder, lines or a text; and refusals of paths where nothing is."""

import difflib
import os
import re
import shlex
from enum import Enum
from pathlib import Path

from ..errors import UserError
from .paths import DATA_SUFFIXES, IMAGE_SUFFIXES, MORE_DATA_SUFFIXES, PACKED_SUFFIXES, is_table_name

_LINES_SUFFIXES = (".text", ".log", ".md", ".lst")
_SPREADSHEET_SUFFIXES = (".xls", ".xlsm", ".ods", ".numbers")
_OTHER_PACKED_SUFFIXES = (".zst", ".tar", ".tgz", ".7z", ".rar")
_OTHER_SUFFIXES = (
    *(".doc", ".docx", ".odt", ".rtf", ".pdf", ".html", ".htm", ".xml", ".yaml", ".yml"),
    *(".orc", ".avro", ".npy", ".npz", ".pkl", ".pickle", ".h5", ".db", ".sqlite", ".svg", ".mp4"),
)
FILE_SUFFIXES = (
    *DATA_SUFFIXES,
    *MORE_DATA_SUFFIXES,
    *PACKED_SUFFIXES,
    *IMAGE_SUFFIXES,
    *_LINES_SUFFIXES,
    *_SPREADSHEET_SUFFIXES,
    *_OTHER_PACKED_SUFFIXES,
    *_OTHER_SUFFIXES,
)
"""What the name of a file ends with; a text seldom does."""
_LONGEST_NAME = 255
_ALIKE = 0.85
_ONE_WORD_NAME = re.compile(r"\w[\w.-]*_[\w.-]*")


class InputKind(Enum):
    """What is predicted."""

    TABLE = "a table"
    LINES = "lines"
    FOLDER = "a folder"
    PHOTO = "a photo"
    TEXT = "a text"


def find_input_kind(given: str, model: str = "MODEL") -> InputKind:
    """Tell what an input is: what is there as a file or folder, `-` for lines on stdin, and else a text.

    Args:
        given: The input.
        model: What messages call the model.

    Raises:
        UserError: It looks like the name of a file or folder that is not there, or is a file of a kind that is not read.

    """
    if given == "-":
        return InputKind.LINES
    path = existing_path(given)
    if path is None:
        _check_is_text(given, model)
        return InputKind.TEXT
    if path.is_dir():
        return InputKind.FOLDER
    if is_table_name(path.name) or not path.suffix:
        return InputKind.TABLE
    _check_is_read(given, path, model)
    return InputKind.PHOTO


def existing_path(given: str) -> Path | None:
    """Return the file or folder of this name, if there is one; a text may be too long for a name."""
    try:
        path = Path(given).expanduser()
        return path if given and path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None


def looks_like_a_file(given: str) -> bool:
    """Whether what is not there is rather the name of a file or folder than a text.

    It is where it ends as files do, has a slash and no spaces, stands in a folder that is there, is one word with an underscore,
    or differs by a letter or two from a name in the current folder. Addresses, mentions and hashtags are texts.
    """
    name = given.strip()
    if "\n" in name or len(name) > _LONGEST_NAME:
        return False
    if name.lower().endswith(FILE_SUFFIXES):
        return True
    if "://" in name or name.startswith(("@", "#")):
        return False
    if "/" in name:
        parent = name.rpartition("/")[0]
        return len(name.split()) == 1 or (bool(parent) and existing_path(parent) is not None)
    return len(name.split()) == 1 and (_ONE_WORD_NAME.fullmatch(name) is not None or find_near_name(name) is not None)


def find_near_name(given: str) -> str | None:
    """Return the name in the folder of a path that it is most like, if one is much like it."""
    folder, _, name = given.rpartition("/")
    try:
        names = [each for each in os.listdir(Path(folder or ".").expanduser()) if not each.startswith(".")]
    except (OSError, RuntimeError):
        return None
    near = difflib.get_close_matches(name, names, 1, _ALIKE)
    return f"{folder}/{near[0]}" if near and folder else near[0] if near else None


def _check_is_text(given: str, model: str) -> None:
    """Refuse what looks like a file's name, and nothing at all; either can be predicted as a text by stdin."""
    as_text = f"echo {shlex.quote(given)} | hfkit predict {shlex.quote(model)} -"
    if not given.strip():
        raise UserError(f"INPUT is empty: name a file or a folder, or to predict an empty text write {as_text}")
    if looks_like_a_file(given):
        near = find_near_name(given)
        instead = f"did you mean {near}? If it is" if near else "check the path, or if it is"
        raise UserError(f"There is no file or folder {given} (from {Path.cwd()}): {instead} a text, write {as_text}")


def _check_is_read(given: str, path: Path, model: str) -> None:
    """Refuse a file that is neither a table nor a photo, and say how to predict what it holds."""
    suffix, table = path.suffix.lower(), f"a table ({', '.join(DATA_SUFFIXES)})"
    if suffix in _LINES_SUFFIXES:
        lines = f"cat {shlex.quote(given)} | hfkit predict {shlex.quote(model)} -"
        raise UserError(
            f"{given} is neither a table nor a photo: to predict each of its lines as a text, write {lines}"
        )
    if suffix in _SPREADSHEET_SUFFIXES:
        raise UserError(f"{given} is a spreadsheet, which is not read: save it as CSV, and name that file.")
    if suffix in _OTHER_PACKED_SUFFIXES:
        raise UserError(
            f"{given} is packed in a way that is not read: unpack it, and name {table} or a folder of photos."
        )
    if suffix in _OTHER_SUFFIXES:
        raise UserError(f"{given} is neither a table nor a photo, and is not read: save it as {table}.")
