"""The end of a run: which epoch is marked as kept, and when checkpoints go."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import LazyRuns, Run
from fake_runs import write_run
from transformers import TrainerState

from hfkit.run_folders.state import find_state
from hfkit.training.complete import complete
from hfkit.training.report import find_kept_epoch

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


@pytest.mark.parametrize(
    ("keep_checkpoints", "save_total_limit", "stay"),
    [(False, 1, False), (False, 2, False), (True, 1, True), (False, 3, True), (False, None, True)],
)
def test_flags_keep_checkpoints(
    keep_checkpoints: bool, save_total_limit: int | None, stay: bool, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", steps=(3,))
    training = SimpleNamespace(keep_checkpoints=keep_checkpoints, save_total_limit=save_total_limit)
    said = complete(SimpleNamespace(training=training, folder=run))
    assert (run / "checkpoint-3").exists() == stay
    assert bool(said) != stay


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
