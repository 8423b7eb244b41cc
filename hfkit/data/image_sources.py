"""Where images come from: scikit-learn's digits, a folder of images, parquet files, or the Hub; one dataset a split."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute
from datasets import ClassLabel, Dataset, Image, Value

from ..errors import UserError
from ..notes import Note
from .archives import find_local
from .columns import Columns, check_columns, column_names
from .image_features import find_image_feature, find_label_features, read_label_features
from .image_folders import read_image_files
from .image_layouts import ImageLayout, LabelTable
from .image_layouts import LabelFlags as LabelFlags  # for those who read images
from .image_splits import find_parquet, note_parquet, read_parquet, split_by_column
from .sources import HUB_NAMES as HUB_NAMES  # for those who name images
from .sources import load_hub
from .split_columns import choose_split_column


@dataclass
class ImageSource:
    """Images as they were found, by split, not yet decoded.

    Attributes:
        images: One column `image` of `{"bytes", "path"}`.
        tables: The same rows with `file` (what a person calls the image) and `label` (as the source has it, or None; with
            `label_places` a `LabelSet`, or None where it is not known).
        label_column: Where the labels come from, for messages.
        class_names: Names that the source itself states, in order.
        notes: What was found by its name, passed over, ...
        label_places: The labels, where columns of 0 and 1 say of each image which it has.
        read_tables: Returns the tables that say the labels, where tables do.

    """

    images: dict[str, Dataset]
    tables: dict[str, pd.DataFrame]
    label_column: str
    class_names: list[str] | None = None
    notes: list[Note] = field(default_factory=list)
    label_places: list[str] | None = None
    read_tables: Callable[[], list[LabelTable]] = list


def read_images(dataset: str, config: str | None, revision: str | None, flags: LabelFlags) -> ImageSource:
    """Find all splits of `dataset`: `digits`, `cifar10`, a folder, a .zip, a table that names images, parquet, or a Hub id.

    Args:
        dataset: Its name.
        config: Configuration of a Hub dataset.
        revision: Branch, tag or commit of a Hub dataset.
        flags: Columns of images and labels, and how the names of files have the label.

    Raises:
        UserError: It is not there, cannot be reached, or cannot be read.

    """
    if dataset == "digits":
        return _read_digits()
    path, unpacked = find_local(dataset)
    files: dict[str, list[Path]] = {}
    if path is not None and path.is_dir():
        files = find_parquet(path)
    elif path is not None and path.suffix.lower() == ".parquet":
        files = {"train": [path]}
    if files:
        splits = {split: read_parquet(split, names) for split, names in files.items()}
    elif path is not None:
        source = _source_of_layout(read_image_files(path, flags))
        source.notes[:0] = unpacked
        return source
    else:
        splits = load_hub(HUB_NAMES.get(dataset, dataset), config, revision)
    labels = flags.label_columns(splits["train"].column_names)
    may_be_one_class = len(column_names(flags.usual_label_column)) < 2
    source = source_of_datasets(
        dataset,
        splits,
        flags.image_column,
        labels,
        flags.split_column,
        may_be_one_class,
    )
    source.notes += [*unpacked, *note_parquet(files)]
    return source


def source_of_datasets(
    name: str,
    splits: dict[str, Dataset],
    image_column: str | None,
    label_column: Columns,
    split_column: str | None = None,
    may_be_one_class: bool = True,
) -> ImageSource:
    """Return the images and labels of datasets with columns for them; one alone is parted by its column for the split.

    Args:
        name: What messages call them.
        splits: One for each split.
        image_column: The column of the images; None: found.
        label_column: The column of the labels, or several of 0 and 1; None: found.
        split_column: The column that says the split of rows; None: found by its name.
        may_be_one_class: Whether columns of 0 and 1 that are found are classes where each row has exactly one.

    Raises:
        UserError: A column is not there, or is not as it must be.

    """
    labels = column_names(label_column)
    parts, notes = split_by_column(name, splits, (image_column, *labels), split_column)
    source = _from_columns(name, parts, image_column, labels, may_be_one_class)
    source.notes[:0] = notes
    return source


def _read_digits() -> ImageSource:
    """Return scikit-learn's digits: 1,797 grey images of 8x8 pixels, ten classes."""
    from PIL import Image as PillowImage
    from sklearn.datasets import load_digits

    digits = load_digits()
    cells = []
    for pixels in digits.images:
        content = io.BytesIO()
        PillowImage.fromarray((pixels * (255 / 16)).round().astype("uint8")).save(content, format="png")
        cells.append({"bytes": content.getvalue(), "path": None})
    names = [str(number) for number in range(10)]
    table = pd.DataFrame({"file": [f"digit {row}" for row in range(len(cells))]})
    table["label"] = [names[number] for number in digits.target]
    return ImageSource({"train": _as_images(cells)}, {"train": table}, "target", names)


