"""What the scores of a model are worth, as pictures: how right it is where it is sure, and what answering less would give."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..evaluation.abstention import ScoredRows, error_by_coverage
from ..evaluation.calibration import expected_calibration_error, reliability_table
from ..evaluation.metrics import softmax
from .plot_text import escape
from .plots import save_figure


def draw_confidence(
    folder: Path, split: str, logits: np.ndarray, references: np.ndarray, threshold: float | None
) -> None:
    """Draw `reliability.png` and `coverage.png`.

    Args:
        folder: Of the report.
        split: What the rows are called.
        logits: (rows, classes) in float32.
        references: (rows,) ids of the true classes.
        threshold: The lowest confidence that the model answers, or None.

    """
    scored, error = ScoredRows.from_logits(logits, references), expected_calibration_error(softmax(logits), references)
    title = f"{split}: {len(references):,} rows\nexpected calibration error {error:.3f}"
    draw_reliability(folder / "reliability.png", reliability_table(scored.confidences, scored.right), title)
    title = f"{split}: wrong answers, were only the surest rows answered"
    answered = None if threshold is None else (threshold, float((scored.confidences >= threshold).mean()))
    draw_coverage(folder / "coverage.png", error_by_coverage(scored), answered, title)


def draw_reliability(path: Path, table: pd.DataFrame, title: str) -> None:
    """Draw which share of rows is right against how sure the model is of them (PNG), a bar below for the rows of each bin.

    Args:
        path: Where to.
        table: Of `calibration.reliability_table`.
        title: Above it.

    """
    figure = Figure(figsize=(5, 5.5), layout="constrained")
    axis, rows = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    accuracy = table["accuracy"]
    ends = (accuracy - table["accuracy_low"], table["accuracy_high"] - accuracy)
    axis.plot([0, 1], [0, 1], color="grey", linestyle="--", label="as right as it is sure")
    axis.errorbar(table["confidence"], accuracy, yerr=ends, marker="o", capsize=3, label="this model, 95 % interval")
    axis.set(ylabel="share that is right", ylim=(0, 1.02), title=escape(title))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    rows.bar(table["confidence"], table["rows"], width=0.03)
    rows.set(xlabel="how sure the model is of a row", ylabel="rows", xlim=(0, 1.02))
    save_figure(path, figure)


def draw_coverage(path: Path, table: pd.DataFrame, answered: tuple[float, float] | None, title: str) -> None:
    """Draw how many of its answers are wrong against the share of rows that a model answers, the surest first (PNG).

    Args:
        path: Where to.
        table: Of `abstention.error_by_coverage`.
        answered: The lowest confidence that the model answers, and the share of rows that have it, which is marked; None: nothing
            is.
        title: Above it.

    """
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axis = figure.subplots()
    coverage, error = 100 * table["coverage"], 100 * table["error"]
    axis.plot(coverage, error, label="wrong answers, 95 % interval")
    axis.fill_between(coverage, 100 * table["error_low"], 100 * table["error_high"], alpha=0.2, linewidth=0)
    if answered is not None:
        threshold, share = answered
        label = f"answered from {threshold:.4g} on: {100 * share:.1f} %"
        axis.axvline(100 * share, color="C1", linestyle="--", label=label)
    # The surest few rows have intervals up to 100 %, which would flatten the rest.
    top = max(1.0, 1.5 * float(error.max()), float(100 * table["error_high"].iloc[-1]))
    axis.set(xlabel="% of the rows that are answered, the surest first", ylabel="% of the answers that are wrong")
    axis.set(xlim=(0, 100), ylim=(0, min(top, 100)), title=escape(title))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    save_figure(path, figure)
