"""Rows on disk: `datasets` reads them through a memory map, so that memory does not grow with the data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow
import xxhash
from datasets import Dataset, Features

from .arrow_files import keep

ROWS_AT_ONCE = 1000
PHOTOS_AT_ONCE = 100


def compute_fingerprint(settings: str, columns: Mapping[str, Sequence[Any]]) -> str:
    """Hash columns in their order, and what else makes the rows what they are."""
    digest = xxhash.xxh3_128(settings.encode())
    for name, values in columns.items():
        digest.update(name.encode())
        for value in values:
            digest.update(f"{value!r}\0".encode())
    return digest.hexdigest()


def read_column(rows: Dataset, column: str) -> np.ndarray:
    """Return a column of numbers (rows,), of lists of a fixed length (rows, length), or of other lists (rows,) as arrays.

    It may be read-only.

    It comes from Arrow: a list would hold a Python object for each row, and so does what `datasets` formats as NumPy on the way.
    """
    values = rows.select_columns(column).with_format("arrow")[:][column]
    if not pyarrow.types.is_fixed_size_list(values.type):
        return values.to_numpy()
    flat = values.combine_chunks().flatten().to_numpy()
    return flat.reshape(len(values), values.type.list_size)


def stored_rows(split: str, columns: Mapping[str, Sequence[Any]], features: Features) -> Dataset:
    """Keep columns on disk, unless the same ones are there, and return the rows from there.

    Args:
        split: Name of the split.
        columns: Values by column.
        features: Their types.

    Raises:
        NotKeptError: The folder cannot be written or is full.

    """
    count = len(next(iter(columns.values())))

    def tables() -> Iterator[pyarrow.Table]:
        """Yield some rows after the others."""
        for start in range(0, count, ROWS_AT_ONCE):
            part = {name: list(values[start : start + ROWS_AT_ONCE]) for name, values in columns.items()}
            yield to_table(part, features)

    return keep(split, tables, features, compute_fingerprint(f"{split} {features!r}", columns), count)


def to_table(columns: Mapping[str, list[Any]], features: Features) -> pyarrow.Table:
    """Return columns as a table of Arrow."""
    return pyarrow.Table.from_pydict(features.encode_batch(columns), schema=features.arrow_schema)


def flatten(split: str, rows: Dataset) -> Dataset:
    """Return rows whose table underneath holds them alone and in their order, from the disk where some had been chosen.

    Raises:
        NotKeptError: The folder cannot be written or is full.

    """
    if rows._indices is None:
        return rows

    def tables() -> Iterator[pyarrow.Table]:
        """Yield some rows after the others: photos are large."""
        return rows.with_format("arrow").iter(PHOTOS_AT_ONCE)

    return keep(split, tables, rows.features, hash_rows(f"{split} {rows.features!r}", rows), len(rows))


def hash_rows(settings: str, rows: Dataset) -> str:
    """Hash rows in their order, and what else makes what is made of them what it is."""
    digest = xxhash.xxh3_128(settings.encode())
    for table in rows.with_format("arrow").iter(PHOTOS_AT_ONCE):
        for batch in table.to_batches():
            digest.update(batch.serialize())
    return digest.hexdigest()
