"""What costs next to nothing, beside the model: the majority class, and how the model is compared with any baseline."""

import time
from dataclasses import dataclass

import numpy as np

from .intervals import interval_metrics
from .label_kinds import SINGLE, LabelKind, MultiLabel
from .label_set_intervals import label_set_intervals
from .label_set_metrics import build_label_report
from .metrics import build_report, count_confusions
from .paired import PairedResult, compare_paired

MAJORITY = "the majority class"
MAJORITY_SET = "the most frequent labels"
WORD_PIECES = "word pieces"
SOLVED = "the solved head"
SOLVED_LAST = "the solved head on the last layer"


@dataclass(frozen=True)
class Baseline:
    """What a baseline said of the rows that the model is shown on.

    Attributes:
        name: As a sentence goes on after "better than".
        predictions: (rows,) label ids, or (rows, labels) booleans with any number of labels a row.
        seconds: What fitting and predicting took.

    """

    name: str
    predictions: np.ndarray
    seconds: float


@dataclass(frozen=True)
class ComparedBaseline:
    """A baseline with its metrics, and the model against it.

    Attributes:
        name: Of the baseline.
        seconds: What it took.
        metrics: `accuracy` and `macro_f1`, each with `_low` and `_high`, the ends of its 95 % interval.
        paired: Accuracy of the model less that of the baseline.

    """

    name: str
    seconds: float
    metrics: dict[str, float]
    paired: PairedResult

    @property
    def key(self) -> str:
        """What the baseline is called in names of results, such as `word_pieces`."""
        return self.name.removeprefix("the ").replace(" ", "_")

    def sentence(self) -> str:
        """Say whether the model is better; where it is not, what the baseline took."""
        said = self.paired.sentence("This model", self.name)
        is_better = self.paired.is_told_apart and self.paired.difference > 0
        return said if is_better or self.seconds < 0.05 else f"{said[:-1]}, which took {self.seconds:.1f} s."


def name_solved(head: str) -> str:
    """Name a head that is solved on what a model's own head takes: the states of several layers, or of the last one."""
    return SOLVED if head == "layers" else SOLVED_LAST


def predict_majority(train_labels: np.ndarray, rows: int) -> Baseline:
    """Return the class, or the set of labels, that is the most frequent in train (the first of several) for each row."""
    start = time.perf_counter()
    if train_labels.ndim > 1:
        sets, counts = np.unique(train_labels, axis=0, return_counts=True)
        predictions = np.tile(sets[counts.argmax()] == 1, (rows, 1))
        return Baseline(MAJORITY_SET, predictions, time.perf_counter() - start)
    predictions = np.full(rows, np.bincount(train_labels).argmax())
    return Baseline(MAJORITY, predictions, time.perf_counter() - start)


def chance_loss(label_counts: np.ndarray) -> float:
    """Return the cross-entropy of predicting each class by its share: the entropy of the labels, in nats.

    Args:
        label_counts: (classes,) rows of each class.

    """
    shares = label_counts[label_counts > 0] / label_counts.sum()
    return float(-(shares * np.log(shares)).sum())


def measure_chance_loss(labels: np.ndarray) -> float:
    """Return the loss of predicting each row by how frequent the labels are, of label ids (rows,) or 0 and 1 (rows, labels)."""
    if labels.ndim == 1:
        return chance_loss(np.bincount(labels))
    present = labels.sum(axis=0)
    return float(np.mean([chance_loss(np.array([count, len(labels) - count])) for count in present]))


def measure_chance_accuracy(labels: np.ndarray) -> float:
    """Return the share of the most frequent class, or of the most frequent set of labels; arguments as above."""
    counts = np.unique(labels, axis=0, return_counts=True)[1]
    return float(counts.max() / len(labels))


def compare_baseline(
    baseline: Baseline,
    references: np.ndarray,
    predictions: np.ndarray,
    num_labels: int,
    kind: LabelKind = SINGLE,
) -> ComparedBaseline:
    """Compute a baseline's metrics, and compare the model with it on the same rows.

    Args:
        baseline: The baseline.
        references: (rows,) ids of the true classes, or (rows, labels) with any number of labels a row.
        predictions: What the model predicts, of the same shape.
        num_labels: How many classes there are.
        kind: Of the labels.

    """
    metrics = score_predictions(references, baseline.predictions, num_labels, kind)
    paired = compare_paired(kind.right(predictions, references), kind.right(baseline.predictions, references))
    return ComparedBaseline(baseline.name, baseline.seconds, metrics, paired)


def score_predictions(
    references: np.ndarray, predictions: np.ndarray, num_labels: int, kind: LabelKind = SINGLE
) -> dict[str, float]:
    """Return accuracy and macro F1 of predictions, each with `_low` and `_high`."""
    names = [str(number) for number in range(num_labels)]
    if isinstance(kind, MultiLabel):
        report = build_label_report(references, predictions, names)
        whole = label_set_intervals(predictions, references == 1, None).metrics()
        ends = {name: value for name, value in whole.items() if name.startswith(("accuracy", "macro_f1"))}
        return {"accuracy": report["accuracy"], "macro_f1": report["averages"]["macro avg"]["f1-score"], **ends}
    report = build_report(references, predictions, names)
    ends = interval_metrics(count_confusions(references, predictions, num_labels))
    return {"accuracy": report["accuracy"], "macro_f1": report["averages"]["macro avg"]["f1-score"], **ends}
