"""Sizes of a configuration that no weights fill, and with which memory or time grows at once: positions, windows, padding."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from transformers import CONFIG_MAPPING

_SPANS = re.compile(
    r"(?<!sliding_)window(_sizes?|s)?$|chunk(?!_size_feed|_size_lm)|block_size$|padding(?!_idx|_side)|(^|_)pad(_type)?$"
    r"|pool_size|attention_types|mem_len"
)
"""Fields whose numbers are at most four times those that transformers gives them where nothing is said, or 64."""
_TIMES_THE_USUAL = 4
_USUAL = 16
"""Where transformers gives no number."""
_COMPUTED_POSITIONS = ("sinusoidal_pos_embds", "sinusoidal_embeddings")
_COMPUTING = ("roformer", "marian", "pegasus")
"""Fields by which a net computes its positions, and types that do it always."""
_WIDTHS = ("dim", "emb_dim", "hidden_size")
_MOST_COMPUTED = 2**22
"""Numbers of a table of positions that transformers computes one by one, in seconds."""
POSITIONS = re.compile(r"positions$|position_embeddings$|seq_length$")


def check_sizes(part: Mapping[str, Any]) -> None:
    """Refuse a configuration, or one in it, by which a short input would take minutes or fill the memory.

    Args:
        part: Its fields; what is inside of its objects is not looked at.

    Raises:
        ValueError: A number is too large.

    """
    _check_computed_positions(part)
    usual = _find_class(part.get("model_type"))
    for key, value in part.items():
        if _SPANS.search(str(key)):
            given = [abs(number) for number in list_numbers(getattr(usual, str(key), None))]
            most = _TIMES_THE_USUAL * max([*given, _USUAL])
            for number in list_numbers(value):
                check_at_most(key, number, most)


def check_at_most(key: str, number: float, most: float) -> None:
    """Refuse a number of a field that is larger than `most`, or no number.

    Raises:
        ValueError: It is.

    """
    if not abs(number) <= most:
        raise ValueError(f"config.json has {key} {str(number)[:20]}, and at most {most:,} can be")


def list_numbers(value: Any) -> Iterator[float]:
    """Yield a number, and those in lists."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, int | float) and not isinstance(each, bool):
            yield each


def _find_class(model_type: Any) -> type | None:
    """Return transformers' class of the configurations of a type, whose attributes are its usual values."""
    return CONFIG_MAPPING[model_type] if isinstance(model_type, str) and model_type in CONFIG_MAPPING else None


def _check_computed_positions(part: Mapping[str, Any]) -> None:
    """Refuse a table of positions that would be computed for minutes: its size stands in no tensor of the weights."""
    if part.get("model_type") in _COMPUTING or any(part.get(name) for name in _COMPUTED_POSITIONS):
        numbers = {key: value for key, value in part.items() if isinstance(value, int)}
        positions = max([value for key, value in numbers.items() if POSITIONS.search(str(key))], default=512)
        if positions * max(numbers.get(name, 768) for name in _WIDTHS) > _MOST_COMPUTED:
            raise ValueError(f"config.json has {positions:,} positions to compute, which would take minutes")
