"""The report of a run: what was predicted, and tables and pictures of the split that is reported, written and printed."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ..report import plots, tables
from ..report.console import console_table
from ..report.split import PredictedRows, write_predictions, write_split
from ..task import Task
from .predicted import Predicted

VALIDATION_FILE = "report/validation_predictions.csv"
"""The predictions of validation, so that two runs can be compared row by row on what no test split was used for."""


def write_run_predictions(
    task: Task, folder: Path, files: Sequence[str], predicted: Predicted, answer_threshold: float | None
) -> None:
    """Write what was predicted of a split into each of these files of a run; arguments as of `write_report`."""
    for file in files:
        write_predictions(folder / file, _with_rows(task, predicted, answer_threshold))


def write_report(
    log_history: list[dict[str, float]],
    task: Task,
    folder: Path,
    predicted: Predicted,
    answer_threshold: float | None,
    console: Console,
) -> None:
    """Write plots and tables of one split that has labels, and show them.

    Args:
        log_history: The Trainer's log.
        task: With the rows.
        folder: Of the run.
        predicted: What the saved model gave for the split.
        answer_threshold: The lowest confidence of a row that is answered, or None.
        console: Where to print.

    """
    epochs = tables.epoch_table(log_history)
    tables.write_table(folder / "report" / "epochs.csv", epochs, index=True)
    if len(epochs):  # a solved head has none
        plots.draw_curves(folder / "report" / "curves.png", epochs)
        console.print(console_table("\nEpochs", tables.shown_epochs(epochs)))
    write_split(folder, _with_rows(task, predicted, answer_threshold), task.illustrate, console)


def _with_rows(task: Task, predicted: Predicted, answer_threshold: float | None) -> PredictedRows:
    """Return predictions with the rows that they are of."""
    split = predicted.split
    return PredictedRows(
        split, task.rows[split], task.label_names, predicted.logits, predicted.references, answer_threshold
    )
