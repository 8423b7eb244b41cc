"""Several labels a row: from 0/1 columns, lists or texts with a separator to the names of each row's labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .combined_labels import ANGLES, split_angles
from .labels import check_kind, class_list, is_list, label_text, label_texts
from .multi_label import LabelSet, describe_counts
from .written_lists import is_listed, read_listed
from .zero_one_columns import ANSWERS, MINUS_ONE, NO_ANSWERS, note_minus_one, says_no

_ANSWERS = {**ANSWERS, "yes": True, "no": False}
"""What cells of 0/1 columns say, as those that are named may have it, too."""
_PLACES = {"1": True, "1.0": True, "0": False, "0.0": False, "true": True, "false": False, "True": True, "False": False}
"""What places of a list say."""
_SHOWN = 20


@dataclass
class LabelSets:
    """The labels of all rows of a source.

    Attributes:
        columns: Where they stand.
        sets: Those of each row by split, in the order of its rows; None where they are not known.
        places: The labels in their order, where each row says 0 or 1 of each; None: they are those that occur in train.
        notes: How they were read.

    """

    columns: list[str]
    sets: dict[str, list[LabelSet | None]]
    places: list[str] | None = None
    notes: list[Note] = field(default_factory=list)

    def rename(self, column: str) -> "LabelSets":
        """Return the same ones of one column that is called otherwise."""
        return replace(self, columns=[column])

    @property
    def shown_columns(self) -> str:
        """What messages call the columns."""
        return ", ".join(self.columns)


def read_several_columns(source: str, tables: Mapping[str, pd.DataFrame], columns: Sequence[str]) -> LabelSets:
    """Read several columns of 0 and 1, or of true and false.

    Args:
        source: What messages call the tables.
        tables: One for each split.
        columns: The label columns.

    Raises:
        UserError: A cell is neither 0 nor 1, or a split has some of the columns and lacks others.

    """
    said = [_values_of(column, tables.values()) for column in columns]
    is_no = says_no(said)
    sets = {split: _read_columns(source, split, table, columns, is_no) for split, table in tables.items()}
    labels = from_places(columns, sets)
    labels.notes += [note_minus_one(is_no)] if any(None in values for values in said) else []
    return labels


def _values_of(column: str, tables: Iterable[pd.DataFrame]) -> set[bool | None]:
    """Return which of yes, no and -1 (None) a column of 0 and 1 holds in all tables."""
    cells = (cell for table in tables if column in table for cell in table[column] if not is_list(cell))
    texts = {(label_text(cell) or "").lower() for cell in cells}
    return {_ANSWERS.get(text) for text in texts if text in _ANSWERS or text in MINUS_ONE}


def from_places(columns: Sequence[str], sets: Mapping[str, Sequence[LabelSet | None]]) -> LabelSets:
    """Return the labels that columns of 0 and 1 say of the rows of each split.

    Args:
        columns: They are called as the labels.
        sets: Those of each row by split.

    """
    note = Note("label_sets", f"Labels: any number of {len(columns)} a row, from columns of 0 and 1.")
    return LabelSets(list(columns), {split: list(rows) for split, rows in sets.items()}, list(columns), [note])


def read_one_column(
    column: str, tables: Mapping[str, pd.DataFrame], separator: str | None, how: str, remark: str = ""
) -> LabelSets:
    """Read one column of lists of names, of lists of 0 and 1 of the same length, or of texts with a separator.

    An empty cell is a row that has none of the labels.

    Args:
        column: The label column, which a split for test may lack.
        tables: One for each split.
        separator: What stands between the labels of a text; None: nothing does.
        how: What of all this the cells are, in words for a note.
        remark: What else the note says of them.

    """
    cells = {split: table[column].tolist() if column in table else None for split, table in tables.items()}
    parts = {split: _read_cells(some, separator, len(tables[split]), split == "test") for split, some in cells.items()}
    width = _width_of_places(column, [row for rows in parts.values() for row in rows if row])
    if width is None:
        sets = {
            split: [None if row is None else tuple(dict.fromkeys(row)) for row in rows] for split, rows in parts.items()
        }
        return LabelSets([column], sets, None, [Note("label_sets", f"Labels: any number a row, {how}{remark}.")])
    places = [str(place) for place in range(width)]
    said = {_PLACES.get(value) for rows in parts.values() for row in rows if row for value in row if value}
    is_no = says_no([said])
    sets = {split: [_read_places(row, places, is_no) for row in rows] for split, rows in parts.items()}
    text = f"Labels: any number of {width} a row, {how} of 0 and 1, one place for each label{remark}."
    return LabelSets(
        [column], sets, places, [Note("label_sets", text), *([note_minus_one(is_no)] if None in said else [])]
    )


def _read_places(row: list[str] | None, places: list[str], minus_is_no: bool) -> LabelSet | None:
    """Return the labels of a list of 0 and 1; an empty one says nothing, nor does one with -1 that does not say no."""
    if not row or (not minus_is_no and any(value not in _PLACES for value in row)):
        return None
    return tuple(place for place, value in zip(places, row, strict=True) if _PLACES.get(value))


def _read_columns(
    source: str, split: str, table: pd.DataFrame, columns: Sequence[str], minus_is_no: bool
) -> list[LabelSet | None]:
    """Return the label sets of several columns; a row with a cell that says nothing has none that is known."""
    missing = [column for column in columns if column not in table]
    if split == "test" and len(missing) == len(columns):
        return [None] * len(table)
    if missing:
        raise UserError(
            f"The {split} split of {source} has no column '{missing[0]}', only: {', '.join(map(str, table.columns))}."
        )
    flags = [
        [_read_flag(cell, column, row, minus_is_no) for row, cell in zip(table.index, table[column], strict=True)]
        for column in columns
    ]
    return [
        None if None in row else tuple(name for name, is_there in zip(columns, row, strict=True) if is_there)
        for row in zip(*flags, strict=True)
    ]


def _read_flag(cell: object, column: str, row: Any, minus_is_no: bool) -> bool | None:
    """Return whether a cell of a 0/1 column says yes, or None where it says nothing."""
    text = "a list" if is_list(cell) else (label_text(cell) or "").lower()
    if text in _ANSWERS:
        return _ANSWERS[text]
    if text in NO_ANSWERS:
        return False if minus_is_no and text in MINUS_ONE else None
    raise UserError(
        f"The column '{column}' has '{str(cell)[:50]}' in row {row}, counted from 0: of several --label_column each says 0 or 1 "
        "(or false or true) for one label; for labels in one column name that one alone."
    )


def _read_cells(
    cells: list[Any] | None, separator: str | None, rows: int, may_lack_labels: bool
) -> list[list[str] | None]:
    """Return the parts of each cell of one column; None for all where nothing is labelled."""
    if cells is None:
        return [None] * rows
    parts = [_read_cell(cell, separator) for cell in cells]
    return [None] * rows if may_lack_labels and not any(parts) else [*parts]


def _read_cell(cell: Any, separator: str | None) -> list[str]:
    """Return the labels of a list, or of a text with a separator, which may be a list in brackets."""
    if is_list(cell):
        return label_texts(cell)
    text = label_text(cell) or ""
    if separator is None:
        return [text] if text else []
    if is_listed(text):
        listed = read_listed(text)
        if listed is not None:
            return listed
        text = text[1:-1]
        separator = next((one for one in (separator, ",") if one in text), " ")
    parts = split_angles(text) if separator == ANGLES else text.split(None if separator == " " else separator)
    stripped = [part.strip().strip("'\"").strip() for part in parts]
    return [part for part in stripped if part]


def _width_of_places(column: str, rows: list[list[str]]) -> int | None:
    """Return how many labels lists of 0 and 1 speak of, or None where the lists hold names.

    They do where all have the same length, of two at least, and no other value: as names, all would have the same ones.

    Raises:
        UserError: Some have other lengths, and one of the two stands twice in a row, as no name does.

    """
    widths = {len(row) for row in rows}
    values = {value for row in rows for value in row}
    if not rows or not values <= {*_PLACES, *NO_ANSWERS}:
        return None
    if len(widths) > 1 and any(len(set(row)) < len(row) for row in rows):
        shown = ", ".join(map(str, sorted(widths)[:_SHOWN]))
        raise UserError(
            f"The lists of 0 and 1 in column '{column}' have different lengths ({shown}): write a place for each label into each "
            "row, or an empty list where nobody labelled it."
        )
    return widths.pop() if len(widths) == 1 and min(widths) > 1 else None


def name_label_sets(
    tables: Mapping[str, pd.DataFrame], labels: LabelSets, stated: list[str] | None, label_names: list[str] | None
) -> tuple[list[str], list[Note]]:
    """Give the labels in the column `label` of every table their names; also say how many rows of train have which.

    Args:
        tables: Tables by split, with `row` and `label`, a `LabelSet` or None.
        labels: How they were read.
        stated: Names that the source itself states, in order.
        label_names: `--label_names`.

    Returns:
        The names in the order of the label ids, and notes.

    Raises:
        UserError: There are fewer than two labels, `label_names` does not fit, or a split has a label that train does not have.

    """
    own = [*dict.fromkeys(name for names in tables["train"]["label"].dropna() for name in names)]
    by_name = labels.places if labels.places == labels.columns else stated
    if labels.places is None and stated is None and label_names is None:
        check_kind(pd.Series(own, dtype=object), labels.shown_columns)
    values = pd.Series(labels.places or own, dtype=object)
    names, names_by_value = class_list(values, labels.shown_columns, by_name, label_names)
    for split, table in tables.items():
        _check_known(table, split, labels.shown_columns, names_by_value)
        table["label"] = pd.Series(
            [_rename(cell, names, names_by_value) for cell in table["label"]], index=table.index, dtype=object
        )
    return names, [*labels.notes, describe_counts(tables["train"], names)]


def match_label_sets(tables: Mapping[str, pd.DataFrame], labels: LabelSets, names: list[str]) -> None:
    """Give labels that stand in places the names of a model that has as many; others have theirs."""
    if labels.places is None or labels.places == labels.columns or len(labels.places) != len(names):
        return
    names_by_value = dict(zip(labels.places, names, strict=True))
    for table in tables.values():
        table["label"] = pd.Series([_rename(cell, names, names_by_value) for cell in table["label"]], dtype=object)


def _rename(cell: LabelSet | None, names: list[str], names_by_value: Mapping[str, str]) -> LabelSet | None:
    if cell is None:
        return None
    given = {names_by_value[value] for value in cell}
    return tuple(name for name in names if name in given)


def _check_known(table: pd.DataFrame, split: str, column: str, names_by_value: Mapping[str, str]) -> None:
    """Refuse a label that train does not have."""
    for row, cell in zip(table["row"], table["label"], strict=True):
        unknown = next((value for value in cell or () if value not in names_by_value), None)
        if unknown is not None:
            raise UserError(
                f"The {split} split has the label '{unknown}' in column '{column}' (row {row}, counted from 0), which train "
                f"does not have: train has {', '.join(list(names_by_value)[:_SHOWN])}."
            )
