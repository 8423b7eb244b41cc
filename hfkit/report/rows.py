"""Rows as tables show them to a person."""

from pathlib import Path

import pandas as pd
from datasets import Dataset

from ..data.kept_columns import insert_kept_columns
from ..models.cleaning import PAIR_MARK, split_pair
from .tables import write_table


def readable_rows(rows: Dataset) -> pd.DataFrame:
    """Return the columns of rows that a person can read, without the labels; of pairs the second text is `text_pair`."""
    hidden = [column for column in ("label", "image", "digest") if column in rows.column_names]
    table = rows.remove_columns(hidden).to_pandas()
    assert isinstance(table, pd.DataFrame)
    if "text" in table and len(table) and PAIR_MARK in table["text"].iloc[0]:
        table["text"], table["text_pair"] = zip(*map(split_pair, table["text"]), strict=True)
    return table


def write_rows(path: Path, table: pd.DataFrame, kept: pd.DataFrame | None) -> None:
    """Write a table of rows as CSV, with the other columns of the data that are kept of each."""
    write_table(path, insert_kept_columns(table, kept))
