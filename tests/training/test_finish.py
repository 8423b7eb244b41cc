"""The end of a run: which epoch is marked as kept, and when checkpoints go."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import LazyRuns, Run
from disks import no_room_for_more_than
from fake_runs import write_run
from transformers import TrainerState

from hfkit.flags.configuration import CONFIGURATION_FILE, Configuration, write_configuration
from hfkit.flags.kinds import TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.run_folders.state import find_state
from hfkit.training.complete import complete
from hfkit.training.report import find_kept_epoch
from hfkit.training.result_files import save_metrics, save_state

RunRecipe = Callable[..., Run]


def test_the_kept_epoch_is_the_best_one_of_validation(finished_runs: LazyRuns) -> None:
    run = finished_runs["bigru"]
    state = TrainerState.load_from_json(str(run.folder / "trainer_state.json"))
    training = SimpleNamespace(load_best_model_at_end=True, metric_for_best_model="macro_f1")
    kept = find_kept_epoch(state, training)
    assert kept is not None
    scores = {row["epoch"]: float(row["eval_macro_f1"]) for row in run.rows("report/epochs.csv")}
    assert scores[f"{kept.epoch:g}"] == max(scores.values())
    assert kept.metric == "macro_f1"
    training.load_best_model_at_end = False
    assert find_kept_epoch(state, training) is None


@pytest.mark.parametrize("damaged", ["", '{"train_loss": 1', "[1]", "null"])
def test_results_that_a_kill_cut_end_no_later_start(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "all_results.json").write_text(damaged)
    save_metrics(tmp_path, "train", {"train_loss": 1.0})
    save_metrics(tmp_path, "test", {"test_loss": 2.0})
    assert json.loads((tmp_path / "all_results.json").read_text()) == {"train_loss": 1.0, "test_loss": 2.0}
    assert json.loads((tmp_path / "test_results.json").read_text()) == {"test_loss": 2.0}


def test_a_run_begins_its_results_anew(tmp_path: Path) -> None:
    """Those of an end that was cut off go, and at no moment are there none."""
    save_metrics(tmp_path, "test", {"test_loss": 2.0})
    with no_room_for_more_than(10), pytest.raises(OSError):
        save_metrics(tmp_path, "train", {"train_loss": 1.0}, begins=True)
    assert json.loads((tmp_path / "all_results.json").read_text()) == {"test_loss": 2.0}
    save_metrics(tmp_path, "train", {"train_loss": 1.0}, begins=True)
    assert json.loads((tmp_path / "all_results.json").read_text()) == {"train_loss": 1.0}


def test_a_full_disk_leaves_the_results_of_before(tmp_path: Path) -> None:
    save_metrics(tmp_path, "test", {"test_loss": 2.0})
    save_state(tmp_path, TrainerState(global_step=3))
    with no_room_for_more_than(10):
        with pytest.raises(OSError):
            save_metrics(tmp_path, "test", {"test_loss": 3.0})
        with pytest.raises(OSError):
            save_state(tmp_path, TrainerState(global_step=4))
    assert json.loads((tmp_path / "all_results.json").read_text()) == {"test_loss": 2.0}
    assert TrainerState.load_from_json(str(tmp_path / "trainer_state.json")) == TrainerState(global_step=3)


@pytest.mark.slow
def test_a_run_that_is_stopped_at_its_very_end_goes_on(
    run_fakenews: RunRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """All is written but the manifest: the checkpoints are still there, and go when the run is finished."""

    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("hfkit.training.complete.write_manifest", stop)
        with pytest.raises(KeyboardInterrupt):
            run_fakenews("--head", "linear", folder=folder)
    assert find_state(folder).can_be_resumed
    run = run_fakenews("--head", "linear", "--resume_from_checkpoint", "true", folder=folder, capture=capfd)
    assert "were deleted; --keep_checkpoints true keeps them. The folder takes " in run.output
    assert find_state(folder).status == "finished"
    assert not list(folder.glob("checkpoint-*"))


@pytest.mark.parametrize(("flags", "stay"), [("", False), ("--keep_checkpoints true", True)])
@pytest.mark.parametrize("limit", [None, 1, 2, 3])
def test_flags_keep_checkpoints(flags: str, stay: bool, limit: int | None, tmp_path: Path) -> None:
    """A limit that is given, be it the default; that of hfkit's own choice, in the file of a run that goes on, does not."""
    run = write_run(tmp_path / "run", steps=(3,))
    argv = [*flags.split(), *([] if limit is None else ["--save_total_limit", str(limit)])]
    arguments = parse_arguments(argv, (), TEXT)
    write_configuration(tmp_path, Configuration(arguments.flags, {} if limit else {"save_total_limit": 2}))
    again = parse_arguments(["--config", str(tmp_path / CONFIGURATION_FILE)], (), TEXT)
    assert again.training.save_total_limit == (limit or 2)
    said = complete(SimpleNamespace(arguments=again, training=again.training, folder=run))
    assert (run / "checkpoint-3").exists() == (stay or limit is not None)
    assert bool(said) == (not stay and limit is None)


@pytest.mark.slow
def test_a_page_that_fails_ends_no_run(
    run_fakenews: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no page today")

    monkeypatch.setattr("hfkit.training.finish.write_run_page", fail)
    run = run_fakenews("--unfreeze_from", "none", capture=capfd)
    assert "Left out: report/report.html (no page today)." in run.output
    assert "test_accuracy" in run.json("all_results.json")
    assert (run.folder / "manifest.json").is_file()
