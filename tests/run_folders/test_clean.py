"""`hfkit clean`: what goes, what is left alone, and that nothing goes without consent."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import LazyRuns
from fake_runs import write_checkpoint, write_run, write_unfinished_run
from processes import run_command
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.files import BESIDE_FOLDER, write_file
from hfkit.run_folders.clean import describe_size
from hfkit.run_folders.lock import LOCK_FILE, lock_folder
from hfkit.run_folders.manifest import checksums
from hfkit.run_folders.state import find_state


def clean(folder: Path, *flags: object, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["clean", str(folder), "--json", *map(str, flags)])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def make_old(folder: Path) -> Path:
    """Make all of a folder two days old, as one without a lock has to be."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (time.time() - 2 * 24 * 3600,) * 2)
    return folder


def test_a_finished_run_loses_its_checkpoints_alone(finished_runs: LazyRuns, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_runs["bigru"].folder, run)
    checkpoints = {path.name for path in run.glob("checkpoint-*")}
    assert checkpoints
    others = [path for path in run.rglob("*") if path.is_file() and "checkpoint-" not in str(path)]
    before = checksums(run, others)
    cleaned = clean(tmp_path, "--yes")
    assert {Path(each["folder"]).name for each in cleaned["removals"]} == checkpoints
    assert cleaned["freed"] == cleaned["bytes"] > 0
    after = [path for path in run.rglob("*") if path.is_file()]
    assert checksums(run, after) == before
    assert find_state(run).status == "finished"
    assert clean(tmp_path, "--yes")["removals"] == []


def test_nothing_goes_without_consent(tmp_path: Path) -> None:
    write_run(tmp_path / "run", steps=(3,))
    before = names(tmp_path)
    result = CliRunner().invoke(app, ["clean", str(tmp_path)])
    assert "Nothing was deleted: --yes deletes what is listed." in result.stdout
    assert clean(tmp_path)["freed"] == 0
    assert names(tmp_path) == before


@pytest.mark.parametrize(("answer", "is_there"), [("y", False), ("n", True), ("", True)])
def test_a_terminal_is_asked(answer: str, is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run", steps=(3,))
    monkeypatch.setattr("hfkit.commands.runs._is_terminal", lambda: True)
    CliRunner().invoke(app, ["clean", str(tmp_path)], input=f"{answer}\n")
    assert (run / "checkpoint-3").exists() == is_there
    assert (run / "model.safetensors").exists()


def test_what_can_be_resumed_goes_only_where_it_is_named(tmp_path: Path) -> None:
    runs = [make_old(write_unfinished_run(tmp_path / name, steps=(2, 4))) for name in ("a", "b", "c")]
    cleaned = clean(tmp_path, "--yes")
    assert cleaned["removals"] == []
    assert all("can be resumed from step 4" in each["reason"] for each in cleaned["kept"])
    clean(tmp_path, "--yes", "--unfinished", "a", "--unfinished", runs[1])
    assert [find_state(run).can_be_resumed for run in runs] == [False, False, True]
    for name in ("a", "d"):
        with pytest.raises(UserError, match=f"--unfinished {name} is no run in .* that can be resumed"):
            CliRunner().invoke(app, ["clean", str(tmp_path), "--unfinished", name], catch_exceptions=False)


def test_a_broken_checkpoint_goes_alone(tmp_path: Path) -> None:
    run = write_unfinished_run(tmp_path / "run", steps=(2,))
    write_checkpoint(run, 4, is_whole=False)
    make_old(run)
    assert [each["kind"] for each in clean(tmp_path, "--yes")["removals"]] == ["broken checkpoint"]
    assert find_state(run).detail == "can be resumed from step 2"


def _lock_and_free(run: Path) -> None:
    (run / LOCK_FILE).touch()


def _write_notes(run: Path) -> None:
    make_old(run)
    (run / "notes.txt").touch()
    _lock_and_free(run)


def _link_notes(run: Path) -> None:
    (run / "hfkit.yaml.tmp").mkdir()
    (run / "hfkit.yaml.tmp" / "data").symlink_to(run.parent)
    _lock_and_free(run)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (make_old, None),
        (_lock_and_free, None),
        (lambda run: (write_checkpoint(run, 3, is_whole=False), _lock_and_free(run)), None),
        (lambda run: (write_file(run / BESIDE_FOLDER / "model.safetensors", ""), _lock_and_free(run)), None),
        (lambda _: None, "has no lock and was written less than a day ago"),
        (_write_notes, "failed, but holds notes.txt, which may be yours"),
        (_link_notes, "failed, but holds hfkit.yaml.tmp/data, which may be yours"),
    ],
)
def test_failed_runs_go_unless_they_may_be_running_or_hold_more(
    change: Callable[[Path], object], reason: str | None, tmp_path: Path
) -> None:
    run = write_unfinished_run(tmp_path / "run")
    change(run)
    cleaned = clean(tmp_path, "--yes")
    assert run.exists() == (reason is not None)
    if reason is None:
        assert [each["kind"] for each in cleaned["removals"]] == ["failed run"]
    else:
        assert reason in cleaned["kept"][0]["reason"]


