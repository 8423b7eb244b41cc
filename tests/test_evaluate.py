"""`hfkit evaluate`: on a run's own test rows it gives the run's own results; labels that the model does not have are refused."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import LazyRuns, Run
from processes import run_command
from typer.testing import CliRunner, Result

from hfkit.commands.main import app
from hfkit.data.label_columns import check_labels
from hfkit.data.label_reading import Labels
from hfkit.errors import UserError
from hfkit.flags.tables import FIND, TableFlags, parse_table_flags
from hfkit.run_folders.find import find_evaluations


def evaluate(*argv: object) -> Result:
    """Run the verb in this process; a user's mistake is raised."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, argv)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def check_same_results(run: Run, folder: Path) -> None:
    """Compare an evaluation of a run's test rows with what the run said of them."""
    results = json.loads((folder / "test_results.json").read_text())
    recorded = run.json("test_results.json")
    for name in set(results) - {"test_runtime", "test_samples_per_second"}:
        assert results[name] == pytest.approx(recorded[name], abs=1e-5), name
    assert {"test_accuracy", "test_accuracy_low", "test_macro_f1", "test_loss"} <= set(results)
    for name in ("report/errors.csv", "predictions.csv"):
        pd.testing.assert_frame_equal(
            read(folder / name).drop(columns="file", errors="ignore"),
            read(run.folder / name).drop(columns="file", errors="ignore"),
            rtol=0,
            atol=1e-5,
        )
    own, before = (
        json.loads((place / "report" / "classification_report.json").read_text()) for place in (folder, run.folder)
    )
    assert own == before
    assert (folder / "report" / "confusion_matrix.png").is_file()
    assert "| fake |" in (folder / "report" / "classification_report.md").read_text() or "cat" in own["classes"]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False).sort_values("row").reset_index(drop=True)


@pytest.mark.parametrize("data", ["test.csv", ""])
def test_texts(data: str, finished_runs: LazyRuns, tweets: Path, tmp_path: Path) -> None:
    run, folder = finished_runs["bigru"], tmp_path / "report"
    result = evaluate(run.folder, tweets / data, "--output-dir", folder)
    assert result.exit_code == 0
    assert ("Split: test (of train, validation, test" in result.output) == (data == "")
    assert "Label column: label (found by its name)." in result.output
    assert "Metrics by class" in result.output
    check_same_results(run, folder)
    assert json.loads((folder / "evaluation.json").read_text())["rows"] == len(run.rows("predictions.csv"))
    with pytest.raises(UserError, match="is not empty: name another --output_dir"):
        evaluate(run.folder, tweets / data, "--output_dir", folder)


def test_images(finished_image_runs: LazyRuns, photos: Path, tmp_path: Path) -> None:
    run, folder = finished_image_runs["timm"], tmp_path / "report"
    result = evaluate(run.folder, photos / "test", "--output_dir", folder, "--json")
    assert json.loads(result.stdout)["test_accuracy"] == run.results["test_accuracy"]
    check_same_results(run, folder)
    assert (folder / "report" / "samples.png").is_file()


def test_another_split_and_a_folder_by_itself(
    finished_runs: LazyRuns, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = finished_runs["linear"].folder
    results = json.loads(evaluate(folder, tweets, "--split", "validation", "--json").stdout)
    assert results["test_accuracy"] == pytest.approx(finished_runs["linear"].results["eval_accuracy"])
    assert results["output_dir"].startswith(f"runs/evaluate-{tweets.name}-")
    assert find_evaluations(Path("runs")) == [Path(results["output_dir"])]
    with pytest.raises(UserError, match="--split dev: write train, validation or test"):
        evaluate(folder, tweets, "--split", "dev")
    with pytest.raises(UserError, match="has no split test, only: train"):
        evaluate(folder, tweets / "test.csv", "--split", "test")


def test_the_line_that_evaluates_again_says_how_the_table_is_written(
    finished_runs: LazyRuns, tweets: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(tweets / "test.csv", dtype=str, keep_default_na=False)
    table.to_csv(tmp_path / "in.txt", sep="\t", index=False, encoding="utf-16")
    given = ["--separator", "tab", "--header", "true", "--quoting", "true", "--encoding", "utf-16"]
    evaluate(finished_runs["linear"].folder, tmp_path / "in.txt", *given, "--output_dir", tmp_path / "out")
    page = (tmp_path / "out" / "report" / "report.html").read_text()
    assert " ".join(given) in page


@pytest.mark.parametrize(
    "flags",
    [
        FIND,
        TableFlags("\t", False, False, "cp1252", "replace"),
        TableFlags("none", True, True, "utf-16", "ignore"),
        TableFlags("||"),
    ],
)
def test_flags_of_tables_are_written_as_they_are_read(flags: TableFlags) -> None:
    command = flags.to_command()
    given: dict[str, Any] = dict.fromkeys(("separator", "header", "quoting", "encoding")) | {
        "encoding_errors": "strict"
    }
    given |= {name.removeprefix("--"): value for name, value in zip(command[::2], command[1::2], strict=True)}
    assert parse_table_flags(**given) == flags


def test_rows_without_labels_are_listed(finished_runs: LazyRuns, tmp_path: Path) -> None:
    rows = [("garlic cures virus", "fake"), ("hospital reports", "real")] * 15 + [("no label", "")]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("tweet", "verdict"), *rows])
    result = evaluate(
        finished_runs["linear"].folder,
        tmp_path / "in.csv",
        "--label_column",
        "verdict",
        "--output_dir",
        tmp_path / "out",
    )
    assert "Dropped rows, listed in dropped_rows.csv: 1 of test (no label)." in result.output
    assert len(read(tmp_path / "out" / "dropped_rows.csv")) == 1
    assert len(read(tmp_path / "out" / "predictions.csv")) == 30


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ["fake", "Reel"],
            r"label 'Reel' in column 'label' \(row 1, counted from 0\), which the model does not have: did you mean real\?",
        ),
        (["FAKE"], r"did you mean fake\? its labels are fake, real"),
        (["7"], "which the model does not have: its labels are fake, real"),
        ([None], "has no labels: predict it by hfkit predict"),
        (["0.5", "0.25"], "are decimal numbers"),
    ],
)
def test_labels_that_the_model_does_not_have(labels: list[Any], message: str) -> None:
    table = pd.DataFrame({"row": range(len(labels)), "label": pd.Series(labels, dtype=object)})
    with pytest.raises(UserError, match=message):
        check_labels("in.csv", table, Labels("label", {}), ["fake", "real"])


def test_a_table_without_labels(finished_runs: LazyRuns, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,kind\na,fake\n")
    with pytest.raises(UserError, match="has no column named label or labels or class, only: text, kind"):
        evaluate(finished_runs["linear"].folder, tmp_path / "in.csv")
    with pytest.raises(UserError, match="has no column 'other', only: text, kind; write --label_column NAME"):
        evaluate(finished_runs["linear"].folder, tmp_path / "in.csv", "--label_column", "other")


def test_refusals_are_light() -> None:
    code, said, imported = run_command("evaluate", "user/model", "nothing.csv")
    assert (code, imported) == (2, "[]")
    assert said.startswith("error: There is no file or folder nothing.csv")
