"""What costs next to nothing, beside the model: the majority class, and for texts a linear classifier of word pieces."""

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from .intervals import interval_metrics
from .metrics import build_report, count_confusions
from .paired import PairedResult, compare_paired

MAJORITY = "the majority class"
WORD_PIECES = "word pieces"
SOLVED = "the solved head"
MAX_ROWS = 100_000
"""Rows that word pieces are fitted on; of more a part is drawn."""
MAX_NGRAMS = 2**18
MAX_WEIGHTS = 2**27
"""N-grams times classes: a gigabyte of weights; the rarest n-grams go first."""
SEED = 0


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


def predict_majority(train_labels: np.ndarray, rows: int) -> Baseline:
    """Return the class that is the most frequent in train (the first of several) for each row."""
    start = time.perf_counter()
    predictions = np.full(rows, np.bincount(train_labels).argmax())
    return Baseline(MAJORITY, predictions, time.perf_counter() - start)


def predict_word_pieces(
    train_ids: Iterable[list[int]], train_labels: np.ndarray, shown_ids: Iterable[list[int]]
) -> Baseline:
    """Fit a linear SVM (C = 1) on sublinear TF-IDF of 1- and 2-grams of train's token ids, and predict the shown rows.

    Nothing is tuned. Of more than 262,144 n-grams, or fewer where there are many classes, the most frequent are kept.

    Args:
        train_ids: Token ids of each training row, special ones among them.
        train_labels: (rows,) label ids of train.
        shown_ids: Token ids of each shown row.

    Raises:
        ValueError: Train has one class, or not a single token.

    """
    start = time.perf_counter()
    classes = len(np.unique(train_labels))
    if classes < 2:
        raise ValueError("train has one class")
    limit = min(MAX_NGRAMS, max(MAX_WEIGHTS // classes, 1))
    vectorizer = TfidfVectorizer(analyzer=_list_ngrams, max_features=limit, sublinear_tf=True)
    classifier = LinearSVC(C=1.0, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is a baseline all the same
        classifier.fit(vectorizer.fit_transform(train_ids), train_labels)
    predictions = classifier.predict(vectorizer.transform(shown_ids))
    return Baseline(WORD_PIECES, predictions, time.perf_counter() - start)


def draw_rows(total: int, limit: int = MAX_ROWS) -> np.ndarray | None:
    """Return which rows of train a baseline is fitted on, in their order; None: all."""
    if total <= limit:
        return None
    return np.sort(np.random.default_rng(SEED).choice(total, limit, replace=False))


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


def _list_ngrams(ids: list[int]) -> list[int]:
    """Return the 1- and 2-grams of token ids, each as one integer."""
    return [*ids, *((first + 1) << 32 | second for first, second in pairwise(ids))]
