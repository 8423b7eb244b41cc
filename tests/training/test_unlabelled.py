"""A test split without labels is predicted, and the report is on validation."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import Run


@pytest.mark.slow
def test_the_report_is_on_validation(run_fakenews: Callable[..., Run], tweets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tweets"
    shutil.copytree(tweets, folder)
    test = pd.read_csv(folder / "test.csv", keep_default_na=False)
    test.drop(columns=["label"]).to_csv(folder / "test.csv", index=False)
    run = run_fakenews("--dataset", str(folder), "--num_train_epochs", "1")
    assert len(run.rows("predictions.csv")) == len(test)
    assert "label" not in run.rows("predictions.csv")[0]
    assert run.json("report/classification_report.json")["split"] == "validation"
    assert {row["split"] for row in run.rows("report/baselines.csv")} == {"validation"}
    assert {"eval_accuracy_low", "eval_baseline_word_pieces_accuracy"} <= set(run.results)
    assert "test_accuracy" not in run.results
    assert "on validation" in (run.folder / "report" / "report.html").read_text()
