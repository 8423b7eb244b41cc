"""The report on labelled rows that a model has predicted: tables and plots, written and printed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset
from rich.console import Console

from ..evaluation.abstention import confidences_by_logits
from ..evaluation.label_kinds import SINGLE, LabelKind, MultiLabel
from . import tables
from .classes import write_classes
from .label_sets import write_label_sets
from .rows import readable_rows, write_rows

PREDICTIONS_FILE = "predictions.csv"
"""Of the rows that are shown, in the folder of a run or an evaluation."""

ERRORS_FILE = "errors.csv"
Illustrate = Callable[[Path, str, pd.DataFrame], None]
"""Draws pictures: from a folder, the name of the split, and the wrong predictions in it."""


@dataclass(frozen=True)
class PredictedRows:
    """Rows and what a model gave for them.

    Attributes:
        split: What they are called.
        rows: As a person reads them, with a column `row`, one or more others, and for images `image` and `digest`.
        label_names: In the order of the label ids.
        logits: (rows, classes) in float32.
        references: (rows,) ids of the true classes, or (rows, labels) of 0 and 1 with any number of labels a row; None where
            they are not known.
        answer_threshold: The lowest confidence of a row that is answered; None: nothing is said of that.
        kind: Of the labels.
        kept: Other columns of the data, whose index is `row`; None: there are none.

    """

    split: str
    rows: Dataset
    label_names: list[str]
    logits: np.ndarray
    references: np.ndarray | None
    answer_threshold: float | None
    kind: LabelKind = SINGLE
    kept: pd.DataFrame | None = None


def write_predictions(file: Path, predicted: PredictedRows) -> None:
    """Write what was predicted of each row, with the score of every class, as CSV."""
    table = tables.prediction_table(
        *(readable_rows(predicted.rows), predicted.logits, predicted.references, predicted.label_names), predicted.kind
    )
    if predicted.answer_threshold is not None:
        table["answered"] = confidences_by_logits(predicted.logits) >= predicted.answer_threshold
    write_rows(file, table, predicted.kept)


def write_split(folder: Path, predicted: PredictedRows, illustrate: Illustrate | None, console: Console) -> None:
    """Write the metrics by class, their picture and the errors into a folder `report`, and print them.

    Args:
        folder: Of the run or the evaluation.
        predicted: Rows with labels.
        illustrate: Draws further pictures.
        console: Where to print.

    """
    assert predicted.references is not None
    shown = readable_rows(predicted.rows)
    rows = (predicted.split, shown, predicted.logits, predicted.references, predicted.label_names)
    if isinstance(predicted.kind, MultiLabel):
        errors = write_label_sets(folder / "report", *rows, predicted.kind, console)
    else:
        errors = write_classes(folder / "report", *rows, predicted.answer_threshold, console)
    write_rows(folder / "report" / ERRORS_FILE, errors, predicted.kept)
    if illustrate is not None:
        illustrate(folder / "report", predicted.split, errors)
