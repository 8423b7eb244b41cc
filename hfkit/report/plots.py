"""Pictures of a run, as PNG files: curves, scores and grids of images."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from ..evaluation.baselines import measure_chance_accuracy, measure_chance_loss
from ..files import write_file
from .plot_text import drawable, escape, find_fonts, measure_width, shorten, shorten_middle

CAPTION_INCHES = 1.9
"""Width and height of an image with a caption."""


@dataclass(frozen=True)
class Chance:
    """What one reaches who knows how frequent the classes are, and nothing of a row.

    Attributes:
        accuracy: Share of the most frequent class, or set of labels, which is always predicted.
        loss: Cross-entropy in nats of the classes' shares as the probabilities of each row, which is their entropy; with any
            number of labels a row the mean over the labels.

    """

    accuracy: float
    loss: float

    @classmethod
    def measure(cls, label_ids: npt.ArrayLike) -> "Chance":
        """Compute it from the labels of the rows that are evaluated, of which there must be one."""
        labels = np.asarray(label_ids)
        return cls(measure_chance_accuracy(labels), measure_chance_loss(labels))


@dataclass(frozen=True)
class KeptEpoch:
    """After which epoch the weights were saved that a run ends with, and by which metric of validation they were chosen."""

    epoch: float
    metric: str


def draw_curves(path: Path, epochs: pd.DataFrame, kept: KeptEpoch | None, chance: Chance | None) -> None:
    """Draw what `curves_figure` makes (PNG)."""
    save_figure(path, curves_figure(epochs, kept, chance))


def curves_figure(epochs: pd.DataFrame, kept: KeptEpoch | None, chance: Chance | None) -> Figure:
    """Make a figure of loss and accuracy of train and validation over the epochs; a band is the 95 % interval.

    Args:
        epochs: Of `tables.epoch_table`; what is missing is left out.
        kept: Is marked; None: the run ends with the last weights.
        chance: Of the validation rows, drawn as dashed lines.

    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, 2)
    lines = {"loss": "class frequencies alone", "accuracy": "majority class"}
    for axis, metric in zip(axes, ("loss", "accuracy"), strict=True):
        _draw_metric(axis, epochs, metric)
        if kept is not None:
            axis.axvline(kept.epoch, color="C2", zorder=1, label=f"kept: epoch {kept.epoch:.3g}, best by {kept.metric}")
        if chance is not None:
            level = getattr(chance, metric)
            axis.axhline(level, color="grey", linestyle="--", label=f"{lines[metric]} ({level:.3f})")
        axis.set(title=metric.capitalize(), xlabel="epoch", xticks=list(epochs.index)[:: max(len(epochs) // 10, 1)])
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0]:
            axis.legend()
    return figure


def _draw_metric(axis: Axes, epochs: pd.DataFrame, metric: str) -> None:
    """Draw a metric of train, and of validation with its interval, as far as they are known."""
    for column, label in ((metric, "train"), (f"eval_{metric}", "validation")):
        if column not in epochs or epochs[column].isna().all():
            continue
        values = epochs[column].dropna().astype(float)
        [line] = axis.plot(values.index, values, marker="o", label=label)
        if f"{column}_low" in epochs:
            ends = epochs[[f"{column}_low", f"{column}_high"]].dropna().astype(float)
            axis.fill_between(ends.index, *ends.to_numpy().T, alpha=0.2, color=line.get_color(), linewidth=0)


def draw_image_grid(path: Path, images: Sequence[Sequence[Image.Image]], titles: Sequence[Sequence[str]]) -> None:
    """Draw rows of images, each with a title (PNG); a row may be shorter than the others, and an empty one is dropped.

    A title that is wider than its image is shortened.
    """
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
            title = escape(shorten(drawable(text), 18))
            axes[row, column].set_title(title, fontsize=7, fontfamily=find_fonts([text]))
    save_figure(path, figure)


def captioned_figure(images: Sequence[Image.Image], captions: Sequence[Sequence[str]], columns: int) -> Figure:
    """Make a figure of images in rows, with lines of text under each.

    Each image has a square of its own and each line its place, so that nothing lies upon another; lines that are too wide are
    shortened in their middles.

    Args:
        images: Of any shapes; at least one.
        captions: The lines of each, as many for all.
        columns: Most images side by side.

    """
    columns = min(columns, len(images))
    gap, line = 0.12, 0.145  # inches
    height = CAPTION_INCHES + line * len(captions[0]) + 2 * gap
    figure = Figure(figsize=((CAPTION_INCHES + gap) * columns + gap, height * -(-len(images) // columns)))
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    width, whole = figure.get_size_inches()
    for index, (image, lines) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(index, columns)
        left, bottom = gap + column * (CAPTION_INCHES + gap), whole - gap - row * height - CAPTION_INCHES
        axis = figure.add_axes((left / width, bottom / whole, CAPTION_INCHES / width, CAPTION_INCHES / whole))
        axis.set_axis_off()
        axis.set_anchor("S")
        axis.imshow(image)
        middle = (left + CAPTION_INCHES / 2) / width
        for number, text in enumerate(lines):
            artist = figure.text(middle, (bottom - 0.04 - line * number) / whole, "", ha="center", va="top", fontsize=7)
            artist.set_fontweight("bold" if number == 0 else "normal")
            _write_to_fit(artist, drawable(text), 0.95 * CAPTION_INCHES * figure.dpi, renderer)
    return figure


def _write_to_fit(artist: Text, text: str, pixels: float, renderer: RendererBase) -> None:
    """Let an artist write a text, shortened in its middle until it is no wider than so many pixels."""
    artist.set_fontfamily(find_fonts([text]))
    columns = measure_width(text)
    artist.set_text(escape(shorten_middle(text, columns)))
    while (taken := artist.get_window_extent(renderer).width) > pixels and columns > 1:
        columns = min(columns - 1, int(columns * pixels / taken))
        artist.set_text(escape(shorten_middle(text, columns)))


def draw_scores(path: Path, table: pd.DataFrame, title: str) -> None:
    """Draw accuracy against seconds with 95 % intervals (PNG), on validation and test as far as they are known.

    Args:
        path: Where to.
        table: A row for each classifier: `name`, `seconds`, `validation_accuracy` or `test_accuracy` or both, each with
            `_low` and `_high`, and perhaps `is_recommended`.
        title: Above it.

    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axis = figure.subplots()
    splits = [split for split in ("validation", "test") if f"{split}_accuracy" in table]
    for number, (_, row) in enumerate(table.sort_values("seconds").iterrows()):
        name = str(row["name"]).removeprefix("the ")
        name += ", recommended" if row.get("is_recommended", False) else ""
        for split, marker, shift in zip(splits, "os", (1.0, 1.06), strict=False):
            accuracy = row[f"{split}_accuracy"]
            ends = [[accuracy - row[f"{split}_accuracy_low"]], [row[f"{split}_accuracy_high"] - accuracy]]
            seconds, colour = max(row["seconds"], 1e-2) * shift, colormaps["tab20"](number * 2 % 20 + number // 10 % 2)
            label = escape(name) if split == splits[0] else None
            axis.errorbar(seconds, accuracy, yerr=ends, fmt=marker, capsize=3, color=colour, label=label)
    marks = f"on {splits[0]}" if len(splits) == 1 else "(round: validation, square: test)"
    axis.set(xscale="log", xlabel="seconds", ylabel=f"accuracy {marks}", title=escape(title))
    axis.margins(x=0.2)
    axis.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    save_figure(path, figure)


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
    axis.set(xlabel="rows that the head is fitted on", ylabel="accuracy", title=escape(title))
    axis.grid(alpha=0.3)
    axis.legend(loc="best")
    save_figure(path, figure)


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, without empty margins."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, bbox_inches="tight")
    write_file(path, content.getvalue())
