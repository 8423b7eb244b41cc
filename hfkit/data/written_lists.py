"""Lists of labels that a cell has as a text: as Python, JSON and numpy write them, tuples, sets, and objects of 0 and 1."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from .labels import label_texts

_CALL = re.compile(
    r"(?:\w+\.)?(?:array|tensor|list|tuple|set|frozenset|Index)\((.*?)(?:,\s*\w+=[^\]})]*)?\)", re.DOTALL
)
_QUOTED = r"'[^']*'|\"[^\"]*\""
_TOKEN = re.compile(rf"{_QUOTED}|\S+")
_PLAIN = re.compile(r"[+-]?\d+(\.\d*)?|True|False|\.\.\.")
_YES, _NO = ("1", "1.0", "true"), ("0", "0.0", "false")
_SHOWN = 100


def is_listed(value: str) -> bool:
    """Tell whether a text is a list in brackets, or a tuple, a set or an object as Python or JSON writes it."""
    in_brackets = value.startswith("[") and value.endswith("]")
    return in_brackets or (value[-1:] in (")", "}") and _evaluate(value) is not None)


def read_listed(text: str) -> list[str] | None:
    """Return the labels of a text that is a list, or None where it is none; of an object of 0 and 1 those with a 1.

    Raises:
        UserError: It holds what is no label, or numpy has cut it.

    """
    value = _evaluate(text)
    if isinstance(value, Mapping):
        return _read_object(value, text)
    return None if value is None else label_texts(value)


def _evaluate(text: str) -> Any:
    """Return the list, tuple, set or object that a text is; None where it is none."""
    call = _CALL.fullmatch(text)
    inner = call[1].strip() if call else text
    if call and not inner:
        return []
    in_brackets = inner.startswith("[") and inner.endswith("]")
    parted = _part_by_spaces(inner[1:-1]) if in_brackets else None
    if parted is not None:
        return parted
    for read in (ast.literal_eval, json.loads):
        try:
            value = read(inner)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(value, set):
            return sorted(value, key=str)
        return value if isinstance(value, list | tuple | dict) else None
    return None


def _part_by_spaces(inside: str) -> list[str] | None:
    """Return what stands in the brackets of an array as numpy prints it: quoted names or numbers with spaces between.

    Python would put names without a comma between them together to one.

    Raises:
        UserError: numpy has left out the middle.

    """
    if "," in re.sub(_QUOTED, "", inside):
        return None
    tokens = _TOKEN.findall(inside)
    if not tokens or not all(re.fullmatch(_QUOTED, token) or _PLAIN.fullmatch(token) for token in tokens):
        return None
    if "..." in tokens:
        raise UserError(
            f"A list of labels was cut where it was printed ([{' '.join(tokens)[:_SHOWN]}]): write it by list.tolist(), or as a "
            "column of 0 and 1 for each label."
        )
    return [token[1:-1] if token[0] in "'\"" else token.removesuffix(".") for token in tokens]


def _read_object(value: Mapping[Any, Any], text: str) -> list[str]:
    """Return the names with a 1 of an object of 0 and 1, or the name of one label.

    Raises:
        UserError: It is neither.

    """
    answers = {str(name): str(answer).lower() for name, answer in value.items()}
    if all(answer in (*_YES, *_NO) for answer in answers.values()):
        return [name for name, answer in answers.items() if answer in _YES]
    if isinstance(value.get("name", value.get("label")), str):
        return label_texts([value])
    raise UserError(
        f"A label is an object whose values are not 0 and 1 ({text[:_SHOWN]}): write the labels of a row as a list of names."
    )
