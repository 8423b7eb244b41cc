"""The report on rows with one label each: metrics by class, the confusion matrix, the scores, and the rows that are wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from ..evaluation.intervals import warn_of_few_rows, with_interval
from ..evaluation.metrics import add_intervals, build_report, count_confusions, wrong_predictions
from . import tables
from .class_report import write_report
from .confidence import draw_confidence
from .confusion import draw_confusion
from .console import show_results


def write_classes(
    folder: Path,
    split: str,
    shown: pd.DataFrame,
    logits: np.ndarray,
    references: np.ndarray,
    label_names: list[str],
    answer_threshold: float | None,
    console: Console,
) -> pd.DataFrame:
    """Write metrics by class and their pictures into a folder, and print them.

    Args:
        folder: Of the report.
        split: What the rows are called.
        shown: The rows as a person reads them.
        logits: (rows, classes) in float32.
        references: (rows,) ids of the true classes.
        label_names: In the order of the label ids.
        answer_threshold: The lowest confidence of a row that is answered; None: nothing is said of that.
        console: Where to print.

    Returns:
        The wrong rows, the most confident first.

    """
    predicted_ids = logits.argmax(axis=-1)
    confusion = count_confusions(references, predicted_ids, len(label_names))
    report = add_intervals(build_report(references, predicted_ids, label_names), confusion)
    errors = wrong_predictions(shown, logits, references, label_names)
    write_report(folder.parent, split, {**report, "confusion": confusion.tolist()})
    ends = report["accuracy_low"], report["accuracy_high"]
    accuracy = f"accuracy {with_interval(report['accuracy'], *ends)}"
    warning = warn_of_few_rows(split, len(shown), *ends)
    parts = [f"# {split}: {accuracy}", *([warning] if warning else [])]
    parts.append(tables.markdown_table(tables.classification_table(report)))
    tables.write_markdown(folder / "classification_report.md", parts)
    title = f"{split}: {len(errors)} of {len(shown)} wrong\n{accuracy}"
    draw_confusion(folder / "confusion_matrix.png", confusion, label_names, title)
    draw_confidence(folder, split, logits, references, answer_threshold)
    show_results(console, split, report, confusion, errors, label_names)
    return errors
