"""The report of a run: what was predicted, and tables and pictures of the split that is reported, written and printed."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from transformers import TrainerState, TrainingArguments

from ..data.stored_rows import read_column
from ..report import tables
from ..report.console import console_table
from ..report.plots import Chance, KeptEpoch, draw_curves
from ..report.split import PredictedRows, write_predictions, write_split
from ..task import Task
from .predicted import Predicted
from .trainer import ClassifierTrainer

VALIDATION_FILE = "report/validation_predictions.csv"
"""The predictions of validation, so that two runs can be compared row by row on what no test split was used for."""


def write_run_predictions(
    task: Task, folder: Path, files: Sequence[str], predicted: Predicted, answer_threshold: float | None
) -> None:
    """Write what was predicted of a split into each of these files of a run; arguments as of `write_report`."""
    for file in files:
        write_predictions(folder / file, _with_rows(task, predicted, answer_threshold))


def write_report(
    trainer: ClassifierTrainer,
    task: Task,
    folder: Path,
    predicted: Predicted,
    answer_threshold: float | None,
    console: Console,
) -> None:
    """Write plots and tables of one split that has labels, and show them.

    Args:
        trainer: With the log of the training.
        task: With the rows.
        folder: Of the run.
        predicted: What the saved model gave for the split.
        answer_threshold: The lowest confidence of a row that is answered, or None.
        console: Where to print.

    """
    epochs = tables.epoch_table(trainer.state.log_history)
    tables.write_table(folder / "report" / "epochs.csv", epochs, index=True)
    if len(epochs):  # a solved head has none
        kept = find_kept_epoch(trainer.state, trainer.args)
        draw_curves(folder / "report" / "curves.png", epochs, kept, _measure_chance(task))
        console.print(console_table("\nEpochs", tables.shown_epochs(epochs)))
    write_split(folder, _with_rows(task, predicted, answer_threshold), task.illustrate, console)


def find_kept_epoch(state: TrainerState, training: TrainingArguments) -> KeptEpoch | None:
    """Return after which epoch the best checkpoint was saved, with which a training ended; None: it ended with the last state."""
    if not training.load_best_model_at_end or state.best_model_checkpoint is None:
        return None
    step = int(Path(state.best_model_checkpoint).name.rpartition("-")[2])
    epochs = [entry["epoch"] for entry in state.log_history if entry.get("step") == step and "eval_loss" in entry]
    metric = (training.metric_for_best_model or "loss").removeprefix("eval_")
    return KeptEpoch(epochs[0], metric) if epochs else None


def _measure_chance(task: Task) -> Chance | None:
    """Return what is chance on validation; None where there are no such rows."""
    rows = task.rows.get("validation")
    return Chance.measure(read_column(rows, "label")) if rows is not None and len(rows) else None


def _with_rows(task: Task, predicted: Predicted, answer_threshold: float | None) -> PredictedRows:
    """Return predictions with the rows that they are of."""
    split = predicted.split
    return PredictedRows(
        *(split, task.rows[split], task.label_names, predicted.logits, predicted.references, answer_threshold),
        predicted.kind,
        task.kept.get(split),
    )
