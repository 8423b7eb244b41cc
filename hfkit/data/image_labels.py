"""The labels of images, one each or any number, which are checked and named as those of texts are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..errors import UserError
from ..flags.image_arguments import ImageDataArguments
from ..notes import Note
from .class_layouts import LABEL_COLUMN
from .image_sources import ImageSource
from .label_kinds import name_classes
from .label_reading import LabelForm, Labels, read_labels
from .label_separators import ONE_LABEL
from .label_sets import from_places


def read_training_labels(source: ImageSource, arguments: ImageDataArguments) -> Labels:
    """Return the labels of the images of each split, for a training.

    Raises:
        UserError: A label is none, or `--label_separator` meets columns of 0 and 1.

    """
    if source.label_places is not None and arguments.label_separator is not None:
        raise UserError(
            "--label_separator is for one label column, and here columns of 0 and 1 say the labels: leave it out."
        )
    known = source.class_names or arguments.label_names or ()
    # An image lies in one folder, whatever that is called.
    separator = arguments.label_separator or (ONE_LABEL if source.label_column == LABEL_COLUMN else None)
    return read_image_labels(
        source, LabelForm(["label"], separator, may_be_one_class=arguments.label_column is None, names=known)
    )


def read_image_labels(source: ImageSource, form: LabelForm) -> Labels:
    """Return the labels of the images of each split.

    Args:
        source: The images.
        form: How labels stand in the column `label` of its tables.

    Raises:
        UserError: A label is none.

    """
    if source.label_places is not None:
        # A split in which each row has one of the labels was read as one of classes.
        cells = {
            split: [(cell,) if isinstance(cell, str) else cell for cell in table["label"]]
            for split, table in source.tables.items()
        }
        return Labels(source.label_column, cells, from_places(source.label_places, cells))
    labels = read_labels("The data", source.tables, form)
    return replace(labels, column=source.label_column, sets=labels.sets and labels.sets.rename(source.label_column))


def list_rows(split: str, table: pd.DataFrame, labels: Sequence[Any]) -> pd.DataFrame:
    """Return the rows of a split of images with `row` (from 0), `file`, and `label`.

    Args:
        split: Its name.
        table: Its images, with `file`.
        labels: Of its rows, see `label_reading.Labels`.

    Raises:
        UserError: There are none.

    """
    if table.empty:
        raise UserError(f"The {split} split has no images.")
    rows = pd.DataFrame({"row": range(len(table)), "file": table["file"].to_numpy()})
    rows["label"] = pd.Series(labels, dtype=object)
    return rows


def name_image_labels(
    source: ImageSource, labels: Labels, tables: dict[str, pd.DataFrame], label_names: list[str] | None
) -> tuple[list[str], list[Note]]:
    """Bring the `label` column of every table to names of classes; return these in the order of their ids, and notes.

    Args:
        source: Where the images come from.
        labels: How their labels were read.
        tables: Their rows by split, which change.
        label_names: `--label_names`.

    Raises:
        UserError: The labels are no classes, two of them are most probably one, or a split has one that train does not have.

    """
    return name_classes(tables, labels, source.class_names, label_names, are_folders=labels.column == LABEL_COLUMN)
