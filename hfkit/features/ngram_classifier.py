"""A linear classifier on the TF-IDF of n-grams of token ids, fitted by scikit-learn in seconds."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from ..data.ngrams import NgramVocabulary, Rows, fit_ngrams, limit_ngrams, ngram_matrix
from ..evaluation.intervals import accuracy_interval, with_interval
from .by_iteration import FINAL_TOLERANCE
from .folds import can_be_scored, group_texts, make_folds
from .linear import Problem
from .linear_fits import fit_linear

DOCUMENT_FREQUENCIES = (1, 2)
"""In how many rows an n-gram has to be: what is tried."""

MOST_ROWS = 20_000
"""Up to so many rows folds choose the document frequency; above it is 2, which keeps a third of the n-grams."""

_ABSENT = -1.0
"""Score of a class that has no rows: that of a row on the far side of a margin."""


@dataclass(frozen=True)
class NgramClassifier:
    """N-grams, and their linear scores of the classes.

    Attributes:
        vocabulary: The n-grams.
        weight: (count, classes).
        bias: (classes,).
        min_document_frequency: In how many rows each n-gram is at least.
        out_of_fold: Share of rows that were right out of fold, by document frequency; empty: nothing was chosen by folds.
        scored_rows: How many rows these shares are of.
        not_chosen: Why folds chose nothing, without a full stop; empty where they did, or where the caller chose.
        has_converged: Whether the solver ended before its last iteration.

    """

    vocabulary: NgramVocabulary
    weight: np.ndarray
    bias: np.ndarray
    min_document_frequency: int
    out_of_fold: dict[int, float]
    not_chosen: str = ""
    has_converged: bool = True
    scored_rows: int = 0

    def scores(self, rows_of_ids: Rows) -> np.ndarray:
        """Return the scores (rows, classes) of texts."""
        return ngram_matrix(rows_of_ids, self.vocabulary) @ self.weight + self.bias

    def describe_shares(self) -> str:
        """Say which share of the rows was right out of fold by each document frequency, with its 95 % interval; may be empty."""
        rows = self.scored_rows
        shares = {
            least: with_interval(share, *accuracy_interval(round(share * rows), rows))
            for least, share in self.out_of_fold.items()
        }
        return ", ".join(f"in {least} or more {share}" for least, share in shares.items())


def fit_ngram_classifier(
    rows_of_ids: Rows,
    labels: npt.ArrayLike,
    num_labels: int,
    special_ids: Sequence[int],
    longest: int = 2,
    class_weights: Sequence[float] | None = None,
    seed: int = 0,
    min_document_frequency: int | None = None,
) -> NgramClassifier | None:
    """Fit a linear support vector machine (C = 1) on TF-IDF; folds inside the rows choose the document frequency.

    Near-duplicates stand in one fold. Of more than 262,144 n-grams, or fewer where there are many classes, the most frequent
    are kept.

    Args:
        rows_of_ids: Token ids of each text.
        labels: (rows,) ids of the classes, or (rows, classes) of 0 and 1 with any number of labels a row: each label then has a
            machine of its own, and folds choose nothing.
        num_labels: How many classes there are; one without rows gets the score of what is surely not it.
        special_ids: Ids that are in no n-gram.
        longest: Tokens of the longest n-grams.
        class_weights: A weight for each class; default: equal ones.
        seed: Draws the folds, and the order in which the solver goes through the rows.
        min_document_frequency: In how many rows an n-gram has to be; default: it is chosen.

    Returns:
        The classifier; None where the texts have no n-grams or one class.

    """
    targets = np.asarray(labels, dtype=np.int64)
    if targets.ndim == 2:
        limit = limit_ngrams(num_labels)
        texts = _Texts([np.asarray(ids) for ids in rows_of_ids], tuple(special_ids), longest, limit)
        return _fit_sets(texts, targets, class_weights, min_document_frequency)
    weights = None if class_weights is None else dict(enumerate(class_weights))
    machine = LinearSVC(class_weight=weights, random_state=seed)
    texts = _Texts([np.asarray(ids) for ids in rows_of_ids], tuple(special_ids), longest, limit_ngrams(num_labels))
    if min_document_frequency is None:
        choice = _choose_document_frequency(texts, targets, machine)
    else:
        choice = _Choice(min_document_frequency)
    vocabulary = texts.fit(choice.least)
    if not len(vocabulary) or len(np.unique(targets)) < 2:
        return None
    has_converged = _fit(machine, ngram_matrix(texts.rows_of_ids, vocabulary), targets)
    weight, bias = _read_weights(machine, num_labels)
    return NgramClassifier(
        vocabulary, weight, bias, choice.least, choice.out_of_fold, choice.not_chosen, has_converged, choice.rows
    )


@dataclass(frozen=True)
class _Texts:
    """Token ids, and which n-grams of them are taken."""

    rows_of_ids: list[np.ndarray]
    special_ids: tuple[int, ...]
    longest: int
    limit: int

    def fit(self, least: int, rows: np.ndarray | None = None) -> NgramVocabulary:
        """Collect the n-grams that are in `least` of all or of some rows or more."""
        return fit_ngrams(self.take(rows), self.special_ids, self.longest, least, self.limit)

    def take(self, rows: np.ndarray | None) -> list[np.ndarray]:
        """Return the ids of all or of some rows."""
        return self.rows_of_ids if rows is None else [self.rows_of_ids[int(row)] for row in rows]


def _fit_sets(
    texts: _Texts, targets: np.ndarray, weights: Sequence[float] | None, least: int | None
) -> NgramClassifier | None:
    """Fit a machine for each of any number of labels (rows, classes); None where the texts have no n-grams."""
    chosen = least or (2 if len(targets) > MOST_ROWS else 1)
    vocabulary = texts.fit(chosen)
    if not len(vocabulary):
        return None
    matrix = ngram_matrix(texts.rows_of_ids, vocabulary).astype(np.float32)
    problem = Problem(1.0, np.ones(len(targets), np.float32), loss="hinge")
    classes = targets.shape[1]
    [fit] = fit_linear(None, matrix, targets, classes, [problem], FINAL_TOLERANCE, positive_weights=weights)
    why = "" if least else "as always with any number of labels a row"
    return NgramClassifier(vocabulary, fit.sparse.astype(float), fit.bias.astype(float), chosen, {}, why)


def _fit(machine: LinearSVC, matrix: sparse.csr_matrix, targets: np.ndarray) -> bool:
    """Fit a machine in its thousand iterations, and tell whether they were enough: scikit-learn only warns where they are not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes is greater")  # of few rows of many classes
        machine.fit(matrix, targets)
    return bool(np.max(machine.n_iter_) < machine.max_iter)


