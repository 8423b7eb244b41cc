"""Intervals of metrics."""

from collections.abc import Iterator
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
    """95 % intervals, each as lower and upper end.

    Attributes:
        classes: (classes, 2) of each class's F1.
        averages: Of precision, recall and F1, averaged over the classes and weighted by rows, by names such as `macro_f1`.

    """

    classes: np.ndarray
    averages: dict[str, np.ndarray]


def f1_intervals(confusion: np.ndarray, draws: int = DRAWS) -> F1Intervals:
    """Return the 95 % intervals of F1 by the percentile bootstrap over rows.

    Rows that are drawn again with replacement have a confusion matrix that is multinomial around the one that was seen (Efron
    and Tibshirani 1993, ch. 13). Half a right row and half a wrong one are added, to the table for the mean and to the rows of
    each class for its own: otherwise ten rows that are all right would never be drawn wrong, and have an interval of no width.
    The draws' bias is taken off (ch. 10 there): of classes with a row or two, draws are worse than the table.

    Args:
        confusion: (classes, classes) counts; rows are true classes, columns predicted ones.
        draws: How many matrices are drawn, always the same ones.

    """
    right = np.diag(confusion)
    wrong = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * right
    classes = f1_ends(right, wrong, int(confusion.sum()), draws)
    return F1Intervals(classes, _average_intervals(confusion, draws))


def _average_intervals(confusion: np.ndarray, draws: int = DRAWS) -> dict[str, np.ndarray]:
    """Return the intervals of averaged metrics by name, see `f1_intervals`."""
    generator, total = np.random.default_rng(SEED), int(confusion.sum())
    rows, columns, shares = _shares_to_draw(confusion)
    cells, classes, ones = np.arange(len(rows)), len(confusion), np.ones(len(rows))
    right = sparse.csr_matrix((ones * (rows == columns), (cells, rows)), (len(rows), classes))
    of_class = sparse.csr_matrix((ones, (cells, rows)), right.shape)
    predicted = sparse.csr_matrix((ones, (cells, columns)), right.shape)
    share_of_classes = float((confusion.sum(axis=0) + confusion.sum(axis=1) > 0).mean())
    drawn: dict[str, np.ndarray] = {}
    for part in _parts(draws, len(cells)):
        counts = generator.multinomial(total, shares, size=part.stop - part.start)
        for name, values in _averages(counts @ right, counts @ of_class, counts @ predicted, share_of_classes).items():
            drawn.setdefault(name, np.empty(draws))[part] = values
    seen = _averages(
        np.diag(confusion)[None], confusion.sum(axis=1)[None], confusion.sum(axis=0)[None], share_of_classes
    )
    return {name: around(float(value[0]), drawn[name]) for name, value in seen.items()}


def around(value: float, drawn: np.ndarray) -> np.ndarray:
    """Return the percentiles of draws, moved by as much as their median differs from the value: the bias of few rows a class."""
    low, middle, high = np.percentile(drawn, [2.5, 50, 97.5])
    return np.clip([value - (middle - low), value + (high - middle)], 0.0, 1.0)


def _averages(
    right: np.ndarray, of_class: np.ndarray, predicted: np.ndarray, share_of_classes: float
) -> dict[str, np.ndarray]:
    """Return averaged metrics (draws,) of right rows, rows and predictions of each class (draws, classes).

    A class of which no row is drawn, as it happens where classes have few, tells nothing: the mean is over the others. Those
    that the seen table lacks count as 0 there, and so does their share here.
    """
    metrics = {
        "precision": right / np.maximum(predicted, 1),
        "recall": right / np.maximum(of_class, 1),
        "f1": 2 * right / np.maximum(of_class + predicted, 1),
    }
    is_drawn = of_class + predicted > 0
    weights = of_class / of_class.sum(axis=1, keepdims=True)
    macro = {
        f"macro_{name}": share_of_classes * values.mean(axis=1, where=is_drawn) for name, values in metrics.items()
    }
    return macro | {f"weighted_{name}": (values * weights).sum(axis=1) for name, values in metrics.items()}


def _shares_to_draw(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and shares of the cells that are drawn: those that are not empty, and those of the added rows.

    What is added is spread over the classes as their rows are; the wrong half row of a class goes to the next class.
    """
    classes, total = len(confusion), confusion.sum()
    own = np.arange(classes)
    added = sparse.coo_matrix(
        (np.tile(confusion.sum(axis=1) / (2 * total), 2), (np.tile(own, 2), np.r_[own, (own + 1) % classes])),
        confusion.shape,
    )
    smoothed = (sparse.csr_matrix(confusion) + added.tocsr()).tocoo()
    return smoothed.row, smoothed.col, smoothed.data / smoothed.data.sum()


def f1_ends(right: np.ndarray, wrong: np.ndarray, total: int, draws: int = DRAWS) -> np.ndarray:
    """Return lower and upper end of each class's F1 (classes, 2), drawn from its right rows, its wrong ones and all others.

    Args:
        right: How many rows have a class and get it (classes,).
        wrong: How many have it and do not get it, or get it and do not have it, together.
        total: How many rows there are.
        draws: How often they are drawn.

    """
    generator = np.random.default_rng(SEED)
    shares = np.column_stack([right + 0.5, wrong + 0.5, total - right - wrong]) / (total + 1)
    scores = np.empty((draws, len(right)))
    for part in _parts(draws, shares.size):
        counts = generator.multinomial(total, shares, size=(part.stop - part.start, len(shares)))
        scores[part] = 2 * counts[..., 0] / np.maximum(2 * counts[..., 0] + counts[..., 1], 1)
    ends = np.percentile(scores, [2.5, 97.5], axis=0).T
    ends[right + wrong == 0] = 0  # of a class without rows that is never predicted
    return ends


def _parts(draws: int, cells: int) -> Iterator[slice]:
    """Yield the draws that are in memory together."""
    step = max(1, _CELLS_AT_ONCE // cells)
    for start in range(0, draws, step):
        yield slice(start, min(start + step, draws))


def macro_f1_interval(confusion: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """Return the 95 % interval of the macro F1 by the percentile bootstrap over rows, see `f1_intervals`.

    Args:
        confusion: (classes, classes) counts; rows are true classes, columns predicted ones.
        draws: How many matrices are drawn, always the same ones.

    """
    low, high = _average_intervals(confusion, draws)["macro_f1"]
    return float(low), float(high)


def interval_metrics(confusion: np.ndarray) -> dict[str, float]:
    """Return the 95 % intervals beside a split's metrics: `accuracy_low`, `accuracy_high`, `macro_f1_low`, ...

    The micro averages are the accuracy, and have its interval.
    """
    accuracy = accuracy_interval(int(np.trace(confusion)), int(confusion.sum()))
    micro = {f"micro_{metric}": accuracy for metric in ("precision", "recall", "f1")}
    averages = {name: (float(low), float(high)) for name, (low, high) in _average_intervals(confusion).items()}
    ends = {"accuracy": accuracy, **micro, **averages}
    lows = {f"{name}_low": low for name, (low, _) in ends.items()}
    return lows | {f"{name}_high": high for name, (_, high) in ends.items()}


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
