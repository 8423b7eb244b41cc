"""Calibration: one temperature for all scores, and how far scores are from the share that is right."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from .intervals import accuracy_interval

LOWEST, HIGHEST = 0.01, 100.0
"""Bounds of a temperature; scores of a ridge need about 0.1, those of an overconfident network up to about 10."""


def fit_temperature(logits: np.ndarray, labels: npt.ArrayLike) -> float:
    """Return the temperature that the logits are divided by for the least log-loss (Guo et al. 2017, arXiv 1706.04599).

    The targets are Platt's (1999): with n rows a label counts (n + 1) / (n + 2) and the others share the rest, so that a
    few rows that are all right do not make the scores certain.

    Args:
        logits: (rows, classes), of rows that the model was not trained on.
        labels: (rows,) ids of the true classes, or (rows, classes) of 0 and 1 with any number of labels a row: each score is then
            the sigmoid of its logit, and one temperature is for all labels.

    Returns:
        The temperature, from 0.01 to 100; 1 where there is nothing to learn it from (no rows, one class).

    """
    references, scores = np.asarray(labels, dtype=np.int64), np.asarray(logits, dtype=np.float64)
    rows, classes = scores.shape
    if rows == 0 or classes < 2 or np.ptp(scores) == 0:
        return 1.0
    if references.ndim == 2:
        return _fit_sigmoids(scores, references)
    targets = np.full(scores.shape, 1 / (rows + 2) / (classes - 1))
    targets[np.arange(rows), references] = (rows + 1) / (rows + 2)

    def loss(logarithm: float) -> float:
        return float(-(targets * log_softmax(scores / np.exp(logarithm), axis=1)).sum() / rows)

    return _minimise(loss)


def _fit_sigmoids(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature of logits (rows, classes) whose sigmoids are the scores of 0 or 1 (rows, classes)."""
    rows = len(scores)
    targets = np.where(labels == 1, (rows + 1) / (rows + 2), 1 / (rows + 2))

    def loss(logarithm: float) -> float:
        scaled = scores / np.exp(logarithm)
        # The logarithms of a sigmoid and of what it lacks of 1, without overflow.
        return float((targets * np.logaddexp(0, -scaled) + (1 - targets) * np.logaddexp(0, scaled)).sum() / rows)

    return _minimise(loss)


def _minimise(loss: Callable[[float], float]) -> float:
    """Return the temperature whose logarithm has the least loss."""
    # The loss is convex in 1 / temperature, so it has one minimum in its logarithm, too.
    best = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-5})
    return float(np.exp(best.x))


def expected_calibration_error(probabilities: np.ndarray, labels: npt.ArrayLike, bins: int = 15) -> float:
    """Return the mean distance between confidence and share of right rows, over bins of equal width (Guo et al. 2017).

    Args:
        probabilities: (rows, classes).
        labels: (rows,) ids of the true classes, or (rows, classes) of 0 and 1 with any number of labels a row, of which each
            counts as a row of two classes.
        bins: Into how many parts confidences from 0 to 1 are divided; a bin counts by its rows.

    Raises:
        ValueError: There are no rows.

    """
    if len(probabilities) == 0:
        raise ValueError("There are no rows to compute a calibration error from.")
    references = np.asarray(labels)
    if references.ndim == 2:
        references, flat = references.reshape(-1), probabilities.reshape(-1, 1)
        probabilities = np.concatenate([1 - flat, flat], axis=1)
    confidences = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == references
    places = _find_bins(confidences, bins)
    gaps = np.bincount(places, weights=confidences - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidences))


def reliability_table(confidences: np.ndarray, right: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Return, for bins of equal width, how sure a model is of its rows and which share of them is right.

    Args:
        confidences: (rows,) probabilities of the predicted classes.
        right: (rows,) booleans.
        bins: Into how many parts confidences from 0 to 1 are divided.

    Returns:
        A row for each bin that has rows: `confidence` (the mean), `accuracy` with its 95 % interval in `accuracy_low` and
        `accuracy_high`, and `rows`.

    """
    places = _find_bins(confidences, bins)
    table = []
    for place in np.unique(places):
        inside = places == place
        rows, good = int(inside.sum()), int(right[inside].sum())
        low, high = accuracy_interval(good, rows)
        accuracy = {"accuracy": good / rows, "accuracy_low": low, "accuracy_high": high}
        table.append({"confidence": float(confidences[inside].mean()), **accuracy, "rows": rows})
    return pd.DataFrame(table)


def _find_bins(confidences: np.ndarray, bins: int) -> np.ndarray:
    """Return for each confidence in which of the bins of equal width it is; 1 is in the last one."""
    return np.minimum((confidences * bins).astype(np.int64), bins - 1)
