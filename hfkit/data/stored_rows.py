"""Rows on disk: `datasets` reads them through a memory map, so that memory does not grow with the data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import xxhash
from datasets import Dataset, Features, Split, config
from datasets.exceptions import DatasetGenerationError

from ..errors import UserError


def stored_rows(split: str, columns: Mapping[str, Sequence[Any]], features: Features) -> Dataset:
    """Write rows into the cache of `datasets`, unless the same rows are there, and return them from there.

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

    digest = xxhash.xxh3_128(f"{split} {features!r}".encode())
    for name, values in columns.items():
        digest.update(name.encode())
        for value in values:
            digest.update(f"{value!r}\0".encode())
    try:
        return Dataset.from_generator(rows, features=features, split=Split(split), fingerprint=digest.hexdigest())
    except (OSError, DatasetGenerationError) as error:
        reason = error.__cause__ or error
        raise UserError(
            f"The rows cannot be kept in {config.HF_DATASETS_CACHE} ({' '.join(str(reason).split())}): make room, or name "
            "another folder by the environment variable HF_DATASETS_CACHE."
        ) from error
