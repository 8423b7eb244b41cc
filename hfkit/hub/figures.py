"""The figures of a model card: in its front matter, for the Hub, and in a table, for people."""

from typing import Any

import numpy as np
import pandas as pd
from huggingface_hub import EvalResult

from ..data.halves import CERTIFICATION
from ..evaluation.intervals import accuracy_interval, macro_f1_interval, with_interval
from ..report.summary import METRICS


def _splits(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the splits that were evaluated: the prefix of their metrics, and their names."""
    return [(p, n) for p, n in (("eval", "validation"), ("test", "test")) if f"{p}_accuracy" in results]


def list_results(results: dict[str, Any], summary: dict[str, Any], task: str) -> list[EvalResult]:
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
