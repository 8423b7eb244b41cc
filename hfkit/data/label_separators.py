"""What stands between the labels of a cell that has several."""

import re
from collections import Counter
from collections.abc import Collection

from .written_lists import is_listed

ONE_LABEL = "none"
"""`--label_separator` of cells that are one label each, whatever stands in them."""
_INTEGER = re.compile(r"[+-]?\d+")
_STEPS = {"0", "00", "25", "5", "50", "75"}
"""Decimals of halves and quarters."""


def find_label_separator(values: Collection[str]) -> str | None:
    """Return what stands between several labels in some of the values, or None: each value is one label.

    It is a comma where values are lists in brackets. Else it is a comma, a semicolon or a bar whose parts are values by
    themselves, or are parts of several values. A space is no evidence: names have spaces.
    """
    listed = [value for value in values if is_listed(value)]
    # One class may be called so, such as [deleted].
    if 2 * len(listed) > len(values) or any("," in value or value[1:-1].strip() in values for value in listed):
        return ","
    for separator in ",;|":
        parts = {value: _parts(value, separator) for value in sorted(values) if separator in value}
        if separator == "," and _may_be_decimal(values, parts):
            continue
        if any(all(part in values for part in own) for own in parts.values()):
            return separator
        counts = Counter(part for own in parts.values() for part in set(own))
        again = sum(count > 1 or part in values for part, count in counts.items())
        if len(parts) > 1 and again > len(counts) / 2:
            return separator
    return None


def _parts(value: str, separator: str) -> list[str]:
    return [part.strip() for part in value.split(separator)]


def _may_be_decimal(values: Collection[str], parts: dict[str, list[str]]) -> bool:
    """Tell whether numbers with a comma may be decimal ones, and not several numbers of labels such as `0,27`.

    Numbers of labels stand in ascending order, without leading zeros, the first of them by itself in other rows, and some are no
    tenths, halves or quarters.
    """
    own = list(parts.values())
    if any(len(pair) != 2 for pair in own) or not all(_INTEGER.fullmatch(part) for pair in own for part in pair):
        return False
    if not all(_INTEGER.fullmatch(value) for value in values if value not in parts):
        return False
    ascending = all(int(first) < int(second) for first, second in own)
    zeros = any(part != str(int(part)) for pair in own for part in pair)
    alone = all(first in values for first, _ in own)
    steps = all(len(second) == 1 or second in _STEPS for _, second in own)
    return not ascending or zeros or not alone or steps
