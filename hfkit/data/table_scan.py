"""Records of files with separators: one after another with their lines, and what one look at all of them says."""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

ONE_COLUMN = ""
"""In place of a separator: nothing parts cells."""
_FIRST = 1000
_PLACEHOLDER = "\ufdd0"
"""Stands for several characters where the library takes one: Unicode keeps it for the inside of programs."""


@dataclass(frozen=True)
class Record:
    """Cells that belong together.

    Attributes:
        line: The line on which it begins, from 1.
        cells: As they are in the file, without quotes that hold them together.
        lines: How many lines it has.
        is_well_quoted: Whether its quotes are where quotes that hold cells together may be.
        is_quoted: Whether one of its cells begins with a quote.
        is_unclosed: Whether the file ends inside of its quotes.
        raw: Its lines, where there are several.

    """

    line: int
    cells: list[str]
    lines: int = 1
    is_well_quoted: bool = True
    is_quoted: bool = False
    is_unclosed: bool = False
    raw: tuple[str, ...] = ()


_MARK = "\ufeff"
"""In front of a line where files were put together; no part of its text."""


class _Lines:
    """Lines of a file, which remember those of the record that is being read, and whether the file's end was asked for."""

    def __init__(self, lines: Iterable[str], first_line: int) -> None:
        self.rest = iter(lines)
        self.line = first_line
        self.record: list[str] = []
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            line = next(self.rest)
        except StopIteration:
            self.ended = True
            raise
        if "\0" in line:
            raise csv.Error(
                f"line {self.line:,} has zero bytes, as of a copy that broke; copy it again, or take that line out"
            )
        self.line += 1
        line = line.removeprefix(_MARK)
        self.record.append(line)
        return line


def iter_records(
    lines: Iterable[str], separator: str, quoting: bool, escapes: bool = False, first_line: int = 1
) -> Iterator[Record]:
    """Yield the records of a file's lines, also those of blank lines, which have no cells.

    Args:
        lines: With their ends as they are in the file.
        separator: What parts cells: a character, several, or `ONE_COLUMN`.
        quoting: Whether double quotes around a cell are no part of it.
        escapes: Whether a quote inside of a cell has a backslash in front of it, and is not doubled.
        first_line: The number of the first line.

    """
    csv.field_size_limit(sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1)  # a text may be long
    delimiter = separator if len(separator) == 1 else _PLACEHOLDER
    if len(separator) > 1:
        lines = (line.replace(separator, delimiter) for line in lines)
    source = _Lines(lines, first_line)
    escape = "\\" if escapes else None
    reader = csv.reader(
        source, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE, escapechar=escape
    )
    line = first_line
    for cells in reader:
        if len(separator) > 1:
            cells = [cell.replace(delimiter, separator) for cell in cells]
        raw = source.record
        is_well_quoted = True
        if quoting and (len(raw) > 1 or '"' in raw[0]):
            is_well_quoted = not source.ended and _is_well_quoted(raw, delimiter, escape)
        is_quoted = quoting and (raw[0].startswith('"') or f'{delimiter}"' in raw[0])
        lines_of_record = tuple(raw) if len(raw) > 1 else ()
        yield Record(line, cells, len(raw), is_well_quoted, is_quoted, quoting and source.ended, lines_of_record)
        line += len(raw)
        source.record = []


def _is_well_quoted(raw: list[str], separator: str, escape: str | None) -> bool:
    """Whether quotes close where a cell ends, and are doubled inside of it."""
    try:
        return len(list(csv.reader(raw, delimiter=separator, escapechar=escape, strict=True))) == 1
    except csv.Error:
        return False


@dataclass
class Scan:
    """What the records of a file are.

    Attributes:
        widths: How many records have so many cells; blank lines do not count.
        line_of_width: The first line of a record with so many cells.
        lines: Of the file.
        blank_lines: Lines without anything.
        inner_lines: Lines of records that have several, but for the first of each.
        quoted: Records with a cell in quotes, all of which are as they must be.
        badly_quoted: Records whose quotes are not as they must be.
        first_badly_quoted: The line of the first of them.
        first_swallowing: The line of the first of them that has several lines, some of which are probably other records, or
            too few cells, or that the file ends in.
        records: The first ones.
        long_records: The first ones of those that have several lines.

    """

    widths: Counter[int] = field(default_factory=Counter)
    line_of_width: dict[int, int] = field(default_factory=dict)
    lines: int = 0
    blank_lines: int = 0
    inner_lines: int = 0
    quoted: int = 0
    badly_quoted: int = 0
    first_badly_quoted: int = 0
    first_swallowing: int = 0
    records: list[Record] = field(default_factory=list)
    long_records: list[Record] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many records there are."""
        return self.widths.total()

    @property
    def width(self) -> int:
        """How many cells the first record has."""
        return len(self.records[0].cells) if self.records else 0

    @property
    def usual_width(self) -> int:
        """How many cells most records have; of two widths that are as frequent, the one that comes first."""
        return self.widths.most_common(1)[0][0] if self.widths else 0

    @property
    def share(self) -> float:
        """Of the records after the first, how many have as many cells as it; 0 where it has one."""
        others = self.total - 1
        return (self.widths[self.width] - 1) / others if others > 0 and self.width > 1 else 0.0

    @property
    def is_quoted(self) -> bool:
        """Whether quotes hold cells together in most records, so that they do in all."""
        return 2 * self.quoted > self.total

    def add(self, record: Record) -> None:
        """Count one record more."""
        self.lines += record.lines
        if not record.cells:
            self.blank_lines += record.lines
            return
        self.inner_lines += record.lines - 1
        width = len(record.cells)
        self.widths[width] += 1
        self.line_of_width.setdefault(width, record.line)
        if len(self.records) < _FIRST:
            self.records.append(record)
        if record.lines > 1 and len(self.long_records) < _FIRST:
            self.long_records.append(record)
        self.quoted += record.is_quoted and record.is_well_quoted
        if not record.is_well_quoted:
            self.badly_quoted += 1
            self.first_badly_quoted = self.first_badly_quoted or record.line
            if record.lines > 1 or record.is_unclosed or width < self.width:
                self.first_swallowing = self.first_swallowing or record.line


def scan(lines: Iterable[str], separator: str, quoting: bool, escapes: bool = False, first_line: int = 1) -> Scan:
    """Look at all records of a file; arguments as of `iter_records`."""
    seen = Scan()
    for record in iter_records(lines, separator, quoting, escapes, first_line):
        seen.add(record)
    return seen
