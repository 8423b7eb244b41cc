"""Images and labels that are values in Python: paths, arrays, Pillow's images, and datasets, which stay as they are."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xxhash
from datasets import Dataset, Features
from datasets import Image as ImageFeature
from PIL import Image, ImageOps

from ..notes import Note
from .columns import LABEL_COLUMNS, Columns, check_columns, column_names, find_column
from .image_features import IMAGE_COLUMNS
from .image_sources import ImageSource, LabelFlags, name_images, read_images, source_of_datasets
from .in_memory import NAME, choose_part, in_memory_name, is_named, read_splits, to_table
from .label_reading import LabelForm, Labels, read_labels
from .split_columns import choose_split_column, list_split_columns
from .split_names import SPLIT_COLUMNS, rows_of_splits
from .stored_rows import flatten
from .zero_one_columns import find_label_columns, find_zero_one_columns

_COLUMNS = (*IMAGE_COLUMNS, "file", "path")
_MODES_OF_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
_ROWS_AT_ONCE = 256


def make_image_source(
    data: Any,
    labels: Any,
    image_column: str | None = None,
    label_column: Columns = None,
    needs_train: bool = True,
    split_column: str | None = None,
) -> tuple[ImageSource, str]:
    """Return images that are values in Python, and their name for the flag `dataset`; the values stay as they are.

    Args:
        data: A DataFrame or a Dataset with a column of images, a list of images with `labels`, of (image, label) pairs or of
            dictionaries, or a dictionary of splits of these, of folders and of datasets by name. An image is a path, one of
            Pillow's, an array (height, width, 3) of uint8, or the bytes of a file.
        labels: Labels of a list of images, in its order; else None.
        image_column: The column of the images; default: found by its type or name.
        label_column: The column of the labels, or several of 0 and 1; default: found.
        needs_train: Whether there has to be a split to train on.
        split_column: The column that says the split of rows; default: found by its name.

    Raises:
        TypeError: The data is of a kind that is not understood.
        ValueError: It is of such a kind, and not as it must be.
        UserError: A column is not there, or what is read by its name is not as it must be.

    """
    columns = (image_column, label_column)
    if isinstance(data, Mapping):
        parts = read_splits(data, labels, needs_train, lambda split, part: _read_part(split, part, columns))
        source = _join(parts)
        source.notes += _note_split_column_ignored(split_column, list(parts))
    else:
        source = _read_value(data, labels, columns, needs_train, split_column=split_column)
    return source, in_memory_name(_checksum(source))


def _note_split_column_ignored(split_column: str | None, splits: Sequence[str]) -> list[Note]:
    """Say that a column is not read that was given to say the split of rows in a dictionary of splits."""
    if split_column is None:
        return []
    text = (
        f"The column '{split_column}' is ignored: the names of the splits, {', '.join(splits)}, say what rows are for."
    )
    return [Note("split_column_ignored", text)]


def _join(parts: dict[str, ImageSource]) -> ImageSource:
    """Put sources of one split each together; names of classes and notes are those of the first."""
    places = next((part.label_places for part in parts.values() if part.label_places is not None), None)
    first = next(iter(parts.values()))
    images = {split: part.images["train"] for split, part in parts.items()}
    tables = {split: part.tables["train"] for split, part in parts.items()}
    return replace(first, images=images, tables=tables, notes=list(first.notes), label_places=places)


def _read_part(split: str, part: Any, columns: tuple[str | None, Columns]) -> ImageSource:
    """Read one split of a dictionary; of a dataset with several splits that is read by its name it is the same one."""
    if not is_named(part):
        return _read_value(part, None, columns, parts_rows=False, may_lack_labels=split == "test")
    source = read_images(str(part), None, None, LabelFlags(*columns))
    chosen = choose_part(split, str(part), list(source.images))
    images, tables = {"train": source.images[chosen]}, {"train": source.tables[chosen]}
    return replace(source, images=images, tables=tables)


def _read_value(
    value: Any,
    labels: Any,
    columns: tuple[str | None, Columns],
    parts_rows: bool,
    may_lack_labels: bool = False,
    split_column: str | None = None,
) -> ImageSource:
    """Return the images of a value, with `parts_rows` parted by the column of the split where there is one."""
    given = column_names(columns[1])
    if isinstance(value, Dataset) and labels is None:
        # What follows works on the table underneath, which has other rows where some were chosen.
        rows = flatten("train", value.with_format(None))
        used = (columns[0], *given)
        others = () if parts_rows else list_split_columns(rows, used)
        known = [
            name
            for name in rows.column_names
            if name in used or parts_rows or (_says_no_split(name) and name not in others)
        ]
        rows = rows.select_columns(known)
        if may_lack_labels and not _has_labels(rows, known, given):
            for name in given or LABEL_COLUMNS[:1]:
                rows = rows.add_column(name, [None] * len(rows))
        return source_of_datasets(NAME, {"train": rows}, *columns, split_column if parts_rows else None)
    table = to_table(value, labels, (columns[0] or "image", given[0] if len(given) == 1 else "label"), "image")
    if may_lack_labels and not _has_labels(table, list(table.columns), given):
        table = table.assign(**dict.fromkeys(given or LABEL_COLUMNS[:1]))
    return _read_table(table, columns[0], given, parts_rows, split_column)


def _read_table(
    table: pd.DataFrame, image_column: str | None, given: list[str], parts_rows: bool, split_column: str | None
) -> ImageSource:
    """Return the images of a table."""
    notes: list[Note] = []
    image = image_column or find_column(NAME, list(table.columns), _COLUMNS, "image_column")
    columns = given or find_label_columns(NAME, list(table.columns), table, [image], notes)
    for column in columns:
        check_columns(NAME, "train", list(table.columns), [image], column)
    labels = _read_labels(table, columns, may_be_one_class=not given)
    positions: dict[str, list[int]] = {}
    split = choose_split_column(table, (image, *columns), split_column) if parts_rows else None
    if split is not None:
        positions, note = rows_of_splits(NAME, split, table[split])
        notes.append(note)
    parts = {name: table.iloc[rows] for name, rows in positions.items()} or {"train": table}
    images = {name: _to_images(part[image]) for name, part in parts.items()}
    cells = pd.Series(labels.cells["train"], index=table.index, dtype=object)
    tables = {
        name: pd.DataFrame({"file": name_images(images[name], name), "label": cells[part.index].tolist()}, dtype=object)
        for name, part in parts.items()
    }
    places = None if labels.sets is None else columns
    return ImageSource(images, tables, labels.column, labels.class_names, [*notes, *labels.notes], places)


def _read_labels(table: pd.DataFrame, columns: list[str], may_be_one_class: bool) -> Labels:
    """Return the labels of several columns of 0 and 1; those of one are its cells."""
    if len(columns) == 1:
        return Labels(columns[0], {"train": table[columns[0]].tolist()})
    return read_labels(NAME, {"train": table}, LabelForm(columns, may_be_one_class=may_be_one_class))


def _has_labels(rows: pd.DataFrame | Dataset, columns: Sequence[str], given: Sequence[str]) -> bool:
    """Tell whether one of the columns is one of the given ones of labels, has a usual name for them, or some are of 0 and 1."""
    if given:
        return any(column in given for column in columns)
    return any(column.lower() in LABEL_COLUMNS for column in columns) or len(find_zero_one_columns(rows, ())[0]) > 1


def _says_no_split(column: str) -> bool:
    return column.lower() not in SPLIT_COLUMNS


def _to_images(values: pd.Series) -> Dataset:
    cells = [to_cell(value, row) for row, value in zip(values.index, values.tolist(), strict=True)]
    return Dataset.from_dict({"image": cells}, features=Features({"image": ImageFeature(decode=False)}))


def to_cell(value: Any, row: int) -> dict[str, Any] | None:
    """Return an image as `{"bytes", "path"}`, or None where there is none.

    Args:
        value: A path, an image of Pillow, an array, the bytes of a file, or such a dictionary.
        row: Which row it is, for messages.

    Raises:
        TypeError: It is no image.

    """
    if isinstance(value, str | Path):
        return {"bytes": None, "path": str(Path(value).expanduser())}
    if isinstance(value, bytes):
        return {"bytes": value, "path": None}
    if isinstance(value, Mapping) and set(value) <= {"bytes", "path"}:
        is_there = any(part is not None for part in value.values())
        return {"bytes": value.get("bytes"), "path": value.get("path")} if is_there else None
    if isinstance(value, np.ndarray):
        try:
            value = Image.fromarray(value)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Row {row}, counted from 0, is an array {value.shape} of {value.dtype}, which is no image: give one "
                "(height, width, 3) or (height, width) of uint8."
            ) from error
    if isinstance(value, Image.Image):
        return {"bytes": _encode(value), "path": None}
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    raise TypeError(
        f"Row {row}, counted from 0, is a {type(value).__name__} and no image: give a path, an image of Pillow, an array "
        "(height, width, 3) of uint8, or the bytes of a file."
    )


def _encode(image: Image.Image) -> bytes:
    """Return an image as PNG, turned as its EXIF orientation says; nothing of one that cannot be read, as of a broken file."""
    content = io.BytesIO()
    try:
        turned = ImageOps.exif_transpose(image)
        if turned.mode == "F":  # more than 8 bits a channel, which the reader refuses as in a file
            turned.save(content, format="tiff")
        else:
            turned = turned if turned.mode in _MODES_OF_PNG else turned.convert("RGB")
            turned.save(content, format="png")
    except (OSError, SyntaxError, ValueError):
        return b""
    return content.getvalue()


def _checksum(source: ImageSource) -> str:
    """Return a checksum of the labels, and of what the images are read from."""
    digest = xxhash.xxh3_128()
    for split, images in source.images.items():
        digest.update(f"{split} {source.tables[split]['label'].tolist()!r}".encode())
        for batch in images.iter(_ROWS_AT_ONCE):
            for cell in batch["image"]:
                digest.update(repr(cell and cell["path"]).encode())
                digest.update(cell["bytes"] if cell and cell["bytes"] is not None else b"")
    return digest.hexdigest()
