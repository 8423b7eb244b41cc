"""When to say nothing: a confidence above which so few answers are wrong, with a guarantee (Learn then Test)."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import binom

from ..models.answering import confidences
from .intervals import accuracy_interval

DELTA = 0.05
"""How often at most a promise may be broken, over draws of the certifying rows."""
MAX_STEPS = 200
"""Thresholds of the grid; they are quantiles of the confidences."""
MOST_ROWS = 10_000_000
"""Where so many answered rows would not do, none would."""


@dataclass(frozen=True)
class Abstention:
    """What choosing a threshold gave.

    Attributes:
        threshold: Rows whose confidence is at least this are answered; None: no threshold can promise it.
        max_error: The largest share of wrong answers among the answered rows that was asked for.
        delta: How often at most the promise may be broken, over draws of the certifying rows.
        rows: Certifying rows.
        answered: Those of them that are answered; 0 without a threshold.
        wrong: Those of the answered that are wrong.
        rows_needed: Without a threshold: about how many certifying rows it would take, if scores stay as good as they look;
            None where no threshold looks good enough at any number.

    """

    threshold: float | None
    max_error: float
    delta: float
    rows: int
    answered: int = 0
    wrong: int = 0
    rows_needed: int | None = None

    @property
    def coverage(self) -> float:
        """Share of the certifying rows that are answered."""
        return self.answered / self.rows if self.rows else 0.0

    @property
    def promise(self) -> str:
        """What is guaranteed, where there is a threshold; without a full stop."""
        return f"With {100 * (1 - self.delta):.4g} % confidence at most {100 * self.max_error:.4g} % of its answers are wrong"

    def sentence(self) -> str:
        """Say from which confidence on it answers, and what certifies that, or why nothing can be promised."""
        if self.threshold is not None:
            start = "It answers, however sure it is"
            if self.threshold > 0:
                digits = 4 if self.threshold < 0.9995 else 8
                start = f"It does not answer below a confidence of {self.threshold:.{digits}f}"
            return (
                f"{start}: of the {self.rows:,} rows that certify it {100 * self.coverage:.1f} % are answered, {self.wrong} of "
                f"these {self.answered:,} wrongly."
            )
        promise = f"at most {100 * self.max_error:.4g} % of the answers are wrong, with {100 * (1 - self.delta):.4g} % confidence"
        if self.rows_needed is None:
            return f"No threshold can promise that {promise}: even where the model is the surest it is wrong too often."
        return (
            f"No threshold can promise that {promise}, from {self.rows:,} certifying rows: it would take at "
            f"least about {self.rows_needed:,}."
        )


@dataclass(frozen=True)
class ScoredRows:
    """Rows of which is known how sure a model is of them, and whether it is right.

    Attributes:
        confidences: (rows,) from 0 to 1.
        right: (rows,) booleans.

    """

    confidences: np.ndarray
    right: np.ndarray

    @classmethod
    def from_logits(cls, logits: np.ndarray, references: np.ndarray) -> "ScoredRows":
        """Score rows by their logits (rows, classes) in float32 and the ids (rows,) of their classes."""
        return cls(confidences_by_logits(logits), logits.argmax(axis=-1) == references)


def confidences_by_logits(logits: np.ndarray) -> np.ndarray:
    """Return the confidence (rows,) of each row of logits (rows, classes), as `pipeline()` takes it for one."""
    return confidences(torch.from_numpy(logits)).numpy()


def measure_answers(answered: np.ndarray, right: np.ndarray | None) -> dict[str, float]:
    """Return the share of rows that are answered, and of these the share that is wrong, each with its 95 % interval.

    Args:
        answered: (rows,) booleans.
        right: (rows,) booleans; None where that is not known.

    Returns:
        `coverage` and `answered_error` with `_low` and `_high`; the latter only where it is known of some answer.

    """
    rows, answers = len(answered), int(answered.sum())
    counts = {"coverage": (answers, rows)}
    if right is not None and answers:
        counts["answered_error"] = (int((answered & ~right).sum()), answers)
    metrics: dict[str, float] = {}
    for name, (part, total) in counts.items():
        low, high = accuracy_interval(part, total)
        metrics |= {name: part / total, f"{name}_low": low, f"{name}_high": high}
    return metrics


def error_by_coverage(scored: ScoredRows) -> pd.DataFrame:
    """Return how wrong the answers are, if only the rows that the model is surest of are answered.

    It is the curve of risk against coverage of El-Yaniv and Wiener (2010, JMLR 11).

    Returns:
        A row for each confidence that occurs, of many confidences for 200 of them, the highest first: `threshold` (all rows of
        at least this confidence are answered), `coverage` (their share) and `error` (the share of them that is wrong) with its
        95 % interval in `error_low` and `error_high`.

    """
    order = np.argsort(-scored.confidences, kind="stable")
    ordered = scored.confidences[order]
    wrong = np.cumsum(~scored.right[order])
    last = np.flatnonzero(np.diff(ordered, append=-1.0))  # of rows that are equally sure
    places = last[np.unique(np.linspace(0, len(last) - 1, min(len(last), MAX_STEPS)).round().astype(int))]
    table = []
    for place in places.tolist():
        answered = place + 1
        low, high = accuracy_interval(int(wrong[place]), answered)
        error = {"error": wrong[place] / answered, "error_low": low, "error_high": high}
        table.append({"threshold": ordered[place], "coverage": answered / len(order), **error})
    return pd.DataFrame(table)


def fewest_rows(max_error: float, delta: float = DELTA) -> int:
    """Return how many answered rows it takes to promise anything, where none of them is wrong."""
    return math.ceil(math.log(delta) / math.log1p(-max_error))


def choose_threshold(
    choosing_confidences: npt.ArrayLike,
    choosing_right: npt.ArrayLike,
    certifying_confidences: npt.ArrayLike,
    certifying_right: npt.ArrayLike,
    max_error: float,
    delta: float = DELTA,
) -> Abstention:
    """Choose the lowest confidence for which the error among the answered rows is at most `max_error`, by Learn then Test.

    Fixed-sequence testing (Angelopoulos et al. 2021, arXiv 2110.01052, section 2.3): the choosing rows alone say which
    thresholds are tested in which order: from the one that is the surest to pass down to lower ones. On the certifying rows
    each is tested by an exact binomial test of "more than `max_error` of the answered rows are wrong", until one does not
    pass; the last that passes is taken. The chance that its true error is above `max_error` is at most `delta`, whatever
    the model, if the certifying rows are independent draws of the rows to come and nothing else was chosen by them.

    Args:
        choosing_confidences: (rows,) from 0, of rows that the model was not trained on, such as out-of-fold scores.
        choosing_right: (rows,) booleans: whether the model has them right.
        certifying_confidences: (rows,) of other rows, which chose nothing.
        certifying_right: (rows,) booleans.
        max_error: Largest share of wrong answers among the answered rows, between 0 and 1.
        delta: How often at most the promise may be broken.

    Raises:
        ValueError: `max_error` or `delta` is no share between 0 and 1, or there are no rows to choose by.

    """
    if not (0 < max_error < 1 and 0 < delta < 1):
        raise ValueError(f"max_error {max_error} and delta {delta} must lie between 0 and 1.")
    choosing = _Curve(choosing_confidences, choosing_right)
    certifying = _Curve(certifying_confidences, certifying_right)
    if choosing.rows == 0:
        raise ValueError("There are no rows to choose thresholds by.")
    sequence = _order_thresholds(choosing, certifying.rows, max_error)
    answered, wrong = certifying.count(sequence)
    passed = binom.cdf(wrong, answered, max_error) <= delta
    last = len(sequence) if passed.all() else int(np.argmin(passed))
    if last == 0:
        needed = _rows_needed(choosing, _make_grid(choosing), max_error, delta)
        return Abstention(None, max_error, delta, certifying.rows, rows_needed=needed)
    chosen = last - 1
    return Abstention(
        float(sequence[chosen]),
        max_error,
        delta,
        certifying.rows,
        int(answered[chosen]),
        int(wrong[chosen]),
    )


class _Curve:
    """How many rows are answered at a threshold, and how many of those are wrong."""

    def __init__(self, confidences: npt.ArrayLike, right: npt.ArrayLike) -> None:
        values = np.asarray(confidences, dtype=np.float64)
        order = np.argsort(values, kind="stable")
        self.confidences = values[order]
        self.rows = len(values)
        wrong = ~np.asarray(right, dtype=bool)[order]
        self._wrong_from = np.concatenate([np.cumsum(wrong[::-1])[::-1], [0]]).astype(np.int64)

    def count(self, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many rows are answered at each threshold, and how many of those are wrong."""
        places = np.searchsorted(self.confidences, thresholds, side="left")
        return self.rows - places, self._wrong_from[places]


