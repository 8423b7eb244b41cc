"""The picture of a confusion matrix: the matrix itself, or of many classes the most frequent confusions and the worst classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..evaluation.intervals import accuracy_interval
from .plot_text import escape, find_fonts, measure_width, name_drawable, shorten_names
from .plots import save_figure

MAX_CLASSES = 30
"""Above so many classes the cells of a matrix cannot be read, and bars are drawn."""
MAX_CLASSES_WITH_ZEROS = 10
"""Above so many classes empty cells stay empty, so that errors are seen between them."""
MAX_BARS = 25
NAME_WIDTH = 24
"""Columns of the name of a class; longer ones are shortened."""
_INCHES_A_COLUMN = 0.085


@dataclass(frozen=True)
class Confusion:
    """One kind of error.

    Attributes:
        true: Label id of the rows.
        predicted: What they were taken for.
        count: How many they are.
        share: Of all rows of the class.

    """

    true: int
    predicted: int
    count: int
    share: float


def draw_confusion(path: Path, confusion: np.ndarray, label_names: Sequence[str], title: str) -> None:
    """Draw what `confusion_figure` makes (PNG)."""
    save_figure(path, confusion_figure(confusion, label_names, title))


def confusion_figure(confusion: np.ndarray, label_names: Sequence[str], title: str) -> Figure:
    """Make a figure of a confusion matrix: coloured by recall up to 30 classes, and bars of its largest errors beyond.

    Args:
        confusion: (classes, classes) counts; rows are true classes, columns predicted ones.
        label_names: In the order of the label ids. Long ones are shortened, and one that no installed font can draw is
            `(label id 3)`.
        title: Above it.

    """
    names = shorten_names(name_drawable(label_names), NAME_WIDTH)
    draw = _draw_matrix if len(names) <= MAX_CLASSES else _draw_bars
    return draw(confusion, names, escape(title))


def class_shares(confusion: np.ndarray) -> np.ndarray:
    """Return (classes, classes) counts as shares of their rows; NaN in the row of a class without rows."""
    support = confusion.sum(axis=1, keepdims=True)
    return np.divide(confusion, support, out=np.full(confusion.shape, np.nan), where=support > 0)


def find_confusions(confusion: np.ndarray) -> list[Confusion]:
    """Return all kinds of errors, the most frequent first, and of equally frequent ones that of the smaller class."""
    shares = class_shares(confusion)
    pairs = np.argwhere((confusion > 0) & ~np.eye(len(confusion), dtype=bool)).tolist()
    kinds = [Confusion(true, other, int(confusion[true, other]), float(shares[true, other])) for true, other in pairs]
    return sorted(kinds, key=lambda kind: (-kind.count, -kind.share, kind.true, kind.predicted))


def find_worst_classes(confusion: np.ndarray) -> list[int]:
    """Return the ids of all classes that have rows, by their recall from the lowest on, the larger class first."""
    support, right = confusion.sum(axis=1), confusion.diagonal()
    return sorted(np.flatnonzero(support).tolist(), key=lambda label: (right[label] / support[label], -support[label]))


def describe_share(share: float) -> str:
    """Write a share as a whole percentage; only all is 100 %, and only nothing 0 %."""
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def _draw_matrix(confusion: np.ndarray, names: list[str], title: str) -> Figure:
    """Draw the matrix; each row is coloured by its own shares, so that small classes are seen like large ones."""
    cell = 0.95 if len(names) <= 4 else 0.7 if len(names) <= 10 else 0.52
    support = confusion.sum(axis=1)
    rows = [f"{name} ({count:,})" for name, count in zip(names, support.tolist(), strict=True)]
    margin = _INCHES_A_COLUMN * max(map(measure_width, rows))
    side = cell * len(names)
    figure = Figure(figsize=(side + margin + 1.9, max(side, 2.0) + margin + 1.4), layout="constrained")
    axis = figure.subplots()
    shares = 100 * class_shares(confusion)
    axis.set_facecolor("0.85")  # seen where a class has no rows
    image = axis.imshow(np.ma.masked_invalid(shares), cmap="Blues", vmin=0, vmax=100)
    bar = figure.colorbar(image, ax=axis, shrink=0.8)
    bar.set_label("share of the true class, %")
    _write_cells(axis, confusion, fontsize=8.5 if cell > 0.6 else 7.5)
    fonts = find_fonts(names)
    fits = max(map(measure_width, names)) * _INCHES_A_COLUMN < cell
    ticks = range(len(names))
    axis.set_xticks(ticks, list(map(escape, names)), fontfamily=fonts)
    if not fits:
        for label in axis.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(ticks, list(map(escape, rows)), fontfamily=fonts)
    axis.set(xlabel="predicted", ylabel="true (rows)")
    axis.set_title(title, fontsize=11)
    return figure


def _write_cells(axis: Axes, confusion: np.ndarray, fontsize: float) -> None:
    """Write the count into each cell, and below it the share of its row; an empty cell of a small matrix has a pale 0."""
    shares = class_shares(confusion)
    zero = "0" if len(confusion) <= MAX_CLASSES_WITH_ZEROS else ""
    for true, predicted in np.ndindex(confusion.shape):
        count, share = confusion[true, predicted], shares[true, predicted]
        text = f"{count:,}\n{describe_share(share)}" if count else zero
        colour = "white" if share > 0.6 else "black" if count else "0.7"
        axis.text(predicted, true, text, ha="center", va="center", fontsize=fontsize, color=colour)


def _draw_bars(confusion: np.ndarray, names: list[str], title: str) -> Figure:
    """Draw the most frequent confusions at the left, and the recall of the worst classes at the right."""
    kinds, worst = find_confusions(confusion), find_worst_classes(confusion)
    length = max(len(kinds[:MAX_BARS]), len(worst[:MAX_BARS]))
    figure = Figure(figsize=(15, 1.8 + 0.27 * length), layout="constrained")
    figure.suptitle(title, fontsize=11)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_kinds(left, kinds, names)
    _draw_recall(right, confusion, worst, names)
    return figure


def _draw_kinds(axis: Axes, kinds: list[Confusion], names: list[str]) -> None:
    shown = kinds[:MAX_BARS]
    if not shown:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "No row is wrong.", ha="center", va="center", transform=axis.transAxes)
        return
    labels = [f"{names[kind.true]} → {names[kind.predicted]}" for kind in shown]
    _draw_horizontal(axis, [kind.count for kind in shown], labels)
    for place, kind in enumerate(shown):
        text = f" {kind.count:,} ({describe_share(kind.share)})"
        axis.text(kind.count, place, text, va="center", fontsize=8)
    many = (
        f"The {len(shown)} most frequent of {len(kinds):,} kinds of errors" if len(kinds) > MAX_BARS else "All errors"
    )
    axis.set_title(f"{many}: true class → predicted", fontsize=10)
    axis.set_xlabel("rows (share of the rows of the true class)")
    axis.set_xlim(0, 1.25 * shown[0].count)
    axis.locator_params(axis="x", integer=True)


def _draw_recall(axis: Axes, confusion: np.ndarray, worst: list[int], names: list[str]) -> None:
    support, right = confusion.sum(axis=1), confusion.diagonal()
    shown = worst[:MAX_BARS]
    recall = np.array([right[label] / support[label] for label in shown])
    ends = np.array([accuracy_interval(int(right[label]), int(support[label])) for label in shown])
    labels = [f"{names[label]} ({right[label]:,} of {support[label]:,})" for label in shown]
    _draw_horizontal(axis, 100 * recall, labels)
    distances = 100 * np.abs(ends - recall[:, None]).T
    axis.errorbar(100 * recall, range(len(shown)), xerr=distances, fmt="none", ecolor="0.25", capsize=2, linewidth=0.8)
    empty = len(names) - len(worst)
    without = f" ({empty} without rows)" if empty else ""
    axis.set_title(f"The {len(shown)} lowest recalls of {len(names)} classes{without}", fontsize=10)
    axis.set(xlabel="recall, % (95 % interval)", xlim=(0, 100))


def _draw_horizontal(axis: Axes, values: Sequence[float] | np.ndarray, labels: list[str]) -> None:
    """Draw horizontal bars from the top, each with a label at its left."""
    places = range(len(labels))
    axis.barh(places, values, color="C0")
    axis.set_yticks(places, list(map(escape, labels)), fontsize=8, fontfamily=find_fonts(labels))
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
