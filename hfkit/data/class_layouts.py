"""Folders of classes: `train/CLASS/*` with further splits beside it, or `CLASS/*`, also inside of doubled folders."""

from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError
from ..flags.paths import IMAGE_SUFFIXES
from ..notes import Note
from .class_folders import (
    FORMS_OF_LABELS,
    NoClassesError,
    check_class_folders,
    check_inside_of_class,
    has_images,
    list_files,
    note_folders_passed_over,
    split_of_folder,
    subfolders,
)
from .class_levels import check_levels, describe_levels, find_masks
from .image_layouts import ImageLayout, LabelledFile
from .split_names import SPLIT_NAMES

LABEL_COLUMN = "folder"
_SHOWN = 5


def read_class_folders(folder: Path) -> ImageLayout:
    """Read folders of classes; a test split may have none, and is then without labels.

    Raises:
        NoClassesError: There are no folders of classes to train on.
        UserError: Folders are not as they must be.

    """
    root = unwrap(folder)
    places = _split_folders(root)
    notes: list[Note] = []
    passed_over: list[Path] = []
    if places["train"] != root:
        notes += note_folders_passed_over(root, places.values())
        passed_over += [path for path in sorted(root.iterdir()) if _is_image(path)]
    files: dict[str, list[LabelledFile]] = {}
    inner = {split: unwrap(places[split], is_split=True) for split in SPLIT_NAMES if split in places}
    for split, place in inner.items():
        paths, labels, others = _list_files(place, split)
        passed_over += others
        names = (path.relative_to(folder).as_posix() for path in paths)
        files[split] = [LabelledFile(name, label) for name, label in zip(names, labels, strict=True)]
    notes += _note_unwrapped(folder, root, places, inner)
    if passed_over:
        number = f"{len(passed_over)}, such as {passed_over[0].name}"
        text = f"Files that are no images of a class were passed over: {number}."
        if any(path.is_dir() for path in passed_over):
            text += " A link to a folder inside of a class is not followed."
        notes.append(Note("files_passed_over", text, on_card=False))
    return ImageLayout(folder, files, LABEL_COLUMN, _describe_classes(files["train"]), notes=notes)


def unwrap(folder: Path, is_split: bool = False) -> Path:
    """Return the folder that holds the data where others lie around it, each with nothing but the next.

    Such is `training_set/training_set/cat`, and `flowers/tulip` in a folder that has `flowers` alone. A folder that is called
    like a split is not gone into but where the one around it has the same name.

    Args:
        folder: The outermost.
        is_split: Whether it is that of a split.

    """
    reached = folder
    while True:
        inner = [path for path in subfolders(folder) if has_images(path)]
        if any(map(_is_image, folder.iterdir())):
            return reached
        if len(inner) != 1:
            return folder
        [only] = inner
        doubled = only.name.lower() == folder.name.lower()
        if not doubled and not is_split and split_of_folder(only.name) is not None:
            return folder
        if doubled and reached == folder:
            reached = only
        folder = only


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not path.name.startswith(".")


def _note_unwrapped(folder: Path, root: Path, places: dict[str, Path], inner: dict[str, Path]) -> list[Note]:
    """Say which folders the classes lie in, where others are around them."""
    moved = [(root, folder), *((inner[split], place) for split, place in places.items())]
    entered = [place.relative_to(folder).as_posix() for place, outer in moved if place != outer]
    if not entered:
        return []
    return [Note("folders_entered", f"The folders of the classes lie in {', '.join(entered)}.", on_card=False)]


def _describe_classes(files: Iterable[LabelledFile]) -> str:
    names = list(dict.fromkeys(str(file.label) for file in files))
    shown = ", ".join(names[:_SHOWN]) + (f", ... ({len(names):,})" if len(names) > _SHOWN else "")
    return f"the folder of each image ({shown})"


def _split_folders(folder: Path) -> dict[str, Path]:
    """Return the folder of each split; without a train folder all of it is train.

    A folder is a split's by its name (`train`, `my-val`) if it has folders of classes. One without is so by the very name, and
    beside folders of classes not even then, unless it is `test`.
    """
    splits: dict[str, Path] = {}
    folders = subfolders(folder)
    only_splits = all(split_of_folder(path.name) for path in folders)
    for path in folders:
        split = split_of_folder(path.name)
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
        raise NoClassesError(
            f"{folder} has {names}, but no folder train with one folder for each class: {FORMS_OF_LABELS}."
        )
    return splits or {"train": folder}


def _list_files(folder: Path, split: str) -> tuple[list[Path], list[str | None], list[Path]]:
    """Return the image files of a split with their classes, and the files that are no images."""
    by_place: dict[Path, list[Path]] = {}
    classes = subfolders(folder)
    others = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    others = others if classes else []
    for place in classes or [folder]:
        paths = list_files(place)
        images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
        masks = {*find_masks(images)}
        by_place[place] = [path for path in images if path not in masks]
        others += sorted({*paths}.difference(by_place[place]))
    files = [path for paths in by_place.values() for path in paths]
    try:
        _check_split(folder, split, files, [place.name for place in classes if by_place[place]])
    except NoClassesError as error:
        levels = describe_levels(folder, by_place) if classes else None
        raise error if levels is None else NoClassesError(levels) from error
    for place in classes:
        check_inside_of_class(place, by_place[place])
    if classes:
        check_levels(folder, by_place)
    labels = [place.name if classes else None for place, paths in by_place.items() for _ in paths]
    return files, labels, others


def _check_split(folder: Path, split: str, files: list[Path], classes: list[str]) -> None:
    """Refuse a split without images, or without folders of classes that has to have them."""
    is_flat = any(map(_is_image, folder.iterdir()))
    if not files and not is_flat:
        raise UserError(
            f"{folder} has no images ({', '.join(IMAGE_SUFFIXES[:4])}): it needs one folder for each class, CLASS/*."
        )
    if not classes and (split != "test" or not files):
        error = NoClassesError if split == "train" else UserError
        raise error(f"{folder} has images but no class folders: {FORMS_OF_LABELS}.")
    try:
        check_class_folders(folder, classes, "images", FORMS_OF_LABELS)
    except NoClassesError as error:
        if split == "train":
            raise
        raise UserError(str(error)) from error
