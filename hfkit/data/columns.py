"""Which columns of a table hold the content and the labels."""

from collections.abc import Sequence

from ..errors import UserError
from ..notes import Note

TEXT_COLUMNS = ("text", "tweet", "sentence", "content", "post", "message", "review", "comment", "body", "title")
LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "sentiment", "y")


def find_column(source: str, columns: list[str], candidates: tuple[str, ...], flag: str) -> str:
    """Return the column that has the first of the `candidates` for its name, in upper or lower case.

    Raises:
        UserError: There is none; `--flag` would name it.

    """
    by_lower_name = {column.lower(): column for column in columns}
    for candidate in candidates:
        if candidate in by_lower_name:
            return by_lower_name[candidate]
    raise UserError(
        f"{source} has no column named {' or '.join(candidates[:3])}, only: {', '.join(columns)}; write --{flag} NAME."
    )


def find_label_column(source: str, columns: list[str], notes: list[Note]) -> str:
    """Return the column that has a usual name for labels, and add to `notes` which it is.

    Raises:
        UserError: There is none.

    """
    column = find_column(source, columns, LABEL_COLUMNS, "label_column")
    notes.append(Note("label_column", f"Label column: {column} (found by its name)."))
    return column


def check_columns(source: str, split: str, columns: list[str], contents: Sequence[str], label: str) -> None:
    """Refuse a split that lacks a column; a test split may lack the labels.

    Raises:
        UserError: A column of `contents`, or the one of the labels, is not there.

    """
    for column in (*contents, label):
        if column not in columns and not (split == "test" and column == label):
            raise UserError(f"The {split} split of {source} has no column '{column}', only: {', '.join(columns)}.")
