"""Tables beside images: what is read of one, which of its columns names the images, and which holds the labels."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..notes import Note
from .class_folders import split_in_name
from .columns import LABEL_COLUMNS
from .image_index import ImageIndex
from .image_json import read_json_table
from .image_layouts import shorten
from .one_hot import read_one_hot
from .pixel_tables import check_no_pixels
from .sources import read_file
from .split_names import SPLIT_COLUMN

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


@dataclass(frozen=True)
class ImageTable:
    """A table whose rows name images.

    Attributes:
        name: Its path from the folder of the data.
        rows: Its cells as they were written.
        file_column: Names the images.
        label_column: Holds the labels; None: it has none.
        labels_from: The same for a message: a column, or several of which one is marked.
        split: What its name says that its rows are for, such as `test` for `test.csv`.
        notes: How the columns were found.
        problem: Why it has no label column.

    """

    name: str
    rows: pd.DataFrame
    file_column: str
    label_column: str | None
    labels_from: str
    split: str | None
    notes: list[Note] = field(default_factory=list)
    problem: str = ""

    def place(self, position: int) -> str:
        """Return where a row stands, counted as an editor does it."""
        lines = {".csv": ("line", 2), ".tsv": ("line", 2), ".jsonl": ("line", 1)}
        what, first = lines.get(Path(self.name).suffix.lower(), ("row", 1))
        return f"{what} {position + first}"


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that lies beside images, its cells as text or as JSON has them: the one place where it is done.

    Raises:
        UserError: It cannot be read, or is no table of images.

    """
    check_no_pixels(path)
    return read_json_table(path) if path.suffix.lower() == ".json" else read_file(path)[0]


def understand_table(
    folder: Path, name: str, index: ImageIndex, file_column: str | None, label_column: str | None
) -> ImageTable | None:
    """Read a table and find its columns.

    Args:
        folder: Of the data.
        name: Path of the table from there.
        index: The images that it may name.
        file_column: `--image_column`.
        label_column: `--label_column`.

    Returns:
        The table, or None where no column names an image.

    Raises:
        UserError: It cannot be read.

    """
    rows = read_table(folder / name)
    rows.columns = [str(column) for column in rows.columns]
    notes: list[Note] = []
    files = _find_file_column(rows, index, file_column, notes)
    if files is None:
        return None
    labels, words, problem = _find_labels(name, rows, files, label_column, notes)
    split = split_in_name(Path(name).stem)
    return ImageTable(name, rows, files, labels, words, split, notes, problem)


def _find_file_column(rows: pd.DataFrame, index: ImageIndex, given: str | None, notes: list[Note]) -> str | None:
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


def _count_images(cells: "pd.Series | pd.DataFrame", index: ImageIndex) -> int:
    """Return how many images the cells of a column name; of two columns of the same name, those of the first."""
    values = cells.iloc[:, 0] if isinstance(cells, pd.DataFrame) else cells
    matches = (index.find(value) for value in values if isinstance(value, str | int))
    return len({match.images[0] for match in matches if match is not None})


def _find_labels(
    name: str, rows: pd.DataFrame, file_column: str, given: str | None, notes: list[Note]
) -> tuple[str | None, str, str]:
    """Return the column of the labels, what it is in words, and why there is none; columns of 0 and 1 become one of names."""
    others = [column for column in rows.columns if column != file_column and not _is_apart(column)]
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
        return column, f"which of the columns {_list(others)} has a 1", ""
    listed = f"it has the columns {_list(rows.columns)}: write --label_column NAME for the one with the labels"
    return None, "", f"{name} names images, but has no column that is called like labels; {listed}"


def _is_apart(column: str) -> bool:
    """Tell whether a column says the split, or is the index that pandas writes."""
    return column.lower() in (SPLIT_COLUMN, "", "index") or column.startswith("Unnamed: ")


def _list(columns: Collection[str]) -> str:
    shown = [shorten(column, 30) for column in list(columns)[:_SHOWN]]
    return ", ".join(shown) + (f", ... ({len(columns)})" if len(columns) > _SHOWN else "")
