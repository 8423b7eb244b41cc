"""What costs next to nothing, beside the model: the majority class, and how the model is compared with any baseline."""

import time
from dataclasses import dataclass

import numpy as np

from .intervals import interval_metrics
from .metrics import build_report, count_confusions
from .paired import PairedResult, compare_paired

MAJORITY = "the majority class"
WORD_PIECES = "word pieces"
SOLVED = "the solved head"
SOLVED_LAST = "the solved head on the last layer"


@dataclass(frozen=True)
class Baseline:
    """What a baseline said of the rows that the model is shown on.

    Attributes:
        name: As a sentence goes on after "better than".
        predictions: (rows,) label ids.
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
    """Return the class that is the most frequent in train (the first of several) for each row."""
    start = time.perf_counter()
    predictions = np.full(rows, np.bincount(train_labels).argmax())
    return Baseline(MAJORITY, predictions, time.perf_counter() - start)


def chance_loss(label_counts: np.ndarray) -> float:
    """Return the cross-entropy of predicting each class by its share: the entropy of the labels, in nats.

    Args:
        label_counts: (classes,) rows of each class.

    """
    shares = label_counts[label_counts > 0] / label_counts.sum()
    return float(-(shares * np.log(shares)).sum())


def compare_baseline(
    baseline: Baseline, references: np.ndarray, predictions: np.ndarray, num_labels: int
) -> ComparedBaseline:
    """Compute a baseline's metrics, and compare the model with it on the same rows.

    Args:
        baseline: The baseline.
        references: (rows,) ids of the true classes.
        predictions: (rows,) what the model predicts.
        num_labels: How many classes there are.

    """
    metrics = score_predictions(references, baseline.predictions, num_labels)
    paired = compare_paired(predictions == references, baseline.predictions == references)
    return ComparedBaseline(baseline.name, baseline.seconds, metrics, paired)


def score_predictions(references: np.ndarray, predictions: np.ndarray, num_labels: int) -> dict[str, float]:
    """Return accuracy and macro F1 of predictions, each with `_low` and `_high`."""
    report = build_report(references, predictions, [str(number) for number in range(num_labels)])
    ends = interval_metrics(count_confusions(references, predictions, num_labels))
    return {"accuracy": report["accuracy"], "macro_f1": report["macro avg"]["f1-score"], **ends}
