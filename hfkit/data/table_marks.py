"""Columns of 0 and 1 in a table beside images: one class for each image, or any number of labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..notes import Note
from .image_layouts import shorten
from .label_reading import LabelForm, read_labels
from .zero_one_columns import find_zero_one_columns, note_zero_one_columns

_SHOWN = 12


@dataclass(frozen=True)
class LabelColumn:
    """Where a table beside images has the labels.

    Attributes:
        name: The column; None: it has none.
        labels_from: What it is in words.
        problem: Why there is none.
        places: The labels, where columns of 0 and 1 say which of them an image has.
        columns: Those of the table that were read: one with the labels, or several of 0 and 1.

    """

    name: str | None
    labels_from: str = ""
    problem: str = ""
    places: list[str] | None = None
    columns: Sequence[str] = ()


def find_marks(name: str, rows: pd.DataFrame, columns: Sequence[str], notes: list[Note]) -> LabelColumn | None:
    """Return the labels of columns of 0 and 1 that are found, as one more column of `rows`; None where they are not several.

    Args:
        name: Of the table, for messages.
        rows: Its rows.
        columns: All columns that may be such.
        notes: Get those that were found.

    """
    marks, same = find_zero_one_columns(rows, [column for column in rows.columns if column not in columns])
    if len(marks) < 2:
        return None
    notes += note_zero_one_columns(marks, same)
    return read_marks(name, rows, marks, notes, may_be_one_class=True)


def read_marks(
    name: str, rows: pd.DataFrame, columns: Sequence[str], notes: list[Note], may_be_one_class: bool = False
) -> LabelColumn:
    """Put columns of 0 and 1 together into one more of `rows`.

    Args:
        name: Of the table, for messages.
        rows: Its rows.
        columns: The columns.
        notes: Get how -1 was read.
        may_be_one_class: Whether they are classes where each row has exactly one.

    Raises:
        UserError: A cell is neither 0 nor 1.

    """
    labels = read_labels(name, {"train": rows}, LabelForm(columns, may_be_one_class=may_be_one_class))
    notes += [note for note in labels.notes if note.code == "minus_one"]
    rows[labels.column] = pd.Series(labels.cells["train"], index=rows.index, dtype=object)
    shown = [shorten(column, 30) for column in columns[:_SHOWN]]
    words = ", ".join(shown) + (f", ... ({len(columns)})" if len(columns) > _SHOWN else "")
    places = None if labels.sets is None else list(columns)
    return LabelColumn(labels.column, f"the columns of 0 and 1 ({words})", places=places, columns=columns)
