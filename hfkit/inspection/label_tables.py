"""Columns of the tables that say the labels of images: tables beside them, or those that the images are in."""

from dataclasses import replace
from typing import Any

from ..data.image_sources import ImageSource
from .columns import describe_columns, explain_columns
from .result import Column


def describe_label_tables(source: ImageSource, split_column: str | None) -> list[Column]:
    """Describe the columns of the tables that say the labels; there are none where folders or names of files do.

    Args:
        source: The images.
        split_column: `--split_column`, or None.

    """
    tables = source.read_tables()
    if not tables:
        return []
    first, why = tables[0], explain_columns(source.notes)
    labels = ("label", why.get("label_column", "given"))
    if len(first.label_columns) > 1 and source.label_places is None:
        labels = ("a class", "0 and 1")  # none of them is a column of labels by itself
    roles = {
        first.image_column: ("image", why.get("image_column", "given")),
        **dict.fromkeys(first.label_columns, labels),
    }
    split = split_column or first.split_column
    if split is not None and any(note.code == "split_column" for note in source.notes):
        roles[split] = ("split", "given" if split_column else "its cells name splits")
    columns = describe_columns({str(number): table.rows for number, table in enumerate(tables)}, roles)
    if not first.has_images:
        return columns
    shown: dict[str, Any] = {"kind": "image", "different": None, "example": ""}
    return [replace(column, **shown) if column.name == first.image_column else column for column in columns]