def _make_grid(choosing: _Curve) -> np.ndarray:
    """Return the thresholds that are considered, rising: each leaves another share of the choosing rows unanswered.

    The lowest is 0: everything is answered, also what is less sure than any choosing row. The others stand midway between two
    choosing confidences, so that rounding decides of no row that is scored again.
    """
    values = np.unique(choosing.confidences)
    quantiles = np.unique(np.quantile(choosing.confidences, np.linspace(0, 1, MAX_STEPS + 1), method="lower"))
    places = np.searchsorted(values, quantiles[1:])
    return np.concatenate([[min(0.0, values[0])], (values[places - 1] + values[places]) / 2])


def _order_thresholds(choosing: _Curve, certifying_rows: int, max_error: float) -> np.ndarray:
    """Return the thresholds in the order of their tests: from the one that is the surest to pass downwards.

    How sure is what a test would say of as many rows as certify, if they were like those that choose.
    """
    grid = _make_grid(choosing)
    answered, wrong = choosing.count(grid)
    expected = np.round(certifying_rows * answered / choosing.rows)
    # With wrong + 1/2, so that a few rows that are all right are not the surest.
    errors = np.minimum((wrong + 0.5) / (answered + 1), 1)
    p_values = binom.cdf(np.floor(errors * expected), expected, max_error)
    start = int(np.argmin(p_values))
    return grid[start::-1]


def _rows_needed(choosing: _Curve, grid: np.ndarray, max_error: float, delta: float) -> int | None:
    """Return the fewest certifying rows with which a threshold would be likely to pass, or None: none looks good enough."""
    answered, wrong = choosing.count(grid[::4])
    least = fewest_rows(max_error, delta)
    sizes = np.ceil(np.geomspace(least, max(MOST_ROWS, least), 150))[:, None]
    passes = binom.cdf(np.floor(wrong / answered * sizes), sizes, max_error) <= delta
    if not passes.any():
        return None
    possible = passes.any(axis=0)
    fewest = sizes[passes.argmax(axis=0)[possible], 0] * choosing.rows / answered[possible]
    return math.ceil(fewest.min())
