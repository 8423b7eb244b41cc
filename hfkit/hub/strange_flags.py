"""The flags of a stranger's run, where it is run again unseen: what they decide here, and how large it may be."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..flags.configuration import CONFIGURATION_FILE
from ..flags.solver import CONVEX, IDLE, OF_THE_TRAINER, is_solved
from ..flags.training_arguments import TrainingArguments
from ..flags.values import LORA_FLAGS
from ..report.summary import DATASETS, dataset_id, is_local
from .public_flags import known_flags

_TASKS = ("text-classification", "image-classification")


def safe_argv(values: Mapping[str, Any], task: str, dataset: str | None) -> list[str]:
    """Return a command line for the flags of a fetched configuration, without what a stranger must not decide here.

    Raises:
        UserError: It is no configuration, the data or the backbone was on the other machine, or a size is beyond what is run
            here.

    """
    if task not in _TASKS:
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
    _check_sizes(taken)
    idle = _idle_flags(taken)
    return [argument for key, value in taken.items() if key not in idle for argument in _flag_argv(key, value)]


_LARGEST: dict[str, int] = {
    **{"head_hidden_size": 4096, "head_layers": 8, "lora_rank": 512, "ngrams": 8, "cache_views": 100},
    **{"max_length": 8192, "image_size": 1024, "token_learner_tokens": 1024},
    **dict.fromkeys(("per_device_train_batch_size", "per_device_eval_batch_size"), 1024),
    **{"gradient_accumulation_steps": 4096, "num_train_epochs": 1000, "max_steps": 1_000_000},
}
"""What memory and time grow with, and how large it may be where a stranger chose it; who wants more trains by the recipe."""


def _check_sizes(flags: Mapping[str, Any]) -> None:
    """Refuse flags of a stranger by which a training here would take all memory, or no end.

    Raises:
        UserError: One is larger than any that is run unseen.

    """
    for flag in ("eval_steps", "save_steps", "logging_steps"):
        if isinstance(flags.get(flag), float) and not math.isfinite(flags[flag]):
            raise UserError(f"{CONFIGURATION_FILE} there has {flag} {flags[flag]}, which is no number of steps.")
    for flag in _LARGEST.keys() & flags.keys():
        for value in flags[flag] if isinstance(flags[flag], list) else [flags[flag]]:
            try:
                is_small = float(value) <= _LARGEST[flag]
            except OverflowError:
                is_small = False
            except (ValueError, TypeError):  # a word, or what the recipe refuses
                continue
            if not is_small:
                raise UserError(
                    f"{CONFIGURATION_FILE} there has {flag} {str(value)[:40]}, and at most {_LARGEST[flag]:,} is run "
                    "again unseen: train by the recipe if you mean it."
                )


_MOST_TIMES = {
    "eval": ("evaluate", 1000),
    "save": ("write a checkpoint", 1000),
    "logging": ("write a line into its log", 100_000),
}
"""What is done each so many steps, by the begin of its flags, and how often it may be where a stranger chose the steps."""


def check_times(training: TrainingArguments, rows: int) -> None:
    """Refuse steps of a stranger after which a run would evaluate, save or log more often than is run unseen.

    Args:
        training: The flags.
        rows: That it is trained on.

    Raises:
        UserError: As above.

    """
    rows_a_step = training.per_device_train_batch_size * training.gradient_accumulation_steps * training.world_size
    steps = training.max_steps if training.max_steps > 0 else math.ceil(training.num_train_epochs * rows / rows_a_step)
    for name, (what, most) in _MOST_TIMES.items():
        if is_solved(training) or getattr(training, f"{name}_strategy") != "steps":
            continue
        after = getattr(training, f"{name}_steps")
        times = 1 / after if 0 < after < 1 else steps / max(after, 1)
        if not times <= most:
            raise UserError(
                f"{CONFIGURATION_FILE} there has {name}_steps {after:g}, by which a run of {steps:,} steps would {what} "
                f"{times:,.0f} times, and at most {most:,} is run again unseen: train by the recipe if you mean it."
            )


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
