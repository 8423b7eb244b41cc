"""Which tokens of a long text are read: the first ones, or its head and its tail. It travels with exported models."""

from collections.abc import Sequence

CUT, HEAD_TAIL = "cut", "head_tail"
LONG_TEXTS = (CUT, HEAD_TAIL)
_HEAD_SHARE = 4
"""A quarter of the tokens are the head's: 128 of 510, as in Sun et al. 2019, How to Fine-Tune BERT for Text Classification."""


def choose_tokens(special: Sequence[int], max_length: int) -> list[int]:
    """Return the positions of the tokens of a text that are read: all, or of a long one its head and its tail.

    The special tokens in front of a text and behind it are kept.

    Args:
        special: 1 for each special token of the whole text, and 0 for the others.
        max_length: How many tokens are read at most.

    """
    tokens = len(special)
    if tokens <= max_length:
        return list(range(tokens))
    before = next((place for place, is_special in enumerate(special) if not is_special), 0)
    behind = next((place for place, is_special in enumerate(reversed(special)) if not is_special), 0)
    head, tail = split_room(max_length - before - behind)
    return [*range(before + head), *range(tokens - behind - tail, tokens)]


def split_room(room: int) -> tuple[int, int]:
    """Return how many of so many tokens are the head's and the tail's."""
    head = max(room, 0) // _HEAD_SHARE
    return head, max(room, 0) - head
