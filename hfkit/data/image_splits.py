"""Splits of rows with images: parquet files by their names, or one table by its column of the split."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet
import xxhash
from datasets import Dataset, Features
from datasets.table import table_cast

from ..errors import UserError
from ..files import checksum
from ..notes import Note
from .arrow_files import keep
from .image_features import read_cells
from .split_columns import choose_split_column
from .split_names import note_column_ignored, rows_of_splits, split_named
from .stored_rows import PHOTOS_AT_ONCE, flatten
from .table_files import check_is_no_pointer

_SHOWN = 4
PARQUET_ERRORS = (OSError, ValueError, TypeError, LookupError, NotImplementedError, pyarrow.ArrowException)
"""What is raised for a file that is no parquet, is damaged, or has columns of types that `datasets` does not know."""


def find_parquet(folder: Path) -> dict[str, list[Path]]:
    """Return the parquet files of a folder, or of its folder `data`, by split; a split may have several.

    Raises:
        UserError: There are some, but none for train.

    """
    files: dict[str, list[Path]] = {}
    for path in sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")]):
        split = split_named(path.stem)
        if split is not None:
            files.setdefault(split, []).append(path)
    if "train" not in files and (files or any(folder.glob("*.parquet"))):
        raise UserError(f"{folder} has no training file: name it train.parquet, and the others validation and test.")
    return files


def read_parquet(split: str, paths: list[Path]) -> Dataset:
    """Return the rows of parquet files, one after the other; they are kept on disk by row, told apart by the files' bytes.

    Args:
        split: Name of the split.
        paths: The files; all have the columns of the first one.

    Raises:
        UserError: A file cannot be read, or the rows cannot be kept.

    """
    path = paths[0]
    try:
        files = []
        for path in paths:
            check_is_no_pointer(path)
            files.append(pyarrow.parquet.ParquetFile(path))
        features = Features.from_arrow_schema(files[0].schema_arrow)
        content = " ".join(checksum(path) for path in paths)
    except PARQUET_ERRORS as error:
        raise _unreadable(path, error) from error

    def tables() -> Iterator[pyarrow.Table]:
        """Yield some rows after the others: photos are large."""
        for path, file in zip(paths, files, strict=True):
            try:
                for batch in file.iter_batches(PHOTOS_AT_ONCE):
                    yield table_cast(pyarrow.Table.from_batches([batch]), features.arrow_schema)
            except PARQUET_ERRORS as error:
                raise _unreadable(path, error) from error

    rows = sum(file.metadata.num_rows for file in files)
    fingerprint = xxhash.xxh3_128_hexdigest(f"parquet {split} {features!r} {content}".encode())
    return keep(split, tables, features, fingerprint, rows)


def note_parquet(files: Mapping[str, Sequence[Path]]) -> list[Note]:
    """Say which parquet files were read, where some were."""
    names = [path.name for paths in files.values() for path in paths]
    more = f", ... ({len(names)} files)" if len(names) > _SHOWN else ""
    text = f"{', '.join(names[:_SHOWN])}{more}: read as parquet."
    return [Note("table_format", text, on_card=False)] if names else []


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} cannot be read as parquet: {' '.join(str(error).split()).rstrip('.')}.")


def split_by_column(
    name: str, splits: dict[str, Dataset], used: Collection[str | None], given: str | None
) -> tuple[dict[str, Dataset], list[Note]]:
    """Part the rows by their column `split`, where there is one and nothing else says the splits; also say so.

    Args:
        name: What messages call the rows.
        splits: The rows as they were found.
        used: Columns that are something else.
        given: The column that says the split; None: found by its name.

    """
    if len(splits) > 1:
        return splits, note_column_ignored({split: rows.column_names for split, rows in splits.items()}, used, given)
    rows = splits["train"]
    column = choose_split_column(rows, used, given)
    if column is None:
        return splits, []
    positions, note = rows_of_splits(name, column, read_cells(rows, column))
    # Flattened, since what follows works on the tables underneath.
    parts = {split: flatten(split, rows.select(chosen)) for split, chosen in positions.items()}
    return parts or splits, [note]
