"""Rows on disk: `datasets` reads them through a memory map, so that memory does not grow with the data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow
import xxhash
from datasets import Dataset, Features, Split, config
from datasets.exceptions import DatasetGenerationError

from ..errors import UserError


class NotStoredError(Exception):
    """The rows could not be written; the message is the reason, without a full stop."""


def store(
    split: str,
    rows: Callable[[], Iterator[dict[str, Any]]],
    features: Features,
    fingerprint: str,
    rows_at_once: int | None = None,
) -> Dataset:
    """Write rows into the cache of `datasets`, unless they are there under their fingerprint, and return them from there.

    Args:
        split: Name of the split.
        rows: Yields one row after the other; called only if they are not there.
        features: Types by column.
        fingerprint: Hash of all that the rows depend on.
        rows_at_once: Rows that are held in memory until they are written; default: that of `datasets`.

    Raises:
        NotStoredError: The folder cannot be written or is full, or `rows` raised.

    """
    options = {"fingerprint": fingerprint, "writer_batch_size": rows_at_once}
    try:
        return Dataset.from_generator(rows, features=features, split=Split(split), **options)
    except (OSError, DatasetGenerationError) as error:
        raise NotStoredError(" ".join(str(error.__cause__ or error).split())) from error


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
    """Write columns into the cache of `datasets`, unless the same ones are there, and return the rows from there.

    What is then made of them by `map`, such as tokens, is kept beside them.

    Args:
        split: Name of the split.
        columns: Values by column.
        features: Their types.

    Raises:
        UserError: The cache's folder cannot be written or is full.

    """

    def rows() -> Iterator[dict[str, Any]]:
        """Yield one row after the other."""
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))

    try:
        return store(split, rows, features, compute_fingerprint(f"{split} {features!r}", columns))
    except NotStoredError as error:
        raise UserError(
            f"The rows cannot be kept in {config.HF_DATASETS_CACHE} ({error}): make room, or name another folder by the "
            "environment variable HF_DATASETS_CACHE."
        ) from error
