"""Rows of JSONL files, one object a line, and of JSON files with one array, which alone is read as a whole."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.columns import TEXT_COLUMNS, find_usual
from ..data.encodings import find_encoding
from ..data.json_tables import flatten, rows_of_document
from ..data.table_files import UNPACKING_ERRORS, open_table
from ..data.table_format import open_text
from ..errors import UserError
from .rows import Row, file_identity


@dataclass
class JsonFile:
    """A JSONL file, or a JSON file with an array of objects; its columns are all keys, as they first appear."""

    path: Path
    columns: list[str]
    total: int | None
    identity: str
    array: list[Any] | None = None
    is_flat: bool = False

    @classmethod
    def open(cls, path: Path, named: Sequence[str] = ()) -> "JsonFile":
        """Find the columns and count the rows, by reading the file once; twice where the text is in an object of a row.

        Args:
            path: The file.
            named: Columns that flags name.

        Raises:
            UserError: It cannot be read, or has no row that is an object.

        """
        array = _read_array(path) if _is_array(path) else None
        columns, objects, total = _find_columns(path, array, is_flat=False)
        if not columns:
            raise UserError(f"{path} has no row: it must hold one object with the columns a line.")
        plain = [name for name in columns if name not in objects]
        has_text = set(named) <= set(plain) if named else find_usual(plain, TEXT_COLUMNS) is not None
        is_flat = bool(objects) and not has_text
        if is_flat:
            columns, _, _ = _find_columns(path, array, is_flat)
        return cls(path, columns, total, file_identity(path), array, is_flat)

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return False

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; a key that an object lacks is a missing cell."""
        for line, value, problem in _records(self.path, self.array):
            row = flatten(value) if self.is_flat and isinstance(value, dict) else value
            cells = [row.get(column) for column in self.columns] if isinstance(row, dict) else []
            yield Row(line, cells, problem)


def _find_columns(path: Path, array: list[Any] | None, is_flat: bool) -> tuple[list[str], set[str], int]:
    """Return the columns of all rows, those of them that have an object in a row, and the number of rows."""
    columns: dict[str, None] = {}
    objects: set[str] = set()
    total = 0
    for _, value, _ in _records(path, array):
        total += 1
        if isinstance(value, dict):
            row = flatten(value) if is_flat else value
            columns.update(dict.fromkeys(map(str, row)))
            objects.update(str(name) for name, cell in row.items() if isinstance(cell, dict))
    return list(columns), objects, total


def _is_array(path: Path) -> bool:
    return _begin(path).startswith("[")


def _begin(path: Path) -> str:
    """Return the begin of a file without a mark and spaces, and of a file in UTF-16 without the zero bytes."""
    try:
        with open_table(path) as file:
            return file.read(4096).lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\0", b"").decode("latin-1")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UNPACKING_ERRORS as error:
        raise UserError(f"{path} cannot be unpacked: {error}.") from error


def is_document(path: Path) -> bool:
    """Whether a file of JSON is one object with the rows in it, or an array of arrays, and so read as a whole by its shape.

    Raises:
        UserError: It cannot be read.

    """
    begin = _begin(path)
    if begin.startswith("[") and begin[1:].lstrip().startswith("["):
        return True
    if not begin.startswith("{") or path.name.lower().split(".")[-1] in ("jsonl", "ndjson"):
        return False
    with open_table(path) as file:
        lines = (line for line in file if line.strip(b"\xef\xbb\xbf \t\r\n"))
        first = next(lines, b"")
        has_more = next(lines, None) is not None
    try:
        content = json.loads(first)
    except (ValueError, RecursionError):
        return _is_json(path)  # or an object a line, whose first is broken
    return not has_more and rows_of_document(path, content)[0] is not None


def _is_json(path: Path) -> bool:
    """Whether a whole file is one JSON document."""
    try:
        with open_table(path) as file:
            json.load(file)
    except (ValueError, RecursionError):
        return False
    return True


def _read_array(path: Path) -> list[Any]:
    with open_text(path, find_encoding(path).name, "strict") as file:
        text = file.read()
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON: {error}.") from error
    return list(content)


def _records(path: Path, array: list[Any] | None) -> Iterator[tuple[int, Any, str]]:
    """Yield the line of each row (of an array: its number), what stands there, and why it cannot be read."""
    if array is not None:
        for number, value in enumerate(array, 1):
            yield number, value, "" if isinstance(value, dict) else "no object with columns"
        return
    try:
        with open_table(path) as file:
            for line, content in enumerate(file, 1):
                if content.strip():
                    yield line, *_parse(content.removeprefix(b"\xef\xbb\xbf") if line == 1 else content)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def _parse(content: bytes) -> tuple[Any, str]:
    """Return what a line holds, and why it cannot be read."""
    try:
        value = json.loads(content.decode().rstrip())
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 (byte 0x{error.object[error.start]:02x})"
    except json.JSONDecodeError as error:
        return None, f"not JSON ({error.msg}, column {error.colno})"
    except (ValueError, RecursionError) as error:
        return None, f"not JSON ({str(error)[:100]})"
    return (value, "") if isinstance(value, dict) else (None, "no object with columns")
