"""Columns of a table beside images: which names the files, and which holds the labels."""

from collections.abc import Collection, Sequence

import pandas as pd

from ..errors import UserError
from ..flags.paths import IMAGE_SUFFIXES
from ..notes import Note
from .columns import LABEL_COLUMNS
from .folder_listing import read_suffix
from .image_index import ImageIndex
from .image_layouts import shorten
from .one_hot import read_one_hot
from .split_names import find_split_column

FILE_COLUMNS = (
    *("file_name", "filename", "file", "image_id", "imageid", "image_name", "image", "img_id", "img", "name", "id"),
    *("path", "filepath", "file_path", "image_path"),
)
"""Usual names of columns that name images, the surest first; they decide where several name the same images."""
LABEL_NAMES = (
    *LABEL_COLUMNS,
    *"class_name classname label_name class_id classid label_id category_name diagnosis dx species breed".split(),
)
_ROWS_TRIED = 2000
_SHOWN = 12


def check_header(name: str, columns: Sequence[str], index: ImageIndex) -> None:
    """Refuse a table whose first line names an image, and no columns."""
    image = next((column for column in columns if read_suffix(column) in IMAGE_SUFFIXES and index.find(column)), None)
    if image is not None:
        raise UserError(
            f"{name} has no line of names for its columns: its first line is {_list(columns)}, and names the image "
            f"{shorten(image)}; write file_name,label above it."
        )


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
    usual = [column for known in FILE_COLUMNS for column in best if column.lower() == known]
    column = (usual or best)[0]
    if given is None:
        notes.append(Note("image_column", f"Image column: {shorten(column)} (its cells name the files)."))
    return column


def _count_images(cells: pd.Series, index: ImageIndex) -> int:
    """Return how many images the cells of a column name."""
    matches = (index.find(value) for value in cells if isinstance(value, str | int))
    return len({match.images[0] for match in matches if match is not None})


def find_labels(
    name: str, rows: pd.DataFrame, file_column: str, given: str | None, notes: list[Note]
) -> tuple[str | None, str, str]:
    """Return the column of the labels, what it is in words, and why there is none; columns of 0 and 1 become one of names."""
    split = find_split_column(rows.columns, (file_column, given))
    others = [column for column in rows.columns if column not in (file_column, split) and not _is_index(column)]
    if given is not None:
        problem = f"{name} has no column '{shorten(given)}', only: {_list(rows.columns)}"
        return (given, f"column `{given}`", "") if given in rows.columns else (None, "", problem)
    by_lower_name = {column.lower(): column for column in others}
    usual = next((by_lower_name[known] for known in LABEL_NAMES if known in by_lower_name), None)
    column = usual or (others[0] if len(others) == 1 else None)
    if column is not None:
        how = "found by its name" if usual else f"the only one beside {shorten(file_column)}"
        notes.append(Note("label_column", f"Label column: {shorten(column)} ({how})."))
        return column, f"column `{column}`", ""
    marked = read_one_hot(name, rows, others)
    if marked is not None:
        column = "/".join(others)
        rows[column] = marked
        return column, f"the columns of 0 and 1 ({_list(others)})", ""
    listed = f"it has the columns {_list(rows.columns)}: write --label_column NAME for the one with the labels"
    return None, "", f"{name} names images, but has no column that is called like labels; {listed}"


def _is_index(column: str) -> bool:
    """Tell whether a column is the index that pandas writes."""
    return column.lower() in ("", "index") or column.startswith("Unnamed: ")


def _list(columns: Collection[str]) -> str:
    shown = [shorten(column, 30) for column in list(columns)[:_SHOWN]]
    return ", ".join(shown) + (f", ... ({len(columns)})" if len(columns) > _SHOWN else "")
