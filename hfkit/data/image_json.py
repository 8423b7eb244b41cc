"""JSON files that say the labels of images, in the forms that people write; others are refused with the reason."""

from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UserError
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .columns import LABEL_COLUMNS, find_usual
from .image_layouts import shorten
from .json_tables import load_document, rows_of_document
from .table_files import ENCODING_FLAGS, note_unused_flags

FILE_COLUMNS = (
    *("file_name", "filename", "file", "image_id", "imageid", "image_name", "image", "img_id", "img", "name", "id"),
    *("path", "filepath", "file_path", "image_path"),
)
"""Usual names of columns that name images, the surest first; they decide where several name the same images."""
_FILES_COLUMNS = (
    "images",
    "files",
    "file_names",
    "filenames",
    "image_names",
    "paths",
    "file_paths",
    "image_paths",
    "photos",
)
"""Usual names of lists of files in an object that has a list for each column."""
_FORMS = (
    'write a table labels.csv with the columns file_name,label and one row for each image, or {"a.jpg": "cat", ...}, or '
    '[{"file_name": "a.jpg", "label": "cat"}, ...]'
)


def read_labels_by_file(path: Path, given: TableFlags = FIND) -> tuple[pd.DataFrame, list[Note]] | None:
    """Read a `.json` file of a form that only labels of images have, or return None where it has one of other tables.

    Such a form is labels by file, files by label, or pairs of file and label.

    Raises:
        UserError: It cannot be read, is no table, or has objects and boxes as COCO has.

    """
    content, encoding = load_document(path, given)
    if content is None:
        return None
    table, shape = _table_of_list(content) if isinstance(content, list) else _table_of_object(path, content)
    if table is None:
        _check_rows(path, content)
        return None
    text = f"{path.name}: read as JSON with {shape}, {encoding}; {len(table)} rows."
    notes = [Note("table_format", text, on_card=False), *note_unused_flags(path, given, ENCODING_FLAGS)]
    return table, notes


def _table_of_list(content: list[Any]) -> tuple[pd.DataFrame | None, str]:
    if content and all(isinstance(row, list) and len(row) == 2 for row in content):
        names = list(map(str, content[0]))
        if find_usual(names, FILE_COLUMNS) is not None:  # such as [["file", "label"], ["a.jpg", "cat"], ...]
            return pd.DataFrame(content[1:], columns=names, dtype=object), "pairs of file and label, header"
        return pd.DataFrame(content, columns=["file", "label"], dtype=object), "pairs of file and label"
    return None, ""


def _table_of_object(path: Path, content: Any) -> tuple[pd.DataFrame | None, str]:
    """Return the table of a JSON object by the kind of its values, and the form in some words."""
    if not isinstance(content, dict) or not content:
        return None, ""
    if {"images", "annotations"} <= set(content) or "shapes" in content:
        raise UserError(
            f"{path} is of the form of COCO or LabelMe ({', '.join(list(content)[:6])}): objects in images, of which there may "
            f"be several in one, and not the class of each image. To classify images, {_FORMS}."
        )
    values = list(content.values())
    if all(isinstance(value, str | int | bool | float) for value in values):
        return pd.DataFrame({"file": list(content), "label": values}, dtype=object), "a label for each file"
    names_columns = find_usual(list(content), FILE_COLUMNS) is not None or _has_lists_of_columns(content)
    if not names_columns and all(_are_files(value) for value in values):
        pairs = [(file, label) for label, files in content.items() for file in files]
        return pd.DataFrame(pairs, columns=["file", "label"], dtype=object), "files for each label"
    if not names_columns and all(isinstance(value, dict) for value in values):
        return pd.DataFrame([{"file": file, **row} for file, row in content.items()], dtype=object), "a row a file"
    return None, ""


def _has_lists_of_columns(content: dict[str, Any]) -> bool:
    """Tell whether an object has a list of files, and beside it others that are as long and no files: they are called labels."""
    if find_usual(list(content), _FILES_COLUMNS) is None or not all(map(_is_list, content.values())):
        return False
    is_even = len({len(cells) for cells in content.values()}) == 1
    has_labels = find_usual(list(content), LABEL_COLUMNS) is not None
    return is_even and (has_labels or any(len(set(map(str, cells))) < len(cells) for cells in content.values()))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _are_files(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(file, str) for file in value)


def _check_rows(path: Path, content: Any) -> None:
    """Refuse what has no rows, or rows that are no objects."""
    rows = rows_of_document(path, content)[0]
    wrong = [row for row in rows or () if not isinstance(row, dict)]
    if not rows and isinstance(content, dict) and content:
        raise UserError(f"{path} has the keys {', '.join(shorten(key, 30) for key in list(content)[:6])}: {_FORMS}.")
    if not rows:
        raise UserError(f"{path} holds no table of images: {_FORMS}.")
    if wrong:
        raise UserError(f"{path} is a list of other things than objects ({shorten(wrong[0])}): {_FORMS}.")
