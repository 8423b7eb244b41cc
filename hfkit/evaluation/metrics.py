"""Metrics of a classifier, from label ids and logits; knows nothing of the Trainer."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import classification_report, confusion_matrix

from ..errors import UserError
from .abstention import confidences_by_logits, measure_answers
from .intervals import accuracy_interval, f1_intervals
from .label_kinds import SINGLE, LabelKind, MultiLabel
from .label_kinds import softmax as softmax
from .label_set_metrics import compute_label_metrics

Metrics = Callable[[np.ndarray, np.ndarray], dict[str, float]]
"""From logits (rows, classes) and label ids (rows,), or 0 and 1 (rows, labels), to metrics by name."""

LABEL_SCORE = "label_score"
"""Column of tables of predictions: the score of the label that a row has."""
AVERAGES = ("macro", "micro", "weighted")
AVERAGED_METRICS = ("precision", "recall", "f1")


class ClassificationMetrics(evaluate.Metric):
    """Accuracy, and precision, recall and F1 of each class and averaged (macro, micro, weighted), by scikit-learn.

    An `evaluate.Metric` of ours, since `evaluate.load` fetches its modules from the network. An undefined metric (a class
    that never occurs or is never predicted) counts as 0.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=str(type(self).__doc__),
            citation="",
            inputs_description="predictions and references: lists of label ids; num_labels: how many classes.",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: Sequence[int], references: Sequence[int], num_labels: int) -> dict[str, float]:
        report = build_report(references, predictions, [str(number) for number in range(num_labels)])
        result = {"accuracy": report["accuracy"]}
        for average in AVERAGES:
            for metric in AVERAGED_METRICS:
                result[f"{average}_{metric}"] = report["averages"][f"{average} avg"][_SKLEARN_NAMES[metric]]
        return result


_SKLEARN_NAMES = {"precision": "precision", "recall": "recall", "f1": "f1-score"}


def build_report(references: npt.ArrayLike, predictions: npt.ArrayLike, label_names: list[str]) -> dict[str, Any]:
    """Return scikit-learn's classification report: `accuracy`, and the rows of `classes` and of `averages` by name.

    They stand apart, so that a class may be called as an average is; the micro average is always among them.
    """
    label_ids = list(range(len(label_names)))
    numbers = [str(number) for number in label_ids]  # which are called as nothing else there is
    report = classification_report(
        references, predictions, labels=label_ids, target_names=numbers, output_dict=True, zero_division=0.0
    )
    accuracy = float(np.mean(np.asarray(references) == np.asarray(predictions)))
    support = np.size(references)
    micro = {"precision": accuracy, "recall": accuracy, "f1-score": accuracy, "support": float(support)}
    rows = {name: report[number] for name, number in zip(label_names, numbers, strict=True)}
    averages = {"macro avg": report["macro avg"], "micro avg": micro, "weighted avg": report["weighted avg"]}
    return {"accuracy": accuracy, "classes": rows, "averages": averages}


def add_intervals(report: dict[str, Any], confusion: np.ndarray) -> dict[str, Any]:
    """Return a report of `build_report` with 95 % intervals: of the accuracy, and of every F1.

    They are named after what they belong to: `accuracy_low`, `accuracy_high`, and in each row `f1-score_low`, `f1-score_high`.
    """
    accuracy = accuracy_interval(int(np.trace(confusion)), int(confusion.sum()))
    f1 = f1_intervals(confusion)
    averages = {
        "macro avg": f1.averages["macro_f1"],
        "micro avg": accuracy,
        "weighted avg": f1.averages["weighted_f1"],
    }
    ends = {"classes": dict(zip(report["classes"], f1.classes, strict=True)), "averages": averages}
    rows = {
        kind: {
            name: {**report[kind][name], "f1-score_low": float(low), "f1-score_high": float(high)}
            for name, (low, high) in of_kind.items()
        }
        for kind, of_kind in ends.items()
    }
    return {"accuracy": report["accuracy"], "accuracy_low": accuracy[0], "accuracy_high": accuracy[1], **rows}


def count_confusions(references: npt.ArrayLike, predictions: npt.ArrayLike, num_labels: int) -> np.ndarray:
    """Return the confusion matrix (num_labels, num_labels): rows are true classes, columns predicted ones."""
    return confusion_matrix(references, predictions, labels=list(range(num_labels)))


