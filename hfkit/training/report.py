"""The report of a run on the split that is shown: predictions, tables and pictures, written and printed."""

from pathlib import Path

import pandas as pd
from datasets import Dataset
from rich.console import Console

from ..evaluation.abstention import confidences_by_logits
from ..evaluation.intervals import warn_of_few_rows, with_interval
from ..evaluation.metrics import add_intervals, build_report, count_confusions, wrong_predictions
from ..files import write_file
from ..report import plots, tables
from ..report.console import console_table, show_results
from ..task import Task
from .predicted import Predicted

PREDICTIONS_FILE = "predictions.csv"
"""Of the split that is shown, in the run's folder."""
VALIDATION_FILE = "report/validation_predictions.csv"
"""The same of validation, so that two runs can be compared row by row on what no test split was used for."""


def readable_rows(rows: Dataset) -> pd.DataFrame:
    """Return the columns of a split that a person can read, without the labels."""
    hidden = [column for column in ("label", "image", "digest") if column in rows.column_names]
    return rows.remove_columns(hidden).to_pandas()


def write_predictions(file: Path, task: Task, predicted: Predicted, answer_threshold: float | None) -> None:
    """Write what was predicted of each row of a split, with the score of every class, as CSV.

    Args:
        file: Where to.
        task: With the rows.
        predicted: What the model gave for the split.
        answer_threshold: The lowest confidence of a row that is answered; None: nothing is said of that.

    """
    shown = readable_rows(task.rows[predicted.split])
    table = tables.prediction_table(shown, predicted.logits, predicted.references, task.label_names)
    if answer_threshold is not None:
        table["answered"] = confidences_by_logits(predicted.logits) >= answer_threshold
    tables.write_table(file, table)


def write_report(
    log_history: list[dict[str, float]],
    task: Task,
    folder: Path,
    predicted: Predicted,
    answer_threshold: float | None,
    console: Console,
) -> None:
    """Write predictions, plots and tables of one split, and show them.

    Args:
        log_history: The Trainer's log.
        task: With the rows.
        folder: Of the run.
        predicted: What the saved model gave for the split that is shown.
        answer_threshold: The lowest confidence of a row that is answered, or None.
        console: Where to print.

    """
    names, split = task.label_names, predicted.split
    logits, references = predicted.logits, predicted.references
    shown = readable_rows(task.rows[split])
    write_predictions(folder / PREDICTIONS_FILE, task, predicted, answer_threshold)
    epochs = tables.epoch_table(log_history)
    tables.write_table(folder / "report" / "epochs.csv", epochs, index=True)
    if len(epochs):  # a solved head has none
        plots.draw_curves(folder / "report" / "curves.png", epochs)
        console.print(console_table("\nEpochs", tables.shown_epochs(epochs)))
    if references is None:
        console.print(f"\nThe {split} split has no labels: see predictions.csv.")
        return
    predicted_ids = logits.argmax(axis=-1)
    confusion = count_confusions(references, predicted_ids, len(names))
    report = add_intervals(build_report(references, predicted_ids, names), confusion)
    errors = wrong_predictions(shown, logits, references, names)
    tables.write_json(
        folder / "report" / "classification_report.json", {"split": split, **report, "confusion": confusion.tolist()}
    )
    ends = report["accuracy_low"], report["accuracy_high"]
    accuracy = f"accuracy {with_interval(report['accuracy'], *ends)}"
    warning = warn_of_few_rows(split, len(shown), *ends)
    parts = [f"# {split}: {accuracy}", *([warning] if warning else [])]
    markdown = "\n\n".join([*parts, tables.markdown_table(tables.classification_table(report))])
    write_file(folder / "report" / "classification_report.md", markdown)
    tables.write_table(folder / "report" / "errors.csv", errors)
    title = f"{split}: {len(errors)} of {len(shown)} wrong\n{accuracy}"
    plots.draw_confusion(folder / "report" / "confusion_matrix.png", confusion, names, title)
    if task.illustrate is not None:
        task.illustrate(folder / "report", split, errors)
    show_results(console, split, report, confusion, errors, names)
