"""The figures of a model card: in its front matter, for the Hub, and in a table, for people."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from huggingface_hub import EvalResult

from ..data.halves import CERTIFICATION
from ..evaluation.intervals import accuracy_interval, macro_f1_interval, with_interval
from ..report.class_report import REPORT_FILE
from ..report.summary import METRICS
from ..report.tables import classification_table, markdown_table

MOST_NAMES = 20
"""Labels that a sentence names."""
MOST_ROWS = 50
"""Classes of a table; of more a table shows some."""
_SHOWN_ROWS = 30
_LONGEST_LINE = 1000


def _splits(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the splits that were evaluated: the prefix of their metrics, and their names."""
    return [(p, n) for p, n in (("eval", "validation"), ("test", "test")) if f"{p}_accuracy" in results]


def list_results(results: dict[str, Any], summary: dict[str, Any], task: str) -> list[EvalResult]:
    """Return the metrics of each split that was evaluated, in the form of a card."""
    return [
        EvalResult(
            task_type=task,
            dataset_type=summary["dataset_id"] or "own-data",
            dataset_name=summary["dataset"],
            dataset_config=summary["dataset_config"],
            dataset_revision=summary["dataset_revision"],
            dataset_split=split,
            dataset_args=_dataset_args(split, summary),
            metric_type=kind,
            metric_name=name.replace("_", " "),
            metric_args={"average": "macro"} if name.startswith("macro") else None,
            metric_value=round(results[f"{prefix}_{name}"], 4),
        )
        for prefix, split in _splits(results)
        for name, kind in METRICS.items()
    ]


def _dataset_args(split: str, summary: dict[str, Any]) -> dict[str, str] | None:
    """Say which rows a split is where it is not what the data have under its name."""
    arguments = {"cut_from": "train"} if split in summary["cut_from_train"] else {}
    if split == "validation" and CERTIFICATION in summary["rows"]:
        arguments["part"] = "one half"
    return arguments or None


def result_table(results: dict[str, Any], summary: dict[str, Any], shown: dict[str, Any]) -> pd.DataFrame:
    """Return a row for each split that was evaluated: how many rows it has, accuracy and macro F1 with their intervals."""
    rows = {}
    for prefix, split in _splits(results):
        total, accuracy, macro = summary["rows"][split], results[f"{prefix}_accuracy"], results[f"{prefix}_macro_f1"]
        ends = accuracy_interval(round(accuracy * total), total)
        macro_ends = [
            results[name] for name in (f"{prefix}_macro_f1_low", f"{prefix}_macro_f1_high") if name in results
        ]
        if not macro_ends and split == shown.get("split"):  # an older run keeps one split's confusion matrix
            macro_ends = [*macro_f1_interval(np.array(shown["confusion"]))]
        shown_macro = with_interval(macro, *macro_ends) if macro_ends else f"{macro:.4f}"
        rows[split] = (total, with_interval(accuracy, *ends), shown_macro)
    columns = ["rows", "accuracy (95 % interval)", "macro F1 (95 % interval)"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("split")


def list_labels(names: Sequence[str]) -> str:
    """Return the names of labels in a sentence, of many the first ones and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more, all of which are in config.json" if more > 0 else "")


def class_table(shown: dict[str, Any]) -> str:
    """Return the metrics by class and on average, of many classes those with the lowest F1."""
    classes = shown["classes"]
    if len(classes) <= MOST_ROWS:
        return markdown_table(classification_table(shown))
    lowest = dict(sorted(classes.items(), key=lambda item: item[1]["f1-score"])[:_SHOWN_ROWS])
    table = markdown_table(classification_table({**shown, "classes": lowest}))
    return f"{table}\nThese are the {_SHOWN_ROWS} classes of {len(classes):,} with the lowest F1; all are in `{REPORT_FILE}`.\n"


def row_table(summary: dict[str, Any]) -> str:
    """Return how many rows of each split each class has, of many classes the most frequent ones."""
    table = pd.DataFrame.from_dict(summary["classes"], orient="index").rename_axis("class").astype("Int64")
    if len(table) <= MOST_ROWS:
        return markdown_table(table)
    frequent = table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index[:_SHOWN_ROWS]]
    told = f"These are the {_SHOWN_ROWS} most frequent of {len(table):,} classes; all are in `summary.json`."
    return f"{markdown_table(frequent)}\n{told}\n"


def shorten_line(line: str) -> str:
    """Return a line of a summary, a very long one without its end."""
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} … (all of it is in summary.json)"
