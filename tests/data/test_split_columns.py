"""Columns that say the split of rows under names that say other things in other tables."""

from typing import Any

import pandas as pd
import pytest
from datasets import Dataset

from hfkit.data.split_columns import choose_split_column
from hfkit.data.split_names import rows_of_splits
from hfkit.errors import UserError

TEXTS = [f"a text of some words {row}" for row in range(40)]
LABELS = ["fake", "real"] * 20


def table(**columns: Any) -> pd.DataFrame:
    """Return texts with labels and further columns, whose values come in turn."""
    turns = {name: [values[row % len(values)] for row in range(40)] for name, values in columns.items()}
    return pd.DataFrame({"text": TEXTS, "label": LABELS, **turns})


def counts(rows: pd.DataFrame) -> dict[str, int]:
    column = choose_split_column(rows, ())
    assert column is not None
    return {split: len(positions) for split, positions in rows_of_splits("data", column, rows[column])[0].items()}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("is_valid", ("False", "False", "False", "True"), {"train": 30, "validation": 10}),
        ("is_validation", (False, True), {"train": 20, "validation": 20}),
        ("is_val", ("0.0", "1.0"), {"train": 20, "validation": 20}),
        ("is_test", (0, 0, 0, 1), {"train": 30, "test": 10}),
        ("isTest", ("no", "yes"), {"train": 20, "test": 20}),
        ("Is Train", ("1", "1", "1", "0"), {"train": 30, "test": 10}),
        ("is_train", (1.0, 1.0, 1.0, 0.0), {"train": 30, "test": 10}),
        *(
            (name, ("train", "test"), {"train": 20, "test": 20})
            for name in ("dataset", "type", "phase", "set", "bucket")
        ),
        ("mode", ("TRAIN", "val"), {"train": 20, "validation": 20}),
    ],
)
def test_columns_of_splits_are_found_by_their_cells(
    name: str, values: tuple[Any, ...], expected: dict[str, int]
) -> None:
    rows = table(**{name: values})
    assert counts(rows) == expected
    assert counts(rows.astype({name: str})) == expected
    assert choose_split_column(Dataset.from_pandas(rows), ()) == name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("type", ("news", "blog")),
        ("bucket", ("train", "test", "bus")),
        ("bucket", ("test", "dev")),
        ("is_test", (0, 0)),
        ("is_new", (0, 1)),
        ("is_test", ("a", "b")),
    ],
)
def test_other_columns_are_none(name: str, values: tuple[Any, ...]) -> None:
    assert choose_split_column(table(**{name: values}), ()) is None


def test_a_label_column_says_no_split() -> None:
    """Where it has a usual name, is named, or no other column can be that of the labels."""
    vehicles = ["train", "test"] * 20
    assert choose_split_column(pd.DataFrame({"text": TEXTS, "topic": vehicles, "source": LABELS}), ()) is None
    assert choose_split_column(pd.DataFrame({"id": range(40), "text": TEXTS, "vehicle": vehicles}), ()) is None
    assert choose_split_column(pd.DataFrame({"text": TEXTS, "is_valid": [0, 1] * 20}), ()) is None
    assert choose_split_column(table(dataset=("train", "test")), ("text", "dataset")) is None


def test_a_row_without_a_split_is_told_where_the_name_of_the_column_says_it() -> None:
    rows = table(dataset=("train", "test", "tset", ""))
    assert choose_split_column(rows, ()) == "dataset"
    with pytest.raises(UserError, match=r"column 'dataset' \(10 train, 10 test\), but row 2"):
        rows_of_splits("data", "dataset", rows["dataset"])


def test_of_several_columns() -> None:
    """One that names splits wins over marks, and over a column `fold` that names none."""
    rows = table(fold=(1, 2, 3), is_test=(0, 1))
    assert choose_split_column(rows, ()) == "is_test"
    assert choose_split_column(rows.assign(phase=["train", "val"] * 20), ()) == "phase"
    rows["is_valid"] = [0, 0, 1, 0] * 10
    with pytest.raises(UserError, match=r"columns is_test, is_valid each say a part of the splits.*--split_column"):
        choose_split_column(rows, ())
    assert choose_split_column(rows, (), "is_valid") == "is_valid"
