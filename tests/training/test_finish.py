"""The end of a run: which epoch is marked as kept."""

from types import SimpleNamespace

from conftest import LazyRuns
from transformers import TrainerState

from hfkit.training.report import find_kept_epoch


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
