"""Which columns of a table hold the content and the labels."""

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .split_names import says_split

TEXT_COLUMNS = (
    *("text", "tweet", "sentence", "content", "post", "message", "review", "comment", "body"),
    *("full_text", "comment_text", "tweet_text", "review_text", "reviewtext", "clean_text", "cleaned_text", "raw_text"),
    "title",
    *("text_content", "texts", "tweets", "sentences", "reviews", "comments", "messages", "posts"),
    *("headline", "article", "news", "document", "description", "statement", "utterance", "question", "query"),
    *("question_text", "post_text", "message_text", "article_text", "news_text"),
    *("abstract", "summary", "phrase", "sms", "email", "v2"),
)
"""What columns of texts are called; of several that a table has, the first of these is read."""
SUREST_LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "sentiment", "y")
LABEL_COLUMNS = (
    *SUREST_LABEL_COLUMNS,
    *"stars rating score polarity emotion intent topic tag tags class_label class_name label_name".split(),
    *("categories", "classes", "verdict", "airline_sentiment", "subtask_a", "task_1", "v1"),
)
_LABEL_BEGIN = "is_"
_LABEL_ENDS = ("_label", "_class", "_category", "_sentiment")
_ID_NAMES = ("id", "idx", "key", "uuid", "guid", "no", "nr", "row")
_ID_ENDS = ("_id", "_key", "_idx")
_SHOWN = 200
_CELL_SHOWN = 60
_NUMBERED = re.compile(r"\.\d+$")
_NAMELESS = re.compile(r"column \d+")
_PANDAS = re.compile(r"Unnamed: \d+$")
"""What pandas calls a column without a name."""

Columns = str | Sequence[str] | None
"""One column, several, or none that was given."""


def column_names(columns: Columns) -> list[str]:
    """Return the columns that were given, in a list."""
    return [columns] if isinstance(columns, str) else list(columns or ())


def find_column(source: str, columns: list[str], candidates: tuple[str, ...], flag: str) -> str:
    """Return the column that has the first of the `candidates` for its name, in upper or lower case.

    Raises:
        UserError: There is none; `--flag` would name it.

    """
    column = find_usual(columns, candidates)
    if column is not None:
        return column
    raise UserError(
        f"{source} has no column named {' or '.join(candidates[:3])}, only: {list_columns(columns)}; write --{flag} NAME."
    )


def have_no_names(columns: Sequence[str]) -> bool:
    """Whether columns are called by their numbers, since their file has no header."""
    return list(columns) == [str(number) for number in range(1, len(columns) + 1)]


def find_usual(columns: Sequence[str], candidates: Sequence[str]) -> str | None:
    """Return the column that has the first of the `candidates` for its name; where none has, for the last part of its name.

    Names have parts in objects of JSON (`tweet.full_text`); of several that end alike the one with fewest parts counts.
    """
    by_name = {_plain(column): column for column in reversed(columns)}
    by_depth = sorted(columns, key=lambda column: column.count("."))
    by_part = {_plain(column).rsplit(".", 1)[-1]: column for column in reversed(by_depth)}
    found = (names[candidate] for names in (by_name, by_part) for candidate in candidates if candidate in names)
    return next(found, None)


def _plain(column: str) -> str:
    """Return a name as usual ones are written: `review_text` for `Review Text`."""
    return column.lower().strip().replace(" ", "_").replace("-", "_")


def note_alike(columns: Sequence[str], used: Sequence[str]) -> list[Note]:
    """Say which columns are called like one that is read, as `Label` or a second `label`, and are not read.

    Args:
        columns: All of a table; of those that have the same name the later ones are numbered, as `label.1`.
        used: Those that are read.

    """
    names = {_plain(column): column for column in used}
    alike = [(column, names.get(_NUMBERED.sub("", _plain(column)))) for column in columns if column not in used]
    return [
        Note("alike_columns", f"The column '{column}' is called like '{name}', and is not read.", on_card=False)
        for column, name in alike
        if name is not None
    ]


def is_called_id(column: str) -> bool:
    """Whether a column is called as those are that name rows, or is the index that pandas writes."""
    plain = column.lower().strip(" .#").replace("-", "_").replace(" ", "_")
    return plain in _ID_NAMES or plain.endswith(_ID_ENDS) or not plain or is_index(column)


def are_ids(tables: Iterable[pd.DataFrame], column: str) -> bool:
    """Whether a column is called as ids are, and none of its cells stands twice in a table; a table may lack it."""
    cells = (table[column] for table in tables if column in table)
    return is_called_id(column) and all(each.map(str).is_unique for each in cells)


