"""Rows that are values in Python, for `predict`: a table as it is, a list as a column; what is neither is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict
from PIL import Image

from ..data.columns import find_column
from ..data.in_memory_images import to_cell
from ..errors import UserError
from ..flags.prediction_input import existing_path, looks_like_a_file
from ..models.pipeline_inputs import check_container, check_photo, check_text
from .rows import is_missing

_CELL = {"bytes", "path"}
_PHOTO_COLUMNS = ("file", "path", "image", "img", "picture", "photo")


def choose_keyword(short: Any, long: Any, name: str) -> Any:
    """Return the value of a keyword that has a short name, as `text`, and a flag's, as `text_column`.

    Raises:
        TypeError: Both are given.

    """
    if short is not None and long is not None:
        raise TypeError(f"{name}=... and {name}_column=... are the same: give one of them.")
    return long if short is None else short


def to_table(inputs: Any, content: str) -> pd.DataFrame | None:
    """Return what is a table: a DataFrame, a Dataset or a list of dictionaries; None for anything else.

    Args:
        inputs: What `predict` is called with.
        content: What the model classifies: `text` or `photo`.

    Raises:
        TypeError: It is a dictionary, or a Dataset of several splits.

    """
    if isinstance(inputs, pd.DataFrame):
        return inputs
    if isinstance(inputs, DatasetDict):
        raise TypeError(f"The rows are a DatasetDict: give one split, such as data[{next(iter(inputs), 'test')!r}].")
    if isinstance(inputs, Dataset):
        return inputs.with_format(None).to_pandas()
    if isinstance(inputs, Mapping):
        raise TypeError(
            f"A {type(inputs).__name__} is no list of {content}s: give [row] for one row, or for columns "
            "pandas.DataFrame(...)."
        )
    if hasattr(inputs, "to_pandas") and hasattr(inputs, "columns"):  # of other libraries, such as polars
        return pd.DataFrame(inputs.to_pandas())
    if isinstance(inputs, list) and inputs and all(_is_record(row) for row in inputs):
        return pd.DataFrame([dict(row) for row in inputs], dtype=object)
    return None


def _is_record(row: Any) -> bool:
    """Whether it is a row of a table by the names of its columns, and not the bytes or the path of an image."""
    return isinstance(row, Mapping) and not set(row) <= _CELL


def list_texts(inputs: Any) -> list[Any]:
    """Return the texts of a list, an array or a column; a single text is one row, and a missing one stays as it is.

    Raises:
        TypeError: It is something else, or a row is no text.
        ValueError: It is, or a row is, the name of a file.

    """
    if isinstance(inputs, str | Path):
        _refuse_file(str(inputs), isinstance(inputs, Path))
        return [inputs]
    rows = _list_rows(inputs, "text", check_text)
    for number, row in enumerate(rows):
        if not is_missing(row):
            _check_row(number, row, check_text)
    return rows


def list_photos(inputs: Any) -> list[Any]:
    """Return the photos of a list, an array or a column; a single photo is one row, and a missing one stays as it is.

    Raises:
        TypeError: It is something else.
        ValueError: It is the path of nothing, of a folder or of a table.

    """
    if isinstance(inputs, str | Path):
        check_photo(str(inputs))
        return [inputs]
    if isinstance(inputs, Image.Image | bytes) or (isinstance(inputs, np.ndarray) and inputs.ndim in (2, 3)):
        return [inputs]
    return _list_rows(inputs, "photo", lambda row: to_cell(row, 0))


def to_photo(value: Any, row: int) -> Any:
    """Return a photo as the model's scorer takes it: `{"bytes", "path"}`, or an image of Pillow as it is.

    Raises:
        TypeError: It is no photo.

    """
    return value if isinstance(value, Image.Image) else to_cell(value, row)


def _list_rows(inputs: Any, content: str, check: Any) -> list[Any]:
    """Return the rows of a list, an array or a column.

    Args:
        inputs: What `predict` is called with.
        content: `text` or `photo`.
        check: Refuses what is no text or photo.

    Raises:
        TypeError: It is none of those.

    """
    is_column, is_empty = isinstance(inputs, pd.Series | pd.Index), isinstance(inputs, list) and not inputs
    if not is_column and not is_empty:  # which a call refuses, and here give a table
        check_container(inputs, content)
    if isinstance(inputs, bytes | bytearray) or not hasattr(inputs, "__iter__"):
        check(inputs)
    return list(inputs.tolist() if hasattr(inputs, "tolist") else inputs)


def _check_row(number: int, row: Any, check: Any) -> None:
    """Check a row of a list, and say which it is.

    Raises:
        TypeError: As `check`.
        ValueError: As `check`.

    """
    try:
        check(row)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Row {number}, counted from 0: {error}") from error


def _refuse_file(name: str, is_path: bool) -> None:
    """Refuse a text that is the name of a file or folder, or looks like one; `predict` takes the rows themselves.

    Raises:
        ValueError: As above.

    """
    if is_path or existing_path(name) is not None or looks_like_a_file(name):
        raise ValueError(
            f"{name} is the name of a file and no text: `hfkit predict MODEL FILE` reads it, or give its rows, such as "
            "pandas.read_csv(FILE); to predict the name itself, give a list of it."
        )


def find_photos(columns: list[str], given: str | None) -> int:
    """Return the position of the column of photos: the given one, or one with a usual name.

    Raises:
        ValueError: There is none, or several have that name.

    """
    try:
        column = given or find_column("The table", columns, _PHOTO_COLUMNS, "image_column")
    except UserError as error:
        raise ValueError(str(error).replace("--image_column NAME", 'image="NAME"')) from error
    if columns.count(column) != 1:
        raise ValueError(f"The table has no column '{column}' of its own, only: {', '.join(columns)}.")
    return columns.index(column)
