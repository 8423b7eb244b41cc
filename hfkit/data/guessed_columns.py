"""Columns of texts and labels where no name tells which they are: by what is in them."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .columns import (
    TEXT_COLUMNS,
    check_columns,
    find_label_column,
    find_usual,
    have_no_names,
    list_columns,
    note_spilled,
)

ChooseColumns = Callable[[str, list[str]], tuple[list[int], list[Note]]]
"""From the name of a table and its columns to the positions of the text columns, and notes."""

_MOST_CLASSES = 50
_LONGEST_LABEL = 30
_SHOWN = 40
_COLUMNS_SHOWN = 6


def find_columns(
    source: str, tables: Mapping[str, pd.DataFrame], texts: Sequence[str] | None, label: str | None
) -> tuple[list[str], str, list[Note]]:
    """Return the text columns, the label column, and notes on those that are not given.

    Args:
        source: What messages call the tables.
        tables: By split; all have the columns, but for labels in test.
        texts: `--text_column`, or None.
        label: `--label_column`, or None.

    Raises:
        UserError: A column is not given, has no usual name, and, in a table without names, cannot be told by its cells; or a
            split lacks it.

    """
    own_texts, own_label, notes = _find_in_train(source, tables["train"], texts, label)
    for split, table in tables.items():
        check_columns(source, split, list(map(str, table.columns)), own_texts, own_label)
    return own_texts, own_label, [*notes, *note_spilled(tables, [*own_texts, own_label])]


def find_labelled_columns(
    source: str, table: pd.DataFrame, choose: ChooseColumns, label_columns: Sequence[str | None]
) -> tuple[list[str], str, list[Note]]:
    """Return the text columns and the label column of rows for a model that there is already, and notes on what was found.

    Args:
        source: What messages call the table.
        table: The rows.
        choose: Chooses the text columns.
        label_columns: The column of the label that was given, or None, and one that is taken if it is there; else it is found.

    Raises:
        UserError: A column is not there, or cannot be told.

    """
    columns = list(map(str, table.columns))
    named, usual = label_columns
    label = named or (usual if usual in columns else None)
    notes: list[Note] = []
    texts: list[str] | None = None
    try:
        positions, notes = choose(source, columns)
        texts = [columns[position] for position in positions]
    except UserError:
        if not have_no_names(columns):
            raise
    if texts is None or (label is None and have_no_names(columns)):
        texts, label, guessed = _guess(source, table, texts, label)
        notes = [*notes, *guessed]
    label = label or find_label_column(source, columns, notes)
    _check_are_there(source, columns, texts, label)
    return texts, label, notes


def _check_are_there(source: str, columns: list[str], texts: list[str], label: str) -> None:
    """Refuse a table without texts or labels.

    Raises:
        UserError: It has no such column.

    """
    check_columns(source, "test", columns, texts, label)
    if label not in columns:
        raise UserError(
            f"{source} has no column '{label}', only: {list_columns(columns)}; write --label_column NAME, or predict it without "
            "labels by hfkit predict."
        )


def _find_in_train(
    source: str, table: pd.DataFrame, texts: Sequence[str] | None, label: str | None
) -> tuple[list[str], str, list[Note]]:
    columns = list(map(str, table.columns))
    if have_no_names(columns) and (texts is None or label is None):
        return _guess(source, table, texts, label)
    notes: list[Note] = []
    if texts is None:
        texts = [_find_text(source, table, label)]
        notes.append(Note("text_column", f"Text column: {texts[0]} (found by its name)."))
    label = label or _find_label(source, table, texts, notes)
    return list(texts), label, notes


def _find_text(source: str, table: pd.DataFrame, label: str | None) -> str:
    """Return the text column by its name; the error tells one that could be meant."""
    columns = list(map(str, table.columns))
    column = find_usual([name for name in columns if name != label], TEXT_COLUMNS)
    if column is None:
        raise UserError(
            f"{source} has no column named {' or '.join(TEXT_COLUMNS[:3])}, only: {list_columns(columns)}; write --text_column "
            f"NAME.{_hint_text(table)}"
        )
    return column


def _find_label(source: str, table: pd.DataFrame, texts: Sequence[str], notes: list[Note]) -> str:
    """Return the label column by its name; the error tells columns that could be meant."""
    columns = list(map(str, table.columns))
    try:
        return find_label_column(source, [name for name in columns if name not in texts] or columns, notes)
    except UserError as error:
        raise UserError(f"{error}{_hint_label(table)}") from None


def _hint_text(table: pd.DataFrame) -> str:
    """Return a sentence on the column with the longest texts, and on a first line that could be a row."""
    lengths = {name: _mean_length(table[name]) for name in table.columns}
    longest = max(lengths, key=lambda name: lengths[name])
    is_row = any(str(name).isdigit() or len(str(name).split()) > 3 for name in table.columns)
    hint = " If the first line is a row, write --header false." if is_row else ""
    return f" The longest texts are in '{longest}'.{hint}"


def _hint_label(table: pd.DataFrame) -> str:
    """Return a sentence on columns that could be labels, or an empty text."""
    few = [str(name) for name in table.columns if has_few_values(table[name])]
    binary = [name for name in few if set(map(str, table[name].dropna())) <= {"0", "1", "0.0", "1.0", "True", "False"}]
    if len(binary) > 1:
        return (
            f" The columns {', '.join(binary[:_COLUMNS_SHOWN])} hold 0 and 1, as where a row has several labels: multi-label "
            "data is not supported; one of them alone can be named."
        )
    return f" Few different values are in {', '.join(few[:_COLUMNS_SHOWN])}." if few else ""


def _guess(
    source: str, table: pd.DataFrame, texts: Sequence[str] | None, label: str | None
) -> tuple[list[str], str, list[Note]]:
    """Return the columns of a table without names: the only one with few short values, and the one with the longest texts."""
    columns = list(map(str, table.columns))
    notes = []
    if label is None:
        labels = [name for name in columns if name not in (texts or ()) and has_few_values(table[name])]
        if len(labels) != 1:
            raise _cannot_tell(source, table, labels)
        label = labels[0]
        notes.append(
            Note("label_column", f"Label column: {label} (the file has no header; it has few different values).")
        )
    if texts is None:
        lengths = {name: _mean_length(table[name]) for name in columns if name != label}
        if not lengths:
            raise _cannot_tell(source, table, [label])
        texts = [max(lengths, key=lambda name: lengths[name])]
        notes.insert(
            0, Note("text_column", f"Text column: {texts[0]} (the file has no header; it has the longest texts).")
        )
    return list(texts), label, notes


def _cannot_tell(source: str, table: pd.DataFrame, labels: Sequence[str]) -> UserError:
    """Return the error of a table without names whose columns are not clear, with an example of each."""
    cells = [f"{name} ('{str(table[name].iloc[0])[:_SHOWN]}')" for name in table.columns[:_COLUMNS_SHOWN]]
    many = f"{', '.join(labels)} could be" if labels else "none is"
    return UserError(
        f"{source} has no header, and which column has the labels is not clear ({many}): write --text_column and --label_column "
        f"with numbers, of {', '.join(cells)}; or --header true if the first line names the columns."
    )


def has_few_values(cells: pd.Series) -> bool:
    """Whether the cells of a column could be labels: few that are different, short, and none a list."""
    texts = cells.dropna().map(str)
    texts = texts[texts != ""]
    count = texts.nunique()
    return 2 <= count <= min(_MOST_CLASSES, max(2, len(texts) // 2)) and _mean_length(texts) <= _LONGEST_LABEL


def _mean_length(cells: pd.Series) -> float:
    lengths = [len(str(cell)) for cell in cells.dropna()]
    return sum(lengths) / max(len(lengths), 1)
