"""Run again what a model on the Hub says of its training, and compare the results with its card."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError, first_sentence
from .evaluation.intervals import accuracy_interval, macro_f1_interval
from .flags.configuration import CONFIGURATION_FILE
from .flags.solver import CONVEX, IDLE, OF_THE_TRAINER
from .flags.values import LORA_FLAGS
from .hub import pushed_run, strange_backbone, strange_flags
from .hub.public_flags import known_flags
from .report.summary import DATASETS, METRICS, SUMMARY_FILE, dataset_id, is_local
from .tasks.image import train_images
from .tasks.text import train_texts

TRAIN = {"text-classification": train_texts, "image-classification": train_images}
"""What runs a command line of each task."""


def reproduce(repo_id: str, folder: Path, revision: str | None = None, dataset: str | None = None) -> dict[str, Any]:
    """Run a model's configuration again and compare the results with those of its card.

    Args:
        repo_id: `USER/NAME` on the Hub, pushed by hfkit.
        folder: Where the new run goes.
        revision: Branch, tag or commit; default: main.
        dataset: The data, where it was no public one.

    Returns:
        For each split and metric, such as `test accuracy`: `card`, `now`, `low` and `high` (the 95 % interval around what the
        card says), and `holds`.

    Raises:
        UserError: The repository has no configuration or no results, or the data has to be named.

    """
    pushed = pushed_run.read_pushed_run(repo_id, revision)
    try:
        argv = safe_argv(pushed.flags, pushed.task, dataset)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{CONFIGURATION_FILE} of {repo_id} was changed ({first_sentence(error)}).") from error
    if not pushed.results:
        raise UserError(f"The card of {repo_id} has no results to compare with.")
    branch = pushed.flags.get("backbone_revision")
    place = str(pushed.flags["backbone"]), None if branch is None else str(branch)
    commit = strange_backbone.check_strange_backbone(*place, pushed.task)
    argv += ["--backbone_revision", commit] if commit else []  # what was looked at, whatever its branch is by now
    now = TRAIN[pushed.task]([*argv, "--output_dir", str(folder)])
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


def safe_argv(values: Mapping[str, Any], task: str, dataset: str | None) -> list[str]:
    """Return a command line for the flags of a fetched configuration, without what a stranger must not decide here.

    Raises:
        UserError: It is no configuration, the data or the backbone was on the other machine, or a size is beyond what is run
            here.

    """
    if task not in TRAIN:
        raise UserError(f"{CONFIGURATION_FILE} there is no configuration of hfkit.")
    taken = {key: value for key, value in values.items() if key in known_flags(task) and value is not None}
    taken["dataset"] = dataset or taken.get("dataset")
    fetched = str(taken["dataset"])
    if taken["dataset"] is None or not (dataset or fetched in DATASETS or (dataset_id(fetched) and "/" in fetched)):
        raise UserError("The data of that run was no public one: name it by --dataset.")
    if dataset is None and Path(fetched).exists():
        raise UserError(
            f"{fetched} is a file or folder here, and not what that run had: go elsewhere, or name --dataset."
        )
    for key, public in (("backbone", ()), ("weights", ("default", "none"))):
        value = str(taken.get(key, "default"))
        if is_local(value) or (public and value not in public) or (key == "backbone" and key not in taken):
            raise UserError(
                f"The {key} of that run was a file of its machine: run the recipe with a --{key} of your own."
            )
    strange_flags.check_sizes(taken)
    idle = _idle_flags(taken)
    return [argument for key, value in taken.items() if key not in idle for argument in _flag_argv(key, value)]


def _idle_flags(flags: dict[str, Any]) -> frozenset[str]:
    """Return the flags that a run's file holds and that do nothing there; on a command line they would be refused."""
    idle = frozenset() if flags.get("peft") == "lora" else frozenset(LORA_FLAGS)
    return idle | OF_THE_TRAINER | IDLE if flags.get("solver") == CONVEX else idle


_LISTS = (
    *("label_column", "label_names", "label_thresholds", "text_column"),
    *("cleaning", "ngrams", "layers", "lora_targets", "class_weights"),
)
"""Flags with more than one value."""


def _flag_argv(key: str, value: Any) -> list[str]:
    """Return a flag and its values as arguments, none of which can be taken for another flag.

    Raises:
        UserError: A value is none.

    """
    if isinstance(value, dict):
        return [f"--{key}", json.dumps(value)]
    values = value if isinstance(value, list) and key in _LISTS else [value]
    arguments = [str(item).lower() if isinstance(item, bool) else str(item) for item in values]
    for item, argument in zip(values, arguments, strict=True):
        if isinstance(item, list | dict) or (
            argument.startswith("-") and not re.fullmatch(r"-|-?\d[\d.e+-]*", argument)
        ):
            raise UserError(f"{CONFIGURATION_FILE} there has no value of --{key}, but {argument!r}: it is not run.")
    return [f"--{key}", *arguments]
