"""Classes that look like several labels of a row: they are pointed out, since names may have spaces and slashes as well."""

import re
from collections import Counter
from collections.abc import Collection

from ..notes import Note

ANGLES = "<>"
"""The separator of tags such as `<java><spring>`."""
_SEPARATORS = (*"/+&,;|#", "\t", "\n", " ")
_SHOWN = 4
_SHELL = {"\t": r"$'\t'", "\n": r"$'\n'"}


def split_angles(text: str) -> list[str]:
    """Return the tags of `<java><spring>`."""
    return [part for part in re.split(r"[<>]+", text) if part.strip()]


def note_combined(values: Collection[str], column: str) -> list[Note]:
    """Say of classes that are put together of other classes, or of the same parts, that rows seem to have several labels.

    Args:
        values: The classes.
        column: Of the labels, for the message.

    """
    for separator in (ANGLES, *_SEPARATORS):
        combined = _combined(sorted(values), separator)
        if not combined:
            continue
        shown = ", ".join(f"'{' '.join(value.split())}'" for value in combined[:_SHOWN])
        given = _SHELL.get(separator, f"'{separator}'")
        text = (
            f"{len(combined)} of the {len(values)} classes in column '{column}' are put together of others ({shown}): if a row "
            f"has several labels, write --label_separator {given} to give each row any number of them; this trains each "
            "combination as a class of its own."
        )
        return [Note("labels_combined", text)]
    return []


def _combined(values: list[str], separator: str) -> list[str]:
    """Return the values that are put together: their parts are values, or stand in several of them."""
    parts = {value: [part.strip() for part in _split(value, separator) if part.strip()] for value in values}
    combined = {value: own for value, own in parts.items() if len(own) > 1}
    alone = {own[0] for own in parts.values() if len(own) == 1}
    of_others = [value for value, own in combined.items() if all(part in alone for part in own)]
    if of_others:
        return of_others
    counts = Counter(part for own in combined.values() for part in set(own))
    again = sum(count > 1 or part in alone for part, count in counts.items())
    if separator == " ":  # names have words in common
        return list(combined) if len(combined) == len(values) > 2 and again == len(counts) else []
    return list(combined) if separator == ANGLES or (len(combined) > 1 and again > len(counts) / 2) else []


def _split(value: str, separator: str) -> list[str]:
    if separator == ANGLES:
        return split_angles(value) if value.startswith("<") and value.endswith(">") else [value]
    return value.split(separator)
