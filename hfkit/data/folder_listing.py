"""What lies in a folder and below it: one walk, of names alone, so that many thousand files take a second."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..flags.paths import IMAGE_SUFFIXES, check_names
from .class_folders import is_hidden_name

TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
"""Files that may say the labels of images beside them."""


@dataclass(frozen=True)
class FolderListing:
    """Files of a folder and of all below it that are not hidden.

    Attributes:
        folder: The folder.
        images: Paths of images from there, with slashes, in order.
        tables: Paths of files that may be tables.
        others: Paths of all other files.

    """

    folder: Path
    images: list[str]
    tables: list[str]
    others: list[str]


def list_folder(folder: Path) -> FolderListing:
    """Return what lies in a folder; links to folders are followed, but no folder is read twice.

    Raises:
        UserError: A name is not UTF-8.

    """
    paths: list[str] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = [name for name in folders if _is_new(os.path.join(place, name), name, seen)]
        inner = os.path.relpath(place, folder).replace(os.sep, "/")
        before = "" if inner == "." else f"{inner}/"
        paths += [before + name for name in names if not is_hidden_name(name)]
    check_names(paths)
    paths.sort(key=lambda path: path.split("/"))
    images = [path for path in paths if read_suffix(path) in IMAGE_SUFFIXES]
    tables = [path for path in paths if read_suffix(path) in TABLE_SUFFIXES]
    others = [path for path in paths if read_suffix(path) not in (*IMAGE_SUFFIXES, *TABLE_SUFFIXES)]
    return FolderListing(folder, images, tables, others)


def read_suffix(path: str) -> str:
    """Return the suffix of a path's name in lower case, such as `.jpg`, or an empty text."""
    return os.path.splitext(path)[1].lower()


def read_stem(path: str) -> str:
    """Return the name at the end of a path without its suffix."""
    return os.path.splitext(path.rpartition("/")[2])[0]


def _is_new(path: str, name: str, seen: set[str]) -> bool:
    return not is_hidden_name(name) and not (os.path.islink(path) and os.path.realpath(path) in seen)
