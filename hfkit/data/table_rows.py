"""The rows of tables beside images, put together with the files: splits, rows without image, doubled and unclear rows."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..notes import Note
from .image_index import ImageIndex
from .image_layouts import ImageLayout, LabelledFile, by_split, count, shorten, split_of_path
from .image_tables import ImageTable
from .labels import label_cell
from .multi_label import describe_label_set
from .split_columns import choose_split_column
from .split_names import rows_of_splits
from .splits import MAX_DROPPED_SHARE

_SHOWN = 3
_FEWEST_MATCHED = 0.5
"""Where fewer of the rows and fewer of the images go together, they are hardly of the same data."""


@dataclass(frozen=True)
class ImageRow:
    """A row whose image is there.

    Attributes:
        image: Path of the image.
        label: Its label as text, a tuple of several, or None.
        split: What a column of the table says that it is for.
        table: The table.
        position: Where in the table it stands, from 0.

    """

    image: str
    label: str | tuple[str, ...] | None
    split: str | None
    table: ImageTable
    position: int

    def describe_place(self) -> str:
        """Return where it stands, for a message."""
        return f"{self.table.name}, {self.table.place(self.position)}"


@dataclass(frozen=True)
class TableRows:
    """What a table says of images.

    Attributes:
        table: The table.
        rows: Its rows whose image is there.
        without_image: How many have none.
        in_other_folders: How many name an image in another folder, too, such as one of test, and were taken for the nearest.
        how: How the images were recognised, in words.
        notes: What was found of splits.

    """

    table: ImageTable
    rows: list[ImageRow]
    without_image: int
    in_other_folders: int
    how: str
    notes: list[Note]


def read_table_rows(table: ImageTable, index: ImageIndex) -> TableRows:
    """Find the image of each row.

    Raises:
        UserError: A row stands for several images, or for a split that is unknown.

    """
    cells = table.file_cells()
    labels = [None] * len(cells) if table.label_column is None else map(label_cell, table.rows[table.label_column])
    matches = [index.find(cell) if isinstance(cell, str | int) else None for cell in cells]
    images = [None if match is None else _pick(match.images, table, position) for position, match in enumerate(matches)]
    splits, notes = _read_splits(table, [image for image in images if image is not None])
    rows = [
        ImageRow(image, label, splits.get(position), table, position)
        for position, (image, label) in enumerate(zip(images, labels, strict=True))
        if image is not None
    ]
    several = sum(match is not None and len(match.images) > 1 for match in matches)
    hows = Counter(match.how for match in matches if match is not None).most_common()
    how = hows[0][0] + "".join(f", {number:,} {other}" for other, number in hows[1:]) if hows else ""
    return TableRows(table, rows, len(cells) - len(rows), several, how, [*table.notes, *notes])


def _pick(images: Sequence[str], table: ImageTable, position: int) -> str:
    """Return the image that a row stands for: of those with its name the one beside the table, of its split, or of train.

    Raises:
        UserError: There are several.

    """
    beside = [image for image in images if image.rpartition("/")[0] == table.name.rpartition("/")[0]]
    if len(beside) == 1:
        return beside[0]
    by_folder: dict[str | None, list[str]] = {}
    for image in images:
        by_folder.setdefault(split_of_path(image), []).append(image)
    order = (table.split or "train", None, "train", "validation", "test")
    nearest = next(by_folder[split] for split in order if split in by_folder)
    if len(nearest) == 1:
        return nearest[0]
    cell = shorten(table.file_cells()[position])
    raise UserError(
        f"{table.name}, {table.place(position)}: '{cell}' in column '{table.file_column}' stands for {len(nearest)} images, "
        f"{', '.join(nearest[:_SHOWN])}: write its path from the folder of the data there, such as {nearest[0]}, or take the "
        "others away."
    )


def _read_splits(table: ImageTable, images: Sequence[str]) -> tuple[dict[int, str], list[Note]]:
    """Return the split of each row by a column for it, where there is one and the folders of the images say none."""
    used = (table.file_column, table.label_column)
    column = choose_split_column(table.rows, used, table.split_column)
    if column is None:
        return {}, []
    if any(map(split_of_path, images)):
        text = f"The column '{column}' of {table.name} is ignored: the folders of the images say what they are for."
        return {}, [Note("split_column_ignored", text, on_card=False)]
    positions, note = rows_of_splits(table.name, column, table.rows[column])
    return {position: split for split, chosen in positions.items() for position in chosen}, [note]


def label_files(folder: Path, images: Sequence[str], parts: Sequence[TableRows], is_named: bool = False) -> ImageLayout:
    """Return what tables say of the images of a folder.

    Args:
        folder: Of the data.
        images: Paths of all images from there.
        parts: The tables that count, that of train among them.
        is_named: Whether the table is named as the data, so that rows without an image are not meant.

    Raises:
        UserError: Two rows give an image different labels, more than 5 % of the rows have no image, or none is for training.

    """
    rows, repeated = _join_rows(parts)
    without_image = sum(part.without_image for part in parts)
    _check_matched(parts, len(rows), len(rows) + repeated + without_image, images)
    if not is_named:
        _check_have_images(folder, parts)
    files = _files_by_split(rows, images)
    names = " and ".join(part.table.name for part in parts[:_SHOWN]) + (", ..." if len(parts) > _SHOWN else "")
    if "train" not in files:
        raise UserError(
            f"{folder}: the images that {names} labels are all for {' and '.join(files)}, by the names of folders or tables: "
            "call the folder or the table of those to train on train."
        )
    unused = len(images) - sum(map(len, files.values()))
    shared = sum(part.in_other_folders for part in parts)
    tables = "the table" if len(parts) == 1 else "the tables"
    remarks = count(without_image, f"row of {tables} has no image", f"rows of {tables} have no image")
    remarks += count(unused, "image has no row", "images have no row")
    remarks += count(repeated, "row repeats another", "rows repeat another")
    remarks += count(shared, "name is that of another image, too", "names are those of images in other folders, too")
    first = parts[0]
    labels_from = f"{first.table.labels_from} of {names}, {first.how}"
    notes = list({note.text: note for part in parts for note in part.notes}.values())
    notes += _note_without_row(names, rows, images)
    places = next((part.table.label_places for part in parts if part.table.label_places is not None), None)
    return ImageLayout(
        folder, files, str(first.table.label_column), labels_from, unused, remarks, notes, label_places=places
    )


def _files_by_split(rows: dict[str, ImageRow], images: Sequence[str]) -> dict[str, list[LabelledFile]]:
    """Return the images that are used; those of a test folder also without a row, where no image for test has a label."""
    labels = {image: row.label for image, row in rows.items()}
    splits = {image: _split_of_row(row) for image, row in rows.items()}
    if all(labels[image] is None for image, split in splits.items() if split == "test"):
        splits |= {image: "test" for image in images if image not in rows and split_of_path(image) == "test"}
    return by_split((splits[image], LabelledFile(image, labels.get(image))) for image in images if image in splits)


def _split_of_row(row: ImageRow) -> str:
    """Return what an image is for: by the column of the table, else by its folder, else by the name of the table."""
    return row.split or split_of_path(row.image) or row.table.split or "train"


def _join_rows(parts: Sequence[TableRows]) -> tuple[dict[str, ImageRow], int]:
    """Return the row of each image, one with a label where there is one, and how many rows are more than that.

    Raises:
        UserError: Two rows of an image have different labels.

    """
    rows: dict[str, ImageRow] = {}
    repeated = 0
    for row in (row for part in parts for row in part.rows):
        before = rows.setdefault(row.image, row)
        if before is row:
            continue
        one, other = before.label, row.label
        if one is None:
            rows[row.image] = row
        elif other is not None and one != other:
            raise UserError(
                f"{row.image} has two labels, '{_show(one)}' ({before.describe_place()}) and '{_show(other)}' "
                f"({row.describe_place()}): leave one row for each image; several labels of one stand in one cell, such as "
                "cat|dog with --label_separator '|', or in columns of 0 and 1."
            )
        repeated += 1
    return rows, repeated


def _show(label: str | tuple[str, ...]) -> str:
    return shorten(describe_label_set(label))


def _check_matched(parts: Sequence[TableRows], matched: int, rows: int, images: Sequence[str]) -> None:
    """Refuse tables of which hardly a row has an image, where hardly an image has a row."""
    for_train = [image for image in images if split_of_path(image) != "test"]
    if matched >= _FEWEST_MATCHED * min(rows, len(for_train)):
        return
    table = parts[0].table
    cells = ", ".join(f"'{shorten(cell, 40)}'" for cell in table.file_cells()[:2])
    names = ", ".join(shorten(image) for image in for_train[:2])
    raise UserError(
        f"Only {matched:,} of {rows:,} rows of {table.name} have an image, and {len(images):,} images are there: column "
        f"'{table.file_column}' has {cells}, the images are called {names}; write their names or paths there, or name another "
        "column by --image_column NAME."
    )


def _check_have_images(folder: Path, parts: Sequence[TableRows]) -> None:
    """Refuse rows without an image, but of test, where they are more than some.

    Raises:
        UserError: More than 5 % are.

    """
    for part in parts:
        total = len(part.rows) + part.without_image
        if part.table.split == "test" or part.without_image <= MAX_DROPPED_SHARE * total:
            continue
        path = folder / part.table.name
        named = f", or write --dataset {path} to take those that have one" if len(parts) == 1 else ""
        raise UserError(
            f"{folder}: {part.without_image:,} of {total:,} rows of {part.table.name} have no image, more than "
            f"{MAX_DROPPED_SHARE:.0%}: bring the images, or take the rows out{named}."
        )


def _note_without_row(names: str, rows: Collection[str], images: Sequence[str]) -> list[Note]:
    """Name an image without a row where more than some have none, but for test: the tables are the list of the data."""
    without = _without_row(rows, images)
    total = len(rows) + len(without)
    if len(without) <= MAX_DROPPED_SHARE * total:
        return []
    text = f"Images without a row in {names} are not used: {len(without):,} of {total:,}, such as {without[0]}."
    return [Note("images_without_row", text, on_card=False)]


def _without_row(rows: Collection[str], images: Sequence[str]) -> list[str]:
    """Return the images without a row that may be for training: no copies of others, and none beside the folders of splits."""
    names = {image.rpartition("/")[2] for image in rows}
    are_in_splits = any(map(split_of_path, rows))
    others = [image for image in images if image not in rows and image.rpartition("/")[2] not in names]
    splits = ("train", "validation") if are_in_splits else ("train", "validation", None)
    return [image for image in others if split_of_path(image) in splits]
