"""Data that are given in Python: values are read here, and what has a name is left to those who read it by its name."""

from collections.abc import Sequence
from typing import Any

from ..data.in_memory import is_named, make_text_source
from ..data.in_memory_images import make_image_source
from ..data.labelled import GivenSource
from ..data.modality import Modality
from ..flags.tables import FIND, TableFlags


def read_value(
    modality: Modality,
    data: Any,
    labels: Any,
    content: str | Sequence[str] | None,
    label: str | Sequence[str] | None,
    needs_train: bool = True,
    table_flags: TableFlags = FIND,
    split_column: str | None = None,
) -> tuple[GivenSource | None, str]:
    """Return the rows of a value, or None for what has a name, and what the flag `dataset` says.

    Args:
        modality: What the rows are.
        data: As of `train_text_classifier` or `train_image_classifier`.
        labels: Labels of a list; else None.
        content: The column of the texts, or two, or of the images; None: found.
        label: The column of the labels, or several; None: found.
        needs_train: Whether there has to be a split to train on.
        table_flags: How files of texts are written that a dictionary of splits names.
        split_column: The column that says the split of rows; None: found by its name.

    Raises:
        TypeError: The data is of a kind that is not understood.
        ValueError: It is of such a kind, and not as it must be.
        UserError: A column is not there, or what a dictionary of splits names is not as it must be.

    """
    if is_named(data):
        if labels is not None:
            raise ValueError("labels=... is for a list: name the column of a file by label=...")
        return None, str(data)
    if modality == "text":
        return make_text_source(data, labels, content, label, needs_train, table_flags, split_column)
    if not isinstance(content, str | None):
        raise TypeError(f"The image column is {content!r}: give the name of one column.")
    return make_image_source(data, labels, content, label, needs_train, split_column)
