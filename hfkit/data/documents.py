"""Folders of documents: one file for each text, in one folder for each class."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..errors import UserError, os_reason
from ..flags.tables import TableFlags
from ..notes import Note
from .class_folders import check_class_folders, is_hidden, list_files, subfolders
from .class_levels import check_levels
from .encodings import Encoding, find_encodings, is_wide

_SUFFIXES = (".txt", ".text", "")
_UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled", "unlab", "unlabeled_data", "unlabelled_data")
"""Folders of texts beside those of the classes that have no class."""
_SHOWN = 6
_BEGIN = 4096


@dataclass
class Documents:
    """Texts of files.

    Attributes:
        table: Columns `text`, `label` and `file`.
        notes: What the folders were taken for.

    """

    table: pd.DataFrame
    notes: list[Note] = field(default_factory=list)


def is_document(path: Path) -> bool:
    """Whether a file is one text by its name: `1.txt`, `49960`, or one that ends with a number."""
    suffix = path.suffix.lower()
    return suffix in _SUFFIXES or suffix[1:].isdigit()


def folders_of_documents(folder: Path) -> list[Path]:
    """Return the folders in a folder that have documents, whatever else is in them."""
    return [path for path in subfolders(folder) if any(_iter_documents(path))]


def read_documents(folder: Path, given: TableFlags) -> Documents | None:
    """Read a folder with a folder of documents for each class; None where there are none.

    Args:
        folder: Of one split.
        given: Flags, of which the encoding counts.

    Raises:
        UserError: There is one class, folders are no classes by their names, or a file is no text.

    """
    files = {path: _list(path) for path in subfolders(folder)}
    classes = {path: documents for path, documents in files.items() if documents}
    unlabelled = [path for path in classes if path.name.lower() in _UNLABELLED]
    for path in unlabelled:
        del classes[path]
    if not classes:
        return None
    check_class_folders(folder, [path.name for path in classes])
    check_levels(folder, classes)
    encodings = _find_encodings([path for paths in classes.values() for path in paths], given)
    rows = [
        {
            "text": _read(path, encodings[path], given.encoding_errors),
            "label": place.name,
            "file": path.relative_to(folder).as_posix(),
        }
        for place, paths in classes.items()
        for path in paths
    ]
    notes = [Note("labels_by_folder", f"Labels: by the names of the folders ({_count(classes)}), one text a file.")]
    counts = Counter(map(str, encodings.values()))
    guessed = [f"{count} as {name}" for name, count in counts.items() if name != "UTF-8"]
    if guessed:
        text = f"Files that are not UTF-8 were read otherwise: {', '.join(guessed)} (--encoding says which)."
        notes.append(Note("encoding", text))
    if unlabelled:
        text = f"Texts without a class are not used: {_count({path: files[path] for path in unlabelled})}."
        notes.append(Note("files_passed_over", text, on_card=False))
    links = [path for place in classes for path in list_files(place) if path.is_dir()]
    if links:
        text = f"Links to folders inside of a class are not followed: {len(links)}, such as {links[0].relative_to(folder)}."
        notes.append(Note("files_passed_over", text, on_card=False))
    return Documents(pd.DataFrame(rows, dtype=str), notes)


def _list(folder: Path) -> list[Path]:
    """Return the documents in a folder and below it, in the order of their paths."""
    return sorted(_iter_documents(folder))


def _iter_documents(folder: Path) -> Iterator[Path]:
    """Yield the documents in a folder and below it that are not hidden."""
    return (path for path in folder.rglob("*") if is_document(path) and path.is_file() and not is_hidden(path, folder))


def _count(classes: dict[Path, list[Path]]) -> str:
    counts = [f"{path.name} {len(files)}" for path, files in classes.items()]
    return ", ".join(counts[:_SHOWN]) + (f", ... ({len(counts)} classes)" if len(counts) > _SHOWN else "")


def _find_encodings(paths: Sequence[Path], given: TableFlags) -> dict[Path, Encoding]:
    """Find how texts are stored.

    Raises:
        UserError: One cannot be read, is no text, or has bytes that are no character.

    """
    path = paths[0]
    try:
        for path in paths:
            if given.encoding is None and _has_zero_bytes(path):
                raise _no_text(path)
        return find_encodings(paths, given.encoding, given.encoding_errors)
    except OSError as error:
        raise UserError(f"{error.filename or path} cannot be read: {os_reason(error)}.") from error


def _has_zero_bytes(path: Path) -> bool:
    content = path.read_bytes()
    return b"\0" in content and not is_wide(content[:_BEGIN])


def _read(path: Path, encoding: Encoding, errors: str) -> str:
    """Return the text of a file.

    Raises:
        UserError: It is no text.

    """
    text = path.read_bytes().decode(encoding.name, errors)
    if "\0" in text:
        raise _no_text(path)
    return text


def _no_text(path: Path) -> UserError:
    return UserError(
        f"{path} is no text: it has zero bytes. Take it out of the folder, or write --encoding NAME if it is one."
    )
