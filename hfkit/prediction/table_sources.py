"""From a table to its rows, by what kind of file it is."""

from collections.abc import Sequence
from pathlib import Path

from ..data.table_files import ARROW_SUFFIXES, ENCODING_FLAGS, JSON_SUFFIXES, kind_of_table, note_unused_flags
from ..flags.tables import TableFlags
from ..notes import Note
from .delimited import DelimitedFile
from .json_lines import JsonFile, is_document
from .json_text import JsonText
from .parquet import ParquetFile
from .rows import RowSource
from .table_rows import TableRows


def open_table(path: Path, given: TableFlags, named: Sequence[str]) -> tuple[RowSource, list[Note]]:
    """Return the rows of a table, and notes on how it is read.

    Args:
        path: The file.
        given: What flags say of its format.
        named: Columns that flags name.

    Raises:
        UserError: It cannot be read.

    """
    suffix = kind_of_table(path)
    if suffix == ".parquet":
        return ParquetFile.open(path), note_unused_flags(path, given)
    if suffix in JSON_SUFFIXES:
        text = JsonText.find(path, given)
        if not is_document(text):
            rows = JsonFile.open(text, named)
            return rows, [*rows.notes, *note_unused_flags(path, given, ENCODING_FLAGS)]
    if suffix in (*JSON_SUFFIXES, *ARROW_SUFFIXES, ".xlsx"):
        table = TableRows.open(path, given, named)
        return table, table.notes
    file = DelimitedFile.open(path, given, named)
    return file, file.notes
