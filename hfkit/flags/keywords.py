"""Keyword arguments of Python as the command line that says the same; nothing here imports torch."""

import json
from collections.abc import Mapping
from enum import Enum
from numbers import Number
from pathlib import Path
from typing import Any

from ..errors import UserError
from .command_line import check_name
from .names import RecipeFlags, known_names, table_holds

_NOT_FOR_PYTHON = frozenset({"help", "h"})
_DATA = "dataset"


def keywords_to_argv(keywords: Mapping[str, Any], flags: RecipeFlags) -> list[str]:
    """Return the command line of flags that are given as keywords; those that are None are left out.

    Args:
        keywords: Values by the names of flags: texts, numbers, truth values, paths, lists of them, or a dictionary.
        flags: Whose flags they are.

    Raises:
        UserError: A name is no flag's.
        TypeError: A value is nothing that a flag can have.
        ValueError: A list is empty, or has an item that would be read as a flag.

    """
    argv: list[str] = []
    known = _names_in_python(flags) if table_holds() else None
    for name, value in keywords.items():
        if name == _DATA:
            raise UserError("The keyword 'dataset' is not in use in Python: the data is the first argument.")
        if name in _NOT_FOR_PYTHON:
            raise UserError(f"The keyword '{name}' is for the command line alone: hfkit train text --help all.")
        if known is not None:
            check_name(name, known, "keyword")
        argv += flag_to_argv(name, value)
    return argv


def _names_in_python(flags: RecipeFlags) -> frozenset[str]:
    """Return the flags without the switches `no_NAME`, for which there is False."""
    names = known_names(flags) - _NOT_FOR_PYTHON - {_DATA}
    return frozenset(
        name for name in names if name.removeprefix("no_") == name or name.removeprefix("no_") not in names
    )


def flag_to_argv(name: str, value: Any) -> list[str]:
    """Return one flag with its value, or nothing for None; errors are those of `keywords_to_argv`."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [f"--{name}={json.dumps(dict(value))}"]
    if not isinstance(value, list | tuple):
        # With an equals sign a value may begin with a dash.
        return [f"--{name}={_item_text(name, value)}"]
    items = [_item_text(name, item) for item in value]
    if not items:
        raise ValueError(f"{name} is an empty list: give at least one value, or None for the default.")
    for item in items:
        if item.startswith("-") and not _is_number(item):
            raise ValueError(
                f"{name} has the item {item!r}, which would be read as a flag: it must not begin with a dash."
            )
    return [f"--{name}={items[0]}"] if len(items) == 1 else [f"--{name}", *items]


def _item_text(name: str, value: Any) -> str:
    """Return how a value is written on a command line."""
    value = value.value if isinstance(value, Enum) else value
    # A truth value of NumPy is no Number.
    if not isinstance(value, str | Path | Number) and type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(f"{name} is a {type(value).__name__}: give a text, a number, True or False, or a list of them.")
    return str(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
