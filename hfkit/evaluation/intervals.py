"""Intervals of metrics."""

import numpy as np
from scipy.stats import binomtest


def accuracy_interval(right: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (Wilson 1927, JASA 22:209)."""
    interval = binomtest(right, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def macro_f1_interval(confusion: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % interval of the macro F1 by the percentile bootstrap over rows (Efron and Tibshirani 1993, ch. 13).

    Rows that are drawn again with replacement have a confusion matrix that is multinomial around the one that was seen.

    Args:
        confusion: (classes, classes) counts; rows are true classes, columns predicted ones.
        draws: How many matrices are drawn, always the same ones.

    """
    generator, shares = np.random.default_rng(0), confusion.ravel() / confusion.sum()
    scores = []
    for _ in range(draws):
        matrix = generator.multinomial(confusion.sum(), shares).reshape(confusion.shape)
        scores.append(np.mean(2 * np.diag(matrix) / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1)))
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)
