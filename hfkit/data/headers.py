"""Whether the first record of a table has the names of its columns, or is a row."""

import re
from collections.abc import Collection, Sequence

from .columns import LABEL_COLUMNS, TEXT_COLUMNS
from .split_names import SPLIT_COLUMNS

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_USUAL = {
    *TEXT_COLUMNS,
    *LABEL_COLUMNS,
    *SPLIT_COLUMNS,
    "id",
    "index",
    "name",
    "date",
    "subject",
    "author",
    "url",
    "source",
}
_LONGEST_NAME = 60
_MOST_WORDS = 6
_LEAST_SHARE = 0.01


def is_header(records: Sequence[list[str]], named: Collection[str] = ()) -> bool:
    """Tell whether the first record names the columns.

    Args:
        records: The first records of a file.
        named: Columns that flags name; the number of a column is no name.

    """
    if len(records) < 2:
        return True
    first = [cell.strip() for cell in records[0]]
    others = records[1:]
    numbers = {str(number) for number in range(1, len(first) + 1)}
    if not set(first).isdisjoint({*named} - numbers) or _is_range(first, others):
        return True
    if records[0] in others and _stands_alone(first, [row for row in others if row != records[0]]):
        return True  # files that were put one behind another
    again = [_stands_among_rows(position, cell, others) for position, cell in enumerate(first)]
    if any(cell.lower() in _USUAL and not repeated for cell, repeated in zip(first, again, strict=True)):
        return True
    return not any(again) and not any(map(_is_value, first))


def name_cells(cells: Sequence[str]) -> list[str]:
    """Return the names of columns by the cells of a header: one without a name is called by its number, and none stands twice."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {number}"
        again = sum(other == name or other.startswith(f"{name}.") for other in names)
        names.append(f"{name}.{again}" if name in names else name)
    return names


def names_rows(records: Sequence[list[str]]) -> bool:
    """Tell whether the first column has no name, or not even a cell in the header, and a number in each row.

    Tables are written so with their index, by pandas or R.
    """
    header, *rows = records or [[]]
    if not rows or not header:
        return False
    is_shifted = all(len(row) == len(header) + 1 for row in rows)
    return (is_shifted or not header[0].strip()) and all(row[0].isdigit() for row in rows)


def _is_range(first: list[str], others: Sequence[list[str]]) -> bool:
    """Tell whether columns are called by their numbers, and not all rows have numbers there."""
    numbers = [str(number) for number in range(len(first))]
    return first == numbers and not all(map(_NUMBER.fullmatch, others[0]))


def _stands_alone(first: list[str], rows: Sequence[list[str]]) -> bool:
    """Tell whether no cell is in its column of other rows, as a label would be."""
    return not any(cell and cell == other.strip() for row in rows for cell, other in zip(first, row, strict=False))


def _stands_among_rows(position: int, cell: str, others: Sequence[list[str]]) -> bool:
    """Tell whether a cell of the first record is in its column again and again, as a label would be."""
    again = sum(len(row) > position and row[position].strip() == cell for row in others)
    return bool(cell) and again > _LEAST_SHARE * len(others)


def _is_value(cell: str) -> bool:
    """Tell whether a cell is a number or a text, and so no name."""
    return bool(_NUMBER.fullmatch(cell)) or len(cell) > _LONGEST_NAME or len(cell.split()) > _MOST_WORDS