def _as_images(cells: list[Any]) -> Dataset:
    return Dataset.from_dict({"image": cells}).cast_column("image", Image(decode=False))


# --- a folder of images ---


def _source_of_layout(layout: ImageLayout) -> ImageSource:
    """Return the images of a folder as they were understood."""
    images: dict[str, Dataset] = {}
    tables: dict[str, pd.DataFrame] = {}
    for split, files in layout.files.items():
        images[split] = _as_images([str(layout.folder / file.path) for file in files])
        labels = pd.Series([file.label for file in files], dtype=object)
        tables[split] = pd.DataFrame({"file": [file.path for file in files], "label": labels})
    notes, places = layout.all_notes(), layout.label_places
    return ImageSource(
        images, tables, layout.label_column, None, notes, label_places=places, read_tables=lambda: layout.tables
    )


# --- parquet and the Hub ---


def _from_columns(
    name: str, splits: dict[str, Dataset], image_column: str | None, given: list[str], may_be_one_class: bool
) -> ImageSource:
    """Take the image and the label columns out of datasets that may have others."""
    notes: list[Note] = []
    features = splits["train"].features
    image_column = image_column or find_image_feature(name, features, notes)
    columns = given or find_label_features(name, splits["train"], image_column, notes)
    images: dict[str, Dataset] = {}
    tables: dict[str, pd.DataFrame] = {}
    for split, rows in splits.items():
        for column in columns:
            check_columns(name, split, rows.column_names, [image_column], column)
        images[split] = _image_column(rows, image_column)
        tables[split] = pd.DataFrame({"file": name_images(images[split], split)})
    labels = read_label_features(name, splits, columns, may_be_one_class and not given)

    def read_tables() -> list[LabelTable]:
        """Return the columns as they are."""
        return [_as_table(splits[split], image_column, columns, tables[split]) for split in splits]

    for split, table in tables.items():
        table["label"] = pd.Series(labels.cells[split], dtype=object)
    places = None if labels.sets is None else columns
    return ImageSource(
        *(images, tables, labels.column, labels.class_names, [*notes, *labels.notes]),
        label_places=places,
        read_tables=read_tables,
    )


def _as_table(rows: Dataset, image_column: str, label_columns: list[str], table: pd.DataFrame) -> LabelTable:
    """Return the columns of a dataset; those of images have no cells but the names of the files that are classified."""
    plain = [
        name for name, kind in rows.features.items() if isinstance(kind, Value | ClassLabel) and name != image_column
    ]
    cells = rows.select_columns(plain).to_pandas() if plain else pd.DataFrame(index=range(len(rows)))
    assert isinstance(cells, pd.DataFrame)
    cells.insert(0, image_column, table["file"])
    if len(label_columns) == 1 and label_columns[0] in cells:
        cells[label_columns[0]] = table["label"]
    split = choose_split_column(cells[plain], label_columns)
    return LabelTable(cells, image_column, label_columns, split, has_images=True)


def _image_column(rows: Dataset, column: str) -> Dataset:
    """Return the one column as undecoded images, called `image`."""
    only = rows.select_columns([column])
    only = only if column == "image" else only.rename_column(column, "image")
    try:
        return only.cast_column("image", Image(decode=False))
    except (TypeError, ValueError, NotImplementedError) as error:
        kind = rows.features[column]
        raise UserError(f"The column '{column}' holds no images but {kind}: write --image_column NAME.") from error


def name_images(images: Dataset, split: str) -> list[str]:
    """Return what a person calls each image: its own path where the paths tell them apart, else split and number."""
    # Of the table itself: reading the column would read every image.
    paths = pyarrow.compute.struct_field(images.data.column("image"), "path").to_pylist()
    if len(set(paths)) == len(paths) and all(paths):
        return [str(path) for path in paths]
    return [f"{split} {row}" for row in range(len(images))]