def is_nameless(column: str) -> bool:
    """Whether a column has no name in its file, and is called by its number."""
    return bool(_NAMELESS.fullmatch(column))


def is_index(column: str) -> bool:
    """Whether a column is the index that pandas writes, or has no name."""
    plain = column.lower().strip()
    return plain in ("", "index") or plain.startswith("unnamed: ") or is_nameless(column)


def note_spilled(tables: Mapping[str, pd.DataFrame], used: Sequence[str]) -> list[Note]:
    """Say of which rows cells are not read that stand in columns without a name, which not all rows fill.

    A text that has separators and no quotes around it goes on there.

    Args:
        tables: Rows by split, every cell a text.
        used: The columns that are read.

    """
    spilled = {split: _spilled_cells(table, used) for split, table in tables.items()}
    spilled = {split: cells for split, cells in spilled.items() if len(cells)}
    if not spilled:
        return []
    shown = " ".join(next(iter(spilled.values())).iloc[0]).strip()[:_CELL_SHOWN]
    rows_of_splits = ", ".join(f"{len(cells)} of {split}" for split, cells in spilled.items())
    text = (
        f"Rows with cells in columns without a name, which are not read: {rows_of_splits}, such as '{' '.join(shown.split())}': "
        "if texts go on there, put quotes around them in the file."
    )
    return [Note("spilled", text, on_card=False)]


def _spilled_cells(table: pd.DataFrame, used: Sequence[str]) -> pd.DataFrame:
    """Return the rows that have something in columns without a name that are not full, as an index is, with the texts there."""
    nameless = [name for name in map(str, table.columns) if is_nameless(name) or _PANDAS.match(name)]
    cells = table[[name for name in nameless if name not in used]].fillna("").map(str)
    if not cells.shape[1]:
        return cells.iloc[:0]
    has_cell = cells.map(lambda cell: bool(cell.strip()))
    has_cell = has_cell.loc[:, ~has_cell.all()]
    return cells.loc[has_cell.any(axis=1), has_cell.columns]


def note_rejected(tables: Mapping[str, pd.DataFrame], used: Sequence[str]) -> list[Note]:
    """Say which rows a person rejected or ignored, as tools of annotation write beside a label that was asked for (`answer`).

    Args:
        tables: Rows by split.
        used: The columns that are read.

    """
    answers = {split: table["answer"].map(str) for split, table in tables.items() if "answer" in table}
    values = {value for cells in answers.values() for value in cells}
    if "answer" in used or "accept" not in values or not values <= {"accept", "reject", "ignore"}:
        return []
    counts = {split: int((cells != "accept").sum()) for split, cells in answers.items()}
    shown = ", ".join(f"{count} of {split}" for split, count in counts.items() if count)
    text = f"Rows with reject or ignore in the column 'answer' are read with their label all the same: {shown}; take them out."
    return [Note("rejected", text, on_card=False)] if shown else []


def list_columns(columns: Sequence[str]) -> str:
    """Return the names of columns for a message, not more than fit a line or two."""
    whole = ", ".join(columns)
    return whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN].rsplit(', ', 1)[0]}, ... ({len(columns)} columns)"


def find_label_column(source: str, columns: list[str], notes: list[Note]) -> str:
    """Return the column that has a usual name for labels, and add to `notes` which it is.

    Raises:
        UserError: There is none.

    """
    column = find_usual_label(columns)
    if column is None:
        column = find_column(source, columns, LABEL_COLUMNS, "label_column")
    notes.append(Note("label_column", f"Label column: {column} (found by its name)."))
    return column


def find_usual_label(columns: Sequence[str]) -> str | None:
    """Return the column that has a usual name for labels, or the only one whose name is put together as theirs are."""
    return find_usual(columns, LABEL_COLUMNS) or _find_by_part(columns)


def _find_by_part(columns: Sequence[str]) -> str | None:
    """Return the only column whose name is put together as those of labels are: `is_sarcastic`, `true_label`."""
    lower = {column: _plain(column) for column in columns}
    named = [name for name, text in lower.items() if text.startswith(_LABEL_BEGIN) or text.endswith(_LABEL_ENDS)]
    named = [name for name in named if not says_split(name)] or named
    return named[0] if len(named) == 1 else None


def check_columns(source: str, split: str, columns: list[str], contents: Sequence[str], label: str) -> None:
    """Refuse a split that lacks a column; a test split may lack the labels.

    Raises:
        UserError: A column of `contents`, or the one of the labels, is not there.

    """
    for column in (*contents, label):
        if column not in columns and not (split == "test" and column == label):
            raise UserError(f"The {split} split of {source} has no column '{column}', only: {list_columns(columns)}.")
