"""Cells of tables that are texts: what is none, and texts of several columns that are joined."""

from collections.abc import Sequence

import pandas as pd

from ..errors import UserError
from ..models.cleaning import PAIR_MARK, join_pair, join_texts
from .labels import encodable

_ROWS_AT_ONCE = 10_000


def join_columns(table: pd.DataFrame, columns: list[str], as_pairs: bool = False) -> pd.Series:
    """Join the texts of each row, or with `as_pairs` put two together as a pair.

    pandas 3 packs them, so that only some are Python objects at a time.
    """
    joined = []
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = table[columns].iloc[start : start + _ROWS_AT_ONCE].itertuples(index=False)
        joined.append(pd.Series([_join(list(map(_cell_text, row)), as_pairs) for row in rows], dtype=str))
    return pd.concat(joined, ignore_index=True)


def _join(texts: list[str], as_pairs: bool) -> str:
    if as_pairs and len(texts) == 2:
        return join_pair(*texts)
    return join_texts(texts)


def _cell_text(value: object) -> str:
    empty = value is None or value is pd.NA or (isinstance(value, float) and value != value)
    text = value.decode() if isinstance(value, bytes) else str(value)
    return "" if empty else encodable(text).replace(PAIR_MARK, " ")


def show_pairs(texts: "pd.Series[str]", between: str = " | ") -> "pd.Series[str]":
    """Return texts for a table of people, the two of a pair with a bar in between."""
    return texts.str.replace(PAIR_MARK, between, regex=False)


def check_texts(source: str, split: str, table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse columns whose cells are no texts.

    Raises:
        UserError: A cell is a list or an object, or bytes that are not UTF-8.

    """
    for column in columns:
        if table[column].dtype != object:
            continue
        for row, cell in zip(table.index, table[column], strict=True):
            kind = _describe_no_text(cell)
            if kind is not None:
                raise UserError(
                    f"The column '{column}' of {source} ({split}) has no texts but {kind} (row {row}, counted from 0: "
                    f"{str(cell)[:60]}): name another by --text_column, or write texts into it."
                )


def _describe_no_text(cell: object) -> str | None:
    """Return what a cell is that is no text, or None where it is one; bytes may be a text in UTF-8."""
    if isinstance(cell, bytes):
        return None if _is_utf8(cell) else "bytes that are not UTF-8"
    if isinstance(cell, list | tuple | dict) or (hasattr(cell, "__array__") and getattr(cell, "ndim", 0) > 0):
        return "objects" if isinstance(cell, dict) else "lists"
    return None


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
