"""The rungs without a net: the majority class, and a linear classifier of word pieces."""

import pandas as pd

from ..data.stored_rows import read_column
from ..errors import UserError
from ..evaluation.baselines import MAJORITY, Baseline, predict_majority, score_predictions
from ..evaluation.label_kinds import label_kind
from ..features.word_pieces import predict_word_pieces
from ..task import Task

Predictions = dict[str, tuple[pd.DataFrame, dict[str, float]]]
"""By split: columns `row`, `label` and `prediction`, and the metrics."""
HELD_OUT = ("validation", "test")


def predict_without_net(name: str, task: Task) -> tuple[float, Predictions]:
    """Return what a rung without a net gives of the held-out rows with labels: seconds, and what `write_outcome` takes.

    Args:
        name: `MAJORITY` or `WORD_PIECES`.
        task: With the rows.

    Raises:
        UserError: Train has one class, or not a single token.

    """
    try:
        return _part(task, _predict_majority(task) if name == MAJORITY else _predict_word_pieces(task))
    except ValueError as error:
        raise UserError(f"it cannot be fitted ({' '.join(str(error).split()).rstrip('.')}).") from error


def _predict_majority(task: Task) -> Baseline:
    labels = read_column(task.rows["train"], "label")
    return predict_majority(labels, sum(len(task.rows[split]) for split in _splits(task)))


def _predict_word_pieces(task: Task) -> Baseline:
    labels = read_column(task.rows["train"], "label")
    shown = [task.inputs[split] for split in _splits(task)]
    return predict_word_pieces(task.inputs["train"], labels, shown, task.processor)


def _splits(task: Task) -> list[str]:
    """Return the held-out splits with labels."""
    return [split for split in HELD_OUT if split in task.rows and "label" in task.rows[split].column_names]


def _part(task: Task, baseline: Baseline) -> tuple[float, Predictions]:
    """Part the predictions of a baseline by split."""
    parts: Predictions = {}
    start, names, kind = 0, task.label_names, label_kind(task.model.config)
    for split in _splits(task):
        rows = task.rows[split]
        predictions = baseline.predictions[start : start + len(rows)]
        start += len(rows)
        references = read_column(rows, "label")
        columns = {"label": kind.names(references, names), "prediction": kind.names(predictions, names)}
        table = pd.DataFrame({"row": read_column(rows, "row"), **columns})
        parts[split] = table, score_predictions(references, predictions, len(names), kind)
    return baseline.seconds, parts
