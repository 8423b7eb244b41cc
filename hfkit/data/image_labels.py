"""The labels of images as their source has them: one each, or any number."""

from dataclasses import replace

import pandas as pd

from ..errors import UserError
from ..flags.image_arguments import ImageDataArguments
from ..notes import Note
from .image_sources import ImageSource
from .label_kinds import name_classes
from .label_reading import LabelForm, Labels, read_labels
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
    return read_image_labels(source, LabelForm(["label"], arguments.label_separator, names=known))


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


def name_image_labels(
    tables: dict[str, pd.DataFrame], labels: Labels, source: ImageSource, arguments: ImageDataArguments
) -> tuple[list[str], list[Note]]:
    """Give the labels in the column `label` of every table their names; arguments and errors as of `label_kinds.name_classes`."""
    return name_classes(tables, labels, source.class_names, arguments.label_names, may_be_amounts=False)
