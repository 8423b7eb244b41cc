"""Columns of texts and labels where no name tells which they are: by what is in them."""

import shlex
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .columns import (
    TEXT_COLUMNS,
    check_columns,
    find_usual,
    have_no_names,
    list_columns,
    note_alike,
    note_rejected,
    note_spilled,
)
from .pixel_tables import check_no_pixel_columns
from .separator_hints import hint_separator
from .zero_one_columns import find_label_columns

ChooseColumns = Callable[[str, list[str]], tuple[list[int], list[Note]]]
"""From the name of a table and its columns to the positions of the text columns, and notes."""

_MOST_CLASSES = 50
_LONGEST_LABEL = 30
_WORDS = 20
"""Characters that a text has on average at least, where it is one of a pair."""
_SHOWN = 40
_COLUMNS_SHOWN = 6


def find_columns(
    source: str, tables: Mapping[str, pd.DataFrame], texts: Sequence[str] | None, labels: Sequence[str] | None
) -> tuple[list[str], list[str], list[Note]]:
    """Return the text columns, the label columns, and notes on those that are not given.

    Args:
        source: What messages call the tables.
        tables: By split; all have the columns, but for labels in test.
        texts: `--text_column`, or None.
        labels: `--label_column`, or None.

    Raises:
        UserError: A column is not given, has no usual name, and, in a table without names, cannot be told by its cells; or a
            split lacks it.

    """
    own_texts, own_labels, notes = _find_in_train(source, tables["train"], texts, labels)
    for split, table in tables.items():
        for label in own_labels:
            check_columns(source, split, list(map(str, table.columns)), own_texts, label)
    notes += note_alike(list(map(str, tables["train"].columns)), [*own_texts, *own_labels])
    used = [*own_texts, *own_labels]
    return own_texts, own_labels, [*notes, *note_spilled(tables, used), *note_rejected(tables, used)]


def find_labelled_columns(
    source: str, table: pd.DataFrame, choose: ChooseColumns, labels: Sequence[str]
) -> tuple[list[str], list[str], list[Note]]:
    """Return the text columns and the label columns of rows for a model that there is already, and notes on what was found.

    Args:
        source: What messages call the table.
        table: The rows.
        choose: Chooses the text columns.
        labels: The label columns, as far as they are known; none: they are found.

    Raises:
        UserError: A column is not there, or cannot be told.

    """
    columns = list(map(str, table.columns))
    own = list(labels)
    notes: list[Note] = []
    texts: list[str] | None = None
    try:
        positions, notes = choose(source, columns)
        texts = [columns[position] for position in positions]
    except UserError:
        if not have_no_names(columns):
            raise
    if texts is None or (not own and have_no_names(columns)):
        texts, own, guessed = _guess(source, table, texts, own)
        notes = [*notes, *guessed]
    own = own or find_label_columns(source, columns, table, texts, notes)
    for label in own:
        _check_are_there(source, columns, texts, label)
    return texts, own, notes


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
    source: str, table: pd.DataFrame, texts: Sequence[str] | None, labels: Sequence[str] | None
) -> tuple[list[str], list[str], list[Note]]:
    columns = list(map(str, table.columns))
    if have_no_names(columns) and (texts is None or not labels):
        return _guess(source, table, texts, labels)
    notes: list[Note] = []
    if texts is None:
        texts = [_find_text(source, table, labels or ())]
        notes.append(Note("text_column", f"Text column: {texts[0]} (found by its name)."))
        found = texts[0]
        labels = labels or _find_labels(source, table, texts, notes)
        notes += _note_second_text(table, found, labels)
    labels = labels or _find_labels(source, table, texts, notes)
    return list(texts), list(labels), notes


def _note_second_text(table: pd.DataFrame, text: str, labels: Sequence[str]) -> list[Note]:
    """Say which other column has texts that are not read, and how to read them as a pair."""
    for name in map(str, table.columns):
        if (
            name == text
            or name in labels
            or list(map(str, table.columns)).count(name) > 1
            or has_few_values(table[name])
        ):
            continue
        if _mean_length(table[name]) >= _WORDS and _mean_words(table[name]) >= 3:
            pair = " ".join(shlex.quote(each) for each in map(str, table.columns) if each in (name, text))
            note = f"The column '{name}' has texts, too, and is not read: to read both as a pair write --text_column {pair}."
            return [Note("second_text", note, on_card=False)]
    return []


def _mean_words(cells: pd.Series) -> float:
    counts = [len(str(cell).split()) for cell in cells.dropna()]
    return sum(counts) / max(len(counts), 1)