def _read_weights(machine: LinearSVC, num_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weight (count, classes) and bias (classes,) of a fitted machine."""
    own, intercept = machine.coef_.T, machine.intercept_
    if len(machine.classes_) == 2:  # scikit-learn has the difference of both
        own, intercept = own * [-0.5, 0.5], intercept * [-0.5, 0.5]
    if len(machine.classes_) == num_labels:
        return own, intercept
    weight, bias = np.zeros((len(own), num_labels)), np.full(num_labels, _ABSENT)
    weight[:, machine.classes_], bias[machine.classes_] = own, intercept
    return weight, bias


@dataclass(frozen=True)
class _Choice:
    """A document frequency; the share of `rows` that is right out of fold by each, or why folds chose nothing."""

    least: int
    not_chosen: str = ""
    out_of_fold: dict[int, float] = field(default_factory=dict)
    rows: int = 0


def _choose_document_frequency(texts: _Texts, targets: np.ndarray, machine: LinearSVC) -> _Choice:
    """Choose a document frequency by folds, or by the rows that there are."""
    if len(targets) > MOST_ROWS:
        return _Choice(2, f"as always above {MOST_ROWS:,} rows, where folds would take long")
    if len(np.unique(targets)) < 2:
        return _Choice(1, "there is one class")
    every = texts.fit(1)
    if not len(every):
        return _Choice(1, "there are none")
    groups = group_texts(ngram_matrix(texts.rows_of_ids, every))
    rows = np.flatnonzero(can_be_scored(targets, groups))
    folds = make_folds(targets[rows], groups[rows], machine.random_state) if len(rows) else []
    if not folds:
        return _Choice(1, "without a choice, for all classes but one have a single row, or near-duplicates alone")
    out_of_fold = {
        least: _right_out_of_fold(texts, targets, [rows[fold] for fold in folds], least, machine)
        for least in DOCUMENT_FREQUENCIES
    }
    # Of equal ones the fewer n-grams.
    best = max(out_of_fold, key=lambda least: (out_of_fold[least], least))
    return _Choice(best, out_of_fold=out_of_fold, rows=len(rows))


def _right_out_of_fold(
    texts: _Texts, targets: np.ndarray, folds: Sequence[np.ndarray], least: int, machine: LinearSVC
) -> float:
    """Return the share of the rows in folds whose class is told by what was fitted, n-grams too, on the other folds."""
    right, rows = 0, np.concatenate(folds)
    for held_out in folds:
        train = np.setdiff1d(rows, held_out)
        vocabulary = texts.fit(least, train)
        if not len(vocabulary):
            return 0.0
        _fit(machine, ngram_matrix(texts.take(train), vocabulary), targets[train])
        right += int((machine.predict(ngram_matrix(texts.take(held_out), vocabulary)) == targets[held_out]).sum())
    return right / len(rows)
