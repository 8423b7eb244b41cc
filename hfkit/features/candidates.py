"""What a solved head may be: which layers it reads, how they are pooled, n-grams, penalties; each is scored out of fold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import csr_matrix

from ..data.ngrams import drop_unseen_ngrams
from ..evaluation.intervals import accuracy_interval
from ..models.layer_groups import FeatureGroup
from .by_iteration import TOLERANCE
from .closed_form import RowProducts
from .linear import LinearFit, Loss, Problem
from .linear_fits import fit_linear

PENALTIES = (1.0, 3.0, 10.0)
"""Values of C, with features and n-grams of about length 1 in each row."""
SMALLER_PENALTIES, LARGER_PENALTIES = (0.3, 0.1, 0.03, 0.01), (30.0, 100.0, 300.0)
"""What follows where the smallest or the largest of them is the best, one by one for as long as that is better."""
LOSS_NAMES: dict[Loss, str] = {"squares": "least squares", "hinge": "squared hinge loss"}
STATE_WEIGHTS = (0.25, 0.5, 1.0, 2.0)
"""Length of the layers' features beside that of the n-grams."""


@dataclass(frozen=True)
class Candidate:
    """One way to make the head.

    Attributes:
        name: For people, such as `layers 1-4, mean and first`.
        groups: The features that it reads; none: n-grams alone.
        penalty: C of the fit.
        state_weight: Of the features beside n-grams.
        min_document_frequency: Of the n-grams; 0: none.
        loss: Of the fit.

    """

    name: str
    groups: tuple[FeatureGroup, ...]
    penalty: float
    state_weight: float = 1.0
    min_document_frequency: int = 0
    loss: Loss = "squares"

    def describe(self) -> str:
        """Say it in one line."""
        weight = f", weight {self.state_weight:g}" if self.groups and self.min_document_frequency else ""
        return f"{self.name}{weight}, {LOSS_NAMES[self.loss]}, C {self.penalty:g}"


@dataclass(frozen=True)
class Scored:
    """A candidate with what it says of rows that it was not fitted on.

    Attributes:
        candidate: Which one.
        logits: (rows, logits) of all rows, each by the fit without its fold.
        right: How many rows are right.
        low: Lower end of the 95 % interval of the share of right rows, near-duplicates counted as rows.
        high: Upper end.
        weight: What the right rows count together, each by the weight of its class: what the best one has the most of.

    """

    candidate: Candidate
    logits: np.ndarray
    right: int
    low: float
    high: float
    weight: float

    @property
    def accuracy(self) -> float:
        """Share of right rows."""
        return self.right / len(self.logits)

    def describe(self) -> str:
        """Say which candidate it is, and its score."""
        score = f"{self.accuracy:.4f} ({self.low:.4f} to {self.high:.4f}, {len(self.logits):,} rows)"
        return f"{self.candidate.describe()}: {score}"

    def without_logits(self) -> "Scored":
        """Return the score alone, which takes no memory."""
        return replace(self, logits=np.empty((len(self.logits), 0), np.float32))

    @property
    def predicted(self) -> np.ndarray:
        """Label ids (rows,) that it gives, where each row has one label."""
        return predict_labels(self.logits)


