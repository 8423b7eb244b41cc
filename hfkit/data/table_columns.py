"""Columns of a table beside images: which names the files, and which holds the labels."""

from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from ..flags.paths import IMAGE_SUFFIXES
from ..notes import Note
from .columns import LABEL_COLUMNS, SUREST_LABEL_COLUMNS, find_usual, have_no_names, is_index
from .folder_listing import read_suffix
from .guessed_columns import has_few_values, note_other_labels
from .image_index import ImageIndex
from .image_json import FILE_COLUMNS
from .image_layouts import LabelFlags, shorten
from .split_columns import choose_split_column
from .table_marks import LabelColumn, find_marks, read_marks

LABEL_NAMES = (
    *SUREST_LABEL_COLUMNS,
    *"class_name classname label_name class_id classid label_id category_name diagnosis dx species breed".split(),
    *LABEL_COLUMNS,
)
_ROWS_TRIED = 2000
_SHOWN = 12


def names_an_image(columns: Iterable[str], index: ImageIndex) -> bool:
    """Tell whether what was taken for the names of columns has one of an image, and is a row."""
    return any(read_suffix(str(column)) in IMAGE_SUFFIXES and index.find(column) for column in columns)


def find_file_column(rows: pd.DataFrame, index: ImageIndex, given: str | None, notes: list[Note]) -> str | None:
    """Return the column whose cells name most images, or the given one if it names any."""
    step = max(1, len(rows) // _ROWS_TRIED)
    tried = rows.iloc[::step]
    columns = [given] if given else list(dict.fromkeys(rows.columns))
    counts = {column: _count_images(tried[column], index) for column in columns if column in rows.columns}
    most = max(counts.values(), default=0)
    if not most:
        return None
    best = [column for column, number in counts.items() if number == most]
    column = find_usual(best, FILE_COLUMNS) or best[0]
    if given is None:
        notes.append(Note("image_column", f"Image column: {shorten(column)} (its cells name the files)."))
    return column


def _count_images(cells: pd.Series, index: ImageIndex) -> int:
    """Return how many images the cells of a column name."""
    matches = (index.find(value) for value in cells if isinstance(value, str | int))
    return len({match.images[0] for match in matches if match is not None})


def find_labels(name: str, rows: pd.DataFrame, file_column: str, flags: LabelFlags, notes: list[Note]) -> LabelColumn:
    """Return the column of the labels; several columns of 0 and 1 become one more of `rows`."""
    given = flags.label_columns(rows.columns)
    missing = [column for column in given if column not in rows.columns]
    if missing:
        return LabelColumn(None, problem=f"{name} has no column '{shorten(missing[0])}', only: {_list(rows.columns)}")
    if given:
        return read_marks(name, rows, given, notes) if len(given) > 1 else _one_column(given[0])
    split = choose_split_column(rows, (file_column,), _if_there(rows, flags.split_column))
    others = [column for column in rows.columns if column not in (file_column, split) and not is_index(column)]
    column, how = _choose_label(rows, file_column, others)
    if column is not None:
        notes.append(Note("label_column", f"Label column: {shorten(column)} ({how})."))
        return _one_column(column)
    marks = find_marks(name, rows, others, notes)
    if marks is not None:
        notes += note_other_labels(rows[[name for name in others if name not in marks.columns]])
        return marks
    listed = f"it has the columns {_list(rows.columns)}: write --label_column NAME for the one with the labels"
    return LabelColumn(None, problem=f"{name} names images, but has no column that is called like labels; {listed}")


def _one_column(column: str) -> LabelColumn:
    return LabelColumn(column, f"column `{column}`", columns=[column])


def _choose_label(rows: pd.DataFrame, file_column: str, others: Sequence[str]) -> tuple[str | None, str]:
    """Return the one of some columns that is of labels, by its name or since no other can be, and how it was found."""
    usual = find_usual(others, LABEL_NAMES)
    if usual is not None:
        return usual, "found by its name"
    if len(others) == 1:
        return others[0], f"the only one beside {shorten(file_column)}"
    few = [column for column in others if has_few_values(rows[column])]
    if have_no_names(list(rows.columns)) and len(few) == 1:
        return few[0], "the table has no header; it has few different values"
    return None, ""


def _if_there(rows: pd.DataFrame, column: str | None) -> str | None:
    return column if column in rows.columns else None


def _list(columns: Collection[str]) -> str:
    shown = [shorten(column, 30) for column in list(columns)[:_SHOWN]]
    return ", ".join(shown) + (f", ... ({len(columns)})" if len(columns) > _SHOWN else "")
