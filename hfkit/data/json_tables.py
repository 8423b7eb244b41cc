"""Rows of JSON in the shapes that people have: arrays, one object a line, any orient of pandas, and rows deep inside."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UserError
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .encodings import Encoding, find_encoding
from .json_arrays import Row, rows_by_split, rows_of_arrays
from .json_values import RepeatedKeyError, load_json
from .split_names import SPLIT_NAMES, split_named
from .table_files import ENCODING_FLAGS, note_unused_flags
from .table_format import open_text

_SHOWN = 100


def read_json(path: Path, given: TableFlags = FIND, named: Collection[str] = ()) -> tuple[pd.DataFrame, list[Note]]:
    """Read a JSON file as a table; whole numbers stay whole, and objects in objects become columns such as `user.name`.

    Args:
        path: The file.
        given: Flags, of which the encoding counts, and in an array of arrays whether there is a header.
        named: Columns that flags name.

    Raises:
        UserError: It cannot be read, or has no rows with columns.

    """
    text, encoding = _read_text(path, given)
    rows, shape = parse_rows(path, text, given.header, named)
    flat = [flatten(row) for row in rows]
    # dtype=object: pandas would turn whole numbers beside an empty cell into decimal ones.
    note = Note("table_format", f"{path.name}: read as {shape}, {encoding}; {len(rows)} rows.", on_card=False)
    used = (*ENCODING_FLAGS, "header") if shape.endswith("header") else ENCODING_FLAGS
    return pd.DataFrame(flat, dtype=object), [note, *note_unused_flags(path, given, used)]


def load_document(path: Path, given: TableFlags = FIND) -> tuple[Any, Encoding]:
    """Return the content of a file that is one JSON document, or None where it is none, and its encoding.

    Raises:
        UserError: It cannot be read.

    """
    text, encoding = _read_text(path, given)
    try:
        return load_json(text), encoding
    except (ValueError, RecursionError):
        return None, encoding


def _read_text(path: Path, given: TableFlags) -> tuple[str, Encoding]:
    encoding = find_encoding(path, given.encoding, given.encoding_errors)
    with open_text(path, encoding.name, given.encoding_errors) as file:
        return file.read(), encoding


def parse_rows(path: Path, text: str, header: bool | None = None, named: Collection[str] = ()) -> tuple[list[Row], str]:
    """Return the rows of a JSON text, and what shape it has.

    Args:
        path: What messages call it.
        text: Its content.
        header: Whether the first row of an array of arrays names the columns; None: found.
        named: Columns that flags name.

    Raises:
        UserError: It is no JSON, has no rows with columns, or an object with a key twice.

    """
    lines = _parse_lines(path, text)
    if lines is not None and all(isinstance(row, list) for row in lines):
        arrays, shape = rows_of_arrays(path, lines, header, named)
        return arrays, shape.replace("a JSON array of arrays", "JSON with one array a line")
    if lines is not None:
        return check_rows(path, lines), "JSON with one object a line"
    try:
        content = load_json(text)
    except RepeatedKeyError as error:
        raise UserError(f"{path}: {error}; leave one of them.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as json: {str(error)[:_SHOWN]}.") from error
    rows, shape = rows_of_document(path, content, header, named)
    if rows is None:
        raise UserError(
            f"{path} cannot be read as json: it must hold one object with the columns for each row, and holds "
            f"{_describe(content)}."
        )
    return check_rows(path, rows), shape


def _parse_lines(path: Path, text: str) -> list[Any] | None:
    """Return the values of lines, or None where the text is one document."""
    # Not splitlines(): it also splits at line separators inside of a text.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if (
        not lines
        or not _is_whole(lines[0][1])
        or (len(lines) == 1 and rows_of_document(path, json.loads(text))[0] is not None)
    ):
        return None
    values = []
    for number, line in lines:
        try:
            values.append(load_json(line))
        except RepeatedKeyError as error:
            raise UserError(f"{path}, line {number}: {error}; leave one of them.") from error
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{path} cannot be read as json, one object a line: line {number} is none ({str(error)[:_SHOWN]}): "
                f"'{line.strip()[:_SHOWN]}'."
            ) from error
    return values


def _is_whole(line: str) -> bool:
    """Whether a line is a JSON object, or an array of cells, by itself."""
    try:
        value = json.loads(line)
        return isinstance(value, dict) or (
            isinstance(value, list) and not any(isinstance(cell, dict) for cell in value)
        )
    except (ValueError, RecursionError):
        return False


def check_rows(path: Path, rows: Sequence[Any]) -> list[Row]:
    """Return rows that are all objects.

    Raises:
        UserError: One is none, or there is no row.

    """
    if not rows:
        raise UserError(f"{path} has no row: it must hold one object with the columns for each row.")
    wrong = next((number for number, row in enumerate(rows) if not isinstance(row, dict)), None)
    if wrong is not None:
        raise UserError(
            f"{path} cannot be read as json: it must hold one object with the columns for each row, and row {wrong}, counted "
            f"from 0, is {_describe(rows[wrong])}."
        )
    return list(rows)


def rows_of_document(
    path: Path, content: Any, header: bool | None = None, named: Collection[str] = ()
) -> tuple[list[Any] | None, str]:
    """Return the rows of one JSON document, and what shape it has; None where it has none that is known.

    Args:
        path: What messages call it.
        content: An array, or an object: of columns or of rows (pandas' orients), of splits, or with the rows under a key.
        header: Whether the first row of an array of arrays names the columns; None: found.
        named: Columns that flags name.

    Raises:
        UserError: Rows that are lists have not as many cells as there are columns.

    """
    if isinstance(content, list):
        if content and all(isinstance(row, list) for row in content):
            return rows_of_arrays(path, content, header, named)
        return content, "a JSON array of objects"
    if not isinstance(content, dict) or not content:
        return None, ""
    by_split = rows_by_split(path, content)
    if by_split is not None:
        return by_split
    return _rows_of_splits(content) or _rows_under_key(content) or _rows_of_objects(content) or (None, "")


def _rows_of_splits(content: Mapping[str, Any]) -> tuple[list[Any], str] | None:
    """Return the rows of an object with a list of objects for each split; each row says its split."""
    splits = {key: split_named(str(key)) for key in content}
    if "train" not in splits.values() or not all(splits.values()) or not all(map(_is_rows, content.values())):
        return None
    rows = [
        {**row, "split": splits[key]}
        for split in SPLIT_NAMES
        for key in content
        if splits[key] == split
        for row in content[key]
    ]
    return rows, f"JSON with the splits {', '.join(content)}"


def _rows_under_key(content: Mapping[str, Any]) -> tuple[list[Any], str] | None:
    """Return the rows of an object with one list of objects (`{"data": [...]}`), or one in an object of it."""
    lists = [key for key, value in content.items() if _is_rows(value)]
    if len(lists) == 1:
        rows = content[lists[0]]
        if all(isinstance(row.get("row"), dict) for row in rows):
            rows = [row["row"] for row in rows]
        return rows, f"JSON with the rows under '{lists[0]}'"
    objects = [value for value in content.values() if isinstance(value, dict)]
    if not lists and len(objects) == 1 and len(content) <= 3:
        return _rows_under_key(objects[0])
    return None


def _rows_of_objects(content: Mapping[str, Any]) -> tuple[list[Any], str] | None:
    """Return the rows of an object of columns or of rows."""
    values = list(content.values())
    if all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1:
        return [
            dict(zip(content, cells, strict=True)) for cells in zip(*values, strict=True)
        ], "JSON with a list a column"
    if not all(isinstance(value, dict) and value for value in values):
        return None
    if all(isinstance(cell, dict) for value in values for cell in value.values()):
        return None
    keys = list(dict.fromkeys(key for value in values for key in value))
    if _are_columns(content, keys):
        return [
            {name: column.get(key) for name, column in content.items()} for key in keys
        ], "JSON of pandas by columns"
    return values, "JSON of pandas by index"


def _are_columns(content: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether the outer keys are names of columns, and not of rows: those of rows are numbers, or there are more of them."""
    if all(str(key).isdigit() for key in keys) != all(str(key).isdigit() for key in content):
        return all(str(key).isdigit() for key in keys)
    return len(content) < len(keys)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def flatten(row: Row, before: str = "") -> Row:
    """Return a row whose objects are columns of their own, such as `user.name`."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _describe(content: Any) -> str:
    """Return what a value is, in some words."""
    if isinstance(content, dict):
        return f"an object with {', '.join(map(str, content))}"[:_SHOWN]
    return f"{json.dumps(content, ensure_ascii=False, default=str)[:_SHOWN]}"
