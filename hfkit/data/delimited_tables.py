"""Tables of files with separators, such as CSV: every cell a text, every line accounted for."""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .columns import list_columns
from .headers import name_cells
from .separators import name_separator
from .table_format import ScannedTable, TableFormat, find_format
from .table_scan import Record, Scan

_ROWS_AT_ONCE = 10_000


def read_delimited(
    path: Path, given: TableFlags = FIND, named: Collection[str] = ()
) -> tuple[pd.DataFrame, list[Note]]:
    """Read a file with separators; cells stay text, and an empty cell is an empty text.

    Args:
        path: The file.
        given: What flags say of its format; the rest is found.
        named: Columns that flags name.

    Returns:
        The table, and a note on how the file was read.

    Raises:
        UserError: It cannot be read, is empty, has a row with more cells than columns, or quotes that swallow rows.

    """
    table = find_format(path, given, named)
    columns = name_columns(path, table)
    check_records(path, columns, table)
    frames = list(_frames(path, table.format, columns))
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({name: [] for name in columns}, dtype=str)
    return whole, note_format(path, columns, table, len(whole))


def name_columns(path: Path, table: ScannedTable) -> list[str]:
    """Return the names of the columns: those of the header, or their numbers from 1; a nameless one is called by its number.

    Without a header there are as many columns as most rows have cells: a longer row is one whose text has a separator.

    Raises:
        UserError: The file is empty.

    """
    records = table.scan.records
    if not records:
        raise UserError(f"{path} is empty: its first line must name the columns.")
    if not table.format.header:
        return [str(number) for number in range(1, table.scan.usual_width + 1)]
    header = records[0].cells
    if table.format.index_column and len(records[1].cells) > len(header):
        header = ["", *header]
    return name_cells(header)


def check_records(path: Path, columns: list[str], table: ScannedTable) -> None:
    """Refuse records that cannot be meant so.

    Raises:
        UserError: A record has more cells than there are columns, or a quote is not closed and swallows other records.

    """
    seen = table.scan
    check_quotes(path, seen)
    wide = [(line, width) for width, line in seen.line_of_width.items() if width > len(columns)]
    if not wide:
        return
    line, width = min(wide)
    count = sum(number for width, number in seen.widths.items() if width > len(columns))
    separator = name_separator(table.format.separator)
    usual = f"its header names ({list_columns(columns)})" if table.format.header else f"most have ({len(columns)})"
    raise UserError(
        f"{path}, read as {table.format.describe()}, has rows with more fields than {usual}: {count} of "
        f"{seen.total - table.format.header}, the first in line {line} with {width}. Quote texts that hold "
        f"a {separator} and end no row with one, or name another separator by --separator."
    )


def check_quotes(path: Path, seen: Scan) -> None:
    """Refuse a quote that is not closed where a cell ends, and makes one record of several.

    Raises:
        UserError: There is one.

    """
    if seen.first_swallowing and seen.is_quoted:
        raise UserError(
            f"{path} has a double quote that is never closed, in the record that begins in line {seen.first_swallowing}: close "
            f'it where the cell ends, as in {seen.quoted} other records, and double the quotes inside of a text (""); or write '
            "--quoting false where quotes are part of the texts."
        )
    if seen.first_swallowing:
        raise UserError(
            f"{path} has a double quote that is never closed: line {seen.first_swallowing} goes on over several lines, or to the "
            'end. Double the quotes inside of a text ("") and put the text in quotes, or write --quoting false where quotes mean '
            "nothing."
        )


def _frames(path: Path, table_format: TableFormat, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows some at a time, so that only those are Python objects."""
    records = table_format.records(path)
    if table_format.header:
        header = next(records).cells
        records = (record for record in records if record.cells != header)  # files that were put one behind another
    while rows := list(islice(records, _ROWS_AT_ONCE)):
        yield _frame(rows, columns)


def _frame(rows: list[Record], columns: list[str]) -> pd.DataFrame:
    width = len(columns)
    cells = [[*row.cells, *[""] * (width - len(row.cells))] for row in rows]
    return pd.DataFrame(cells, columns=columns, dtype=str)


def note_format(path: Path, columns: list[str], table: ScannedTable, rows: int) -> list[Note]:
    """Say how a file was read, and what its lines are.

    Args:
        path: The file.
        columns: Their names.
        table: What was found.
        rows: How many are taken.

    """
    seen = table.scan
    own = table.format
    repeated = seen.total - own.header - rows
    parts = [
        *(["1 that names the separator"] if own.skipped_lines else []),
        *(["1 header"] if own.header else []),
        f"{rows} rows",
        *([f"{repeated} left out since they repeat the header"] if repeated else []),
        *([f"{seen.inner_lines} further lines inside of quotes"] if seen.inner_lines else []),
        *([f"{seen.blank_lines} blank"] if seen.blank_lines else []),
    ]
    text = f"{path.name}: read as {own.describe()}; {seen.lines + own.skipped_lines} lines: {', '.join(parts)}."
    widths = seen.widths - Counter([seen.width] if own.header else [])
    short = {width: count for width, count in widths.items() if width < len(columns)}
    if short:
        first = min(seen.line_of_width[width] for width in short)
        text += f" {sum(short.values())} rows have fewer cells than columns (first in line {first}): the last ones are empty."
    if seen.badly_quoted and own.quoting:
        text += f" {seen.badly_quoted} rows have quotes inside that are not doubled (first in line {seen.first_badly_quoted})."
    return [Note("table_format", text, on_card=False)]
