"""A finished run as HTML for a notebook: its result, its baselines, and its pictures; what comes from data is escaped."""

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from ..evaluation.intervals import with_interval
from .abstention import read_abstention
from .baselines import read_baselines, shown_baselines

_PICTURES = ("confusion_matrix.png", "curves.png", "learning_curve.png", "samples.png", "errors.png")
_LARGEST_PICTURE = 3_000_000
"""Bytes above which a picture is named and not shown: the notebook would hold it."""


def find_shown_split(results: Mapping[str, Any]) -> str | None:
    """Return the prefix of the split that results are told of: `test` where it has labels, else `eval`, or None."""
    return next((prefix for prefix in ("test", "eval") if f"{prefix}_accuracy" in results), None)


def describe_accuracy(results: Mapping[str, Any]) -> str:
    """Say in some words how accurate a run's model is, with the 95 % interval."""
    prefix = find_shown_split(results)
    if prefix is None:
        return "no labelled rows were held out"
    return f"accuracy {_metric(results, f'{prefix}_accuracy')} on {'validation' if prefix == 'eval' else prefix}"


def render_run(folder: Path, results: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Return the HTML of a finished run.

    Args:
        folder: Of the run.
        results: As in `all_results.json`.
        summary: As in `summary.json`.

    """
    about = [summary.get("kind"), f"Backbone {summary.get('backbone')}, head {summary.get('head')}."]
    parts = [f"<p><b>{escape(folder.name)}</b>: {escape(' '.join(map(str, filter(None, about))))}</p>"]
    parts.append(_table(_result_table(results, summary)))
    baselines = read_baselines(folder)
    if baselines is not None:
        parts.append(f"<p>Compared on {escape(str(baselines['split'].iloc[0]))} with what costs next to nothing:</p>")
        parts.append(_table(shown_baselines(baselines)))
    parts += [f"<p>{escape(line)}</p>" for line in read_abstention(folder).split("\n\n") if line]
    parts += [_picture(folder / "report" / name) for name in _PICTURES if (folder / "report" / name).is_file()]
    parts.append(f"<p>Everything is in <code>{escape(str(folder))}</code>.</p>")
    return f'<div class="hfkit-run">{"".join(parts)}</div>'


def _result_table(results: Mapping[str, Any], summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return accuracy and macro F1 with their 95 % intervals, and the rows, of each split that was evaluated."""
    table = pd.DataFrame(columns=["rows", "accuracy (95 %)", "macro F1 (95 %)"])
    for prefix, split in (("eval", "validation"), ("test", "test")):
        if f"{prefix}_accuracy" in results:
            metrics = [_metric(results, f"{prefix}_{name}") for name in ("accuracy", "macro_f1")]
            table.loc[split] = [(summary.get("rows") or {}).get(split, ""), *metrics]
    return table


def _metric(results: Mapping[str, Any], name: str) -> str:
    """Write a metric with its interval; runs of earlier versions have none."""
    value, low, high = (results.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return "" if value is None else f"{value:.4f}"
    return with_interval(value, low, high)


def _table(table: pd.DataFrame) -> str:
    return str(table.rename_axis(None).to_html(escape=True, border=0))


def _picture(path: Path) -> str:
    if path.stat().st_size > _LARGEST_PICTURE:
        return f"<p>{escape(path.name)} is large: see <code>{escape(str(path))}</code>.</p>"
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<p><img alt="{escape(path.stem)}" style="max-width: 100%" src="data:image/png;base64,{content}"></p>'
