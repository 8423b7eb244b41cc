"""What the columns of a table hold, and what they are used as."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ..data.columns import are_ids
from ..notes import Note
from .result import Column, Spread

_SHOWN = 60
_WHOLE, _TRUTH = r"[+-]?\d+(\.0*)?", ("true", "false", "0", "1", "yes", "no")


def describe_columns(tables: Mapping[str, pd.DataFrame], roles: Mapping[str, tuple[str, str]]) -> list[Column]:
    """Describe each column of tables.

    Args:
        tables: The rows of each split.
        roles: What columns are used as, and why, by their names; a column of ids is told by its name and its cells.

    """
    table = pd.concat(tables.values(), ignore_index=True)
    columns = []
    for name in table.columns:
        cells = table[name]
        filled = cells[~is_empty(cells)]
        kind = _describe_kind(filled)
        different = None if kind in ("list", "object", "bytes") else int(filled.map(str).nunique())
        role, why = roles.get(str(name), ("", ""))
        if not role and are_ids(tables.values(), str(name)):
            role, why = "id", "called so, and none stands twice"
        example = " ".join(str(filled.iloc[0]).split()) if len(filled) else ""
        columns.append(Column(str(name), kind, different, len(cells) - len(filled), _cut(example), role, why))
    return columns


def explain_columns(notes: Iterable[Note]) -> dict[str, str]:
    """Return by the codes of notes on columns how these were chosen: what stands at the end in parentheses."""
    return {note.code: note.text.rpartition(" (")[2].rstrip(").") for note in notes}


def describe_spread(what: str, numbers: "pd.Series[int]") -> Spread:
    """Return how numbers are spread."""
    at = numbers.quantile([0, 0.5, 0.95, 1], interpolation="higher")
    return Spread(what, *(float(value) for value in at))


def is_empty(cells: pd.Series) -> "pd.Series[bool]":
    """Tell of each cell whether nothing stands in it, or spaces alone."""
    return cells.isna() | cells.map(lambda cell: isinstance(cell, str) and not cell.strip())


def _describe_kind(filled: pd.Series) -> str:
    """Return in a word what cells are."""
    if not len(filled):
        return "empty"
    first = filled.iloc[0]
    if isinstance(first, bytes):
        return "bytes"
    if isinstance(first, dict):
        return "object"
    if isinstance(first, list | tuple | np.ndarray):
        return "list"
    texts = filled.map(str)
    if set(texts.str.lower()) <= set(_TRUTH):
        return "yes or no"
    if texts.str.fullmatch(_WHOLE).all():
        return "whole number"
    return "number" if pd.to_numeric(texts, errors="coerce").notna().all() else "text"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
