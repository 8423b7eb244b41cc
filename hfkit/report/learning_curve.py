"""The learning curve of a solved head: as a table, as a sentence, and as a plot."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from ..evaluation.baselines import measure_chance_accuracy
from ..evaluation.intervals import accuracy_interval, with_interval
from ..evaluation.paired import PairedResult, compare_paired
from ..features.learning_curve import CurvePoint
from .plots import draw_learning_curve
from .tables import write_table

TABLE_FILE = "report/learning_curve.csv"
PLOT_FILE = "report/learning_curve.png"


def curve_table(points: Sequence[CurvePoint]) -> pd.DataFrame:
    """Bring a learning curve to one row a point.

    Returns:
        Columns `share`, `rows` (that the head was fitted on), `accuracy`, `accuracy_low`, `accuracy_high`, and against the point
        before, on the same held-out rows, `gain`, `gain_low`, `gain_high` and `p_value`.

    """
    gains: list[PairedResult | None] = [None, *(compare_paired(b.right, a.right) for a, b in pairwise(points))]
    rows = []
    for point, gain in zip(points, gains, strict=True):
        low, high = accuracy_interval(int(point.right.sum()), len(point.right))
        row = {"share": point.share, "rows": point.rows, "accuracy": point.right.mean()}
        row |= {"accuracy_low": low, "accuracy_high": high}
        if gain is not None:
            row |= {"gain": gain.difference, "gain_low": gain.low, "gain_high": gain.high, "p_value": gain.p_value}
        rows.append(row)
    return pd.DataFrame(rows)


def describe_curve(points: Sequence[CurvePoint], total: int) -> str:
    """Say the accuracy at each point, and what the last doubling of the rows gave; nothing of rows that are not there.

    Args:
        points: The curve.
        total: Rows of train, of which the head may have been chosen on a part.

    """
    scored = len(points[0].right)
    drawn = f"{scored:,} training rows" if scored == total else f"{scored:,} of {total:,} training rows"
    parts = [_describe_point(point) for point in points]
    last = compare_paired(points[-1].right, points[-2].right)
    gain, interval = f"{100 * last.difference:.1f} points", f"{100 * last.low:.1f} to {100 * last.high:.1f}"
    told = f"gave {gain} ({interval})"
    if not last.is_told_apart:
        told = f"is not told apart from no gain ({gain}, {interval})"
    return (
        f"Learning curve of the solved head, out of fold on {drawn}: {', '.join(parts[:-1])} and {parts[-1]}. "
        f"The last doubling {told}."
    )


def write_curve(folder: Path, points: Sequence[CurvePoint], labels: np.ndarray) -> None:
    """Write table and plot into a run's folder.

    Args:
        folder: Of the run.
        points: The curve.
        labels: (rows,) label ids of the held-out rows, or (rows, labels).

    """
    table = curve_table(points)
    write_table(folder / TABLE_FILE, table)
    title = f"Learning curve of the solved head, out of fold on {len(labels):,} training rows"
    draw_learning_curve(folder / PLOT_FILE, table, measure_chance_accuracy(labels), title)


def _describe_point(point: CurvePoint) -> str:
    share = "all" if point.share == 1 else str(Fraction(point.share))
    accuracy = with_interval(point.right.mean(), *accuracy_interval(int(point.right.sum()), len(point.right)))
    return f"{accuracy} with {share} ({point.rows:,} rows)"
