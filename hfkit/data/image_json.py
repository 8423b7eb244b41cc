"""JSON files that say the labels of images, in the forms that people write; others are refused with the reason."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UserError
from .image_layouts import shorten

_FORMS = (
    'write a table labels.csv with the columns file_name,label and one row for each image, or {"a.jpg": "cat", ...}, or '
    '[{"file_name": "a.jpg", "label": "cat"}, ...]'
)


def read_json_table(path: Path) -> pd.DataFrame | None:
    """Read a `.json` file as a table, or return None where it is no document of JSON, but perhaps lines of it.

    Its form is a list of objects, also as the only list in an object; labels by file; files by label; or cells by column and
    row, as pandas writes them.

    Raises:
        UserError: It is of another form, or has objects and boxes as COCO has.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: save it as UTF-8.") from error
    except json.JSONDecodeError:
        return None
    if isinstance(content, list):
        return _table_of_records(path, content)
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path} holds no table of images: {_FORMS}.")
    if {"images", "annotations"} <= set(content) or "shapes" in content:
        raise UserError(
            f"{path} is of the form of COCO or LabelMe ({', '.join(list(content)[:6])}): objects in images, of which there may "
            f"be several in one, and not the class of each image. To classify images, {_FORMS}."
        )
    return _table_of_object(path, content)


def _table_of_records(path: Path, content: list[Any]) -> pd.DataFrame:
    if content and all(isinstance(row, list) and len(row) == 2 for row in content):
        return pd.DataFrame(content, columns=["file", "label"], dtype=object)
    wrong = next((row for row in content if not isinstance(row, dict)), None)
    if wrong is not None or not content:
        raise UserError(f"{path} is a list of other things than objects ({shorten(wrong)}): {_FORMS}.")
    return pd.DataFrame(content, dtype=object)


def _table_of_object(path: Path, content: dict[str, Any]) -> pd.DataFrame:
    """Return the table of a JSON object, by the kind of its values."""
    values = list(content.values())
    records = [value for value in values if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(records) == 1:
        return _table_of_records(path, records[0])
    if all(isinstance(value, str | int | bool | float) for value in values):
        return pd.DataFrame({"file": list(content), "label": values}, dtype=object)
    if all(isinstance(value, list) and all(isinstance(file, str) for file in value) for value in values):
        pairs = [(file, label) for label, files in content.items() for file in files]
        return pd.DataFrame(pairs, columns=["file", "label"], dtype=object)
    if all(isinstance(value, dict) for value in values):
        if all(str(key).isdigit() for value in values for key in value):  # as pandas writes columns
            return pd.DataFrame(content, dtype=object)
        return pd.DataFrame([{"file": file, **row} for file, row in content.items()], dtype=object)
    raise UserError(f"{path} has the keys {', '.join(shorten(key, 30) for key in list(content)[:6])}: {_FORMS}.")
