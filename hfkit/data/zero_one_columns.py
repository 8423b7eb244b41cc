"""Columns of 0 and 1, each of which says whether a row has one label: which they are, and whether they are marks of one class."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..notes import Note
from .columns import find_label_column, find_usual_label
from .multi_label import LabelSet
from .split_names import says_split

if TYPE_CHECKING:  # those who only look at rows need not wait for it
    from datasets import Dataset

ANSWERS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
"""What cells of such columns say."""
MINUS_ONE = ("-1", "-1.0")
"""No, where the columns hold it and 1 and never 0; else a row that nobody labelled."""
NO_ANSWERS = ("", *MINUS_ONE)
"""What cells have in rows that nobody labelled."""
_LOOKED_AT = 50
"""Cells that tell most other columns from those of 0 and 1, before all cells are looked at."""
_SHOWN = 20


def find_label_columns(
    source: str, columns: list[str], train: "pd.DataFrame | Dataset", contents: Sequence[str], notes: list[Note]
) -> list[str]:
    """Return the column that has a usual name for labels; where none has, the columns of 0 and 1, if they are several.

    Args:
        source: What messages call the data.
        columns: All that messages name.
        train: The rows of train.
        contents: The columns of the text or image.
        notes: Gets what was found, and which columns of 0 and 1 are no labels here.

    Raises:
        UserError: There is neither.

    """
    varied, same = find_zero_one_columns(train, contents)
    usual = find_usual_label([column for column in columns if column not in contents])
    if len(varied) < 2 or (usual is not None and not says_split(usual)):
        label = find_label_column(source, columns, notes)
        _note_unused(varied, label, notes)
        return [label]
    notes += note_zero_one_columns(varied, same)
    return varied


def find_zero_one_columns(rows: "pd.DataFrame | Dataset", left_out: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the columns that hold 0 and 1 and nothing else, and those that hold one of the two alone.

    Args:
        rows: A table or a dataset.
        left_out: Columns that are something else.

    """
    table = _read_scalars(rows)
    table = table.loc[:, ~table.columns.duplicated(keep=False)]
    others = [column for column in table.columns if str(column) not in left_out and not says_split(str(column))]
    values = {str(column): _read_values(table[column]) for column in others}
    signed = [column for column, own in values.items() if own is not None and own >= {True, None}]
    minus_is_no = len(signed) > 1 and says_no(own for own in values.values() if own is not None)
    answers = {
        column: {False if value is None else value for value in own if minus_is_no or value is not None}
        for column, own in values.items()
        if own is not None
    }
    varied = [column for column, own in answers.items() if len(own) == 2]
    return varied, [column for column, own in answers.items() if len(own) == 1]


def says_no(columns: Iterable[Collection[bool | None]]) -> bool:
    """Whether -1 says no: columns that hold it hold 1 as well, and none of them 0.

    Args:
        columns: What the cells of each column say: yes, no, or None for -1.

    """
    signed = [values for values in columns if None in values]
    return any(True in values for values in signed) and not any(False in values for values in signed)


def note_minus_one(is_no: bool) -> Note:
    """Say how -1 in the columns, or lists, of the labels was read."""
    text = "a row has not the label, since 1 and never 0 stands beside it" if is_no else "nobody labelled the row"
    return Note("minus_one", f"-1 in the labels says that {text}.")


def note_zero_one_columns(varied: list[str], same: list[str]) -> list[Note]:
    """Say that columns of 0 and 1 were taken for labels, and which were not, since they are the same in all rows."""
    why = "each says 0 or 1, and no column has a usual name for labels"
    notes = [Note("label_column", f"Label columns: {_shorten(varied)} ({why}).")]
    if same:
        text = f"Columns of 0 and 1 that are the same in all rows of train, and no labels here: {_shorten(same)}."
        notes.append(Note("constant_columns", text, on_card=False))
    return notes


def one_class_each(rows: Sequence[LabelSet | None]) -> bool:
    """Whether each row that is labelled has exactly one of the labels, which are then classes."""
    known = [row for row in rows if row is not None]
    return bool(known) and all(len(row) == 1 for row in known)


def _read_scalars(rows: "pd.DataFrame | Dataset") -> pd.DataFrame:
    """Return a table of the columns; of a dataset those that may be of 0 and 1, since images would be read."""
    if isinstance(rows, pd.DataFrame):
        return rows
    from datasets import Value

    scalars = rows.select_columns([name for name, feature in rows.features.items() if isinstance(feature, Value)])
    first = scalars.select(range(min(_LOOKED_AT, len(rows)))).to_pandas()  # long texts need not be read
    return scalars.select_columns([name for name in first if _read_values(first[name]) is not None]).to_pandas()


def _note_unused(varied: list[str], label: str, notes: list[Note]) -> None:
    """Say which columns of 0 and 1 stand beside the label column, where they are several."""
    others = [column for column in varied if column != label]
    if len(others) > 1:
        text = (
            f"Columns of 0 and 1 beside it: {_shorten(others)}; to train on them, a row with any number of these labels, name "
            "them by --label_column."
        )
        notes.append(Note("flag_columns", text, on_card=False))


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _read_values(column: pd.Series) -> set[bool | None] | None:
    """Return which of yes, no and -1 (None) a column holds; None where it holds anything else."""
    values: set[str] = set()
    for cells in (column.head(_LOOKED_AT), column):
        try:
            values = {str(value).strip().lower() for value in cells.dropna().unique()}
        except TypeError:  # lists cannot be compared
            return None
        if not values <= {*ANSWERS, *NO_ANSWERS}:
            return None
    return {ANSWERS.get(value) for value in values if value}
