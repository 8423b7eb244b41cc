"""What a run that has finished deletes of its own checkpoints, and what it leaves."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_runs import write_checkpoint, write_run, write_unfinished_run

from hfkit.run_folders.checkpoints import delete_spent_checkpoints
from hfkit.run_folders.clean import plan_cleaning
from hfkit.run_folders.lock import LOCK_FILE
from hfkit.run_folders.manifest import checksums
from hfkit.run_folders.state import find_state
from hfkit.training.complete import complete


def list_files(run: Path) -> list[Path]:
    return [path for path in run.rglob("*") if path.is_file() and "checkpoint-" not in str(path)]


def test_a_finished_run_keeps_all_but_its_checkpoints(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=(3, 6))
    write_checkpoint(run, 9, is_whole=False)
    before = checksums(run, list_files(run))
    deletion = delete_spent_checkpoints(run)
    assert deletion.bytes == 2 * 1002 + 1000
    assert deletion.describe() == (
        "The run is finished, and its checkpoints (0.0 MB) were deleted; --keep_checkpoints true keeps them."
    )
    assert not list(run.glob("checkpoint-*"))
    assert checksums(run, list_files(run)) == before
    assert find_state(run).status == "finished"
    assert delete_spent_checkpoints(run).describe() == ""


def add_notes(checkpoint: Path) -> None:
    (checkpoint / "notes.txt").touch()


def add_code(checkpoint: Path) -> None:
    (checkpoint / "mine.py").touch()


def add_folder(checkpoint: Path) -> None:
    (checkpoint / "results").mkdir()


def add_link(checkpoint: Path) -> None:
    (checkpoint / "config.json").symlink_to(checkpoint.parent / "env.json")


@pytest.mark.parametrize(
    ("add", "name"),
    [(add_notes, "notes.txt"), (add_code, "mine.py"), (add_folder, "results"), (add_link, "config.json")],
)
def test_what_may_be_the_users_stays(add: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=(3, 6))
    add(run / "checkpoint-3")
    (run / "checkpoint-backup").mkdir()
    (run / "checkpoint-12").symlink_to(tmp_path)
    deletion = delete_spent_checkpoints(run)
    assert deletion.bytes == 1002
    assert deletion.describe().endswith(f"keeps them. {run / 'checkpoint-3'} is kept: {name} may be yours.")
    assert {path.name for path in run.glob("checkpoint-*")} == {"checkpoint-3", "checkpoint-backup", "checkpoint-12"}
    assert find_state(run).checkpoints[0].is_whole


def test_a_run_that_is_not_finished_loses_nothing(tmp_path: Path) -> None:
    run = write_unfinished_run(tmp_path / "run", steps=(3,))
    with pytest.raises(FileNotFoundError):
        delete_spent_checkpoints(run)
    assert find_state(run).can_be_resumed


@pytest.mark.parametrize("error", [OSError(13, "Permission denied"), KeyboardInterrupt()])
def test_a_deletion_that_is_cut_off_leaves_a_finished_run(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "run", steps=(3,))
    (run / LOCK_FILE).touch()  # as a run that has ended leaves it

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("hfkit.run_folders.checkpoints.shutil.rmtree", fail)
        if isinstance(error, OSError):
            deletion = delete_spent_checkpoints(run)
            assert deletion.describe() == f"{run / 'checkpoint-3'} cannot be deleted: Permission denied."
        else:
            with pytest.raises(KeyboardInterrupt):
                delete_spent_checkpoints(run)
    state = find_state(run)
    assert state.status == "finished"
    assert [each.is_whole for each in state.checkpoints] == [False]
    assert [removal.kind for removal in plan_cleaning(tmp_path).removals] == ["broken checkpoint"]


def test_a_disk_that_cannot_be_flushed_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("hfkit.run_folders.checkpoints.flush_file", fail)
    run = write_run(tmp_path / "run", steps=(3,))
    given = SimpleNamespace(given=frozenset())
    settings: Any = SimpleNamespace(folder=run, arguments=given, training=SimpleNamespace(keep_checkpoints=False))
    assert complete(settings) == "The run is finished, and its checkpoints stay ([Errno 22] Invalid argument)."
    assert (run / "checkpoint-3").is_dir()
