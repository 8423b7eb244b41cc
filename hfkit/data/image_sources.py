"""Where images come from: scikit-learn's digits, a folder of images, parquet files, or the Hub; one dataset a split."""

import io
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute
from datasets import ClassLabel, Dataset, Image

from ..errors import UserError
from ..flags.paths import IMAGE_SUFFIXES, check_dataset_path
from ..notes import Note
from .class_folders import (
    check_class_folders,
    check_inside_of_class,
    is_hidden,
    note_folders_passed_over,
    subfolders,
)
from .columns import check_columns, find_column, find_label_column
from .sources import load_hub
from .split_names import SPLIT_NAMES, find_split_column, note_column_ignored, rows_of_splits, split_named
from .typed_tables import ids_to_names

IMAGE_COLUMNS = ("image", "img", "picture", "photo", "pixels")
HUB_NAMES = {"cifar10": "uoft-cs/cifar10"}


@dataclass
class ImageSource:
    """Images as they were found, by split, not yet decoded.

    Attributes:
        images: One column `image` of `{"bytes", "path"}`.
        tables: The same rows with `file` (what a person calls the image) and `label` (as the source has it, or None).
        label_column: Where the labels come from, for messages.
        class_names: Names that the source itself states, in order.
        notes: What was found by its name, passed over, ...

    """

    images: dict[str, Dataset]
    tables: dict[str, pd.DataFrame]
    label_column: str
    class_names: list[str] | None = None
    notes: list[Note] = field(default_factory=list)


def read_images(
    dataset: str, config: str | None, revision: str | None, image_column: str | None, label_column: str | None
) -> ImageSource:
    """Find all splits of `dataset`: `digits`, `cifar10`, a folder, a parquet file, a folder of those, or a Hub id.

    Raises:
        UserError: It is not there, cannot be reached, or cannot be read.

    """
    if dataset == "digits":
        return _read_digits()
    path = Path(dataset).expanduser()
    if path.is_dir():
        files = _parquet_files(path)
        if not files:
            return _read_image_folder(path)
        splits = {split: _read_parquet(names) for split, names in files.items()}
    elif path.is_file() and path.suffix.lower() == ".parquet":
        splits = {"train": _read_parquet([path])}
    elif path.is_file():
        raise UserError(
            f"{path} is no parquet file: name a folder of images (train/CLASS/* or CLASS/*), or a .parquet file."
        )
    else:
        check_dataset_path(dataset)
        splits = load_hub(HUB_NAMES.get(dataset, dataset), config, revision)
    return source_of_datasets(dataset, splits, image_column, label_column)


def source_of_datasets(
    name: str, splits: dict[str, Dataset], image_column: str | None, label_column: str | None
) -> ImageSource:
    """Return the images and labels of datasets with columns for them; one alone is parted by its column `split`.

    Raises:
        UserError: A column is not there, or is not as it must be.

    """
    splits, notes = _split_by_column(name, splits, (image_column, label_column))
    source = _from_columns(name, splits, image_column, label_column)
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
    table = pd.DataFrame({"file": [f"digit {row}" for row in range(1, len(cells) + 1)]})
    table["label"] = [names[number] for number in digits.target]
    return ImageSource({"train": _as_images(cells)}, {"train": table}, "target", names)


def _as_images(cells: list[Any]) -> Dataset:
    return Dataset.from_dict({"image": cells}).cast_column("image", Image(decode=False))


# --- a folder of images ---


def _read_image_folder(folder: Path) -> ImageSource:
    """Read `train/CLASS/*` with further splits beside it, or `CLASS/*`; a test split may have no classes."""
    splits = _split_folders(folder)
    notes: list[Note] = []
    passed_over: list[Path] = []
    if splits["train"] != folder:
        notes += note_folders_passed_over(folder, splits.values())
        passed_over += [
            path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
        ]
    images: dict[str, Dataset] = {}
    tables: dict[str, pd.DataFrame] = {}
    for split in SPLIT_NAMES:
        if split not in splits:
            continue
        files, labels, others = _list_files(splits[split], may_be_flat=split == "test")
        passed_over += others
        tables[split] = pd.DataFrame({"file": [path.relative_to(folder).as_posix() for path in files], "label": labels})
        images[split] = _as_images([str(path) for path in files])
    if passed_over:
        count = f"{len(passed_over)}, such as {passed_over[0].name}"
        text = f"Files that are no images of a class were passed over: {count}."
        notes.append(Note("files_passed_over", text, on_card=False))
    return ImageSource(images, tables, "folder", notes=notes)


