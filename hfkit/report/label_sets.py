"""The report on rows with any number of labels: metrics by label, a picture of them, and the rows that are wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.text import Text

from ..console import plain
from ..evaluation.intervals import warn_of_few_rows, with_interval
from ..evaluation.label_kinds import MultiLabel
from ..evaluation.label_set_metrics import report_label_sets
from . import tables
from .class_report import write_report
from .console import console_table
from .plot_text import escape, find_fonts, name_drawable, shorten_names
from .plots import save_figure

F1_PLOT = "f1_by_label.png"
MOST_LABELS = 30
"""Labels of the picture; of more those with the lowest F1."""
_NAME_WIDTH = 24
_SHOWN_ERRORS = 5
_SHOWN_CHARACTERS = 160


def write_label_sets(
    folder: Path,
    split: str,
    shown: pd.DataFrame,
    logits: np.ndarray,
    references: np.ndarray,
    label_names: Sequence[str],
    kind: MultiLabel,
    console: Console,
) -> pd.DataFrame:
    """Write metrics by label, their picture and the wrong rows into a folder, and print them.

    Args:
        folder: Of the report.
        split: What the rows are called.
        shown: The rows as a person reads them.
        logits: (rows, labels) in float32.
        references: (rows, labels), 0 or 1.
        label_names: In the order of the label ids.
        kind: With the thresholds.
        console: Where to print.

    Returns:
        The wrong rows, those with the highest loss first.

    """
    report = report_label_sets(logits, references, label_names, kind)
    errors = wrong_label_sets(shown, logits, references, label_names, kind)
    write_report(folder.parent, split, report)
    lines = describe_averages(report)
    warning = warn_of_few_rows(split, len(shown), report["accuracy_low"], report["accuracy_high"])
    table = label_table(report)
    title = f"# {split}: {lines[0]}"
    parts = [title, *lines[1:], *([warning] if warning else []), tables.markdown_table(table)]
    tables.write_markdown(folder / "classification_report.md", parts)
    wrong = f"{split}: {len(errors)} of {len(shown)} rows with a wrong label"
    save_figure(folder / F1_PLOT, f1_figure(report, label_names, f"{wrong}\n{lines[0]}"))
    console.print(Text.assemble("\n", plain(split, "bold"), f": {lines[0]}, the 95 % interval in parentheses"))
    for line in filter(None, [*lines[1:], warning]):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(console_table("Metrics by label", table))
    _show_errors(console, errors)
    return errors


def describe_averages(report: dict[str, Any]) -> list[str]:
    """Say exact match, F1 on average, mAP and Hamming loss of a report, each with its interval."""

    def write(name: str) -> str:
        return with_interval(report[name], report[f"{name}_low"], report[f"{name}_high"])

    f1 = []
    for average in ("micro", "macro", "weighted"):
        row = report["averages"][f"{average} avg"]
        f1.append(f"{average} {with_interval(row['f1-score'], row['f1-score_low'], row['f1-score_high'])}")
    ranking = [f"mAP {write('map')}"] if "map_low" in report else []
    lines = [f"exact match {write('accuracy')}", f"F1: {', '.join(f1)}."]
    return [*lines, f"{', '.join([*ranking, 'Hamming loss ' + write('hamming_loss')])}."]


def label_table(report: dict[str, Any]) -> pd.DataFrame:
    """Bring a report to one row a label and one an average; a label's row has its threshold."""
    table = tables.classification_table(report)
    thresholds = [f"{row['threshold']:.4f}" for row in report["classes"].values()]
    table["threshold"] = [*thresholds, *[""] * len(report["averages"])]
    return table


def wrong_label_sets(
    rows: pd.DataFrame,
    logits: np.ndarray,
    references: np.ndarray,
    label_names: Sequence[str],
    kind: MultiLabel,
) -> pd.DataFrame:
    """List the rows with a wrong label, those with the highest loss first: their labels, what was predicted, what is wrong of it.

    Returns:
        The rows with `label` and `prediction` (names with commas between them), `missing` and `surplus` (the labels that the
        prediction lacks, and that it has too many) and `loss`.

    """
    decisions = kind.decide(logits)
    true = references == 1
    table = rows.assign(
        label=kind.names(true, label_names),
        prediction=kind.names(decisions, label_names),
        missing=kind.names(true & ~decisions, label_names),
        surplus=kind.names(decisions & ~true, label_names),
        loss=kind.losses(logits, references),
    )
    return table[~kind.right(decisions, references)].sort_values("loss", ascending=False, kind="stable")


def f1_figure(report: dict[str, Any], label_names: Sequence[str], title: str) -> Figure:
    """Make a figure of the F1 of each label with its 95 % interval, the lowest first; of many labels the 30 lowest.

    Args:
        report: Of `report_label_sets`.
        label_names: In the order of the label ids.
        title: Above it.

    """
    names = dict(zip(label_names, shorten_names(name_drawable(label_names), _NAME_WIDTH), strict=True))
    rows = report["classes"]
    worst = sorted(label_names, key=lambda name: rows[name]["f1-score"])[:MOST_LABELS]
    labels = [f"{names[name]} ({int(rows[name]['support']):,})" for name in worst]
    f1 = np.array([rows[name]["f1-score"] for name in worst])
    ends = np.array([[rows[name][f"f1-score_{end}"] for end in ("low", "high")] for name in worst])
    figure = Figure(figsize=(7, 1.6 + 0.27 * len(worst)), layout="constrained")
    axis = figure.subplots()
    places = range(len(worst))
    axis.barh(places, f1, color="C0")
    distances = np.clip(np.stack([f1 - ends[:, 0], ends[:, 1] - f1]), 0, None)
    axis.errorbar(f1, places, xerr=distances, fmt="none", ecolor="0.25", capsize=2, linewidth=0.8)
    axis.set_yticks(places, list(map(escape, labels)), fontsize=8, fontfamily=find_fonts(labels))
    axis.set_ylim(len(worst) - 0.4, -0.6)
    many = f", the {MOST_LABELS} lowest of {len(label_names)} labels" if len(label_names) > MOST_LABELS else ""
    axis.set(xlabel=f"F1 (95 % interval){many}; rows with the label in parentheses", xlim=(0, 1))
    axis.set_title(escape(title), fontsize=11)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    return figure


def _show_errors(console: Console, errors: pd.DataFrame) -> None:
    """Print the rows with the highest loss."""
    if errors.empty:
        return
    contents = [name for name in tables.CONTENTS if name in errors]
    shown = errors.head(_SHOWN_ERRORS).set_index("row")[["loss", "missing", "surplus", *contents]]
    for content in contents:
        shown[content] = [" ".join(text.split())[: _SHOWN_CHARACTERS // len(contents)] for text in shown[content]]
    console.print(console_table(f"{len(errors)} rows with a wrong label, those with the highest loss first", shown))
