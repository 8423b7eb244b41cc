"""The labels of tables as they were written: one in each cell, several, or columns of 0 and 1."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .label_separators import ONE_LABEL, find_label_separator
from .label_sets import LabelSets, read_one_column, read_several_columns
from .labels import is_list, label_text
from .multi_label import LabelSet
from .written_lists import is_listed
from .zero_one_columns import one_class_each

_FEW_SEVERAL = 0.01
"""Where fewer rows have several labels, they are hardly meant."""


@dataclass(frozen=True)
class LabelForm:
    """How labels stand in a table.

    Attributes:
        columns: The label columns.
        separator: What stands between the labels of a cell; None: found; `none`: a cell is one label.
        may_be_one_class: Whether several columns of 0 and 1 are classes where each row has exactly one: they were found.
        is_multi_label: Whether each row is known to have any number of labels, also where each cell is a single one.
        names: Names that the labels are known to have: cells that are all among them are single ones.

    """

    columns: Sequence[str]
    separator: str | None = None
    may_be_one_class: bool = False
    is_multi_label: bool = False
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Labels:
    """The labels of all rows of a source.

    Attributes:
        column: What messages call their columns.
        cells: Those of the rows of each split: a text or a `LabelSet`; None where there is none.
        sets: How they were read where a row has any number of labels; None: each row has one.
        class_names: Names of the classes where the columns state them.
        notes: How they were read.

    """

    column: str
    cells: Mapping[str, Sequence[Any]]
    sets: LabelSets | None = None
    class_names: list[str] | None = None
    notes: list[Note] = field(default_factory=list)

    def all_notes(self) -> list[Note]:
        """Return how they were read, also where a row has any number of labels."""
        return [*self.notes, *(self.sets.notes if self.sets is not None else [])]


def read_labels(source: str, tables: Mapping[str, pd.DataFrame], form: LabelForm) -> Labels:
    """Return the labels of the rows of each split; all are None where a split has no such column.

    Args:
        source: What messages call the tables.
        tables: One for each split.
        form: How the labels stand there.

    Raises:
        UserError: A cell of several columns is neither 0 nor 1, a cell is no label, or flags do not go together.

    """
    if len(form.columns) > 1:
        if form.separator is not None:
            raise UserError("--label_separator is for one label column: leave it out, or name one --label_column.")
        sets = read_several_columns(source, tables, form.columns)
        is_one_class = form.may_be_one_class and one_class_each(_rows(sets))
        own, others = sets.notes[:1], sets.notes[1:]  # images are read with the first again
        sets = replace(sets, notes=own)
        return _as_classes(sets, others) if is_one_class else Labels(sets.shown_columns, sets.sets, sets, notes=others)
    column = form.columns[0]
    cells = [cell for table in tables.values() if column in table.columns for cell in table[column]]
    separator, how, remark = _find_way(cells, form)
    if how:
        sets = read_one_column(column, tables, separator, how, remark)
        is_one_class = one_class_each(_rows(sets))
        if form.may_be_one_class and sets.places is not None and is_one_class:
            return replace(_as_classes(sets), class_names=None)
        if sets.places is None and is_one_class and form.separator is None and not form.is_multi_label:
            return _as_named_classes(column, sets)
        return Labels(column, sets.sets, sets)
    return Labels(column, {split: _single_labels(table, column) for split, table in tables.items()})


def _rows(sets: LabelSets) -> list[LabelSet | None]:
    return [row for rows in sets.sets.values() for row in rows]


def _as_named_classes(column: str, sets: LabelSets) -> Labels:
    """Return the classes of lists of names, of which each row has one, as tools of annotation write them."""
    text = "Labels: one class a row, from lists that have one name each (with --label_separator ',' any number of labels a row)."
    cells = {split: [None if row is None else row[0] for row in rows] for split, rows in sets.sets.items()}
    return Labels(column, cells, notes=[Note("one_class", text)])


def _as_classes(sets: LabelSets, notes: Sequence[Note] = ()) -> Labels:
    """Return the classes of columns, or of places in lists, of which each row has marked one."""
    count = len(sets.places or sets.columns)
    form = "columns" if sets.places == sets.columns else "lists"
    text = f"Labels: one of {count} classes a row, from {form} of 0 and 1, of which each row has one."
    cells = {split: [None if row is None else row[0] for row in rows] for split, rows in sets.sets.items()}
    return Labels(sets.shown_columns, cells, class_names=sets.columns, notes=[*notes, Note("one_class", text)])


def _single_labels(table: pd.DataFrame, column: str) -> list[str | None]:
    return [label_text(value) for value in table[column]] if column in table.columns else [None] * len(table)


def _find_way(cells: list[Any], form: LabelForm) -> tuple[str | None, str, str]:
    """Return the separator of the cells of one column, what they are in words, none where a row has one label, and a remark."""
    if form.separator == ONE_LABEL:
        return None, "", ""
    if any(map(is_list, cells)):
        return form.separator, "from lists", ""
    texts = [text for text in map(label_text, cells) if text is not None]
    if form.separator is not None:
        is_there = any(letter in text for text in texts for letter in ("[", form.separator, *form.separator.split(">")))
        return form.separator, f"separated by {form.separator!r}", "" if is_there else ", which stands in no cell"
    values = set(texts)
    if form.is_multi_label or not values <= set(form.names):
        separator = find_label_separator(values | set(form.names) if form.is_multi_label else values)
        if separator is not None:
            if not form.is_multi_label:
                _check_many(texts, separator, form.columns[0])
            how = "from lists in brackets" if any(map(is_listed, values)) else f"separated by {separator!r}"
            return separator, how, " (found; --label_separator none: each cell is one label)"
    return None, "of which each has one" if form.is_multi_label else "", ""


def _check_many(texts: list[str], separator: str, column: str) -> None:
    """Refuse a few rows with several labels among many with one: they may be slips, and would change how all rows are learnt.

    Raises:
        UserError: As above.

    """
    several = [text for text in texts if separator in text or is_listed(text)]
    if len(several) < _FEW_SEVERAL * len(texts):
        raise UserError(
            f"{len(several)} of {len(texts)} rows have several labels in column '{column}', such as '{several[0][:100]}': mend "
            f"them, or write --label_separator {shlex.quote(separator)} to give each row any number of labels, or "
            "--label_separator none to take each cell for one label."
        )
