"""Rows of files that are read as a whole: Arrow, Excel, and JSON in other shapes than lines and an array."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.tables import read_file
from ..flags.tables import TableFlags
from ..notes import Note
from .rows import Counts, Row, file_identity


@dataclass
class TableRows:
    """The rows of a table in memory."""

    path: Path
    table: pd.DataFrame
    identity: str
    notes: list[Note]

    @classmethod
    def open(cls, path: Path, given: TableFlags, named: Collection[str] = ()) -> "TableRows":
        """Read a file.

        Args:
            path: The file.
            given: What flags say of its format.
            named: Columns that flags name.

        Raises:
            UserError: It cannot be read.

        """
        read = read_file(path, given, named)
        return cls(path, read.table, file_identity(path), read.notes)

    @property
    def columns(self) -> list[str]:
        """The user's columns, in their order."""
        return list(map(str, self.table.columns))

    @property
    def total(self) -> int | None:
        """How many rows it has."""
        return len(self.table)

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return False

    @property
    def counts(self) -> Counts:
        """What tells a row."""
        return "row"

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        for number, cells in enumerate(self.table.itertuples(index=False, name=None)):
            values: list[Any] = [None if cell is pd.NA else cell for cell in cells]
            yield Row(number, values)
