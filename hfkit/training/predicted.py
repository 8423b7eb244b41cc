"""What the saved model gives for a split."""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import UserError
from ..evaluation.abstention import ScoredRows
from ..evaluation.label_kinds import SINGLE, LabelKind, label_kind
from ..evaluation.metrics import evaluate_split, make_metrics
from ..evaluation.predict import predict_beside, predict_logits
from ..features.solution import Solution
from ..features.solved_scores import score_features
from ..models.base import BackboneClassifier
from ..task import Task
from .settings import RunSettings


@dataclass(frozen=True)
class Predicted:
    """What the saved model gave for a split.

    Attributes:
        split: `validation`, `certification` or `test`.
        logits: (rows, classes), in float32.
        references: (rows,) ids of the true classes, or (rows, labels) of 0 and 1 with any number of labels a row; None where the
            split has no labels.
        seconds: What predicting took.
        beside: (rows, logits) of a head that was solved beside the training, without its n-grams; None: there is none.
        kind: Of the labels, and how logits become decisions.

    """

    split: str
    logits: np.ndarray
    references: np.ndarray | None
    seconds: float
    beside: np.ndarray | None = None
    kind: LabelKind = SINGLE

    @property
    def prefix(self) -> str:
        """What names of its results begin with."""
        return "eval" if self.split == "validation" else "test"

    @property
    def scored(self) -> ScoredRows:
        """How sure the model is of each row, and whether it is right; only of a split with labels."""
        assert self.references is not None
        return ScoredRows.from_logits(self.logits, self.references)


def find_reported_split(task: Task) -> str | None:
    """Return the split that the report is on: test, or validation where test has no labels or is not there; None: neither has."""
    splits = [split for split in ("validation", "test") if split in task.inputs]
    return next((split for split in reversed(splits) if "label" in task.rows[split].column_names), None)


def predict_split(
    model: BackboneClassifier, task: Task, split: str, batch_size: int, beside: Solution | None = None
) -> Predicted:
    """Return what a model in float32 gives for a split; all processes call it, and all get it.

    Args:
        model: The model.
        task: With the rows.
        split: Which.
        batch_size: Rows of a batch.
        beside: Another head on what the model's own head takes, which reads the same pass of the backbone.

    Raises:
        UserError: It gives no numbers.

    """
    start = time.perf_counter()
    rows = (task.inputs[split], task.collator, batch_size)
    other: np.ndarray | None = None
    if beside is None:
        logits = predict_logits(model, *rows)
    else:
        logits, other = predict_beside(model, *rows, partial(score_features, beside))
    seconds = time.perf_counter() - start
    if not np.isfinite(logits).all():
        raise UserError(
            "The training diverged: the model gives no numbers any more. Lower --learning_rate and --head_learning_rate."
        )
    shown = task.rows[split]
    references = np.array(shown["label"]) if "label" in shown.column_names else None
    return Predicted(split, logits, references, seconds, other, label_kind(model.config))


def evaluate_predicted(predicted: Predicted, settings: RunSettings) -> dict[str, float]:
    """Return the metrics of a split with their intervals, and how long it took; nothing of one without labels."""
    if predicted.references is None:
        return {}
    rows, seconds = len(predicted.references), predicted.seconds
    # Thresholds may have been chosen since the run began.
    metrics = (
        settings.metrics if predicted.kind == SINGLE else make_metrics(predicted.logits.shape[1], (), predicted.kind)
    )
    values = evaluate_split(predicted.logits, predicted.references, metrics, predicted.kind)
    return {**values, "runtime": round(seconds, 3), "samples_per_second": round(rows / seconds, 3)}