def _split_folders(folder: Path) -> dict[str, Path]:
    """Return the folder of each split; without a train folder all of it is train.

    A folder is a split's by its name (`train`, `my-val`) if it has folders of classes. One without is so by the very name, and
    beside folders of classes not even then, unless it is `test`.
    """
    splits: dict[str, Path] = {}
    folders = subfolders(folder)
    only_splits = all(split_named(path.name) for path in folders)
    for path in folders:
        split = split_named(path.name)
        exact = split is not None and path.name.lower() in SPLIT_NAMES[split]
        if split is None or not (subfolders(path) or (exact and (only_splits or split == "test"))):
            continue
        if split in splits:
            raise UserError(
                f"{folder} has two folders for {split}: {splits[split].name} and {path.name}; leave one there."
            )
        splits[split] = path
    if splits and "train" not in splits:
        names = ", ".join(path.name for path in splits.values())
        raise UserError(f"{folder} has {names}, but no folder train with one folder for each class.")
    return splits or {"train": folder}


def _list_files(folder: Path, may_be_flat: bool) -> tuple[list[Path], list[str | None], list[Path]]:
    """Return the image files of a split with their classes, and the files that are no images."""
    files: list[Path] = []
    labels: list[str | None] = []
    others: list[Path] = []
    classes = subfolders(folder)
    others += (
        [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
        if classes
        else []
    )
    for place in classes or [folder]:
        paths = sorted(path for path in place.rglob("*") if path.is_file() and not is_hidden(path, folder))
        kept = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
        others += [path for path in paths if path.suffix.lower() not in IMAGE_SUFFIXES]
        if classes:
            check_inside_of_class(place, kept)
        files += kept
        labels += [place.name if classes else None] * len(kept)
    if not files:
        raise UserError(
            f"{folder} has no images ({', '.join(IMAGE_SUFFIXES[:4])}): it needs one folder for each class, CLASS/*."
        )
    if not classes and not may_be_flat:
        raise UserError(
            f"{folder} has images but no class folders: put the images of each class into a folder of its name."
        )
    check_class_folders(folder, list(dict.fromkeys(label for label in labels if label is not None)))
    return files, labels, others


# --- parquet and the Hub ---


def _parquet_files(folder: Path) -> dict[str, list[Path]]:
    """Return the parquet files of a folder, or of its folder `data`, by split; a split may have several."""
    files: dict[str, list[Path]] = {}
    for path in sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")]):
        split = split_named(path.stem)
        if split is not None:
            files.setdefault(split, []).append(path)
    if "train" not in files and (files or any(folder.glob("*.parquet"))):
        raise UserError(f"{folder} has no training file: name it train.parquet, and the others validation and test.")
    return files


def _read_parquet(paths: list[Path]) -> Dataset:
    from datasets.exceptions import DatasetsError

    try:
        return Dataset.from_parquet([str(path) for path in paths])
    except (OSError, ValueError, DatasetsError) as error:  # pyarrow's errors are ValueErrors and OSErrors
        raise UserError(f"{paths[0]} cannot be read as parquet: {' '.join(str(error).split()).rstrip('.')}.") from error


def _split_by_column(
    name: str, splits: dict[str, Dataset], used: Collection[str | None]
) -> tuple[dict[str, Dataset], list[Note]]:
    """Part the rows by their column `split`, where there is one and nothing else says the splits; also say so."""
    if len(splits) > 1:
        return splits, note_column_ignored({split: rows.column_names for split, rows in splits.items()}, used)
    rows = splits["train"]
    column = find_split_column(rows.column_names, used)
    if column is None:
        return splits, []
    positions, note = rows_of_splits(name, column, _label_values(rows, column))
    # Flattened, since what follows works on the tables underneath.
    parts = {split: rows.select(chosen).flatten_indices() for split, chosen in positions.items()}
    return parts or splits, [note]


def _from_columns(
    name: str, splits: dict[str, Dataset], image_column: str | None, label_column: str | None
) -> ImageSource:
    """Take the image and the label column out of datasets that may have others."""
    columns = splits["train"].column_names
    notes: list[Note] = []
    if image_column is None:
        typed = [column for column, feature in splits["train"].features.items() if isinstance(feature, Image)]
        image_column = typed[0] if len(typed) == 1 else find_column(name, columns, IMAGE_COLUMNS, "image_column")
        by = "type" if len(typed) == 1 else "name"
        notes.append(Note("image_column", f"Image column: {image_column} (found by its {by})."))
    label_column = label_column or find_label_column(name, columns, notes)
    images: dict[str, Dataset] = {}
    tables: dict[str, pd.DataFrame] = {}
    for split, rows in splits.items():
        check_columns(name, split, rows.column_names, [image_column], label_column)
        images[split] = _image_column(rows, image_column)
        tables[split] = pd.DataFrame({"file": name_images(images[split], split)})
        tables[split]["label"] = _label_values(rows, label_column)
    feature = splits["train"].features[label_column]
    return ImageSource(images, tables, label_column, feature.names if isinstance(feature, ClassLabel) else None, notes)


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
    return [f"{split} {row}" for row in range(1, len(images) + 1)]


def _label_values(rows: Dataset, column: str) -> list[Any]:
    """Return the labels, those of a ClassLabel by their names."""
    if column not in rows.column_names:
        return [None] * len(rows)
    values, feature = list(rows[column]), rows.features[column]
    if isinstance(feature, ClassLabel):
        return list(ids_to_names(values, feature.names))
    return values
