"""What a refusal says of a table with one column: which character may part its cells."""

import re
import shlex
from collections import Counter

import pandas as pd

_LOOKED_AT = 200
_NEARLY_ALL = 0.9
_LEAST_OF_LABEL = 20
_LABEL_IN_FRONT = re.compile(r"(\S{1,30})\s+\S+\s+\S+")
_OTHERS = ",;|\"'.!?()[]{}<>@#_\ufffd"
"""Characters that part no cells, or were tried."""


def hint_separator(table: pd.DataFrame) -> str:
    """Return a sentence on what parts the cells of a table that was read as one column, or an empty text for others."""
    if table.shape[1] != 1:
        return ""
    cells = [str(cell) for cell in table.iloc[:_LOOKED_AT, 0]]
    name = str(table.columns[0])
    lines = [*([] if name.isdigit() else [name]), *cells]
    character = _character_in_all(lines)
    if character is not None:
        return f" The table was read as one column: if '{character}' parts cells, write --separator {shlex.quote(character)}."
    if _have_labels_in_front(cells):
        return (
            " The table was read as one column, and its lines seem to begin with a label: put a tab between label and text, or "
            "write --separator X where X parts cells."
        )
    return ""


def _character_in_all(lines: list[str]) -> str | None:
    """Return the sign that stands equally often, and fewer than a few times, in nearly all lines."""
    counts = [Counter(line) for line in lines]
    signs = (
        [sign for sign in counts[0] if not sign.isalnum() and not sign.isspace() and sign not in _OTHERS]
        if counts
        else []
    )
    alike = {sign: sum(count[sign] == counts[0][sign] for count in counts) / len(counts) for sign in signs}
    best = max(alike, key=lambda sign: alike[sign], default=None)
    return best if best is not None and alike[best] >= _NEARLY_ALL else None


def _have_labels_in_front(cells: list[str]) -> bool:
    """Tell whether lines begin with one of a few words."""
    first = Counter(match[1] for cell in cells if (match := _LABEL_IN_FRONT.match(cell)))
    return (
        len(cells) > 1
        and first.total() >= _NEARLY_ALL * len(cells)
        and len(first) <= max(2, len(cells) // _LEAST_OF_LABEL)
    )
