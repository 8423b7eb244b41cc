"""Tables beside images: what is read of one, which of its columns names the images, and which holds the labels."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .class_folders import split_in_name
from .image_index import ImageIndex
from .image_json import read_json_table
from .pixel_tables import check_no_pixels
from .sources import read_file
from .table_columns import check_header, find_file_column, find_labels

_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class ImageTable:
    """A table whose rows name images.

    Attributes:
        name: Its path from the folder of the data.
        rows: Its cells as they were written.
        file_column: Names the images; None: no column does.
        label_column: Holds the labels; None: it has none.
        labels_from: The same for a message: a column, or several of which one is marked.
        split: What its name says that its rows are for, such as `test` for `test.csv`.
        notes: How the columns were found.
        problem: Why it has no label column.

    """

    name: str
    rows: pd.DataFrame
    file_column: str | None
    label_column: str | None
    labels_from: str
    split: str | None
    notes: list[Note] = field(default_factory=list)
    problem: str = ""

    def file_cells(self) -> list[object]:
        """Return what its rows call their images."""
        return [None] * len(self.rows) if self.file_column is None else list(self.rows[self.file_column])

    def place(self, position: int) -> str:
        """Return where a row stands, counted as an editor does it."""
        lines = {".csv": ("line", 2), ".tsv": ("line", 2), ".jsonl": ("line", 1)}
        what, first = lines.get(Path(self.name).suffix.lower(), ("row", 1))
        return f"{what} {position + first}"


def read_table(path: Path) -> tuple[pd.DataFrame, list[Note]]:
    """Read a table that lies beside images, its cells as text or as JSON has them: the one place where it is done.

    Returns:
        The table, and notes on how it was read.

    Raises:
        UserError: It cannot be read, or is no table of images.

    """
    try:
        check_no_pixels(path)
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(
                f"{path} is larger than labels of images are: write a table with the columns file_name,label alone."
            )
        table = read_json_table(path) if path.suffix.lower() == ".json" else None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    return (read_file(path)[0] if table is None else table), []


def understand_table(
    folder: Path, name: str, index: ImageIndex, file_column: str | None, label_column: str | None
) -> ImageTable:
    """Read a table and find its columns, of which none may name images.

    Args:
        folder: Of the data.
        name: Path of the table from there.
        index: The images that it may name.
        file_column: `--image_column`.
        label_column: `--label_column`.

    Raises:
        UserError: It cannot be read.

    """
    rows, notes = read_table(folder / name)
    rows.columns = pd.Index([str(column) for column in rows.columns])
    rows = rows.loc[:, ~rows.columns.duplicated()].copy()
    check_header(name, list(rows.columns), index)
    files = find_file_column(rows, index, file_column, notes)
    if files is None:
        return ImageTable(name, rows, None, None, "", None)
    labels, words, problem = find_labels(name, rows, files, label_column, notes)
    split = split_in_name(Path(name).stem)
    return ImageTable(name, rows, files, labels, words, split, notes, problem)
