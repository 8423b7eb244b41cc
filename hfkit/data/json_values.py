"""JSON as it is written: an object that has a key twice, of which Python would keep the last alone, is refused."""

import json
from collections.abc import Sequence
from typing import Any

_SHOWN = 40


class RepeatedKeyError(ValueError):
    """An object has a key more than once, with different values."""


def load_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        RepeatedKeyError: An object in it has a key more than once, with different values.
        ValueError: It is no JSON.
        RecursionError: It has values in values without end.

    """
    return json.loads(text, object_pairs_hook=_to_object)


def _to_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    for key, value in pairs:
        if content[key] != value:
            shown = " and ".join(f"{json.dumps(each, ensure_ascii=False)[:_SHOWN]}" for each in (value, content[key]))
            raise RepeatedKeyError(f"the key '{key[:_SHOWN]}' stands more than once in an object, with {shown}")
    return content
