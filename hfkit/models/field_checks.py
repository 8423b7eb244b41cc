"""What a field of a configuration can hold: a value of its declared type, and for classes names that tell them apart."""

import inspect
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from transformers import PreTrainedConfig

_IN_JSON: dict[Any, tuple[type, ...]] = {
    float: (int, float),
    list: (list, tuple),
    tuple: (list, tuple),
    PreTrainedConfig: (dict, PreTrainedConfig),
    Any: (object,),
}
"""What stands in a file, or was there, for a declared type."""
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    tuple: "a list",
    dict: "an object",
    PreTrainedConfig: "an object",
    NoneType: "null",
}


def check_fields(classes: Iterable[type], options: Mapping[str, Any]) -> None:
    """Refuse a value of another type than its field is declared with.

    Args:
        classes: Those that declare fields.
        options: What stands in a file.

    Raises:
        ValueError: The sentence names the field.

    """
    declared = {name: hint for each in classes for name, hint in inspect.get_annotations(each).items()}
    for name in declared.keys() & options.keys():
        value, types = options[name], _list_types(declared[name])
        allowed = tuple(kind for each in types for kind in _IN_JSON.get(each, (each,)))
        is_of_them = isinstance(value, allowed) and (
            not isinstance(value, bool) or bool in allowed or object in allowed
        )
        if not is_of_them:
            words = " or ".join(dict.fromkeys(_WORDS.get(each, "another value") for each in types))
            raise ValueError(f"config.json has {name} {str(value)[:40]!r}, and it must be {words}")


def _list_types(hint: Any) -> list[Any]:
    """Return the types in a declaration such as `list[int] | None`; of their content nothing is said."""
    if get_origin(hint) is Literal:
        return list(dict.fromkeys(map(type, get_args(hint))))
    if get_origin(hint) in (Union, UnionType):
        return [each for part in get_args(hint) for each in _list_types(part)]
    return [get_origin(hint) or hint]


def check_class_names(options: Mapping[str, Any]) -> None:
    """Refuse names of classes that are no texts, are the same for two of them, or are not numbered from 0.

    Raises:
        ValueError: As above.

    """
    names = options.get("id2label")
    if names is None:
        return
    numbers = sorted(map(str, names)) if isinstance(names, Mapping) else None
    if not names or numbers != sorted(map(str, range(len(names)))):
        raise ValueError("config.json has an id2label that is no table of names for the classes 0, 1, and so on")
    texts = list(names.values())
    if not all(isinstance(text, str) for text in texts) or len(set(texts)) < len(texts):
        raise ValueError("config.json has an id2label with two names that are the same, or with one that is no text")
