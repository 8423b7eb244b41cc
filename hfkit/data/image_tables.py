"""Tables beside images: what is read of one, which of its columns names the images, and which holds the labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from ..errors import UserError, os_reason
from ..notes import Note
from .class_folders import split_in_name
from .image_index import ImageIndex
from .image_json import read_labels_by_file
from .image_layouts import LabelFlags, LabelTable
from .pixel_tables import check_no_pixels
from .split_columns import choose_split_column
from .table_columns import find_file_column, find_labels, names_an_image
from .tables import read_file

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
        split_column: That is given to say the split of a row.
        notes: How it was read, and how the columns were found.
        problem: Why it has no label column.
        columns: Those that it has as it was written.
        label_columns: Those of them that say the labels.
        label_places: The labels, where columns of 0 and 1 say of each image which it has.

    """

    name: str
    rows: pd.DataFrame
    file_column: str | None
    label_column: str | None
    labels_from: str
    split: str | None
    split_column: str | None = None
    notes: list[Note] = field(default_factory=list)
    problem: str = ""
    label_places: list[str] | None = None
    columns: Sequence[str] = ()
    label_columns: Sequence[str] = ()

    def as_written(self) -> LabelTable:
        """Return it with the columns that it has itself; what columns of 0 and 1 were put together to is none of them."""
        given = self.split_column if self.split_column in self.columns else None
        rows = self.rows[list(self.columns)]
        split = choose_split_column(rows, (self.file_column, *self.label_columns), given)
        return LabelTable(rows, str(self.file_column), self.label_columns, split)

    def file_cells(self) -> list[object]:
        """Return what its rows call their images."""
        return [None] * len(self.rows) if self.file_column is None else list(self.rows[self.file_column])

    def place(self, position: int) -> str:
        """Return where a row stands: the first one below the names of the columns is row 0."""
        return f"row {position}, counted from 0"


def read_table(path: Path, flags: LabelFlags) -> tuple[pd.DataFrame, list[Note]]:
    """Read a table that lies beside images: by the one reader of tables, but for JSON of forms that only labels of images have.

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
        by_file = read_labels_by_file(path, flags.table) if path.suffix.lower() == ".json" else None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
    if by_file is not None:
        return by_file
    read = read_file(path, flags.table, flags.named_columns())
    return read.table, read.notes


def understand_table(folder: Path, name: str, index: ImageIndex, flags: LabelFlags) -> ImageTable:
    """Read a table and find its columns, of which none may name images.

    A first line that names an image is a row, and columns are then called by their numbers.

    Args:
        folder: Of the data.
        name: Path of the table from there.
        index: The images that it may name.
        flags: Columns that are named, and how the table is written.

    Raises:
        UserError: It cannot be read.

    """
    rows, notes = read_table(folder / name, flags)
    if flags.table.header is None and names_an_image(rows.columns, index):
        flags = replace(flags, table=replace(flags.table, header=False))
        rows, notes = read_table(folder / name, flags)
    rows.columns = pd.Index([str(column) for column in rows.columns])
    rows = rows.loc[:, ~rows.columns.duplicated()].copy()
    files = find_file_column(rows, index, flags.image_column, notes)
    if files is None:
        return ImageTable(name, rows, None, None, "", None)
    columns = list(rows.columns)
    labels = find_labels(name, rows, files, flags, notes)
    split = split_in_name(Path(name).stem)
    where = (labels.name, labels.labels_from, split, flags.split_column)
    return ImageTable(name, rows, files, *where, notes, labels.problem, labels.places, columns, labels.columns)
