"""Metrics of rows with any number of labels: F1 by label and on average, mAP, Hamming loss and exact matches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import classification_report

from .label_kinds import MultiLabel
from .label_set_intervals import LabelSetIntervals, label_set_intervals, mean_average_precision

_AVERAGES = ("macro", "micro", "weighted")
_METRICS = {"precision": "precision", "recall": "recall", "f1": "f1-score"}


def build_label_report(references: np.ndarray, decisions: np.ndarray, label_names: Sequence[str]) -> dict[str, Any]:
    """Return scikit-learn's report: rows of `classes` and of `averages` by name, and `accuracy` and `hamming_loss`.

    `accuracy` is the share of rows with exactly the right labels, as scikit-learn's `accuracy_score` has it. A metric of a label
    that no row has, or that is never predicted, counts as 0.

    Args:
        references: (rows, labels), 0 or 1.
        decisions: (rows, labels), 0 or 1.
        label_names: In the order of the label ids.

    """
    true, given = references == 1, decisions == 1
    # Names that are numbers keep a label of the name "micro avg" from being taken for the average.
    numbers = [str(number) for number in range(len(label_names))]
    report = classification_report(true, given, target_names=numbers, output_dict=True, zero_division=0.0)
    rows = {name: report[number] for name, number in zip(label_names, numbers, strict=True)}
    averages = {f"{average} avg": report[f"{average} avg"] for average in _AVERAGES}
    accuracy = float((true == given).all(axis=1).mean())
    wrong = float((true != given).mean())
    return {"accuracy": accuracy, "hamming_loss": wrong, "classes": rows, "averages": averages}


def compute_label_metrics(logits: np.ndarray, references: np.ndarray, kind: MultiLabel) -> dict[str, float]:
    """Return all metrics of logits (rows, labels) and references (rows, labels) by name, without intervals."""
    report = build_label_report(references, kind.decide(logits), [str(number) for number in range(logits.shape[1])])
    result = {"accuracy": report["accuracy"]}
    for average in _AVERAGES:
        for metric, name in _METRICS.items():
            result[f"{average}_{metric}"] = float(report["averages"][f"{average} avg"][name])
    result["map"] = mean_average_precision(kind.scores(logits), references == 1)
    return {**result, "hamming_loss": report["hamming_loss"]}


def report_label_sets(
    logits: np.ndarray, references: np.ndarray, label_names: Sequence[str], kind: MultiLabel
) -> dict[str, Any]:
    """Return the report of `build_label_report` with 95 % intervals and `map`; each label's row has its `threshold`."""
    decisions = kind.decide(logits)
    report = build_label_report(references, decisions, label_names)
    scores = kind.scores(logits)
    intervals = label_set_intervals(decisions, references == 1, scores)
    report["map"] = mean_average_precision(scores, references == 1)
    for name, ends, threshold in zip(label_names, intervals.labels, kind.all_thresholds(len(label_names)), strict=True):
        report["classes"][name] |= {"f1-score_low": float(ends[0]), "f1-score_high": float(ends[1])}
        report["classes"][name]["threshold"] = threshold
    return _add_ends(report, intervals)


def _add_ends(report: dict[str, Any], intervals: LabelSetIntervals) -> dict[str, Any]:
    """Add the intervals of averages."""
    for average in _AVERAGES:
        low, high = intervals.averages[f"{average}_f1"]
        report["averages"][f"{average} avg"] |= {"f1-score_low": low, "f1-score_high": high}
    single = {name: value for name, value in intervals.metrics().items() if "_f1_" not in name}
    return {**report, **single}


def choose_thresholds(scores: np.ndarray, references: np.ndarray) -> list[float]:
    """Return for each label the threshold with the highest F1, midway between two scores; 0.5 for a label that no row has.

    Of equally good ones it is the one that is nearest to 0.5.

    Args:
        scores: (rows, labels), of rows that the model was not trained on.
        references: (rows, labels), 0 or 1.

    """
    return [_best_threshold(column, true) for column, true in zip(scores.T, (references == 1).T, strict=True)]


def _best_threshold(scores: np.ndarray, true: np.ndarray) -> float:
    if not true.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    ordered = np.append(scores[order], 0.0)
    last = np.flatnonzero(np.diff(ordered))  # of rows with the same score
    hits, given = np.cumsum(true[order])[last], last + 1
    f1 = 2 * hits / (given + true.sum())
    middles = (ordered[last] + ordered[last + 1]) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    chosen = middles[best[np.argmin(np.abs(middles[best] - 0.5))]]
    return float(np.clip(chosen, 1e-6, 1 - 1e-6))
