"""`hfkit runs`: each run by its own files, and what is damaged marked in its place."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import LazyRuns
from fake_runs import write_checkpoint, write_run, write_unfinished_run
from processes import run_command
from rich.cells import cell_len
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.evaluation.intervals import accuracy_interval
from hfkit.run_folders.lock import lock_folder
from hfkit.run_folders.manifest import write_manifest
from hfkit.run_folders.record import read_record


def list_runs(folder: Path, *more: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["runs", str(folder), "--json", *more])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def show_runs(folder: Path, *more: str, columns: int = 200) -> str:
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["runs", str(folder), *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_finished_run_is_told_by_its_own_files(finished_runs: LazyRuns) -> None:
    run = finished_runs["bigru"]
    [listed] = list_runs(run.folder)
    assert (listed["status"], listed["can_be_resumed"]) == ("finished", False)
    assert listed["validation_accuracy"] == run.results["eval_accuracy"]
    assert listed["validation_accuracy_low"] == run.results["eval_accuracy_low"]
    assert listed["trains"] == "bigru head and n-grams, all layers"
    assert (listed["run"], listed["backbone"]) == ("bigru", Path(run.json("summary.json")["backbone"]).name)
    assert listed["minutes"] > 0
    assert listed["bytes"] == sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file())
    assert not any(name.startswith("test") for name in listed)
    [with_test] = list_runs(run.folder, "--test")
    assert with_test["test_accuracy"] == run.results["test_accuracy"]


def test_test_is_shown_only_where_it_is_asked_for(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    assert "0.875" not in show_runs(tmp_path)
    assert "0.875" in show_runs(tmp_path, "--test")


def test_runs_of_earlier_versions_have_intervals(tmp_path: Path) -> None:
    """They wrote none; the accuracy and the number of rows give it."""
    record = read_record(write_run(tmp_path / "run", wrong=2))
    assert record.validation is not None
    assert (record.validation.low, record.validation.high) == accuracy_interval(6, 8)


def _break(name: str, content: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_text(content)


def _break_and_sum(name: str, content: str) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        (run / name).write_text(content)
        write_manifest(run)

    return change


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda _: None, "finished"),
        (_break("all_results.json", '{"eval_accuracy": 1.0}'), "damaged: all_results.json is not what the run wrote"),
        (_break("manifest.json", "{"), "damaged: manifest.json is not JSON"),
        (_break("manifest.json", "[1]"), "damaged: manifest.json is not a table of sums"),
        (_break("manifest.json", "[" * 100_000), "damaged: maximum recursion depth exceeded"),
        (_break("manifest.json", "{}"), "damaged: manifest.json does not name all_results.json"),
        (_break_and_sum("all_results.json", "nothing"), "damaged: all_results.json is not JSON"),
        (_break_and_sum("all_results.json", "[]"), "damaged: all_results.json is no JSON object"),
        (_break_and_sum("summary.json", '{"rows": [1]}'), "damaged: "),
        (_break_and_sum("hfkit.yaml", "a: [1"), "damaged: The configuration file"),
        (_break_and_sum("hfkit.yaml", "head: !!int x"), "damaged: "),
        (_break_and_sum("all_results.json", '{"eval_accuracy": NaN, "train_runtime": 1e999}'), "finished"),
        (_break_and_sum("all_results.json", f'{{"eval_accuracy": 1{"0" * 400}}}'), "damaged: "),
        (_break_and_sum("hfkit.yaml", "head: {a: 1}\ndataset: [x]\nunfreeze_from: null"), "finished"),
        (lambda run: (run / "model.safetensors").unlink(), "damaged: model.safetensors is missing"),
        (lambda run: (run / "manifest.json").unlink(), "unfinished: has no manifest.json and no checkpoint"),
    ],
)
def test_a_damaged_file_marks_its_run_alone(change: Callable[[Path], object], state: str, tmp_path: Path) -> None:
    change(write_run(tmp_path / "changed"))
    write_run(tmp_path / "sound")
    listed = {run["run"]: run for run in list_runs(tmp_path)}
    assert f"{listed['changed']['status']}: {listed['changed']['detail']}".removesuffix(": ").startswith(state)
    assert listed["sound"]["status"] == "finished"
    assert state.partition(":")[0] in show_runs(tmp_path)


def test_unfinished_runs_say_whether_they_can_be_resumed(tmp_path: Path) -> None:
    write_unfinished_run(tmp_path / "killed", steps=(2, 10))
    write_checkpoint(tmp_path / "killed", 12, is_whole=False)
    write_checkpoint(write_unfinished_run(tmp_path / "too-early"), 2, is_whole=False)
    write_run(tmp_path / "finished", steps=(4,))
    (tmp_path / "fakenews-20261123-120000").mkdir()
    (tmp_path / "empty").mkdir()
    states = {run["run"]: (run["status"], run["detail"], run["can_be_resumed"]) for run in list_runs(tmp_path)}
    assert states == {
        "killed": ("unfinished", "can be resumed from step 10", True),
        "too-early": ("failed", "has no checkpoint", False),
        "finished": ("finished", "", False),
        "fakenews-20261123-120000": ("failed", "has no checkpoint", False),
    }


def test_a_run_is_running_while_its_process_is_there(tmp_path: Path) -> None:
    run = write_unfinished_run(tmp_path / "run", steps=(2,))
    with lock_folder(run):
        assert [each["status"] for each in list_runs(tmp_path)] == ["running"]
    assert [each["status"] for each in list_runs(tmp_path)] == ["unfinished"]


def test_rungs_of_ladders_are_runs(tmp_path: Path) -> None:
    ladder = tmp_path / "ladder-tweets"
    write_run(ladder / "02-solved-head", filled_in={"solver": "convex"})
    rung = write_run(ladder / "00-majority-class")
    for name in ("hfkit.yaml", "env.json", "summary.json", "model.safetensors"):
        (rung / name).unlink()
    write_manifest(rung)
    (ladder / "ladder.json").write_text(json.dumps({"flags": {"dataset": "tweets"}, "seconds": {}}))
    trains = {run["run"]: (run["dataset"], run["trains"], run["status"]) for run in list_runs(tmp_path)}
    assert trains == {
        "ladder-tweets/02-solved-head": ("tweets", "linear head, solved", "finished"),
        "ladder-tweets/00-majority-class": ("tweets", "no net", "finished"),
    }


def test_the_newest_comes_first_and_links_are_not_followed(tmp_path: Path) -> None:
    for age, name in enumerate(("b", "c", "a")):
        for path in [*write_run(tmp_path / "runs" / name).rglob("*"), tmp_path / "runs" / name]:
            os.utime(path, (1e9 - age, 1e9 - age))
    write_run(tmp_path / "elsewhere")
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    assert [run["run"] for run in list_runs(tmp_path / "runs")] == ["b", "c", "a"]


def test_texts_of_files_steer_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "[red]run", flags={"dataset": "[bold]x[/bold]\x1b[31m\u202e", "head": "[/nothing]"})
    shown = show_runs(tmp_path)
    assert r"[bold]x[/bold]\u001b[31m\u202e" in shown
    assert "[red]run" in shown
    assert "[/nothing] head" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_names_are_never_broken(columns: int, tmp_path: Path) -> None:
    """So that they can be copied; other columns give way on a narrow console."""
    names = ["ladder-my_product_reviews-20261126-120000/02-solved-head", "reviews-20261126-120000", "\u732b" * 20]
    for name in names:
        write_run(tmp_path / name)
    for shown in (show_runs(tmp_path, columns=columns), show_runs(tmp_path, "--test", columns=columns)):
        assert all(any(name in line for line in shown.splitlines()) for name in names)
    table = [line for line in shown.splitlines() if line[:1] in "│┃"]
    assert columns < 160 or max(map(cell_len, table)) <= columns
    assert ("too narrow: MB" in shown) == (columns < 160)


def test_evaluations_are_counted(tmp_path: Path) -> None:
    """They are no runs, and their folders are there all the same."""
    write_run(tmp_path / "run")
    assert "hfkit evaluate" not in show_runs(tmp_path)
    for name in ("evaluate-a-20261126-120000", "evaluate-b-20261126-120000"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "evaluation.json").write_text("{}")
    line = "2 evaluations of hfkit evaluate, 0.0 MB, such as evaluate-a-20261126-120000"
    assert line in show_runs(tmp_path)
    assert line in CliRunner(env={"COLUMNS": "200"}).invoke(app, ["clean", str(tmp_path)]).stdout
    assert [run["run"] for run in list_runs(tmp_path)] == ["run"]


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "There are no runs in" in show_runs(tmp_path)
    code, said, imported = run_command("runs", str(tmp_path / "nothing"))
    assert (code, imported) == (2, "[]")
    assert said.startswith("error: The folder ")
    assert said.count("\n") == 1


def test_listing_imports_nothing_heavy(finished_runs: LazyRuns, tmp_path: Path) -> None:
    shutil.copytree(finished_runs["linear"].folder, tmp_path / "run")
    assert run_command("runs", str(tmp_path)) == (0, "", "[]")
