"""Rows of parquet files: texts, or the images of a column as Hugging Face stores them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pyarrow.types

from ..data.table_files import PARSING_ERRORS, UNPACKING_ERRORS, describe_parsing_error, open_table
from ..errors import UserError
from .rows import Counts, Row, file_identity

_ROWS_AT_ONCE = 512
"""Photos may be large: so many rows are decoded at a time."""


@dataclass
class ParquetFile:
    """A parquet file; a column of images is read apart, and is none of the columns that are written again."""

    path: Path
    columns: list[str]
    total: int | None
    identity: str
    image_column: str | None = None

    @classmethod
    def open(cls, path: Path) -> "ParquetFile":
        """Read the schema and the number of rows.

        Raises:
            UserError: It cannot be read.

        """
        try:
            file = _open(path)
        except (OSError, *PARSING_ERRORS, *UNPACKING_ERRORS) as error:
            raise _unreadable(path, error) from error
        with file:
            images = [field.name for field in file.schema_arrow if _holds_images(field.type)]
            columns = [name for name in file.schema_arrow.names if name not in images]
            total = file.metadata.num_rows
        return cls(path, columns, total, file_identity(path), images[0] if len(images) == 1 else None)

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return self.image_column is not None

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
        wanted = [*self.columns, *([self.image_column] if self.image_column else [])]
        number = 0
        with _open(self.path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=wanted):
                try:
                    records = batch.to_pylist()
                except PARSING_ERRORS as error:
                    raise _unreadable(self.path, error) from error
                for record in records:
                    yield self._row(number, record)
                    number += 1

    def _row(self, number: int, record: dict[str, Any]) -> Row:
        cells = [record[column] for column in self.columns]
        if self.image_column is None:
            return Row(number, cells)
        photo = record[self.image_column]
        is_empty = photo is None or (photo.get("bytes") is None and photo.get("path") is None)
        return Row(number, cells, "no image" if is_empty else "", {"bytes": None, "path": None, **(photo or {})})


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    """Open a file, of which rows are read as they are needed; a packed one, which has no parts to go to, is held in memory."""
    if path.suffix.lower() == ".parquet":
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False)
    with open_table(path) as file:
        return pyarrow.parquet.ParquetFile(pyarrow.BufferReader(file.read()), pre_buffer=False)


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} cannot be read as parquet: {describe_parsing_error(error)}.")


def _holds_images(kind: Any) -> bool:
    """Whether a type is that of images: a struct of `bytes` and `path`."""
    return pyarrow.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}
