"""Which typed columns of a parquet file or a Hub dataset hold the images and their labels."""

from collections.abc import Mapping
from typing import Any

from datasets import ClassLabel, Image, Value

from ..notes import Note
from .columns import LABEL_COLUMNS, find_column, find_label_column
from .split_names import find_split_column

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


def find_label_feature(source: str, features: Mapping[str, Any], image_column: str, notes: list[Note]) -> str:
    """Return the column of the labels: one with a usual name, else the only one of classes, else the only one beside the images.

    Raises:
        UserError: There is none, or there are several.

    """
    split = find_split_column(features, (image_column,))
    others = [column for column in features if column not in (image_column, split)]
    if not any(column.lower() in LABEL_COLUMNS for column in others):
        typed = [column for column in others if isinstance(features[column], ClassLabel)]
        only = next((columns[0] for columns in (typed, others) if len(columns) == 1), None)
        if only is not None:
            how = "found by its type" if len(typed) == 1 else "the only one beside the images"
            notes.append(Note("label_column", f"Label column: {only} ({how})."))
            return only
    return find_label_column(source, list(features), notes)
