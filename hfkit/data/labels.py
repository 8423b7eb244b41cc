"""Labels: what they are, and what they are called."""

import re
import sys
from typing import Any

import pandas as pd

from ..errors import UserError

_FLOAT = re.compile(r"[+-]?(\d+[.,]\d*|[.,]\d+)([eE][+-]?\d+)?|[+-]?\d+[eE][+-]?\d+")
_INTEGER = re.compile(r"[+-]?\d+")


def encodable(text: str) -> str:
    """Replace half of a surrogate pair, which broken exports hold and no UTF-8 file can, by a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def is_list(value: object) -> bool:
    """Tell whether a cell is a list, a tuple, a set or an array."""
    return isinstance(value, list | tuple | set) or (hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0)


def label_text(value: object) -> str | None:
    """Return a label as text, or None where there is none.

    Raises:
        UserError: The label is a list or an object.

    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if is_list(value) or isinstance(value, dict):
        raise UserError(
            f"A row has several labels ({str(value)[:100]}) where others have one: write each as a list of names, or give each "
            "row one."
        )
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return sys.intern(encodable(str(value)).strip()) or None  # one object for all rows of a class


def label_texts(value: Any) -> list[str]:
    """Return the labels of a list, without those that are nothing; objects such as `{"id": 1, "name": "drama"}` have a name.

    Raises:
        UserError: One of them is a list, or an object without name.

    """
    values = value.tolist() if hasattr(value, "tolist") else list(value)
    return [text for text in map(label_text, map(_read_name, values)) if text is not None]


def _read_name(value: Any) -> Any:
    """Return the name of an object, or its label; anything else as it is."""
    names = [value[key] for key in ("name", "label") if key in value] if isinstance(value, dict) else []
    return names[0] if names else value


def label_cell(value: object) -> str | tuple[str, ...] | None:
    """Return a label as text, several as a tuple of texts, or None where there is none."""
    return tuple(label_texts(value)) if is_list(value) else label_text(value)


def check_kind(labels: pd.Series, column: str) -> None:
    """Refuse labels that are not classes.

    Raises:
        UserError: They are decimal numbers.

    """
    values = set(labels.dropna())
    floats = sorted(value for value in values if _FLOAT.fullmatch(value))
    if floats and all(_FLOAT.fullmatch(value) or _INTEGER.fullmatch(value) for value in values):
        hint = "; --label_separator , if each is several labels" if any("," in value for value in floats) else ""
        raise UserError(
            f"The labels in column '{column}' are decimal numbers ({', '.join(floats[:3])}): write classes as whole "
            f"numbers or names; regression is not supported{hint}."
        )


def class_list(
    train: pd.Series, column: str, stated: list[str] | None, label_names: list[str] | None
) -> tuple[list[str], dict[str, str]]:
    """Return the class names in the order of their label ids, and the name of each value of the label column.

    Args:
        train: Labels of the train split, as text.
        column: Name of the label column, for messages.
        stated: Class names that the dataset itself states, in order.
        label_names: `--label_names`: names for integer labels in their numeric order, or an order for named ones.

    Raises:
        UserError: There is one class only, or `label_names` does not fit.

    """
    values = sorted(set(train.dropna()))
    numeric = all(_INTEGER.fullmatch(value) for value in values)
    if numeric:
        values.sort(key=int)
    if len(values) < 2:
        labels = f"the class '{values[0]}' only" if values else "no label at all"
        raise UserError(f"The train split has {labels} in column '{column}': a classifier needs two classes or more.")
    if stated:
        values = stated
    if label_names is None:
        return values, {value: value for value in values}
    if len(label_names) != len(values) or len(set(label_names)) != len(label_names):
        raise UserError(f"--label_names wants {len(values)} different names, one for each of {', '.join(values[:20])}.")
    if numeric and not stated:
        return list(label_names), dict(zip(values, label_names, strict=True))
    if set(label_names) != set(values):
        raise UserError(
            f"--label_names {' '.join(label_names)} must hold the labels of the data in the order you want: "
            f"{', '.join(values[:20])}; only whole numbers get other names."
        )
    return list(label_names), {value: value for value in values}