def _find_text(source: str, table: pd.DataFrame, labels: Sequence[str]) -> str:
    """Return the text column by its name; the error tells one that could be meant."""
    columns = list(map(str, table.columns))
    column = find_usual([name for name in columns if name not in labels], TEXT_COLUMNS)
    if column is None:
        check_no_pixel_columns(source, columns)
        raise UserError(
            f"{source} has no column named {' or '.join(TEXT_COLUMNS[:3])}, only: {list_columns(columns)}; write --text_column "
            f"NAME.{_hint_text(table)}"
        )
    return column


def _find_labels(source: str, table: pd.DataFrame, texts: Sequence[str], notes: list[Note]) -> list[str]:
    """Return the label column by its name, or columns of 0 and 1; the error tells columns that could be meant."""
    columns = list(map(str, table.columns))
    try:
        others = [name for name in columns if name not in texts] or columns
        labels = find_label_columns(source, others, table, texts, notes)
    except UserError as error:
        raise UserError(f"{error}{_hint_label(table)}") from None
    if len(labels) > 1:
        notes += note_other_labels(table[[name for name in table.columns if str(name) not in (*texts, *labels)]])
    return labels


def check_pairs(source: str, columns: Sequence[object], as_pairs: bool) -> None:
    """Refuse one text column for a model that reads two texts a row.

    Raises:
        UserError: As above.

    """
    if as_pairs and len(columns) != 2:
        raise UserError(f"{source}: the model reads two texts a row, so name two columns by --text_column.")


def note_other_labels(table: pd.DataFrame) -> list[Note]:
    """Say which columns beside those of 0 and 1 could be labels."""
    few = [str(name) for name in table.columns if has_few_values(table[name])]
    if not few:
        return []
    text = f"Few different values are in {', '.join(few[:_COLUMNS_SHOWN])}, too; --label_column NAME takes one for the label."
    return [Note("other_label_columns", text, on_card=False)]


def _hint_text(table: pd.DataFrame) -> str:
    """Return a sentence on the columns with the longest texts, and on a first line that could be a row."""
    lengths = {str(name): _mean_length(table[name]) for name in table.columns}
    longest, *others = sorted(lengths, key=lambda name: -lengths[name])
    beside = [name for name in others[:1] if lengths[name] >= max(_WORDS, lengths[longest] / 3)]
    both = [name for name in lengths if name in (longest, *beside)]
    pair = f" If each row is a pair of texts, write --text_column {' '.join(map(shlex.quote, both))}." if beside else ""
    is_range = list(map(str, table.columns)) == [
        str(number) for number in range(table.shape[1])
    ]  # as pandas counts them
    is_row = not is_range and any(str(name).isdigit() or len(str(name).split()) > 3 for name in table.columns)
    hint = " If the first line is a row, write --header false." if is_row else ""
    return f" The longest texts are in '{longest}'.{pair}{hint}{hint_separator(table)}"


def _hint_label(table: pd.DataFrame) -> str:
    """Return a sentence on columns that could be labels, or an empty text."""
    few = [str(name) for name in table.columns if has_few_values(table[name])]
    return f" Few different values are in {', '.join(few[:_COLUMNS_SHOWN])}." if few else ""


def _guess(
    source: str, table: pd.DataFrame, texts: Sequence[str] | None, labels: Sequence[str] | None
) -> tuple[list[str], list[str], list[Note]]:
    """Return the columns of a table without names: the only one with few short values, and the one with the longest texts."""
    columns = list(map(str, table.columns))
    check_no_pixel_columns(source, [str(cell) for cell in table.iloc[0]] if len(table) else [])
    notes = []
    if not labels:
        labels = [name for name in columns if name not in (texts or ()) and has_few_values(table[name])]
        if len(labels) != 1:
            raise _cannot_tell(source, table, labels)
        notes.append(
            Note("label_column", f"Label column: {labels[0]} (the file has no header; it has few different values).")
        )
    if texts is None:
        lengths = {name: _mean_length(table[name]) for name in columns if name not in labels}
        if not lengths:
            raise _cannot_tell(source, table, labels)
        texts = [max(lengths, key=lambda name: lengths[name])]
        notes.insert(
            0, Note("text_column", f"Text column: {texts[0]} (the file has no header; it has the longest texts).")
        )
    return list(texts), list(labels), notes


def _cannot_tell(source: str, table: pd.DataFrame, labels: Sequence[str]) -> UserError:
    """Return the error of a table without names whose columns are not clear, with an example of each."""
    cells = [f"{name} ('{str(table[name].iloc[0])[:_SHOWN]}')" for name in table.columns[:_COLUMNS_SHOWN]]
    many = f"{', '.join(labels)} could be" if labels else "none is"
    return UserError(
        f"{source} has no header, and which column has the labels is not clear ({many}): write --text_column and --label_column "
        f"with numbers, of {', '.join(cells)}; or --header true if the first line names the columns.{hint_separator(table)}"
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
