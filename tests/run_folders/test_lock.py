"""The lock of a run's folder: one process at a time, and what it leaves says whether it ended."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from hfkit.errors import UserError
from hfkit.run_folders.lock import LOCK_FILE, is_running, lock_folder


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    assert is_running(tmp_path) is None
    with lock_folder(tmp_path):
        assert is_running(tmp_path) is True
        with pytest.raises(UserError, match="Another process works in"), lock_folder(tmp_path):
            pass
        assert is_running(tmp_path) is True
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_failed_says_that_it_ended(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)
    lock.__enter__()
    (tmp_path / "hfkit.yaml").touch()
    error = KeyboardInterrupt()
    assert not lock.__exit__(type(error), error, None)
    assert (tmp_path / LOCK_FILE).exists()
    assert is_running(tmp_path) is False


def test_a_run_locks_its_folder(
    run_fakenews: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails before it wrote anything leaves no folder, so that the same command can be given again."""
    seen = []

    def fit(task: object, settings: object, console: object) -> None:
        seen.append(is_running(tmp_path / "run"))
        raise UserError("It stops.")

    monkeypatch.setattr("hfkit.training.run.fit", fit)
    with pytest.raises(UserError, match="It stops"):
        run_fakenews("--head", "linear", folder=tmp_path / "run")
    assert seen == [True]
    assert not (tmp_path / "run").exists()
