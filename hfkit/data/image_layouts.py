"""What was understood of the images of a folder: which file has which label, and what each is for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..flags.image_arguments import ImageDataArguments
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .class_folders import is_mask_name, split_in_name
from .columns import Columns, column_names
from .split_names import SPLIT_NAMES

_FOLDERS_KNOWN = 4096
"""Many images lie in few folders, whose names are looked at once."""


@dataclass(frozen=True)
class LabelledFile:
    """An image file.

    Attributes:
        path: Its path from the folder of the layout, with slashes.
        label: Its label as it was written, a tuple of several, or None.

    """

    path: str
    label: object


@dataclass(frozen=True)
class LabelTable:
    """A table that says the labels of images, and which of its columns are used.

    Attributes:
        rows: Its cells; in place of images the names of their files.
        image_column: Names or has the images.
        label_columns: One with the labels, or several of 0 and 1, one for each class.
        split_column: Says the split of a row, or None.
        has_images: Whether the images are in it.

    """

    rows: pd.DataFrame
    image_column: str
    label_columns: Sequence[str]
    split_column: str | None = None
    has_images: bool = False


@dataclass(frozen=True)
class ImageLayout:
    """Images of a folder with their labels, by split.

    Attributes:
        folder: Where they lie.
        files: The images of each split that there is, in the order train, validation, test.
        label_column: Where the labels come from, in a word for messages: `folder`, a column, `file name`.
        labels_from: The same in some words for `describe`.
        unused: How many images of the folder have no label and are not used.
        remarks: What else was counted, such as `3 rows of the table have no image`.
        notes: What was found, guessed or passed over, besides.
        tables: Those that say the labels, where tables do.
        label_places: The labels, where columns of 0 and 1 say of each image which it has.

    """

    folder: Path
    files: dict[str, list[LabelledFile]]
    label_column: str
    labels_from: str
    unused: int = 0
    remarks: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    tables: list[LabelTable] = field(default_factory=list)
    label_places: list[str] | None = None

    def describe(self) -> str:
        """Return in one line what was understood; images of a test split without any label are counted apart."""
        counts = {split: sum(file.label is not None for file in files) for split, files in self.files.items()}
        unlabelled = [split for split, count in counts.items() if split == "test" and count == 0]
        total = self.unused + sum(len(files) for split, files in self.files.items() if split not in unlabelled)
        apart = [f"{len(self.files[split]):,} of {split} have no label" for split in unlabelled]
        line = f"Labels: {self.labels_from}: {sum(counts.values()):,} of {total:,} images"
        return "; ".join([line, *apart, *self.remarks]) + "."

    def all_notes(self) -> list[Note]:
        """Return what is printed: the line of what was understood, and the notes. They may name files of the data."""
        return [Note("labels_read", self.describe(), on_card=False), *self.notes]


def by_split(files: Iterable[tuple[str, LabelledFile]]) -> dict[str, list[LabelledFile]]:
    """Return files by their splits, in the order train, validation, test; splits without files are not there."""
    splits: dict[str, list[LabelledFile]] = {split: [] for split in SPLIT_NAMES}
    for split, file in files:
        splits[split].append(file)
    return {split: part for split, part in splits.items() if part}


def count(number: int, one: str, several: str) -> list[str]:
    """Return what was counted in words, such as `1 image has no row` or `1,200 images have no row`; nothing of none."""
    return [f"{number:,} {one if number == 1 else several}"] * (number > 0)


def shorten(value: object, most: int = 60) -> str:
    """Return what stands in a cell for a message: on one line, and not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


@dataclass(frozen=True)
class LabelFlags:
    """What the command line says of the labels of images.

    Attributes:
        image_column: Names the images in a table beside them.
        label_column: Holds the labels, or several say 0 or 1 of one each.
        label_from_name: How the names of the files have the label, such as `{label}_{number}`.
        split_column: Says the split of a row.
        table: How the tables are written.
        usual_label_column: Taken where nothing is given and all of them are there.

    """

    image_column: str | None = None
    label_column: Columns = None
    label_from_name: str | None = None
    split_column: str | None = None
    table: TableFlags = FIND
    usual_label_column: Columns = None

    def label_columns(self, columns: Iterable[object]) -> list[str]:
        """Return the label columns of data with these columns, as far as they are known."""
        usual = column_names(self.usual_label_column)
        return column_names(self.label_column) or (usual if set(usual) <= set(columns) else [])

    def named_columns(self) -> list[str]:
        """Return the columns that are given."""
        return [name for name in (self.image_column, *column_names(self.label_column), self.split_column) if name]

    def refuse_several_columns(self, folder: Path) -> None:
        """Refuse several label columns for images that no table labels.

        Raises:
            UserError: As above.

        """
        columns = column_names(self.label_column)
        if len(columns) > 1:
            raise UserError(
                f"{folder} has no table beside its images: leave --label_column out, or put a table with the columns "
                f"file_name,{','.join(columns[:3])} there, which says 0 or 1 of each label."
            )

    @classmethod
    def from_arguments(cls, arguments: ImageDataArguments) -> "LabelFlags":
        """Return what the flags of image data say of the labels."""
        return cls(
            arguments.image_column,
            arguments.label_column,
            arguments.label_from_name,
            arguments.split_column,
            arguments.table_flags(),
        )


def split_of_path(path: str) -> str | None:
    """Return the split that the folders of an image tell, the outermost first (`test1/7.jpg`), or None."""
    return _split_of_folders(path.rpartition("/")[0])


@lru_cache(_FOLDERS_KNOWN)
def _split_of_folders(path: str) -> str | None:
    return next(filter(None, map(split_in_name, path.split("/"))), None)


@lru_cache(_FOLDERS_KNOWN)
def _are_of_masks(path: str) -> bool:
    return any(map(is_mask_name, path.split("/")))


def part_masks(images: Sequence[str]) -> tuple[list[str], list[Note]]:
    """Take out images that lie in folders of masks or annotations where others do not, and say so."""
    masks = {path for path in images if _are_of_masks(path.rpartition("/")[0])}
    if not masks or len(masks) == len(images):
        return list(images), []
    text = f"Images in folders of masks or annotations are not used: {len(masks):,}, such as {min(masks)}."
    return [path for path in images if path not in masks], [Note("masks_passed_over", text, on_card=False)]
