"""Several files for one split, by what their names say besides it: numbered parts, classes, or texts and labels apart."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..flags.tables import TableFlags
from ..notes import Note
from .class_folders import split_in_name, subfolders
from .split_names import SPLIT_NAMES, split_named
from .tables import Table, read_file
from .unlabelled_files import read_class_files

_LABELS = {"label", "labels", "y", "target", "targets", "class", "classes", "gold", "answers"}
_TEXTS = {"text", "texts", "x", "data", "input", "inputs", "sentence", "sentences", "tweets", "features"}
_WORD = re.compile(r"[^\W\d_]+|\d+")


def by_split(splits: Mapping[Path, str]) -> dict[str, list[Path]]:
    """Return the files of each split that there is, in the order train, validation, test."""
    files = {split: [path for path, own in splits.items() if own == split] for split in SPLIT_NAMES}
    return {split: paths for split, paths in files.items() if paths}


def find_split_folders(folder: Path) -> dict[str, Path]:
    """Return the folders in a folder that are called after splits, in the order train, validation, test.

    Raises:
        UserError: Two are for one split.

    """
    splits = {path: split for path in subfolders(folder) if (split := split_named(path.name)) is not None}
    folders = by_split(splits)
    for split, paths in folders.items():
        if len(paths) > 1:
            raise UserError(f"{folder} has two folders for {split}: {paths[0].name} and {paths[1].name}; keep one.")
    return {split: paths[0] for split, paths in folders.items()}


def read_files_of_split(
    folder: Path, split: str, paths: Sequence[Path], given: TableFlags, named: Collection[str]
) -> Table:
    """Read several files of different names as one split.

    Args:
        folder: Where they are.
        split: Its name.
        paths: The files.
        given: What flags say of their format.
        named: Columns that flags name.

    Raises:
        UserError: They are neither numbered parts with the same columns nor files of one class each.

    """
    others = {path: _other_words(path) for path in paths}
    if all(words and all(word.isdigit() for word in words) for words in others.values()):
        return _join_parts(paths, [read_file(path, given, named) for path in paths])
    check_texts_and_labels(folder, paths, split)
    if all(others.values()):
        labels = {path: "_".join(words) for path, words in others.items()}
        classes = read_class_files(folder, list(paths), given, named, labels)
        if classes is not None and len({*labels.values()}) == len(paths):
            return classes
    raise UserError(
        f"{folder} has {len(paths)} files for {split}: {paths[0].name} and {paths[1].name}; name one by --dataset "
        f"{shlex.quote(str(paths[0]))}, or put their rows into one, or move those away that are not for {split}."
    )


def _other_words(path: Path) -> list[str]:
    """Return the words of a file's name that say no split."""
    words = _WORD.findall(path.name.split(".")[0])
    return [word for word in words if split_in_name(word) is None]


def _join_parts(paths: Sequence[Path], parts: Sequence[Table]) -> Table:
    """Put numbered parts one behind another.

    Raises:
        UserError: Their columns are not the same.

    """
    for path, part in zip(paths, parts, strict=True):
        if list(part.table.columns) != list(parts[0].table.columns):
            raise UserError(
                f"{paths[0].name} and {path.name} in {paths[0].parent} are called like parts of one table and have other columns "
                f"({_list(parts[0].table)}; {_list(part.table)}): give them the same, or move one of them away."
            )
    text = f"Parts of one split, put one behind another: {', '.join(path.name for path in paths)}."
    notes = [note for part in parts for note in part.notes]
    class_names = {column: names for part in parts for column, names in part.class_names.items()}
    table = pd.concat([part.table for part in parts], ignore_index=True)
    return Table(table, class_names, [*notes, Note("parts_joined", text, on_card=False)])


def _list(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.columns[:6]))


def check_texts_and_labels(folder: Path, paths: Sequence[Path], split: str | None = None) -> None:
    """Refuse a file of texts beside one of their labels.

    Args:
        folder: Where the files are.
        paths: All of a split.
        split: Its name; None: they are all that there is.

    Raises:
        UserError: They are two such files.

    """
    words = {path: {word.lower() for word in _other_words(path)} for path in paths}
    labels = [path for path, each in words.items() if each & _LABELS]
    texts = [path for path, each in words.items() if each & _TEXTS and path not in labels]
    if len(labels) != 1 or len(texts) != 1 or len(paths) != 2:
        return
    one, other = shlex.quote(str(labels[0])), shlex.quote(str(texts[0]))
    whole = shlex.quote(str(folder / f"{split or 'train'}.tsv"))
    what = f"the texts for {split}" if split else "the texts"
    raise UserError(
        f"{folder} seems to have {what} in {texts[0].name} and their labels in {labels[0].name}, and both have to be in one "
        f"table: where a line is a row, write paste {one} {other} > {whole}, and move the two away."
    )
