"""The report of a run on the split that is shown: predictions, tables and pictures, written and printed."""

from pathlib import Path

import numpy as np
from rich.console import Console

from ..evaluation.intervals import warn_of_few_rows, with_interval
from ..evaluation.metrics import add_intervals, build_report, count_confusions, wrong_predictions
from ..files import write_file
from ..report import plots, tables
from ..report.console import console_table, show_results
from ..task import Task


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
    rows = task.rows[split]
    hidden = [column for column in ("label", "image", "digest") if column in rows.column_names]
    shown = rows.remove_columns(hidden).to_pandas()
    tables.write_table(folder / "predictions.csv", tables.prediction_table(shown, logits, references, names))
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
