"""A linear classifier on the TF-IDF of n-grams of token ids, fitted by scikit-learn in seconds."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from ..data.ngrams import NgramVocabulary, Rows, fit_ngrams, ngram_matrix

DOCUMENT_FREQUENCIES = (1, 2)
"""In how many rows an n-gram has to be: what is tried."""

MOST_ROWS = 20_000
"""Up to so many rows folds choose the document frequency; above it is 2, which keeps a third of the n-grams."""

_FOLDS = 5
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

    """

    vocabulary: NgramVocabulary
    weight: np.ndarray
    bias: np.ndarray
    min_document_frequency: int
    out_of_fold: dict[int, float]

    def scores(self, rows_of_ids: Rows) -> np.ndarray:
        """Return the scores (rows, classes) of texts."""
        return ngram_matrix(rows_of_ids, self.vocabulary) @ self.weight + self.bias


def fit_ngram_classifier(
    rows_of_ids: Rows,
    labels: npt.ArrayLike,
    num_labels: int,
    special_ids: Sequence[int],
    longest: int = 2,
    class_weights: Sequence[float] | None = None,
    seed: int = 0,
) -> NgramClassifier | None:
    """Fit a linear support vector machine on TF-IDF; folds inside the rows choose the document frequency.

    Args:
        rows_of_ids: Token ids of each text.
        labels: (rows,) ids of the classes.
        num_labels: How many classes there are; one without rows gets the score of what is surely not it.
        special_ids: Ids that are in no n-gram.
        longest: Tokens of the longest n-grams.
        class_weights: A weight for each class; default: equal ones.
        seed: Draws the folds, and the order in which the solver goes through the rows.

    Returns:
        The classifier; None where the texts have no n-grams or one class.

    """
    targets = np.asarray(labels, dtype=np.int64)
    weights = None if class_weights is None else dict(enumerate(class_weights))
    machine = LinearSVC(class_weight=weights, random_state=seed)
    out_of_fold = {
        least: _right_out_of_fold(rows_of_ids, targets, special_ids, longest, least, machine)
        for least in DOCUMENT_FREQUENCIES
        if _can_be_folded(targets)
    }
    # Of equal ones the fewer n-grams.
    least = (
        max(out_of_fold, key=lambda key: (out_of_fold[key], key))
        if out_of_fold
        else 2
        if len(targets) > MOST_ROWS
        else 1
    )
    vocabulary = fit_ngrams(rows_of_ids, special_ids, longest, least)
    if not len(vocabulary) or len(np.unique(targets)) < 2:
        return None
    weight, bias = np.zeros((len(vocabulary), num_labels)), np.full(num_labels, _ABSENT)
    machine.fit(ngram_matrix(rows_of_ids, vocabulary), targets)
    if len(machine.classes_) == 2:  # scikit-learn has the difference of both
        weight[:, machine.classes_] = machine.coef_.T * [-0.5, 0.5]
        bias[machine.classes_] = machine.intercept_ * [-0.5, 0.5]
    else:
        weight[:, machine.classes_] = machine.coef_.T
        bias[machine.classes_] = machine.intercept_
    return NgramClassifier(vocabulary, weight, bias, least, out_of_fold)


def _can_be_folded(targets: np.ndarray) -> bool:
    """Tell whether each fold leaves at least two classes, in a time that nobody notices."""
    counts = np.sort(np.unique(targets, return_counts=True)[1])
    return len(targets) <= MOST_ROWS and len(counts) > 1 and counts[-2] >= _FOLDS


def _right_out_of_fold(
    rows_of_ids: Rows, targets: np.ndarray, special_ids: Sequence[int], longest: int, least: int, machine: LinearSVC
) -> float:
    """Return the share of rows whose class a classifier tells that was fitted, with its n-grams, on the other folds."""
    rows = _as_array(rows_of_ids)
    right = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with fewer rows than folds
        folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=machine.random_state).split(targets, targets))
    for train, held_out in folds:
        vocabulary = fit_ngrams(rows[train], special_ids, longest, least)
        if not len(vocabulary):
            return 0.0
        machine.fit(ngram_matrix(rows[train], vocabulary), targets[train])
        right += int((machine.predict(ngram_matrix(rows[held_out], vocabulary)) == targets[held_out]).sum())
    return right / len(targets)


def _as_array(rows_of_ids: Rows) -> np.ndarray:
    """Return rows as an array of arrays, of which some can be taken."""
    rows = np.empty(len(rows_of_ids), dtype=object)
    for number, ids in enumerate(rows_of_ids):
        rows[number] = np.asarray(ids)
    return rows
