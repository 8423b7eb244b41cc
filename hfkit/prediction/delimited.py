"""Rows of CSV and TSV files, read line by line."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..data.sources import encoding_error
from ..errors import UserError
from .rows import Row, file_identity


@dataclass
class DelimitedFile:
    """A CSV or TSV file, which was read once to its end, so that what is wrong with the whole of it is told first."""

    path: Path
    columns: list[str]
    total: int | None
    identity: str

    @classmethod
    def open(cls, path: Path) -> "DelimitedFile":
        """Read the header, count the rows, and see whether the file is whole.

        Raises:
            UserError: It has no header, is not UTF-8, or a quote is never closed.

        """
        records = _records(path)
        _, columns = next(records, (1, None))
        if columns is None:
            raise UserError(f"{path} is empty: its first line must name the columns.")
        return cls(path, columns, sum(1 for _ in records), file_identity(path))

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return False

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; one with more fields than the header cannot be read, and one with fewer lacks the last cells."""
        records = _records(self.path)
        next(records)
        width = len(self.columns)
        for line, cells in records:
            surplus = f"{len(cells)} fields in place of {width}: quote texts that hold the separator"
            yield Row(line, [*cells, *[None] * (width - len(cells))], surplus if len(cells) > width else "")


class _Lines:
    """Lines of a file, which remember whether the file's end was asked for."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline()
        self.ended = not line
        if self.ended:
            raise StopIteration
        return line if sys.version_info >= (3, 11) else line.replace("\0", "")  # which csv took from then on


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the header and the rows with the lines on which they begin; blank lines are passed over, as pandas does.

    Raises:
        UserError: The file is not UTF-8, cannot be read, or a quote is never closed.

    """
    csv.field_size_limit(sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1)  # a text may be long
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            line = 1
            for cells in reader:
                if lines.ended:  # a row ends with its line, unless a quote is open
                    raise UserError(
                        f"{path} has a double quote that is never closed: line {line} goes on to the end of the file. Double "
                        'the quotes inside of a text ("") and put the text in quotes.'
                    )
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise encoding_error(path, error) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except csv.Error as error:
        raise UserError(f"{path} cannot be read as {path.suffix.lower()[1:]}: {error} (line {line}).") from error
