"""Rows of CSV, TSV and other files with separators, read record by record in the format that training finds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..data.delimited_tables import check_quotes, name_columns, note_format
from ..data.table_files import kind_of_table
from ..data.table_format import ScannedTable, TableFormat, find_format
from ..data.tables import check_is_text
from ..errors import UserError, os_reason
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .rows import Counts, Row, file_identity

_AS_NAMED = {".csv": TableFormat(","), ".tsv": TableFormat("\t")}
"""What is not worth a word."""
_LEAST_SHARE = 0.7


@dataclass
class DelimitedFile:
    """A file with separators, which was read to its end, so that what is wrong with the whole of it is told first."""

    path: Path
    columns: list[str]
    total: int | None
    identity: str
    format: TableFormat = field(default_factory=TableFormat)
    notes: list[Note] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, given: TableFlags = FIND, named: Collection[str] = ()) -> "DelimitedFile":
        """Find the format, read the header, count the rows, and see whether the file is whole.

        Args:
            path: The file.
            given: What flags say of its format.
            named: Columns that flags name.

        Raises:
            UserError: It is empty, has broken characters, or a quote is never closed.

        """
        try:
            check_is_text(path)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
        table = find_format(path, given, named)
        if given.separator is None and _is_lines(path, table):
            return cls._of_lines(path, table.format)
        check_quotes(path, table.scan)
        columns = name_columns(path, table)
        own = _AS_NAMED.get(kind_of_table(path))
        total = table.scan.total - table.format.header
        notes = [] if table.format == own else note_format(path, columns, table, total)
        return cls(path, columns, total, file_identity(path), table.format, notes)

    @classmethod
    def _of_lines(cls, path: Path, of_file: TableFormat) -> "DelimitedFile":
        """Open a file in which each line is a text."""
        given = TableFlags("none", False, False, of_file.encoding, of_file.encoding_errors)
        table = find_format(path, given)
        notes = [Note("table_format", f"{path.name}: read as one text a line, {table.scan.total} rows.", on_card=False)]
        return cls(path, ["text"], table.scan.total, file_identity(path), table.format, notes)

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return False

    @property
    def counts(self) -> Counts:
        """What tells a row."""
        return "line"

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; one with more fields than the header cannot be read, and one with fewer lacks the last cells."""
        records = self.format.records(self.path)
        if self.format.header:
            next(records)
        width = len(self.columns)
        for record in records:
            cells = record.cells
            surplus = f"{len(cells)} fields in place of {width}: quote texts that hold the separator"
            missing = [None] * (width - len(cells))
            yield Row(record.line, [*cells, *missing], surplus if len(cells) > width else "")


def _is_lines(path: Path, table: ScannedTable) -> bool:
    """Whether a file without a suffix for tables has no separator by which its lines have as many cells."""
    seen = table.scan
    is_plain = kind_of_table(path) in ("", ".txt", ".dat", ".data")
    return is_plain and bool(seen.records) and (seen.width < 2 or (seen.total > 1 and seen.share < _LEAST_SHARE))
