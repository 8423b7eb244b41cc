"""Labels: what they are, and what they are called."""

import re
import sys
from collections import Counter
from collections.abc import Collection

import pandas as pd

from ..errors import UserError

_FLOAT = re.compile(r"[+-]?(\d+[.,]\d*|[.,]\d+)([eE][+-]?\d+)?|[+-]?\d+[eE][+-]?\d+")
_INTEGER = re.compile(r"[+-]?\d+")


def encodable(text: str) -> str:
    """Replace half of a surrogate pair, which broken exports hold and no UTF-8 file can, by a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def label_text(value: object) -> str | None:
    """Return a label as text, or None where there is none.

    Raises:
        UserError: The label is a list: several labels a row are not supported.

    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, list | tuple | dict | set) or (hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0):
        raise UserError(
            f"A row has several labels ({str(value)[:100]}): multi-label data is not supported; give each row one label."
        )
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return sys.intern(encodable(str(value)).strip()) or None  # one object for all rows of a class


def check_kind(labels: pd.Series, column: str) -> None:
    """Refuse labels that are not classes.

    Raises:
        UserError: They are floats, or several labels a row.

    """
    values = set(labels.dropna())
    several = find_several_labels(values)
    if several is not None:
        raise UserError(
            f"The label '{several[:100]}' in column '{column}' stands for several labels: multi-label data is not "
            "supported; give each row one label."
        )
    floats = sorted(value for value in values if _FLOAT.fullmatch(value))
    if floats and all(_FLOAT.fullmatch(value) or _INTEGER.fullmatch(value) for value in values):
        raise UserError(
            f"The labels in column '{column}' are decimal numbers ({', '.join(floats[:3])}): write classes as whole "
            "numbers or names; regression is not supported."
        )


def find_several_labels(values: Collection[str]) -> str | None:
    """Return one of the labels that stand for several, or None: a list, or parts that are labels, or are in several of them."""
    listed = next((value for value in sorted(values) if value.startswith("[") and value.endswith("]")), None)
    if listed is not None:
        return listed
    for separator in ",;|":
        parts = {value: _parts(value, separator) for value in sorted(values) if separator in value}
        whole = next((value for value, own in parts.items() if all(part in values for part in own)), None)
        if whole is not None:
            return whole
        counts = Counter(part for own in parts.values() for part in set(own))
        again = sum(count > 1 or part in values for part, count in counts.items())
        if len(parts) > 1 and again > len(counts) / 2:
            return next(iter(parts))
    return None


def _parts(value: str, separator: str) -> list[str]:
    return [part.strip() for part in value.split(separator)]


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