def test_empty_folders_of_runs_go_and_others_do_not(tmp_path: Path) -> None:
    for name in ("fakenews-20261123-120000", "fakenews-20261123-120000-2", "data", "checkpoint-3"):
        (tmp_path / name).mkdir()
        make_old(tmp_path / name)
    write_checkpoint(tmp_path / "of-another-trainer", 3)
    clean(tmp_path, "--yes")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "checkpoint-3", "of-another-trainer"}


def test_a_running_run_is_left_alone(tmp_path: Path) -> None:
    """Also one that is started between the list and the consent."""
    run = make_old(write_unfinished_run(tmp_path / "run"))
    with lock_folder(run):
        assert clean(tmp_path, "--yes") == {
            "removals": [],
            "kept": [{"run": "run", "reason": "is running"}],
            "bytes": 0,
            "freed": 0,
            "failures": [],
        }


def test_a_run_that_was_started_since_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_old(write_unfinished_run(tmp_path / "run"))
    lock = lock_folder(run)

    def ask() -> bool:
        lock.__enter__()
        return True

    monkeypatch.setattr("hfkit.commands.runs._ask", ask)
    result = CliRunner().invoke(app, ["clean", str(tmp_path)])
    assert result.exit_code == 1
    assert "Another process works in" in result.stdout
    assert (run / "hfkit.yaml").exists()
    lock.__exit__(None, None, None)


def test_links_are_not_followed(tmp_path: Path) -> None:
    elsewhere = write_run(tmp_path / "elsewhere", steps=(3,))
    run = write_run(tmp_path / "runs" / "run")
    (run / "checkpoint-3").symlink_to(elsewhere / "checkpoint-3")
    (tmp_path / "runs" / "link").symlink_to(elsewhere)
    assert clean(tmp_path / "runs", "--yes")["removals"] == []
    assert (elsewhere / "checkpoint-3" / "optimizer.pt").exists()


def test_a_checkpoint_that_is_half_deleted_is_no_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run", steps=(3,))

    def fail(*_: object) -> None:
        raise OSError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("hfkit.run_folders.checkpoints.shutil.rmtree", fail)
        cleaned = clean(tmp_path, "--yes", code=1)
    assert cleaned["failures"] == [f"{run / 'checkpoint-3'} cannot be deleted: Permission denied."]
    assert cleaned["freed"] == 0
    assert [each.is_whole for each in find_state(run).checkpoints] == [False]
    assert [each["kind"] for each in clean(tmp_path, "--yes")["removals"]] == ["broken checkpoint"]


def test_a_run_says_at_its_end_how_large_it_is(tmp_path: Path) -> None:
    run = write_run(tmp_path / "my run", steps=(3,))
    assert describe_size(run).startswith("The folder takes 0.0 MB, of which 0.0 MB are checkpoints")
    assert describe_size(run).endswith(f": hfkit clean '{run}' --yes deletes them.")
    clean(run, "--yes")
    assert describe_size(run) == "The folder takes 0.0 MB."


def test_cleaning_imports_nothing_heavy(tmp_path: Path) -> None:
    write_run(tmp_path / "run", steps=(3,))
    assert run_command("clean", str(tmp_path), "--yes") == (0, "", "[]")
