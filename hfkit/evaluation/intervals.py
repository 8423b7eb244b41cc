"""Intervals of metrics."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import binomtest

SEED = 0
DRAWS = 2000
_CELLS_AT_ONCE = 2_000_000
"""Counts that are in memory at a time while confusion matrices are drawn."""
FEW_ROWS = 0.15
"""An interval of the accuracy that is wider than this is said to be wide."""


def accuracy_interval(right: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (Wilson 1927, JASA 22:209)."""
    interval = binomtest(right, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class F1Intervals:
    """95 % intervals, each as lower and upper end: of each class's F1 (classes, 2), of their mean, and weighted by rows."""

    classes: np.ndarray
    macro: np.ndarray
    weighted: np.ndarray


def f1_intervals(confusion: np.ndarray, draws: int = DRAWS) -> F1Intervals:
    """Return the 95 % intervals of F1 by the percentile bootstrap over rows.

    Rows that are drawn again with replacement have a confusion matrix that is multinomial around the one that was seen (Efron
    and Tibshirani 1993, ch. 13). Only cells that are not empty are drawn.

    Args:
        confusion: (classes, classes) counts; rows are true classes, columns predicted ones.
        draws: How many matrices are drawn, always the same ones.

    """
    generator, classes, total = np.random.default_rng(SEED), len(confusion), int(confusion.sum())
    true, predicted = np.nonzero(confusion)
    shares = confusion[true, predicted] / total
    cells = np.arange(len(true))
    ones = np.ones(len(true))
    # Twice the right rows of a class, and the rows that are of it or taken for it: F1 is the quotient.
    right = sparse.csr_matrix((2 * ones * (true == predicted), (cells, true)), (len(true), classes))
    of_class = sparse.csr_matrix((ones, (cells, true)), right.shape)
    either = of_class + sparse.csr_matrix((ones, (cells, predicted)), right.shape)
    scores, weighted = np.empty((draws, classes)), np.empty(draws)
    for start in range(0, draws, step := max(1, _CELLS_AT_ONCE // len(cells))):
        part = slice(start, min(start + step, draws))
        counts = generator.multinomial(total, shares, size=part.stop - start)
        scores[part] = (counts @ right) / np.maximum(counts @ either, 1)
        weighted[part] = (scores[part] * (counts @ of_class)).sum(axis=1) / total
    ends = [2.5, 97.5]
    classwise = np.percentile(scores, ends, axis=0).T
    return F1Intervals(classwise, np.percentile(scores.mean(axis=1), ends), np.percentile(weighted, ends))


def macro_f1_interval(confusion: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """Return the 95 % interval of the macro F1 by the percentile bootstrap over rows, see `f1_intervals`.

    Args:
        confusion: (classes, classes) counts; rows are true classes, columns predicted ones.
        draws: How many matrices are drawn, always the same ones.

    """
    low, high = f1_intervals(confusion, draws).macro
    return float(low), float(high)


def interval_metrics(confusion: np.ndarray) -> dict[str, float]:
    """Return the intervals beside a split's metrics: `accuracy_low`, `accuracy_high`, `macro_f1_low`, `macro_f1_high`."""
    accuracy = accuracy_interval(int(np.trace(confusion)), int(confusion.sum()))
    macro_f1 = macro_f1_interval(confusion)
    return {
        "accuracy_low": accuracy[0],
        "accuracy_high": accuracy[1],
        "macro_f1_low": macro_f1[0],
        "macro_f1_high": macro_f1[1],
    }


def with_interval(value: float, low: float, high: float, digits: int = 4) -> str:
    """Write a metric with its 95 % interval."""
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def warn_of_few_rows(split: str, total: int, low: float, high: float) -> str:
    """Say that the rows of a split are too few to know its accuracy well; nothing where they are not."""
    if high - low <= FEW_ROWS:
        return ""
    return (
        f"{total} {'row' if total == 1 else 'rows'} of {split} tell little: on other rows like them the accuracy may be anything "
        f"from {low:.2f} to {high:.2f}."
    )
