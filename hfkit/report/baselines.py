"""The table of a run's baselines: as CSV with all numbers, and as people read it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..evaluation.baselines import ComparedBaseline
from ..evaluation.intervals import with_interval
from ..evaluation.paired import PairedResult

BASELINES_FILE = "report/baselines.csv"
MODEL = "this model"


def baseline_table(
    model: dict[str, float], seconds: float, baselines: Sequence[ComparedBaseline], split: str
) -> pd.DataFrame:
    """Bring baselines to a table for a file: one row each, the model first.

    Args:
        model: The model's `accuracy` and `macro_f1` with `_low` and `_high`.
        seconds: What training it and predicting the split took.
        baselines: Each with its comparison.
        split: What all of them predicted.

    """
    metrics = [f"{metric}{end}" for metric in ("accuracy", "macro_f1") for end in ("", "_low", "_high")]
    own = {"name": MODEL, "split": split, **{name: model[name] for name in metrics}, "seconds": seconds}
    others = [
        {
            "name": baseline.name,
            "split": split,
            **{name: baseline.metrics[name] for name in metrics},
            "seconds": baseline.seconds,
            "difference": baseline.paired.difference,
            "difference_low": baseline.paired.low,
            "difference_high": baseline.paired.high,
            "p_value": baseline.paired.p_value,
        }
        for baseline in baselines
    ]
    return pd.DataFrame([own, *others])


def shown_baselines(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a table of `baseline_table` to what fits 80 columns: metrics with their 95 % intervals, and seconds."""
    names = [name.removeprefix("the ") for name in table["name"]]
    shown = pd.DataFrame(index=pd.Index(names, name=""))
    for metric, title in (("accuracy", "accuracy (95 %)"), ("macro_f1", "macro F1 (95 %)")):
        ends = zip(table[metric], table[f"{metric}_low"], table[f"{metric}_high"], strict=True)
        shown[title] = [with_interval(*values, digits=3) for values in ends]
    shown["seconds"] = [f"{seconds:.1f}" for seconds in table["seconds"]]
    return shown


def compared_baselines(table: pd.DataFrame) -> list[ComparedBaseline]:
    """Return the baselines of a table of `baseline_table` with their comparisons."""
    return [_compared(row) for row in table.to_dict("records") if row["name"] != MODEL]


def read_baselines(run: Path) -> pd.DataFrame | None:
    """Return the table of a run, or None where it has none."""
    file = run / BASELINES_FILE
    return pd.read_csv(file) if file.exists() else None


def _compared(row: dict[Any, Any]) -> ComparedBaseline:
    paired = PairedResult(row["difference"], row["difference_low"], row["difference_high"], row["p_value"])
    metrics = {name: value for name, value in row.items() if str(name).startswith(("accuracy", "macro_f1"))}
    return ComparedBaseline(row["name"], row["seconds"], metrics, paired)
