"""The labels of images, which are checked and named as those of texts are."""

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .class_layouts import LABEL_COLUMN
from .image_sources import ImageSource
from .label_kinds import prepare_labels, read_labels
from .splits import name_labels


def list_rows(split: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a split of images with `row` (from 1), `file`, and `label` as text or None.

    Raises:
        UserError: There are none, or one has several labels.

    """
    if table.empty:
        raise UserError(f"The {split} split has no images.")
    rows = pd.DataFrame({"row": range(1, len(table) + 1), "file": table["file"].to_numpy()})
    rows["label"] = read_labels(table, "label").to_numpy()
    return rows


def name_image_labels(
    source: ImageSource, tables: dict[str, pd.DataFrame], label_names: list[str] | None
) -> tuple[list[str], list[Note]]:
    """Bring the `label` column of every table to names of classes; return these in the order of their ids, and notes.

    Args:
        source: Where the images come from.
        tables: Their rows by split, which change: labels as text or None.
        label_names: `--label_names`.

    Raises:
        UserError: The labels are no classes, two of them are most probably one, or a split has one that train does not have.

    """
    column, stated = source.label_column, source.class_names
    notes = prepare_labels(tables, column, stated is not None, label_names, are_folders=column == LABEL_COLUMN)
    return name_labels(tables, column, stated, label_names), notes
