"""Folders of texts: files of splits, one file for each class, and folders of documents for each class."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..flags.paths import DATA_SUFFIXES, PACKED_SUFFIXES, check_names, is_table_name
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .beside_documents import (
    note_documents_passed_over,
    note_folders_of_tables,
    note_passed_over,
    read_beside_documents,
)
from .class_folders import is_hidden, splits_in, subfolders
from .documents import folders_of_documents, is_document
from .split_files import by_split, check_texts_and_labels, find_split_folders, read_files_of_split
from .tables import ClassNames, Table, read_file
from .unlabelled_files import read_class_files

_NO_DATA = ("readme", "license", "licence", "requirements", "changelog", "citation", "about")
_OF_DATASETS = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
"""What `Dataset.save_to_disk` writes beside the rows."""
_SHARD = re.compile(r"[-_.]\d+[-_]of[-_]\d+$")
_SHOWN = 6


@dataclass
class FolderTables:
    """What was read of a folder.

    Attributes:
        tables: By split.
        class_names: Names of the classes, by column, where files state them.
        notes: What the files were taken for.

    """

    tables: dict[str, pd.DataFrame]
    class_names: ClassNames = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_folder(folder: Path, given: TableFlags = FIND, named: Collection[str] = ()) -> FolderTables:
    """Read the texts of a folder.

    Args:
        folder: With files called after splits (`train.csv`), or one for each class (`fake.csv`), or with a folder of
            documents for each class (`pos/1.txt`), perhaps below folders of splits.
        given: What flags say of the format of files.
        named: Columns that flags name.

    Raises:
        UserError: It has none of these, or what is in it is not as it must be.

    """
    check_names(str(path) for path in folder.rglob("*") if not is_hidden(path, folder))
    inner = _go_inside(folder)
    files = [path for path in sorted(inner.iterdir()) if _is_table(path)]
    splits = {path: _split_of_file(path) for path in files}
    if any(splits.values()):
        read = _read_split_files(inner, {path: split for path, split in splits.items() if split}, given, named)
        others = [path for path in files if not splits[path]]
        if "train" not in read.tables:
            classes = read_class_files(inner, others, given, named) if len(others) > 1 else None
            if classes is None:
                raise _no_training_file(inner, files)
            _add(read, "train", [classes])
        elif others:
            read.notes.append(note_passed_over(others, "are no split's"))
        documents = folders_of_documents(inner)
        read.notes += [*note_documents_passed_over(documents), *note_folders_of_tables(inner, documents)]
    else:
        read = _read_split_folders(inner, files, given, named) or _read_one_part(inner, files, given, named)
    if inner != folder:
        read.notes.insert(
            0, Note("folder", f"Data: in {inner.relative_to(folder)}, the only folder in {folder.name}.", on_card=False)
        )
    return read


def _go_inside(folder: Path) -> Path:
    """Return the folder that has the data: one that is the only one in another, without files of data beside it."""
    while True:
        inner = subfolders(folder)
        if len(inner) != 1 or any(map(_is_table, folder.iterdir())):
            return folder
        if not subfolders(inner[0]) and not any(map(_is_table, inner[0].iterdir())):
            return folder
        if _holds_documents(inner[0]):
            return folder
        folder = inner[0]


def _holds_documents(folder: Path) -> bool:
    """Whether a folder has documents itself, and is perhaps a class."""
    files = [path for path in folder.iterdir() if path.is_file() and is_document(path)]
    return len(files) > 2 and not any(_split_of_file(path) for path in files)


def _is_table(path: Path) -> bool:
    name = path.stem.lower()
    is_other = name.startswith((*_NO_DATA, ".", "_")) or path.name in _OF_DATASETS
    return path.is_file() and is_table_name(path.name) and not is_other


def _stem(path: Path) -> str:
    """Return the name of a file without its suffixes, and without the number of a part (`train-00000-of-00002`)."""
    name = path.stem if path.suffix.lower() not in PACKED_SUFFIXES else Path(path.stem).stem
    return _SHARD.sub("", name)


def _split_of_file(path: Path) -> str | None:
    """Return the split that a file's name tells."""
    splits = splits_in(_stem(path))
    return next(iter(splits)) if len(splits) == 1 else None


