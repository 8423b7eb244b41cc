"""How accuracy grows with the training rows: the chosen head, fitted on nested parts of the rows that it was chosen on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .by_iteration import FINAL_TOLERANCE
from .candidates import find_right, read_held_out, score_fits
from .linear import Problem
from .linear_fits import fit_linear
from .solution import Solution, SolverInputs
from .solve import read_ngrams, weigh_rows

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the training rows outside of a fold; the last is all of them, and known from the choice."""


class NoCurveError(Exception):
    """There is no learning curve; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class CurvePoint:
    """What a head gives that is fitted on a share of the rows.

    Attributes:
        share: Of the rows outside of a fold.
        rows: How many rows that is; the mean over the folds.
        right: (rows,) whether each row is right, by the fit without its fold; the same rows at every point.

    """

    share: float
    rows: int
    right: np.ndarray


def measure_learning_curve(inputs: SolverInputs, solution: Solution) -> list[CurvePoint]:
    """Fit the chosen head on an eighth, a quarter and a half of the rows outside of each fold, and score it on the fold.

    Nothing but the rows of the choice has a part in it: neither validation nor test. The last point is the choice's own scores
    out of fold. As there, n-grams that no row of a part has are unknown to its fit; the idf, the mean and scale of the features
    and the choice itself are those of all these rows, so that a part alone would give a little less.

    Args:
        inputs: What the head was solved on.
        solution: The head.

    Returns:
        A point for each of `SHARES`.

    Raises:
        NoCurveError: No rows are scored out of fold, or an eighth of them has one class.

    """
    if solution.out_of_fold is None:
        raise NoCurveError("no rows are scored out of fold")
    labels, folds = inputs.labels[solution.rows], solution.folds
    parts = [draw_part(labels, folds, share, inputs.seed) for share in SHARES[:-1]]
    if labels.ndim == 1 and any(len(np.unique(labels[part])) < 2 for part in parts[0]):
        raise NoCurveError("an eighth of the rows has fewer than two classes")
    kind = inputs.kind
    right = [kind.right(kind.decide(solution.out_of_fold), labels)]
    right = [*_score_parts(inputs, solution, parts), *right]
    sizes = [*(part.sum(axis=1).mean() for part in parts), np.mean([len(labels) - len(fold) for fold in folds])]
    return [CurvePoint(*point) for point in zip(SHARES, map(round, sizes), right, strict=True)]


def draw_part(labels: np.ndarray, folds: Sequence[np.ndarray], share: float, seed: int) -> np.ndarray:
    """Draw a share of the rows outside of each fold, of each class its share; a smaller share is inside a larger one.

    Args:
        labels: (rows,) label ids, or (rows, labels) of any number of labels a row, of which the share is drawn as a whole.
        folds: The rows of each fold.
        share: Up to 1.
        seed: What it is drawn by.

    Returns:
        (folds, rows) booleans.

    """
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = np.zeros((len(folds), len(labels)), dtype=bool)
    labels = labels if labels.ndim == 1 else np.zeros(len(labels), dtype=np.int64)
    for part, fold in zip(parts, folds, strict=True):
        outside = order[~np.isin(order, fold)]
        for label in np.unique(labels):
            own = outside[labels[outside] == label]
            part[own[: round(share * len(own))]] = True
    return parts


def _score_parts(inputs: SolverInputs, solution: Solution, parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return (rows,) whether each row is right, for each of some parts; only the rows of a part are in its fits."""
    candidate, labels = solution.candidate, inputs.labels[solution.rows]
    weights = weigh_rows(inputs)[solution.rows]
    groups, least = candidate.groups, candidate.min_document_frequency
    features = solution.standardiser.apply(inputs.features, groups, solution.rows) if groups else None
    ngrams = read_ngrams(inputs, solution.rows, least) if least else None
    right = []
    for part in parts:
        rows = np.flatnonzero(part.any(axis=0))
        fits = fit_linear(
            None if features is None else features[rows],
            None if ngrams is None else ngrams[rows],
            labels[rows],
            inputs.classes,
            [Problem(candidate.penalty, (weights * own)[rows], candidate.state_weight, candidate.loss) for own in part],
            FINAL_TOLERANCE,
            positive_weights=inputs.positive_weights,
        )
        held_out = None
        if ngrams is not None:
            held_out = read_held_out(ngrams, solution.folds, [np.flatnonzero(own) for own in part], least)
        scored = score_fits(candidate, fits, features, held_out, labels, solution.folds, weights)
        right.append(find_right(scored.logits, labels))
    return right