def list_layer_sets(groups: Sequence[FeatureGroup], layers_are_given: bool) -> dict[str, tuple[FeatureGroup, ...]]:
    """Return the sets of features that are compared, by name: some spans of layers, pooled in one way and in all.

    Args:
        groups: All features, in order of depth.
        layers_are_given: The user named the layers: they are not chosen.

    """
    layers = list(dict.fromkeys(group.layer for group in groups))
    last = len(layers) - 1
    spans = {(0, last)}
    if not layers_are_given and last > 1:
        # Lexical features stand in the lower layers, those of the pretraining task in the last ones.
        spans |= {(last, last), (1, math.ceil(2 * last / 3)), (last // 3 + 1, last)}
    sets: dict[str, tuple[FeatureGroup, ...]] = {}
    for first, end in sorted(spans):
        inside = [group for group in groups if group.layer in layers[first : end + 1]]
        poolings = list(dict.fromkeys(group.pooling for group in inside))
        for ways in [poolings[:1], poolings] if len(poolings) > 1 else [poolings]:
            # A layer that has one way alone, such as the features of an image backbone, keeps it.
            chosen = tuple(
                group
                for group in inside
                if group.pooling in ways or not any(g.pooling in ways for g in inside if g.layer == group.layer)
            )
            sets[_name_layers(layers[first : end + 1], ways)] = chosen
    return {
        name: chosen for name, chosen in sets.items() if list(sets.values()).index(chosen) == list(sets).index(name)
    }


def _name_layers(layers: Sequence[int | str], poolings: Sequence[str]) -> str:
    span = str(layers[0]) if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"
    return f"{'layer' if len(layers) == 1 else 'layers'} {span}, {' and '.join(poolings)}"


def score_candidates(
    candidates: Sequence[Candidate],
    features: torch.Tensor | None,
    ngrams: csr_matrix | None,
    labels: np.ndarray,
    classes: int,
    folds: Sequence[np.ndarray],
    row_weights: np.ndarray,
    tolerance: float = TOLERANCE,
    positive_weights: Sequence[float] | None = None,
    products: RowProducts | None = None,
) -> list[Scored]:
    """Fit candidates that read the same features, each without each fold in turn, all at once.

    Args:
        candidates: They differ in penalty and weight of the features alone, and have one loss.
        features: (rows, features) standardised, each row of about length 1.
        ngrams: (rows, n-grams), each row of length 1.
        labels: (rows,) label ids, or (rows, classes) of 0 and 1 with any number of labels a row.
        classes: How many there are.
        folds: The rows of each fold.
        row_weights: (rows,) how much each row counts in a fit.
        tolerance: Of the fits, see `fit_linear`.
        positive_weights: Of the labels, see `fit_linear`.
        products: Of the rows, see `fit_linear`.

    """
    problems = []
    for candidate in candidates:
        for fold in folds:
            weights = row_weights.copy()
            weights[fold] = 0
            problems.append(Problem(candidate.penalty, weights, candidate.state_weight, candidate.loss))
    fits = fit_linear(features, ngrams, labels, classes, problems, tolerance, positive_weights, products)
    held_out = None
    if ngrams is not None:
        fitted = [np.delete(np.arange(len(labels)), fold) for fold in folds]
        held_out = read_held_out(ngrams, folds, fitted, candidates[0].min_document_frequency)
    scored = []
    for number, candidate in enumerate(candidates):
        own = fits[number * len(folds) : (number + 1) * len(folds)]
        scored.append(score_fits(candidate, own, features, held_out, labels, folds, row_weights))
    return scored


def read_held_out(
    ngrams: csr_matrix, folds: Sequence[np.ndarray], fitted: Sequence[np.ndarray], min_document_frequency: int
) -> list[csr_matrix]:
    """Return the n-grams of each fold as a head knows them that was fitted on other rows: those that no such row has are unknown.

    Args:
        ngrams: (rows, n-grams) of all rows, whose idf stays.
        folds: The rows of each fold.
        fitted: The rows that the head of each fold was fitted on.
        min_document_frequency: In how many of them an n-gram has to be.

    """
    pairs = zip(folds, fitted, strict=True)
    return [drop_unseen_ngrams(ngrams[fold], ngrams[rows], min_document_frequency) for fold, rows in pairs]


def score_fits(
    candidate: Candidate,
    fits: Sequence[LinearFit],
    features: torch.Tensor | None,
    held_out: Sequence[csr_matrix] | None,
    labels: np.ndarray,
    folds: Sequence[np.ndarray],
    row_weights: np.ndarray,
) -> Scored:
    """Collect what the fits of a candidate say of the folds that they did not see.

    Args:
        candidate: Which one.
        fits: One for each fold.
        features: (rows, features) standardised, or None.
        held_out: The n-grams of each fold, see `read_held_out`, or None.
        labels: As of `score_candidates`.
        folds: The rows of each fold.
        row_weights: (rows,) how much each row counts.

    """
    logits = np.zeros((len(labels), len(fits[0].bias)), np.float32)
    for number, (fit, fold) in enumerate(zip(fits, folds, strict=True)):
        dense = None if features is None else features[torch.from_numpy(fold)]
        logits[fold] = fit.logits(dense, None if held_out is None else held_out[number])
    is_right = find_right(logits, labels)
    right = int(is_right.sum())
    weight = float(row_weights[is_right].sum(dtype=np.float64))
    return Scored(candidate, logits, right, *accuracy_interval(right, len(labels)), weight)


def predict_labels(logits: np.ndarray) -> np.ndarray:
    """Return the label ids (rows,) of logits (rows, logits); one logit stands for two classes."""
    return (logits[:, 0] > 0).astype(np.int64) if logits.shape[1] == 1 else logits.argmax(axis=1)


def find_right(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return which rows (rows,) are right: of any number of labels (rows, classes) those with exactly the right ones."""
    if labels.ndim == 2:
        return np.asarray(((logits > 0) == (labels == 1)).all(axis=1))
    return np.asarray(predict_labels(logits) == labels)


def choose_best(scored: Sequence[Scored]) -> Scored:
    """Return the one with the most right rows, counted by the weights of their classes; of equal ones the first."""
    return max(scored, key=lambda item: item.weight)
