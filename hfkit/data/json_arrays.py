"""JSON whose rows are lists of cells: an array of arrays, with or without a header, and what pandas writes by split."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from .columns import list_columns
from .headers import is_header, name_cells

_LOOKED_AT = 1000
_SHOWN = 100
Row = dict[str, Any]


def rows_of_arrays(
    path: Path, rows: Sequence[list[Any]], header: bool | None = None, named: Collection[str] = ()
) -> tuple[list[Row], str]:
    """Return the rows of an array of arrays, and what shape it has; without a header columns are called by their numbers from 1.

    Args:
        path: What messages call it.
        rows: At least one.
        header: Whether the first one names the columns; None: found as of a file with separators.
        named: Columns that flags name.

    Raises:
        UserError: A row has more cells than there are columns.

    """
    if header is None:
        header = _names_columns(rows, named)
    if header:
        names = name_cells([_as_text(cell) for cell in rows[0]])
        shape = "a JSON array of arrays, header"
    else:
        usual_width = Counter(map(len, rows)).most_common(1)[0][0]
        names = [str(number) for number in range(1, usual_width + 1)]
        shape = "a JSON array of arrays, no header"
    wide = next((number for number, row in enumerate(rows) if len(row) > len(names)), None)
    if wide is not None:
        raise UserError(
            f"{path}, read as {shape}, has rows with more cells than columns ({list_columns(names)}): the first is row "
            f"{wide - int(header)}, counted from 0, with {len(rows[wide])}, {_show(rows[wide])}; write as many cells into each "
            "row."
        )
    return [dict(zip(names, row, strict=False)) for row in rows[int(header) :]], shape


def rows_by_split(path: Path, content: Mapping[str, Any]) -> tuple[list[Row], str] | None:
    """Return the rows of an object with `columns` and `data`, as pandas writes by split; None where it is none, or has objects.

    Args:
        path: What messages call it.
        content: A JSON document.

    Raises:
        UserError: The data are no list, or a row has not as many cells as there are columns.

    """
    if not {"columns", "data"} <= set(content) or not isinstance(content["columns"], list):
        return None
    rows = content["data"]
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        return None
    names = name_cells([_as_text(name) for name in content["columns"]])
    needed = f"it must hold a list of {len(names)} cells for each row ({list_columns(names)})"
    if not isinstance(rows, list):
        raise UserError(f"{path}, read as JSON of pandas by split, has {_show(rows)} for its data: {needed}.")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise UserError(
                f"{path}, read as JSON of pandas by split, has in row {number}, counted from 0, of its data "
                f"{_show(row)}: {needed}."
            )
    return [dict(zip(names, row, strict=True)) for row in rows], "JSON of pandas by split"


def _names_columns(rows: Sequence[list[Any]], named: Collection[str]) -> bool:
    """Tell whether the first row has the names of the columns: it has texts alone, and is no row by what the others have."""
    if not all(isinstance(cell, str) for cell in rows[0]):
        return False
    return is_header([[_as_text(cell) for cell in row] for row in rows[:_LOOKED_AT]], named)


def _as_text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _show(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:_SHOWN]
