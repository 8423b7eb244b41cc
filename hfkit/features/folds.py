"""Folds inside the training rows and samples of them: stratified by class, in folds near-duplicates together."""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ..data.near_duplicates import group_near_duplicates

FOLDS = 5
TEXT_THRESHOLD, IMAGE_THRESHOLD = 0.8, 0.98
"""Cosines from which two rows are near-duplicates: of the TF-IDF of n-grams, and of standardised features of images."""


def make_folds(labels: np.ndarray, groups: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return the rows of each fold; fewer than five folds where a class has fewer groups of near-duplicates.

    Args:
        labels: (rows,) label ids, or (rows, labels) of 0 and 1 with any number of labels a row.
        groups: (rows,) number of the group of each row, which stays in one fold.
        seed: What the folds are drawn by.

    Returns:
        The indices of the rows of each fold; none where there are fewer than two classes, a class has fewer than
        two groups, or a fold would hold all rows of a class.

    """
    if labels.ndim == 2:
        return _make_folds_of_sets(labels, groups, seed)
    present = np.unique(labels)
    groups_of_classes = [len(np.unique(groups[labels == label])) for label in present]
    count = min([FOLDS, *groups_of_classes])
    if count < 2 or len(present) < 2:
        return []
    if len(np.unique(groups)) == len(groups):
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
        return [rows for _, rows in splitter.split(labels, labels)]
    folds = [
        rows for _, rows in StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(labels, labels, groups)
    ]
    # A large group can hold all rows of a class: then the other folds would be fitted without the class.
    is_whole = all(len(np.unique(np.delete(labels, rows))) == len(present) for rows in folds)
    return folds if is_whole else []


def _make_folds_of_sets(labels: np.ndarray, groups: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return folds of rows with any number of labels, by iterative stratification of the groups of near-duplicates."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

    numbers, places = np.unique(groups, return_inverse=True)
    if len(numbers) < FOLDS:
        return []
    of_groups = np.zeros((len(numbers), labels.shape[1] + 1), dtype=int)  # with one column it would think otherwise
    np.maximum.at(of_groups[:, :-1], places, labels.astype(int))
    splitter = MultilabelStratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return [np.flatnonzero(np.isin(places, some)) for _, some in splitter.split(of_groups, of_groups)]


def can_be_scored(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Tell which rows (rows,) can be scored by a fit without their fold: those of classes with two groups or more.

    A class whose rows are all near-duplicates stands in one fold as a whole, which no fit without it could tell. Of any number
    of labels (rows, labels) the others still tell something: all rows can.
    """
    if labels.ndim == 2:
        return np.ones(len(labels), dtype=bool)
    lonely = [label for label in np.unique(labels) if len(np.unique(groups[labels == label])) < 2]
    return ~np.isin(labels, lonely)


def group_texts(ngrams: csr_matrix) -> np.ndarray:
    """Return the group of near-duplicates of each row (rows,) of the TF-IDF of n-grams (rows, n-grams)."""
    return group_near_duplicates(ngrams, TEXT_THRESHOLD)


def group_images(features: np.ndarray) -> np.ndarray:
    """Return the group of near-duplicates of each row (rows,) of standardised features (rows, features)."""
    return group_near_duplicates(features, IMAGE_THRESHOLD)


def draw_rows(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw about `count` rows, each class by its share and with at least two rows where it has them; in ascending order.

    Of any number of labels (rows, labels) each has at least two rows where it has them, too, and the others are drawn from all.
    """
    generator, share = np.random.default_rng(seed), count / len(labels)
    if labels.ndim == 2:
        order = generator.permutation(len(labels))
        least = [order[labels[order, label] == 1][:2] for label in range(labels.shape[1])]
        return np.unique(np.concatenate([order[:count], *least]))
    drawn = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        drawn.append(generator.choice(own, min(len(own), max(2, round(share * len(own)))), replace=False))
    return np.sort(np.concatenate(drawn))
