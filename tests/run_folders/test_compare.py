"""`hfkit compare`: what differs between runs, tested on the same rows, or refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import LazyRuns
from fake_runs import LABELS, TEXTS, write_predictions, write_run, write_unfinished_run
from processes import HEAVY, run_command
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.evaluation.paired import compare_paired
from hfkit.run_folders.manifest import write_manifest


def compare(*argv: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["compare", *map(str, argv), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refuse(*argv: object) -> str:
    """Return the sentence with which a comparison is refused."""
    result = CliRunner().invoke(app, ["compare", *map(str, argv)])
    assert isinstance(result.exception, UserError), result.output
    return str(result.exception)


def test_two_trained_runs(finished_runs: LazyRuns, tmp_path: Path) -> None:
    """The rows on which they disagree, and the paired test, are those of their own files."""
    first, second = finished_runs["linear"], finished_runs["one-logit"]
    for split, name, flags in (
        ("validation", "report/validation_predictions.csv", []),
        ("test", "predictions.csv", ["--test"]),
    ):
        compared = compare(first.folder, second.folder, *flags, "--output", tmp_path / f"{split}.csv")
        rows = [run.rows(name) for run in (first, second)]
        right = [[row["label"] == row["prediction"] for row in each] for each in rows]
        paired = compare_paired(right[1], right[0])
        [pair] = compared["pairs"]
        assert (pair["difference"], pair["p_value"]) == (paired.difference, paired.p_value)
        assert pair["sentence"].startswith(paired.sentence(str(second.folder), str(first.folder)))
        differ = [one["row"] for one, other in zip(*rows, strict=True) if one["prediction"] != other["prediction"]]
        assert compared["disagreements"] == pair["disagreements"] == len(differ)
        with (tmp_path / f"{split}.csv").open(newline="") as file:
            assert [row["row"] for row in csv.DictReader(file)] == differ
        assert compared["split"] == split
    flags = {flag["name"]: flag for flag in compare(first.folder, second.folder)["flags"]}
    assert flags["unfreeze_from"]["values"] == {str(first.folder): "encoder.layer.1", str(second.folder): "none"}
    assert "dataset" not in flags


def test_each_run_is_compared_with_the_first(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, wrong) for name, wrong in (("a", 8), ("b", 0), ("c", 8))]
    compared = compare(*runs)
    assert [(pair["run"], pair["against"]) for pair in compared["pairs"]] == [
        (str(run), str(runs[0])) for run in runs[1:]
    ]
    better, equal = compared["pairs"]
    assert (better["only_run_right"], better["only_against_right"], better["difference"]) == (8, 0, 1.0)
    assert better["is_told_apart"] is True
    assert (equal["difference"], equal["p_value"], equal["disagreements"]) == (0.0, 1.0, 0)
    assert "is not told apart from" in equal["sentence"]
    assert compared["disagreements"] == 8
    assert len(compared["disagreeing_rows"]) == 5
    assert compared["disagreeing_rows"][0] == {
        "row": 1,
        "text": "text 1",
        "label": "fake",
        "predictions": {str(runs[0]): "real", str(runs[1]): "fake", str(runs[2]): "real"},
    }


def test_given_and_filled_in_flags_are_told_apart(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", filled_in={"learning_rate": 2e-5, "bf16": False})
    second = write_run(tmp_path / "b", flags={"learning_rate": 1e-4, "bf16": False, "layers": [1, 2]}, filled_in={})
    flags = {
        flag["name"]: (list(flag["values"].values()), flag["filled_in"]) for flag in compare(first, second)["flags"]
    }
    assert flags == {"learning_rate": ([2e-5, 1e-4], [str(first)]), "layers": ([None, [1, 2]], [])}
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["compare", str(first), str(second)]).stdout
    assert "2e-05 *" in shown
    assert "0.0001 *" not in shown
    assert "* not given: chosen by the run." in shown


def test_order_of_the_rows_is_no_difference(tmp_path: Path) -> None:
    first, second = write_run(tmp_path / "a", 1), write_run(tmp_path / "b", 1)
    file = second / "report" / "validation_predictions.csv"
    head, *lines = file.read_text().splitlines()
    file.write_text("\n".join([head, *reversed(lines)]) + "\n")
    write_manifest(second)
    assert compare(first, second)["disagreements"] == 0


def test_rungs_without_a_net_have_neither_flags_nor_texts(tmp_path: Path) -> None:
    first, second = write_run(tmp_path / "a", 0), write_run(tmp_path / "b", 3)
    (first / "hfkit.yaml").unlink()
    for name in ("report/validation_predictions.csv", "predictions.csv"):
        lines = [line.split(",") for line in (first / name).read_text().splitlines()]
        (first / name).write_text("".join(f"{row},{label},{prediction}\n" for row, _, label, prediction, *_ in lines))
    write_manifest(first)
    compared = compare(first, second)
    assert compared["flags"] == []
    assert [row["text"] for row in compared["disagreeing_rows"]] == TEXTS[:3]


def _rewrite(name: str, **options: Any) -> Callable[[Path], object]:
    """Return a change of a run: other predictions in one of its files, and sums that agree."""

    def change(run: Path) -> None:
        content: dict[str, Any] = {"texts": TEXTS, "labels": LABELS, "wrong": 1, **options}
        write_predictions(run / name, **content)
        write_manifest(run)

    return change


def _write(name: str, content: str) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        (run / name).write_text(content)
        write_manifest(run)

    return change


def _remove(name: str) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        (run / name).unlink()
        write_manifest(run)

    return change


VALIDATION = "report/validation_predictions.csv"


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (_rewrite(VALIDATION, texts=TEXTS[:6], labels=LABELS[:6]), "", "6 and 8 rows, 6 in both by their numbers"),
        (_rewrite(VALIDATION, labels=["real", "fake"] * 4), "", "8 of 8 rows of validation differ in their label"),
        (
            _rewrite(VALIDATION, texts=[*TEXTS[:7], "other\x1b[31m"]),
            "",
            r"1 of 8 rows of validation differ in their text, such as row 8, 'other\u001b[31m' in ",
        ),
        (_rewrite("predictions.csv", labels=["real", "fake"] * 4), "--test", "rows of test differ in their label"),
        (_remove(VALIDATION), "", "did not write what was predicted of validation yet"),
        (_write(VALIDATION, "row,label\n1,fake\n"), "", "is no table of predictions"),
        (_write(VALIDATION, ""), "", "is no table of predictions"),
        (_write(VALIDATION, "row,label,prediction\n1,a,a\n1,a,a\n"), "", "has the same row twice"),
        (_write(VALIDATION, "row,label,prediction\n"), "", "has no rows"),
        (lambda run: (run / VALIDATION).write_text("x"), "", "is not what the run wrote"),
        (_write("all_results.json", '{"eval_accuracy": 1}'), "--test", "has no test split with labels"),
        (_write("all_results.json", "{"), "", "cannot be compared, as it is damaged"),
        (_write("hfkit.yaml", "a: [1"), "", "is not YAML"),
        (_write("hfkit.yaml", "a: !!int b"), "", "has the tag !!int"),
        (lambda run: (run / "manifest.json").unlink(), "", "as it is unfinished: has no manifest.json"),
    ],
)
def test_what_cannot_be_compared(change: Callable[[Path], object], flags: str, message: str, tmp_path: Path) -> None:
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    change(second)
    said = refuse(first, second, *flags.split())
    assert message in said
    assert str(second) in said
    assert "\n" not in said


def test_runs_that_are_none(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    assert "is no finished run: it has no all_results.json" in refuse(run, write_unfinished_run(tmp_path / "b"))
    assert "There is no folder" in refuse(run, tmp_path / "nothing")
    assert "is named twice" in refuse(run, f"{run}/../a")
    assert "needs two runs or more" in refuse(run)


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, wrong) for name, wrong in (("a", 1), ("b", 3))]
    output = tmp_path / "rows.csv"
    assert compare(*runs, "--output", output, "--rows", 0)["disagreeing_rows"] == []
    written = output.read_text()
    assert written.splitlines()[0] == f"row,text,label,prediction of {runs[0]},prediction of {runs[1]}"
    assert len(written.splitlines()) == 3
    assert "is there already, and nothing is overwritten" in refuse(*runs, "--output", output)
    assert output.read_text() == written


def test_texts_steer_nothing(tmp_path: Path) -> None:
    texts = ["[red]a[/red]\x1b[31m[/nothing]", *TEXTS[1:]]
    runs = [write_run(tmp_path / name, wrong, texts=texts) for name, wrong in (("[b]a", 0), ("b", 2))]
    shown = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["compare", *map(str, runs)])
    assert shown.exit_code == 0
    assert r"[red]a[/red]\u001b[31m[/nothing]" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "[b]a" in shown.stdout


def test_comparing_does_not_import_torch(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, wrong) for name, wrong in (("a", 0), ("b", 2))]
    code, said, imported = run_command("compare", *map(str, runs))
    assert (code, said) == (0, "")
    assert not (HEAVY - {"numpy", "pandas"}) & set(json.loads(imported.replace("'", '"')))
