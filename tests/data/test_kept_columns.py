"""Columns such as an id stand beside the predictions, by the position of their row in its file, and are never pushed."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Run
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.data.kept_columns import insert_kept_columns, keep_columns
from hfkit.data.splits import LabelledData
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.hub.collect import collect
from hfkit.hub.public_flags import known_flags


def make_table(rows: int = 60) -> pd.DataFrame:
    """Return texts with an id, a place that stands twice, and a column that is called as one of hfkit's."""
    return pd.DataFrame(
        {
            "tweet_id": [f"t{row}" for row in range(rows)],
            "tweet": [f"a text about {'garlic' if row % 2 else 'hospitals'} {row}" for row in range(rows)],
            "label": ["fake" if row % 2 else "real" for row in range(rows)],
            "place": ["here", "there", "=1+1"] * (rows // 3),
            "score_fake": list(range(rows)),
        }
    )


def load(tables: dict[str, pd.DataFrame], folder: Path, **flags: Any) -> LabelledData:
    for split, table in tables.items():
        table.to_csv(folder / f"{split}.csv", index=False)
    return load_text_data(TextDataArguments(dataset=str(folder), **flags))


def test_an_id_is_found_and_follows_its_row(tmp_path: Path) -> None:
    """Also of rows that were cut from train, and of those behind a dropped one."""
    table = make_table()
    table.loc[3, "tweet"] = ""
    data = load({"train": table}, tmp_path)
    assert set(data.kept) == {"train", "validation", "test"}
    for split, rows in data.splits.items():
        kept = data.kept[split]
        assert list(kept.columns) == ["tweet_id"]
        assert [f"t{row}" for row in rows["row"]] == list(kept.loc[rows["row"][:], "tweet_id"])
    assert any("Column tweet_id stands beside the predictions" in note.text for note in data.notes)


@pytest.mark.parametrize("kind", ["twice", "none", "text"])
def test_no_id(kind: str, tmp_path: Path) -> None:
    table = make_table()
    if kind == "twice":
        table["tweet_id"] = "t1"
    if kind == "text":  # what is classified is no id
        table = table.rename(columns={"tweet": "text_id", "tweet_id": "number"})
    flags = {"none": {"keep_columns": ["none"]}, "text": {"text_column": ["text_id"]}}.get(kind, {})
    assert load({"train": table}, tmp_path, **flags).kept == {}


def test_columns_that_are_named(tmp_path: Path) -> None:
    """One that is called as hfkit's own gets a prefix, and one that a split lacks is empty there."""
    tables = {"train": make_table(), "test": make_table(30).drop(columns="place")}
    data = load(tables, tmp_path, keep_columns=["place", "score_fake"])
    assert list(data.kept["train"].columns) == ["place", "data_score_fake"]
    assert data.kept["test"]["place"].isna().all()
    shown = insert_kept_columns(pd.DataFrame({"row": [5, 2], "text": ["a", "b"]}), data.kept["test"])
    assert shown["data_score_fake"].map(str).tolist() == ["5", "2"]
    assert list(shown.columns) == ["row", "place", "data_score_fake", "text"]
    half = keep_columns(
        {"train": pd.DataFrame({"place": ["half \ud83d", None]}, dtype=object)},
        {"train": pd.DataFrame({"row": [1, 0]})},
        ["place"],
    )
    assert half["train"].loc[0, "place"] == "half ?"
    with pytest.raises(UserError, match=r"has no column 'plaice', only: tweet_id, tweet, .*--keep_columns, or none"):
        load(tables, tmp_path, keep_columns=["plaice"])


def test_no_result_depends_on_them() -> None:
    """So that a reproduced run needs none, and nobody is told what they are called."""
    assert "keep_columns" not in known_flags("text-classification")
    assert {"text_column", "pair", "long_texts"} <= known_flags("text-classification")


@pytest.mark.slow
def test_a_run_writes_them_and_a_push_does_not(
    run_fakenews: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelCard, "validate", lambda self: None)  # which asks the Hub
    make_table().to_csv(tmp_path / "tweets.csv", index=False)
    keep = ["--keep_columns", "tweet_id", "place"]
    run = run_fakenews(
        "--dataset", str(tmp_path / "tweets.csv"), "--unfreeze_from", "none", "--label_issues", "true", *keep
    )
    tables = ("predictions.csv", "report/errors.csv", "report/validation_predictions.csv", "report/label_issues.csv")
    for name in tables:
        with (run.folder / name).open(newline="", encoding="utf-8") as file:
            assert next(csv.reader(file))[:3] == ["row", "tweet_id", "place"]
        for row in run.rows(name):
            assert row["tweet_id"] == f"t{row['row']}"
    collect(run.folder, tmp_path / "bundle", "me/news", "mit", "en", predictions=True)
    for name in tables[:2]:
        with (tmp_path / "bundle" / name).open(newline="", encoding="utf-8") as file:
            columns = next(csv.reader(file))
        assert columns[:3] == ["row", "text", "label"]
        assert not {"tweet_id", "place"} & set(columns)
    folder = tmp_path / "evaluation"
    command = ["evaluate", run.folder, tmp_path / "tweets.csv", "--keep_columns", "place", "--output_dir", folder]
    assert CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False).exit_code == 0
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file))[:3] == ["row", "place", "text"]
