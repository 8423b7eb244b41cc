"""The report of a run on the split that is shown: predictions, tables and pictures, written and printed."""

from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset
from rich.console import Console

from ..evaluation.intervals import warn_of_few_rows, with_interval
from ..evaluation.metrics import add_intervals, build_report, count_confusions, wrong_predictions
from ..files import write_file
from ..report import plots, tables
from ..report.console import console_table, show_results
from ..task import Task

PREDICTIONS_FILE = "predictions.csv"
"""Of the split that is shown, in the run's folder."""
VALIDATION_FILE = "report/validation_predictions.csv"
"""The same of validation, so that two runs can be compared row by row on what no test split was used for."""


def readable_rows(rows: Dataset) -> pd.DataFrame:
    """Return the columns of a split that a person can read, without the labels."""
    hidden = [column for column in ("label", "image", "digest") if column in rows.column_names]
    return rows.remove_columns(hidden).to_pandas()


def write_predictions(file: Path, task: Task, split: str, logits: np.ndarray, references: np.ndarray | None) -> None:
    """Write what was predicted of each row of a split, with the score of every class, as CSV.

    Args:
        file: Where to.
        task: With the rows.
        split: Their split.
        logits: (rows, classes).
        references: (rows,) ids of the true classes, or None where they are not known.

    """
    table = tables.prediction_table(readable_rows(task.rows[split]), logits, references, task.label_names)
    tables.write_table(file, table)


def write_report(
    log_history: list[dict[str, float]],
    task: Task,
    folder: Path,
    split: str,
    logits: np.ndarray,
    references: np.ndarray | None,
    console: Console,
) -> None:
    """Write predictions, plots and tables of one split, and show them.

    Args:
        log_history: The Trainer's log.
        task: With the rows.
        folder: Of the run.
        split: That is shown.
        logits: (rows, classes).
        references: (rows,) ids of the true classes, or None where they are not known.
        console: Where to print.

    """
    names = task.label_names
    shown = readable_rows(task.rows[split])
    write_predictions(folder / PREDICTIONS_FILE, task, split, logits, references)
    epochs = tables.epoch_table(log_history)
    tables.write_table(folder / "report" / "epochs.csv", epochs, index=True)
    if len(epochs):  # a solved head has none
        plots.draw_curves(folder / "report" / "curves.png", epochs)
        console.print(console_table("\nEpochs", tables.shown_epochs(epochs)))
    if references is None:
        console.print(f"\nThe {split} split has no labels: see predictions.csv.")
        return
    predictions = logits.argmax(axis=-1)
    confusion = count_confusions(references, predictions, len(names))
    report = add_intervals(build_report(references, predictions, names), confusion)
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
