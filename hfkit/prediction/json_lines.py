"""Rows of JSONL files, one object a line, and of JSON files with one array, which alone is read as a whole."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..data.columns import TEXT_COLUMNS, find_usual
from ..data.json_tables import flatten, rows_of_document
from ..data.json_values import RepeatedKeyError, load_json
from ..errors import UserError
from ..notes import Note
from .json_text import JsonText
from .rows import Counts, Row, file_identity

_SHOWN = 100


@dataclass
class JsonFile:
    """A JSONL file, or a JSON file with an array of objects; its columns are all keys, as they first appear."""

    text: JsonText
    columns: list[str]
    total: int | None
    identity: str
    array: list[Any] | None = None
    is_flat: bool = False
    notes: list[Note] = field(default_factory=list)

    @classmethod
    def open(cls, text: JsonText, named: Sequence[str] = ()) -> "JsonFile":
        """Find the columns and count the rows, by reading the file once; twice where the text is in an object of a row.

        Args:
            text: The file.
            named: Columns that flags name.

        Raises:
            UserError: It cannot be read, or has no row that is an object.

        """
        array = _read_array(text) if text.begin().startswith("[") else None
        columns, objects, total = _find_columns(text, array, is_flat=False)
        if not columns:
            raise UserError(f"{text.path} has no row: it must hold one object with the columns a line.")
        plain = [name for name in columns if name not in objects]
        has_text = set(named) <= set(plain) if named else find_usual(plain, TEXT_COLUMNS) is not None
        is_flat = bool(objects) and not has_text
        if is_flat:
            try:
                columns, _, _ = _find_columns(text, array, is_flat)
            except RecursionError as error:
                raise UserError(f"{text.path} has objects in objects without end: it must hold flat rows.") from error
        return cls(text, columns, total, file_identity(text.path), array, is_flat, text.notes())

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return False

    @property
    def counts(self) -> Counts:
        """What tells a row."""
        return "line" if self.array is None else "row"

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.text.path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; a key that an object lacks is a missing cell."""
        for number, value, problem in _records(self.text, self.array):
            row = flatten(value) if self.is_flat and isinstance(value, dict) else value
            cells = [row.get(column) for column in self.columns] if isinstance(row, dict) else []
            yield Row(number, cells, problem)


def _find_columns(text: JsonText, array: list[Any] | None, is_flat: bool) -> tuple[list[str], set[str], int]:
    """Return the columns of all rows, those of them that have an object in a row, and the number of rows."""
    columns: dict[str, None] = {}
    objects: set[str] = set()
    total = 0
    for _, value, _ in _records(text, array):
        total += 1
        if isinstance(value, dict):
            row = flatten(value) if is_flat else value
            columns.update(dict.fromkeys(map(str, row)))
            objects.update(str(name) for name, cell in row.items() if isinstance(cell, dict))
    return list(columns), objects, total


def is_document(text: JsonText) -> bool:
    """Whether a file of JSON is one object with the rows in it, or an array of arrays, and so read as a whole by its shape.

    Raises:
        UserError: It cannot be read.

    """
    begin = text.begin()
    if begin.startswith("[") and begin[1:].lstrip().startswith("["):
        return True
    if not begin.startswith("{") or text.path.name.lower().split(".")[-1] in ("jsonl", "ndjson"):
        return False
    with text.open() as file:
        lines = (line for line in file if line.strip())
        first = next(lines, "")
        has_more = next(lines, None) is not None
    try:
        content = json.loads(first)
    except (ValueError, RecursionError):
        return _is_json(text)  # or an object a line, whose first is broken
    return not has_more and rows_of_document(text.path, content)[0] is not None


def _is_json(text: JsonText) -> bool:
    """Whether a whole file is one JSON document."""
    try:
        json.loads(text.read())
    except (ValueError, RecursionError):
        return False
    return True


def _read_array(text: JsonText) -> list[Any]:
    """Return the values of a file that is one array.

    Raises:
        UserError: It is none, or has bytes that are no character.

    """
    try:
        return list(load_json(text.read()))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{text.path} cannot be read as JSON: {str(error)[:_SHOWN]}.") from error


def _records(text: JsonText, array: list[Any] | None) -> Iterator[tuple[int, Any, str]]:
    """Yield the line of each row (of an array: its number from 0), what stands there, and why it cannot be read."""
    if array is not None:
        for number, value in enumerate(array):
            yield number, value, "" if isinstance(value, dict) else "no object with columns"
        return
    with text.open() as file:
        for line, content in enumerate(file, 1):
            if content.strip():
                yield line, *_parse(content, text)


def _parse(line: str, text: JsonText) -> tuple[Any, str]:
    """Return what a line holds, and why it cannot be read."""
    problem = text.describe_broken(line)
    if problem:
        return None, problem
    try:
        value = load_json(line.rstrip())
    except RepeatedKeyError as error:
        return None, str(error)
    except json.JSONDecodeError as error:
        return None, f"not JSON ({error.msg}, column {error.colno})"
    except (ValueError, RecursionError) as error:
        return None, f"not JSON ({str(error)[:_SHOWN]})"
    return (value, "") if isinstance(value, dict) else (None, "no object with columns")