def _read_split_files(folder: Path, splits: dict[Path, str], given: TableFlags, named: Collection[str]) -> FolderTables:
    """Read files that are called after splits; parts of one file, which are numbered, are put one behind another."""
    read = FolderTables({})
    for split, paths in by_split(splits).items():
        if len({(_stem(path), path.suffix) for path in paths}) > 1:
            _add(read, split, [read_files_of_split(folder, split, paths, given, named)])
        else:
            _add(read, split, [read_file(path, given, named) for path in paths])
    return read


def _add(read: FolderTables, split: str, parts: Sequence[Table]) -> None:
    """Put the parts of a split together."""
    tables = [part.table for part in parts]
    read.tables[split] = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    for part in parts:
        read.class_names |= part.class_names
        read.notes += part.notes


def _read_split_folders(
    folder: Path, others: Sequence[Path], given: TableFlags, named: Collection[str]
) -> FolderTables | None:
    """Read folders that are called after splits, where there are some, and say what is not read beside them."""
    splits = find_split_folders(folder)
    if "train" not in splits:
        return None
    read = FolderTables({})
    for split, place in splits.items():
        files = [path for path in sorted(place.iterdir()) if _is_table(path)]
        part = _read_one_part(place, files, given, named)
        _add(read, split, [Table(part.tables["train"], part.class_names, _of_split(part.notes, split))])
    read.notes += [note_passed_over(others, "are beside folders of splits")] if others else []
    read.notes += note_folders_of_tables(folder, splits.values())
    return read


def _of_split(notes: Sequence[Note], split: str) -> list[Note]:
    return [Note(note.code, f"{split.capitalize()}: {note.text}", split, note.on_card) for note in notes]


def _read_one_part(folder: Path, files: list[Path], given: TableFlags, named: Collection[str]) -> FolderTables:
    """Read a folder that is one split: documents in folders of classes, a file for each class, or one table."""
    places = folders_of_documents(folder)
    beside = read_beside_documents(folder, files, places, given, named) if places else None
    if beside is not None:
        notes = [*beside.notes, *note_folders_of_tables(folder, places)]
        return FolderTables({"train": beside.table}, beside.class_names, notes)
    read = _read_tables(folder, files, given, named)
    read.notes += [*note_documents_passed_over(places), *note_folders_of_tables(folder, places)]
    return read


def _read_tables(folder: Path, files: list[Path], given: TableFlags, named: Collection[str]) -> FolderTables:
    """Read one table, its numbered parts, or a file for each class."""
    if len(files) == 1:
        table = read_file(files[0], given, named)
        return FolderTables({"train": table.table}, table.class_names, table.notes)
    if len(files) > 1 and len({_stem(path) for path in files}) == 1:
        read = FolderTables({})
        _add(read, "train", [read_file(path, given, named) for path in files])
        return read
    if len(files) > 1:
        classes = read_class_files(folder, files, given, named)
        if classes is not None:
            check_texts_and_labels(folder, files)
            return FolderTables({"train": classes.table}, {}, classes.notes)
    raise _no_training_file(folder, files)


def _no_training_file(folder: Path, files: Sequence[Path]) -> UserError:
    """Return the error of a folder where nothing is to train on."""
    example = f", such as {files[0]}" if files else ""
    seen = f" It has {', '.join(path.name for path in files[:_SHOWN])}." if files else ""
    return UserError(
        f"{folder} has no training file: name it train.csv (or {', '.join(suffix[1:] for suffix in DATA_SUFFIXES[1:])}), "
        f"and the others validation and test; or name one file by --dataset{example}; or bring a folder of texts for each "
        f"class.{seen}"
    )
