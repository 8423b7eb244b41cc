"""Rows of texts: from tables to texts with their labels, without those that cannot be used, and on to a dataset."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import UserError
from .cells import check_texts, join_columns, show_pairs
from .sources import Source
from .splits import drop_rows, encode_labels, label_features

if TYPE_CHECKING:  # those who only look at rows need not wait for it
    from datasets import Dataset


def read_rows(
    source: Source, text_columns: list[str], labels: Mapping[str, Sequence[Any]], as_pairs: bool = False
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Bring every split to the columns row, text, label; take out the rows that have no text or no label.

    A test row may have an empty text: at prediction that is a row like any other.

    Args:
        source: The tables.
        text_columns: Columns of the text.
        labels: Of the rows of each split, see `label_reading.Labels`.
        as_pairs: Whether two text columns are pairs (`cleaning.join_pair`), and not joined.

    Raises:
        UserError: A split has no rows, or too many that have to be taken out, or a cell is no text.

    """
    tables: dict[str, pd.DataFrame] = {}
    dropped: list[pd.DataFrame] = []
    for split, table in source.tables.items():
        if table.empty:
            raise UserError(f"The {split} split of {source.name} has no rows.")
        check_texts(source.name, split, table, text_columns)
        rows = pd.DataFrame({"row": table.index})
        rows["text"] = join_columns(table, text_columns, as_pairs)
        rows["label"] = pd.Series(labels[split], dtype=object)
        rows["reason"] = ""
        if split != "test":
            rows.loc[show_pairs(rows["text"], "").str.strip() == "", "reason"] = "no text"
        tables[split], dropped_here = drop_rows(
            rows, split, "mend the file, or name other columns by --text_column and --label_column"
        )
        dropped.append(dropped_here)
    listing = pd.concat(dropped, ignore_index=True)[["split", "row", "reason", "text", "label"]]
    listing["text"] = show_pairs(listing["text"])
    return tables, listing


def to_dataset(table: pd.DataFrame, split: str, names: list[str]) -> "Dataset":
    """Return the rows of a table with the columns row, text and, where known, label."""
    from datasets import Features, Value

    from .stored_rows import stored_rows

    label = label_features(table, names)
    columns: dict[str, Any] = {"row": table["row"], "text": table["text"]}
    if label:
        columns["label"] = encode_labels(table, names)
    return stored_rows(split, columns, Features({"row": Value("int64"), "text": Value("string"), **label}))
