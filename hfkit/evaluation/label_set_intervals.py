"""Intervals of metrics of rows with any number of labels, by the bootstrap over rows."""

from dataclasses import dataclass

import numpy as np

from .intervals import DRAWS, SEED, accuracy_interval, around, f1_ends

_CELLS_AT_ONCE = 2_000_000
"""Counts that are in memory at a time while rows are drawn."""
_MOST_CELLS = 20_000_000
"""Rows times labels times draws of an average precision, which is drawn less often where they would be more."""
_FEWEST_DRAWS = 200


@dataclass(frozen=True)
class LabelSetIntervals:
    """95 % intervals, each as lower and upper end.

    Attributes:
        accuracy: Of the share of rows with exactly the right labels (Wilson's).
        labels: Of each label's F1 (labels, 2).
        averages: Of micro, macro and weighted F1, of `hamming_loss` and of `map`, by name.

    """

    accuracy: tuple[float, float]
    labels: np.ndarray
    averages: dict[str, tuple[float, float]]

    def metrics(self) -> dict[str, float]:
        """Return the ends by the names of the metrics, such as `macro_f1_low`."""
        ends = {"accuracy": self.accuracy, **self.averages}
        return {
            f"{name}_{end}": pair[place] for name, pair in ends.items() for place, end in enumerate(("low", "high"))
        }


