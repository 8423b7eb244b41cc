"""Pictures of a run, as PNG files: curves, confusion matrix, grids of images."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import ConfusionMatrixDisplay

from ..files import write_file


def draw_curves(path: Path, epochs: pd.DataFrame) -> None:
    """Draw loss and accuracy of train and validation over the epochs (PNG); a band is the 95 % interval."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, metric in zip(axes, ("loss", "accuracy"), strict=True):
        for column, label in ((metric, "train"), (f"eval_{metric}", "validation")):
            values = epochs[column].dropna()
            axis.plot(values.index, values, marker="o", label=label)
            if f"{column}_low" in epochs:
                ends = epochs[[f"{column}_low", f"{column}_high"]].dropna().astype(float)
                axis.fill_between(ends.index, *ends.to_numpy().T, alpha=0.2, color="C1", linewidth=0)
        axis.set(title=metric.capitalize(), xlabel="epoch", xticks=list(epochs.index)[:: max(len(epochs) // 10, 1)])
        axis.grid(alpha=0.3)
        axis.legend()
    _save(path, figure)


def draw_confusion(path: Path, confusion: np.ndarray, label_names: list[str], title: str) -> None:
    """Draw a confusion matrix (PNG), with its numbers up to 30 classes."""
    legible = len(label_names) <= 30
    size = 3.5 + min(0.5 * len(label_names), 15.0)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axis = figure.subplots()
    escaped = [_escape(name) for name in label_names]
    display = ConfusionMatrixDisplay(confusion, display_labels=escaped)
    rotation = "vertical" if len(escaped) > 4 else "horizontal"
    display.plot(
        ax=axis,
        cmap="Blues",
        values_format="d",
        include_values=legible,
        xticks_rotation=rotation,
    )
    if not legible:
        axis.set(xticks=[], yticks=[])
    axis.set_title(title)
    _save(path, figure)


def draw_image_grid(path: Path, images: Sequence[Sequence[Image.Image]], titles: Sequence[Sequence[str]]) -> None:
    """Draw rows of images, each with a title (PNG); a row may be shorter than the others, and an empty one is dropped."""
    images, titles = [row for row in images if row], [row for row in titles if row]
    if not images:
        return
    columns = max(len(row) for row in images)
    figure = Figure(figsize=(1.3 * columns, 1.6 * len(images)), layout="constrained")
    axes = figure.subplots(len(images), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for row, (pictures, texts) in enumerate(zip(images, titles, strict=True)):
        for column, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
            axes[row, column].imshow(picture)
            axes[row, column].set_title(_escape(text), fontsize=7)
    _save(path, figure)


def draw_scores(path: Path, table: pd.DataFrame, title: str) -> None:
    """Draw accuracy against seconds with 95 % intervals (PNG), on validation and test as far as they are known.

    Args:
        path: Where to.
        table: A row for each classifier: `name`, `seconds`, `validation_accuracy` or `test_accuracy` or both, each with
            `_low` and `_high`, and perhaps `is_recommended`.
        title: Above it.

    """
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axis = figure.subplots()
    seconds = table["seconds"].clip(lower=1e-2)
    splits = [split for split in ("validation", "test") if f"{split}_accuracy" in table]
    for number, (split, shift) in enumerate(zip(splits, (1.0, 1.06), strict=False)):
        accuracy = table[f"{split}_accuracy"]
        ends = (accuracy - table[f"{split}_accuracy_low"], table[f"{split}_accuracy_high"] - accuracy)
        axis.errorbar(seconds * shift, accuracy, yerr=ends, fmt="os"[number], capsize=3, label=split)
    recommended = table.get("is_recommended", pd.Series(False, index=table.index))
    for name, x, y, is_bold in zip(table["name"], seconds, table[f"{splits[0]}_accuracy"], recommended, strict=True):
        weight = "bold" if is_bold else "normal"
        label = _escape(str(name).removeprefix("the "))
        axis.annotate(label, (x, y), (-6, 6), textcoords="offset points", ha="right", fontsize=8, fontweight=weight)
    axis.set(xscale="log", xlabel="seconds", ylabel="accuracy", title=_escape(title))
    axis.margins(x=0.4)
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    _save(path, figure)


def draw_learning_curve(path: Path, table: pd.DataFrame, majority: float, title: str) -> None:
    """Draw accuracy against the number of rows that were fitted on, with 95 % intervals (PNG).

    Args:
        path: Where to.
        table: Of `learning_curve.curve_table`.
        majority: Share of the most frequent class among the held-out rows.
        title: Above it.

    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axis = figure.subplots()
    rows, accuracy = table["rows"], table["accuracy"]
    ends = (accuracy - table["accuracy_low"], table["accuracy_high"] - accuracy)
    axis.errorbar(rows, accuracy, yerr=ends, marker="o", capsize=3, label="solved head, 95 % interval")
    axis.axhline(majority, color="grey", linestyle="--", label="majority class")
    axis.set_xscale("log", base=2)
    axis.set_xticks(rows, [f"{number:,}" for number in rows])
    axis.minorticks_off()
    axis.set(xlabel="rows that the head is fitted on", ylabel="accuracy", title=_escape(title))
    axis.grid(alpha=0.3)
    axis.legend(loc="best")
    _save(path, figure)


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
    axis.set(ylabel="share that is right", ylim=(0, 1.02), title=_escape(title))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    rows.bar(table["confidence"], table["rows"], width=0.03)
    rows.set(xlabel="how sure the model is of a row", ylabel="rows", xlim=(0, 1.02))
    _save(path, figure)


def draw_coverage(path: Path, table: pd.DataFrame, threshold: float | None, title: str) -> None:
    """Draw how many of its answers are wrong against the share of rows that a model answers, the surest first (PNG).

    Args:
        path: Where to.
        table: Of `abstention.error_by_coverage`.
        threshold: The lowest confidence that the model answers, which is marked; None: nothing is.
        title: Above it.

    """
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axis = figure.subplots()
    coverage, error = 100 * table["coverage"], 100 * table["error"]
    axis.plot(coverage, error, label="wrong answers, 95 % interval")
    axis.fill_between(coverage, 100 * table["error_low"], 100 * table["error_high"], alpha=0.2, linewidth=0)
    answered = table[table["threshold"] >= threshold] if threshold is not None else table[:0]
    if len(answered):
        share = 100 * answered["coverage"].iloc[-1]
        axis.axvline(share, color="C1", linestyle="--", label=f"answered from {threshold:.4g} on: {share:.1f} %")
    # The surest few rows have intervals up to 100 %, which would flatten the rest.
    top = max(1.0, 1.5 * float(error.max()), float(100 * table["error_high"].iloc[-1]))
    axis.set(xlabel="% of the rows that are answered, the surest first", ylabel="% of the answers that are wrong")
    axis.set(xlim=(0, 100), ylim=(0, min(top, 100)), title=_escape(title))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    _save(path, figure)


def _escape(text: str) -> str:
    return text.replace("$", r"\$")  # a dollar would start a formula


def _save(path: Path, figure: Figure) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_file(path, content.getvalue())
