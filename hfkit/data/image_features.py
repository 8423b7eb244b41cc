"""Which typed columns of a parquet file or a Hub dataset hold the images and their labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from datasets import Dataset, Image, Value

from ..notes import Note
from .columns import LABEL_COLUMNS, find_column
from .label_reading import LabelForm, Labels, read_labels
from .split_columns import choose_split_column
from .typed_tables import cells_to_names, names_of_classes
from .zero_one_columns import find_label_columns

IMAGE_COLUMNS = ("image", "img", "picture", "photo", "pixels")


def find_image_feature(source: str, features: Mapping[str, Any], notes: list[Note]) -> str:
    """Return the column of the images: the only one of their type, else one with a usual name, else the only one of bytes.

    Args:
        source: What messages call the data.
        features: The types of the columns by name.
        notes: Get one on how it was found.

    Raises:
        UserError: There is none, or there are several.

    """
    typed = [column for column, feature in features.items() if isinstance(feature, Image)]
    named = [column for column in features if column.lower() in IMAGE_COLUMNS]
    of_bytes = [column for column, feature in features.items() if holds_bytes(feature)]
    by_type = typed if len(typed) == 1 else of_bytes if len(of_bytes) == 1 and not named else []
    column = by_type[0] if by_type else find_column(source, list(features), IMAGE_COLUMNS, "image_column")
    notes.append(Note("image_column", f"Image column: {column} (found by its {'type' if by_type else 'name'})."))
    return column


def holds_bytes(feature: Any) -> bool:
    """Tell whether a column holds the bytes of files, alone or beside their paths."""
    is_pair = isinstance(feature, Mapping) and set(feature) == {"bytes", "path"}
    return is_pair or (isinstance(feature, Value) and feature.dtype in ("binary", "large_binary"))


def find_label_features(source: str, rows: Dataset, image_column: str, notes: list[Note]) -> list[str]:
    """Return the column of the labels, or several.

    It is one with a usual name, else the only one of classes, else the only one beside the images, else those of 0 and 1.

    Args:
        source: What messages call the data.
        rows: Those of train.
        image_column: The column of the images.
        notes: Get one on how they were found.

    Raises:
        UserError: There is none.

    """
    features = rows.features
    split = choose_split_column(rows, (image_column,))
    others = [column for column in features if column not in (image_column, split)]
    if not any(column.lower() in LABEL_COLUMNS for column in others):
        typed = [column for column in others if names_of_classes(features[column]) is not None]
        only = next((columns[0] for columns in (typed, others) if len(columns) == 1), None)
        if only is not None:
            how = "found by its type" if len(typed) == 1 else "the only one beside the images"
            notes.append(Note("label_column", f"Label column: {only} ({how})."))
            return [only]
    return find_label_columns(source, list(features), rows, [image_column], notes)


def read_label_features(
    source: str, splits: Mapping[str, Dataset], columns: Sequence[str], may_be_one_class: bool
) -> Labels:
    """Return the labels of the rows of each split; of one column they are its cells, with the names of classes that it states.

    Args:
        source: What messages call the data.
        splits: The rows.
        columns: The label columns.
        may_be_one_class: Whether several columns are classes where each row has exactly one.

    Raises:
        UserError: A cell of several columns is neither 0 nor 1.

    """
    if len(columns) == 1:
        names = names_of_classes(splits["train"].features[columns[0]])
        return Labels(
            columns[0], {split: read_cells(rows, columns[0]) for split, rows in splits.items()}, class_names=names
        )
    tables = {}
    for split, rows in splits.items():
        cells = {column: list(rows[column]) for column in columns if column in rows.column_names}
        tables[split] = pd.DataFrame(cells, index=range(len(rows)), dtype=object)
    return read_labels(source, tables, LabelForm(columns, may_be_one_class=may_be_one_class))


def read_cells(rows: Dataset, column: str) -> list[Any]:
    """Return the cells of a column, classes by their names; None for each row where there is no such column."""
    if column not in rows.column_names:
        return [None] * len(rows)
    return cells_to_names(rows[column], rows.features[column])