def label_set_intervals(decisions: np.ndarray, references: np.ndarray, scores: np.ndarray | None) -> LabelSetIntervals:
    """Return the intervals of all metrics by the percentile bootstrap over rows (Efron and Tibshirani 1993, ch. 13).

    Rows with the same labels and the same decisions are one kind, and drawn rows are counts of kinds, which are multinomial. Half
    a right row and half a wrong one are added, spread over the labels as their rows are: otherwise ten rows that are all right
    would never be drawn wrong, and have an interval of no width. The draws' bias is taken off, as of classes: see
    `intervals.f1_intervals`.

    Args:
        decisions: (rows, labels) booleans.
        references: (rows, labels) booleans.
        scores: (rows, labels); None: there is no interval of `map`.

    """
    rows, labels = references.shape
    kinds, counts = np.unique(np.concatenate([decisions, references], axis=1), axis=0, return_counts=True)
    given, true = kinds[:, :labels].astype(float), kinds[:, labels:].astype(float)
    # Added rows that have one label are kinds of their own: given rightly, and not given.
    one, none = np.eye(labels), np.zeros((labels, labels))
    added = _half_a_row(references)
    shares = np.r_[counts, added, added] / (rows + 1)
    hits = np.r_[given * true, one, none]
    either, support = np.r_[given + true, 2 * one, one], np.r_[true, one, one]
    present = float((given.any(axis=0) | true.any(axis=0)).mean())
    generator = np.random.default_rng(SEED)
    averages = np.empty((4, DRAWS))
    for start in range(0, DRAWS, step := max(1, _CELLS_AT_ONCE // len(shares))):
        part = slice(start, min(start + step, DRAWS))
        drawn = generator.multinomial(rows, shares, size=part.stop - start)
        averages[:, part] = _average(drawn @ hits, drawn @ either, drawn @ support, rows, present)
    own = [counts[None] @ part[: len(counts)] for part in (hits, either, support)]
    seen = _average(own[0], own[1], own[2], rows, present)[:, 0]
    names = ("micro_f1", "macro_f1", "weighted_f1", "hamming_loss")
    ends = {name: _ends(float(value), values) for name, value, values in zip(names, seen, averages, strict=True)}
    if scores is not None and references.any():
        ends["map"] = _ends(mean_average_precision(scores, references), _draw_mean_precision(scores, references))
    right = int((decisions == references).all(axis=1).sum())
    return LabelSetIntervals(accuracy_interval(right, rows), _label_intervals(decisions, references), ends)


def _half_a_row(references: np.ndarray) -> np.ndarray:
    """Return the shares of half a row that each label has (labels,), as its rows are; alike where no row has any."""
    counts = references.sum(axis=0).astype(float)
    return counts / (2 * counts.sum()) if counts.any() else np.full(len(counts), 1 / (2 * len(counts)))


def _average(hits: np.ndarray, either: np.ndarray, support: np.ndarray, rows: int, present: float) -> np.ndarray:
    """Return micro, macro and weighted F1 and the Hamming loss of drawn rows (4, draws).

    A label that no drawn row has or gets tells nothing: the mean is over the others.

    Args:
        hits: How many rows have a label and get it (draws, labels).
        either: How many have it and how many get it, together.
        support: How many have it.
        rows: How many there are.
        present: Share of the labels that some row has or gets; the others count as 0 in the mean.

    """
    f1 = 2 * hits / np.maximum(either, 1)
    return np.stack(
        [
            2 * hits.sum(axis=1) / np.maximum(either.sum(axis=1), 1),
            present * f1.sum(axis=1) / np.maximum((either > 0).sum(axis=1), 1),
            (f1 * support).sum(axis=1) / np.maximum(support.sum(axis=1), 1),
            (either - 2 * hits).sum(axis=1) / (rows * support.shape[1]),
        ]
    )


def _label_intervals(decisions: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return lower and upper end of each label's F1 (labels, 2), as of classes: see `intervals.f1_ends`."""
    right = (decisions & references).sum(axis=0)
    wrong = (decisions != references).sum(axis=0)
    return f1_ends(right, wrong, len(references), DRAWS)


def _ends(value: float, drawn: np.ndarray) -> tuple[float, float]:
    low, high = around(value, drawn)
    return float(low), float(high)


def mean_average_precision(scores: np.ndarray, references: np.ndarray) -> float:
    """Return the mean of the average precision of each label that some row has; 0 where no row has any.

    Args:
        scores: (rows, labels).
        references: (rows, labels) booleans.

    """
    if not references.any():
        return 0.0
    weights = np.ones((1, len(scores)))
    none = np.zeros((1, references.shape[1]))
    return float(_mean_precision(scores, references, weights, none, none)[0])


def _draw_mean_precision(scores: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the mean average precision of rows that are drawn with replacement, many times.

    Half a row with a label and the highest score for it is added, and half a row with the lowest.
    """
    rows, labels = references.shape
    draws = int(np.clip(_MOST_CELLS // (rows * labels), _FEWEST_DRAWS, DRAWS))
    generator = np.random.default_rng(SEED)
    added = _half_a_row(references)
    shares = np.r_[np.ones(rows), added, added] / (rows + 1)
    values = np.empty(draws)
    for start in range(0, draws, step := max(1, _CELLS_AT_ONCE // rows)):
        part = slice(start, min(start + step, draws))
        drawn = generator.multinomial(rows, shares, size=part.stop - start).astype(float)
        own, first, last = np.split(drawn, [rows, rows + labels], axis=1)
        values[part] = _mean_precision(scores, references, own, first, last)
    return values


def _mean_precision(
    scores: np.ndarray, references: np.ndarray, weights: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Return for each row of weights (draws, rows) the mean over the labels of the average precision (draws,).

    That of a label is the sum of the precision at each score, weighted by the recall that it adds; labels that no drawn row has
    are left out of the mean.

    Args:
        scores: (rows, labels).
        references: (rows, labels) booleans.
        weights: How often each row is drawn.
        first: How many more rows with a label have a higher score for it than all others (draws, labels).
        last: How many have a lower one.

    """
    total, counted = np.zeros(len(weights)), np.zeros(len(weights))
    for label in np.flatnonzero(references.any(axis=0)):
        order = np.argsort(-scores[:, label], kind="stable")
        ends = np.flatnonzero(np.diff(scores[order, label], append=-np.inf))  # of rows with the same score
        drawn = weights[:, order]
        more = first[:, label, None]
        given = more + np.cumsum(drawn, axis=1)[:, ends]
        hits = more + np.cumsum(drawn * references[order, label], axis=1)[:, ends]
        given = np.concatenate([more, given, given[:, -1:] + last[:, label, None]], axis=1)
        hits = np.concatenate([more, hits, hits[:, -1:] + last[:, label, None]], axis=1)
        gains = np.diff(hits, axis=1, prepend=0.0)
        support = hits[:, -1]
        precision = (gains * hits / np.maximum(given, 1)).sum(axis=1) / np.maximum(support, 1)
        total += precision
        counted += support > 0
    return total / np.maximum(counted, 1)
