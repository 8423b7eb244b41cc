"""What a run shows: its head, its results as tables on the console and in files."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..evaluation.label_kinds import SINGLE, LabelKind
from ..evaluation.metrics import LABEL_SCORE
from ..files import format_table, write_file
from ..visible import visible

EPOCH_COLUMNS = {
    "loss": "train\nloss",
    "accuracy": "train\naccuracy",
    "eval_loss": "validation\nloss",
    "eval_accuracy": "validation\naccuracy",
    "eval_macro_f1": "validation\nmacro F1",
    "epoch_seconds": "seconds",
}
CONTENTS = ("text", "text_pair", "file")
"""Columns of what was classified."""
_WORD_JOINER = "\N{WORD JOINER}"
"""Has no width, and keeps what finds addresses, mentions and formulas in the finished page from finding any."""
_JOINED = re.compile(r"[$@]|\\(?=[(\[])|:(?=//)|\b(?:www(?=\.)|mailto(?=:))", re.IGNORECASE)
_BLOCK = re.compile(r"^(\d*)(?=[.)](?:\s|$)|[#+-]+(?:\s|$)|>|=+$)")
"""What makes a heading, a quotation or an item of a list at the begin of a line."""
ErrorKind = tuple[tuple[str, str], pd.DataFrame]
"""A true and a predicted class, and the rows that are the one and were taken for the other."""
_INTERVAL_COLUMNS = [f"{metric}_{end}" for metric in ("eval_accuracy", "eval_macro_f1") for end in ("low", "high")]
_ALL_COLUMNS = [*EPOCH_COLUMNS, *_INTERVAL_COLUMNS]


def epoch_table(log_history: list[dict[str, float]]) -> pd.DataFrame:
    """Bring the Trainer's log history to one row an epoch: losses, accuracies and seconds."""
    rows: dict[int, dict[str, float]] = {}
    for entry in log_history:
        epoch = entry.get("epoch")
        if epoch is None:
            continue
        row = rows.setdefault(int(np.ceil(round(epoch, 6))), {})
        row.update({column: entry[column] for column in _ALL_COLUMNS if column in entry})
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_ALL_COLUMNS)
    table.index.name = "epoch"
    return table[table.notna().any(axis=1)].sort_index()


def shown_epochs(epochs: pd.DataFrame) -> pd.DataFrame:
    """Bring a table of epochs to what fits 80 columns: under each metric of validation stands its 95 % interval."""
    shown = epochs[list(EPOCH_COLUMNS)].copy()
    for column in ("eval_accuracy", "eval_macro_f1"):
        ends = zip(epochs[column], epochs[f"{column}_low"], epochs[f"{column}_high"], strict=True)
        shown[column] = [
            format_number(value) if np.isnan(low) else f"{value:.4f}\n{low:.3f}–{high:.3f}" for value, low, high in ends
        ]
    return shown.rename(columns=EPOCH_COLUMNS)


def classification_table(report: dict[str, Any]) -> pd.DataFrame:
    """Bring a classification report to one row a class, then one an average; F1 has its interval where the report has."""
    rows = [*report["classes"].items(), *report["averages"].items()]
    table = pd.DataFrame([row for _, row in rows], index=[name for name, _ in rows])
    shown = table[["precision", "recall", "f1-score"]].rename(columns={"f1-score": "F1"})
    if "f1-score_low" in table:
        ends = zip(table["f1-score_low"], table["f1-score_high"], strict=True)
        shown["95 % interval"] = [f"{low:.4f} to {high:.4f}" for low, high in ends]
    shown["support"] = table["support"].astype(int)
    return shown


def prediction_table(
    texts: pd.DataFrame,
    logits: np.ndarray,
    references: np.ndarray | None,
    label_names: list[str],
    kind: LabelKind = SINGLE,
) -> pd.DataFrame:
    """List all predictions: rows, label and its score where known, prediction, and the score of every label.

    With any number of labels a row there is no score of the label.
    """
    scores = kind.scores(logits)
    table = texts.copy()
    if references is not None:
        table["label"] = kind.names(references, label_names)
        if references.ndim == 1:
            table[LABEL_SCORE] = scores[np.arange(len(scores)), references]
    table["prediction"] = kind.names(kind.decide(logits), label_names)
    for number, name in enumerate(label_names):
        table[f"score_{name}"] = scores[:, number]
    return table


def group_errors(errors: pd.DataFrame) -> list[ErrorKind]:
    """Return the wrong rows of each pair of true and predicted class, in their order; the most frequent pair first."""
    kinds = [((str(true), str(taken_for)), rows) for (true, taken_for), rows in errors.groupby(["label", "prediction"])]
    return sorted(kinds, key=lambda kind: -len(kind[1]))


def write_table(path: Path, table: pd.DataFrame, index: bool = False) -> None:
    """Write a table as CSV."""
    write_file(path, format_table(table, index))


def write_markdown(path: Path, parts: Sequence[str]) -> None:
    """Write parts of Markdown with an empty line between them."""
    write_file(path, "\n\n".join(parts))


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people: indented."""
    write_file(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def markdown_table(table: pd.DataFrame) -> str:
    """Write a table in Markdown; what could break it (a bar, a tag) is escaped."""
    lines = [[str(table.index.name or ""), *map(str, table.columns)]]
    lines += [[str(name), *(format_number(value) for value in row)] for name, *row in table.itertuples()]
    head, *rows = [[escape_markdown(cell) for cell in line] for line in lines]
    sides = ["---", *["---:"] * len(table.columns)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, sides, *rows)) + "\n"


def escape_markdown(text: str) -> str:
    """Keep text of the data from being markup, a link, a mention or a formula, also in a cell of a table."""
    one_line = _JOINED.sub(rf"\g<0>{_WORD_JOINER}", visible(" ".join(text.splitlines()).strip()))
    escaped = re.sub(r"([\\`*_\[\]|~])", r"\\\1", one_line.replace("&", "&amp;").replace("<", "&lt;"))
    return _BLOCK.sub(r"\1\\", escaped).replace("$", "&#36;")


def format_number(value: Any) -> str:
    """Write a cell of a table: decimal numbers with four digits, nothing for a missing one."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return str(value)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a table that `write_table` wrote, as what JSON can hold; an empty cell is None."""
    rows: list[dict[str, Any]] = json.loads(pd.read_csv(path).to_json(orient="records"))
    return rows