def make_metrics(num_labels: int, extra: Sequence[str] = (), kind: LabelKind = SINGLE) -> Metrics:
    """Return a function that computes all metrics.

    Args:
        num_labels: How many classes there are.
        extra: Ids of further metrics of the `evaluate` library, loaded now.
        kind: Of the labels.

    Raises:
        UserError: A metric cannot be loaded, or cannot be computed from classes.

    """
    if isinstance(kind, MultiLabel):
        if extra:
            raise UserError(
                f"--metric {extra[0]} is for one label a row, and here a row has any number of them: leave it out; F1, mAP, "
                "Hamming loss and exact match are computed."
            )
        return lambda logits, references: compute_label_metrics(logits, references, kind)
    # It keeps nothing, but makes its folder, which HF_HOME may not have and not take.
    ours = ClassificationMetrics(keep_in_memory=True, cache_dir=str(Path(tempfile.gettempdir()) / "hfkit"))
    others = {name.rpartition("/")[2]: _load_metric(name) for name in extra}

    def compute(logits: np.ndarray, references: np.ndarray) -> dict[str, float]:
        predictions = logits.argmax(axis=-1)
        result = dict(ours.compute(predictions=predictions, references=references, num_labels=num_labels))
        for name, metric in others.items():
            result.update(_compute_other(name, metric, predictions, references, num_labels))
        return result

    return compute


def evaluate_split(
    logits: np.ndarray, references: np.ndarray, metrics: Metrics, kind: LabelKind = SINGLE
) -> dict[str, float]:
    """Return the loss (mean over the rows, natural logarithm) and all metrics of one split, with intervals."""
    return {
        "loss": float(kind.losses(logits, references).mean()),
        **metrics(logits, references),
        **kind.intervals(logits, references),
    }


def evaluate_rows(
    logits: np.ndarray, references: np.ndarray, kind: LabelKind, answer_threshold: float | None
) -> dict[str, float]:
    """Return what `evaluate_split` does, and what share of the rows is answered where a model may keep silent.

    Args:
        logits: (rows, classes).
        references: Of the rows.
        kind: Of the labels.
        answer_threshold: The lowest confidence of a row that is answered; None: each is.

    """
    values = evaluate_split(logits, references, make_metrics(logits.shape[1], kind=kind), kind)
    if answer_threshold is None:
        return values
    answered = confidences_by_logits(logits) >= answer_threshold
    return {**values, **measure_answers(answered, kind.right(kind.decide(logits), references))}


def wrong_predictions(
    texts: pd.DataFrame, logits: np.ndarray, references: np.ndarray, label_names: list[str]
) -> pd.DataFrame:
    """List the wrong predictions, the most confident first: rows, label, prediction, confidence, and the score of the label."""
    probabilities = softmax(logits)
    predictions = probabilities.argmax(axis=-1)
    table = texts.assign(
        label=[label_names[number] for number in references],
        prediction=[label_names[number] for number in predictions],
        confidence=probabilities.max(axis=-1),
        **{LABEL_SCORE: probabilities[np.arange(len(references)), references]},
    )
    return table[predictions != references].sort_values("confidence", ascending=False, kind="stable")


def _load_metric(name: str) -> evaluate.Metric:
    try:
        return evaluate.load(name)
    except (OSError, ImportError, ValueError) as error:
        raise UserError(
            f"--metric {name}: the evaluate library cannot load it ({' '.join(str(error).split())[:200]}); check the name "
            "and the network, or leave it out: accuracy, precision, recall and F1 need neither."
        ) from error


def _compute_other(
    name: str, metric: evaluate.Metric, predictions: np.ndarray, references: np.ndarray, num_labels: int
) -> dict[str, float]:
    """Compute a metric of the evaluate library; those with an `average` get macro where there are more than two classes."""
    inputs = {"predictions": predictions, "references": references}
    try:
        try:
            result = metric.compute(**inputs)
        except ValueError:
            if num_labels == 2:
                raise
            result = metric.compute(**inputs, average="macro")
    except (ValueError, TypeError) as error:
        raise UserError(f"--metric {name} cannot be computed from classes ({error}); leave it out.") from error
    # Named after the metric: several give a key such as "value" or "score".
    return {
        key if key == name else f"{name}_{key}": float(value)
        for key, value in result.items()
        if isinstance(value, int | float | np.number)
    }
