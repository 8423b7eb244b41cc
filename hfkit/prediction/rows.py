"""What rows of an input are, before a model sees them, and how they are cut into blocks."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from ..files import checksum

Counts = Literal["line", "row"]
BLOCK = 4096
"""Rows that are read, predicted and written at a time."""


@dataclass(frozen=True)
class Row:
    """One row as it stands in its source.

    Attributes:
        number: Where it stands, see `RowSource.counts`.
        cells: Of the source's columns, in their order.
        problem: Why it cannot be read, or an empty text.
        photo: `{"bytes", "path"}` of an image, one of which may be None; None: the row has texts.

    """

    number: int
    cells: list[Any]
    problem: str = ""
    photo: dict[str, Any] | None = None


class RowSource(Protocol):
    """Where rows come from: they can be read again from the start, and are never all in memory.

    Attributes:
        name: What messages call it.
        columns: The user's columns, in their order.
        total: How many rows it has; None: not known.
        identity: Changes where the content changes; empty where that is not known.
        has_photos: Whether its rows are photos, and not texts.
        counts: What tells a row: the `line` on which it begins, from 1, or where its file has no lines its `row`, from 0.

    """

    @property
    def name(self) -> str:
        """See above."""
        ...

    @property
    def columns(self) -> list[str]:
        """See above."""
        ...

    @property
    def total(self) -> int | None:
        """See above."""
        ...

    @property
    def identity(self) -> str:
        """See above."""
        ...

    @property
    def has_photos(self) -> bool:
        """See above."""
        ...

    @property
    def counts(self) -> Counts:
        """See above."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield all rows from the first on."""
        ...


def iter_blocks(rows: Iterable[Row], size: int = BLOCK) -> Iterator[list[Row]]:
    """Cut rows into blocks of `size`; the last may be shorter."""
    rest = iter(rows)
    while block := list(islice(rest, size)):
        yield block


def file_identity(path: Path) -> str:
    """Return a checksum of a file's content."""
    return checksum(path, 128)


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: None, NaN, or pandas' NA; an empty text is something."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def cell_text(value: object) -> str:
    """Return how a cell of JSON or parquet is written in CSV; texts stay as they are, lists and truth values are JSON."""
    if isinstance(value, str):
        return value
    if is_missing(value):
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
