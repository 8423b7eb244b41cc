"""How a file with separators is written: separator, header, quotes and encoding, found by what fits all of its lines."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from ..errors import UserError, os_reason
from ..flags.tables import FIND, TableFlags
from .encodings import Encoding, find_encoding
from .headers import is_header, names_rows
from .separators import find_separator, name_separator, separator_in_line
from .table_files import UNPACKING_ERRORS, kind_of_table, open_table
from .table_scan import ONE_COLUMN, Record, Scan, iter_records, scan

_SAMPLE_LINES = 2000
_SAMPLE_CHARACTERS = 1 << 20
_NEARLY_ALL = 0.98
_MOST_BY_CHANCE = 2
"""So often a cell may be in a column without being one of a few labels."""


@dataclass(frozen=True)
class TableFormat:
    """How a file with separators is written.

    Attributes:
        separator: What parts cells: a character, several, or `ONE_COLUMN`.
        header: Whether the first record has the names of the columns.
        quoting: Whether double quotes around a cell are no part of it.
        encoding: As Python knows it.
        encoding_errors: What becomes of bytes that are no character: `strict`, `replace` or `ignore`.
        index_column: Whether the first column has no name and the numbers of the rows.
        is_encoding_guessed: Whether other encodings would fit, too.
        escapes: Whether quotes inside of a cell have a backslash in front of them, and are not doubled.
        skipped_lines: How many lines are before those of the table: one that names the separator, or none.

    """

    separator: str = ","
    header: bool = True
    quoting: bool = True
    encoding: str = "utf-8-sig"
    encoding_errors: str = "strict"
    index_column: bool = False
    is_encoding_guessed: bool = False
    escapes: bool = False
    skipped_lines: int = 0

    def describe(self) -> str:
        """Return it in some words.

        Examples:
            >>> TableFormat(";", header=False, quoting=False).describe()
            'semicolon-separated, no header, quotes kept, UTF-8'

        """
        encoding = str(Encoding(self.encoding)) + (" (guessed)" if self.is_encoding_guessed else "")
        parts = [
            "one column" if self.separator == ONE_COLUMN else f"{name_separator(self.separator)}-separated",
            "header" if self.header else "no header",
            *([] if self.quoting else ["quotes kept"]),
            *(["quotes escaped by backslashes"] if self.escapes else []),
            encoding,
            *([] if self.encoding_errors == "strict" else [f"broken characters: {self.encoding_errors}"]),
            *(["first column numbers the rows"] if self.index_column else []),
        ]
        return ", ".join(parts)

    @contextmanager
    def open(self, path: Path) -> Iterator[TextIO]:
        """Open a file of this format; lines keep their ends."""
        with open_text(path, self.encoding, self.encoding_errors, self.skipped_lines) as file:
            yield file

    def records(self, path: Path) -> Iterator[Record]:
        """Yield the records of a file of this format, the header among them, without blank lines."""
        with self.open(path) as file:
            records = iter_records(file, self.separator, self.quoting, self.escapes, 1 + self.skipped_lines)
            yield from (record for record in records if record.cells)


@contextmanager
def open_text(path: Path, encoding: str, errors: str, skipped_lines: int = 0) -> Iterator[TextIO]:
    """Open a file, packed or not, as text whose lines keep their ends, behind some lines that are skipped.

    Raises:
        UserError: It cannot be read or unpacked.

    """
    try:
        with open_table(path) as file, io.TextIOWrapper(file, encoding, errors, newline="") as text:
            for _ in range(skipped_lines):
                text.readline()
            yield text
    except OSError as error:
        raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
    except UNPACKING_ERRORS as error:
        raise UserError(f"{path} cannot be unpacked: {error}.") from error
    except csv.Error as error:
        raise UserError(f"{path} cannot be read as a table: {error}.") from error


@dataclass(frozen=True)
class ScannedTable:
    """A format that was found, and what the file is by it."""

    format: TableFormat
    scan: Scan


def find_format(path: Path, given: TableFlags = FIND, named: Collection[str] = ()) -> ScannedTable:
    """Find how a file with separators is written, by reading it some times; what is given is not looked for.

    Args:
        path: The file.
        given: The flags.
        named: Columns that flags name: where the first record has one, it is the header.

    Raises:
        UserError: It cannot be read, has characters that are broken, or is no text.

    """
    try:
        encoding = find_encoding(path, given.encoding, given.encoding_errors)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
    except UNPACKING_ERRORS as error:
        raise UserError(f"{path} cannot be unpacked: {error}.") from error
    text = _Text(path, encoding.name, given.encoding_errors)
    named_separator = separator_in_line(text.first_line())
    if named_separator is not None:
        text = replace(text, skipped_lines=1)
    separator = named_separator if given.separator is None else given.separator
    if separator is None:
        separator = find_separator(text.sample(), kind_of_table(path), named)
    quoting, escapes, scanned = _find_quoting(text, separator, given.quoting)
    header = given.header
    if header is None:
        header = is_header([record.cells for record in scanned.records], named)
    index = header and names_rows([record.cells for record in scanned.records])
    table_format = TableFormat(
        separator,
        header,
        quoting,
        encoding.name,
        given.encoding_errors,
        index,
        encoding.is_guess,
        escapes,
        text.skipped_lines,
    )
    return ScannedTable(table_format, scanned)


@dataclass(frozen=True)
class _Text:
    """A file whose encoding is known."""

    path: Path
    encoding: str
    errors: str
    skipped_lines: int = 0

    def first_line(self) -> str:
        """Return its first line, or the begin of a long one."""
        with open_text(self.path, self.encoding, self.errors) as file:
            return file.readline(_SAMPLE_CHARACTERS)

    def scan(self, separator: str, quoting: bool, escapes: bool = False) -> Scan:
        """Look at all of its records."""
        with open_text(self.path, self.encoding, self.errors, self.skipped_lines) as file:
            return scan(file, separator, quoting, escapes, 1 + self.skipped_lines)

    def sample(self) -> list[str]:
        """Return its first lines."""
        with open_text(self.path, self.encoding, self.errors, self.skipped_lines) as file:
            return io.StringIO(file.read(_SAMPLE_CHARACTERS), newline="").readlines()[:_SAMPLE_LINES]


def _find_quoting(text: _Text, separator: str, given: bool | None) -> tuple[bool, bool, Scan]:
    """Tell whether double quotes hold cells together and whether backslashes escape them, and what the file is by that.

    Quotes do not where lines have the right number of cells without them, and with them quotes are not closed or doubled as
    they must be, or a cell has several lines each of which is a row with a label.
    """
    if given is False:
        return False, False, text.scan(separator, False)
    quoted = text.scan(separator, True)
    if quoted.badly_quoted:
        escaped = text.scan(separator, True, escapes=True)
        if not escaped.badly_quoted and escaped.share >= _NEARLY_ALL:
            return True, True, escaped
    if given or quoted.is_quoted or not (quoted.badly_quoted or quoted.inner_lines):
        return True, False, quoted
    if quoted.width < 2:
        return _find_quoting_of_one_column(text, separator, quoted)
    plain = text.scan(separator, False)
    if plain.width != quoted.width or plain.share < _NEARLY_ALL:
        return True, False, quoted
    if quoted.badly_quoted or any(_is_several_rows(record, separator, plain) for record in quoted.long_records):
        return False, False, plain
    return True, False, quoted


def _find_quoting_of_one_column(text: _Text, separator: str, quoted: Scan) -> tuple[bool, bool, Scan]:
    """Tell it of a file with one column: quotes are a part of texts where more of them are wrong than hold a text together.

    One that is never closed may be of a text with several lines: nothing tells rows from these in one column.
    """
    if quoted.first_swallowing or quoted.badly_quoted <= quoted.quoted:
        return True, False, quoted
    plain = text.scan(separator, False)
    return (False, False, plain) if set(plain.widths) == {1} else (True, False, quoted)


def _is_several_rows(record: Record, separator: str, plain: Scan) -> bool:
    """Tell whether the lines of one record are rows: each has a label, a cell that other rows have in the same column."""
    rows = [line.cells for line in iter_records(record.raw, separator, quoting=False)]
    if not all(len(row) == plain.width for row in rows):
        return False
    for place in range(plain.width):
        counts = Counter(other.cells[place] for other in plain.records if len(other.cells) > place)
        if all(row[place].strip() and counts[row[place]] > _MOST_BY_CHANCE for row in rows):
            return True
    return False
