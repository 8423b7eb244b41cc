"""Run again what a model on the Hub says of its training, and compare the results with its card."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError, first_sentence
from .evaluation.intervals import accuracy_interval, macro_f1_interval
from .flags.configuration import CONFIGURATION_FILE
from .hub import pushed_run, strange_backbone
from .hub.strange_flags import safe_argv
from .report.summary import METRICS, SUMMARY_FILE
from .tasks.again import find_begun, run_again


def reproduce(repo_id: str, folder: Path, revision: str | None = None, dataset: str | None = None) -> dict[str, Any]:
    """Run a model's configuration again and compare the results with those of its card.

    Args:
        repo_id: `USER/NAME` on the Hub, pushed by hfkit.
        folder: Where the new run goes; one that was begun there is continued, and of one that is finished the results are taken.
        revision: Branch, tag or commit; default: main.
        dataset: The data, where it was no public one.

    Returns:
        For each split and metric, such as `test accuracy`: `card`, `now`, `low` and `high` (the 95 % interval around what the
        card says), and `holds`.

    Raises:
        UserError: The repository has no configuration or no results, the data has to be named, or the folder holds another run.

    """
    pushed = pushed_run.read_pushed_run(repo_id, revision)
    try:
        argv = safe_argv(pushed.flags, pushed.task, dataset)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{CONFIGURATION_FILE} of {repo_id} was changed ({first_sentence(error)}).") from error
    if not pushed.results:
        raise UserError(f"The card of {repo_id} has no results to compare with.")
    begun = find_begun(folder)
    # Where that run was begun here: on what was looked at then.
    branch = (begun or pushed.flags).get("backbone_revision")
    place = str(pushed.flags["backbone"]), None if branch is None else str(branch)
    commit = strange_backbone.check_strange_backbone(*place, pushed.task)
    argv += ["--backbone_revision", commit] if commit else []  # what was looked at, whatever its branch is by now
    now = run_again(argv, pushed.task, folder)
    rows = json.loads((folder / SUMMARY_FILE).read_text("utf-8"))["rows"]
    comparison = _compare(pushed.results, now, rows, pushed.report)
    if not comparison:
        raise UserError(f"The new run has none of the results of {repo_id}'s card: is it the same data?")
    return comparison


_PREFIXES = {"validation": "eval", "test": "test"}
_RESULT_KEYS = {metric: key for key, metric in METRICS.items()}


def _compare(
    said: dict[tuple[str, str], float], now: dict[str, float], rows: dict[str, int], shown: dict[str, Any]
) -> dict[str, Any]:
    """Compare the metrics of a card with those of the new run, each by its interval.

    Args:
        said: The card's, by split and metric.
        now: Of the new run.
        rows: Of each split of the new run; a card's own number could make an interval as wide as it likes.
        shown: The card's report on one split, with its confusion matrix.

    """
    comparison = {}
    for (split, metric), card in said.items():
        after = now.get(f"{_PREFIXES.get(split)}_{_RESULT_KEYS.get(metric)}")
        interval = None if after is None else _interval(split, metric, card, now, rows[split], shown)
        if interval is not None:
            low, high = interval
            holds = low <= float(after or 0.0) <= high
            comparison[f"{split} {metric}"] = {"card": card, "now": after, "low": low, "high": high, "holds": holds}
    return comparison


def _interval(
    split: str, metric: str, value: float, now: dict[str, float], rows: int, shown: dict[str, Any]
) -> tuple[float, float] | None:
    """Return the 95 % interval around a metric of the card, or None where there is not enough to compute it from.

    With any number of labels a row no confusion matrix says how wide that of macro F1 is: it is as wide as the new run's own.

    Raises:
        UserError: The metric is none, or the card's confusion matrix is not that of so many rows.

    """
    if not 0 <= value <= 1:
        raise UserError(f"The card says {value} of {split} {metric}, which is no share.")
    if metric == "accuracy":
        return accuracy_interval(round(value * rows), rows)
    if metric == METRICS["macro_f1"] and f"{_PREFIXES[split]}_hamming_loss" in now:
        after, low, high = (now[f"{_PREFIXES[split]}_macro_f1{end}"] for end in ("", "_low", "_high"))
        return min(value, max(0.0, value - after + low)), max(value, min(1.0, value - after + high))
    if metric == METRICS["macro_f1"] and split == shown.get("split"):
        confusion = np.array(shown["confusion"], dtype=int)
        if confusion.sum() != rows:
            raise UserError(f"The card's report is on {confusion.sum()} rows of {split}, but the new run has {rows}.")
        low, high = macro_f1_interval(confusion)
        return min(low, value), max(high, value)
    return None
