"""Which tokens of a long text are read: the first ones, head and tail, or all in windows. It travels with exported models."""

from collections.abc import Sequence

CUT, HEAD_TAIL, WINDOWS = "cut", "head_tail", "windows"
LONG_TEXTS = (CUT, HEAD_TAIL, WINDOWS)
_HEAD_SHARE = 4
"""A quarter of the tokens are the head's: 128 of 510, as in Sun et al. 2019, How to Fine-Tune BERT for Text Classification."""


def choose_tokens(special: Sequence[int], max_length: int, how: str) -> list[int]:
    """Return the positions of the tokens of a text that are read: all, or what is chosen of a text that has more.

    The special tokens in front of a text and behind it are kept; each window has them, and all windows but the last have
    `max_length` tokens.

    Args:
        special: 1 for each special token of the whole text, and 0 for the others.
        max_length: How many tokens are read at most, or stand in a window.
        how: `head_tail` or `windows`.

    """
    tokens = len(special)
    if tokens <= max_length:
        return list(range(tokens))
    before = next((place for place, is_special in enumerate(special) if not is_special), 0)
    behind = next((place for place, is_special in enumerate(reversed(special)) if not is_special), 0)
    room, end = max_length - before - behind, tokens - behind
    if how == WINDOWS:
        starts = range(before, end, room)
        windows = [[*range(before), *range(start, min(start + room, end)), *range(end, tokens)] for start in starts]
        return [place for window in windows for place in window]
    head = room // _HEAD_SHARE
    return [*range(before + head), *range(end - room + head, tokens)]
