"""What the Trainer trains on: rows as they are encoded, or in their place what the frozen part made of them."""

from pathlib import Path
from typing import Any

import torch

from ..data.augmented import FrozenInputs
from ..flags.kinds import Arguments
from ..flags.solver import is_solved
from ..flags.training_arguments import TrainingArguments
from ..machine import give_back_memory
from ..notes import Note
from ..task import Task
from .cache import CannotCacheError, FeatureCache
from .reading import TrainingInputs, use_feature_cache
from .store import FeatureStore


def training_inputs(task: Task, arguments: Arguments[Any, Any], is_resumed: bool = False) -> TrainingInputs:
    """Return stored states to train on where the feature cache can be used, else the inputs themselves.

    A run that is continued trains as it began, whatever is faster now: its start wrote down where the cache was off.
    """
    give_back_memory()  # what reading the data took, several times what is left of it
    training = arguments.training
    plain = TrainingInputs(
        task.inputs["train"],
        task.inputs["validation"],
        task.collator,
        [Note("feature_cache", "Feature cache: off.")],
        [task.epoch],
    )
    if training.feature_cache == "off":
        return plain
    try:
        cache = make_cache(task, arguments)
        inputs = use_feature_cache(cache, *wanted_inputs(task, arguments, is_resumed))
    except CannotCacheError as reason:
        plain.notes = [Note("feature_cache", f"Feature cache: off, since {reason}.")]
        return plain
    give_back_memory()  # what the pass took
    return inputs


def make_cache(task: Task, arguments: Arguments[Any, Any]) -> FeatureCache:
    """Return the cache of a model that is frozen by its plan.

    Raises:
        CannotCacheError: The flags leave it off, nothing is frozen, or the model cannot be entered where training begins.

    """
    training = arguments.training
    if training.feature_cache == "off":
        raise CannotCacheError("the flags leave it off")
    store = FeatureStore(None if training.feature_cache == "auto" else Path(training.feature_cache))
    # The launcher may have chosen the precision, too.
    precision = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(training.mixed_precision)
    stored = None if training.feature_cache_dtype == "auto" else getattr(torch, training.feature_cache_dtype)
    return FeatureCache(task.model, task.collator, store, training.per_device_eval_batch_size, precision, stored)


def has_stored_states(task: Task, arguments: Arguments[Any, Any]) -> bool:
    """Tell whether what a training reads by the cache has been stored; its sums are looked at when it is read."""
    train, validation, _, _ = wanted_inputs(task, arguments)
    try:
        cache = make_cache(task, arguments)
        keys = [cache.key(split) for split in (train, validation) if split is not None]
        return all((cache.store.root / key).is_dir() for key in keys)
    except (CannotCacheError, OSError):  # the training finds out, and says why
        return False


def wanted_inputs(
    task: Task, arguments: Arguments[Any, Any], is_resumed: bool = False
) -> tuple[FrozenInputs, FrozenInputs | None, float, bool]:
    """Return what a training reads by the cache: its rows, those of validation, how often, and whether worth it or not."""
    training = arguments.training
    validation = task.frozen["validation"] if training.eval_strategy != "no" else None
    is_wanted = training.feature_cache != "auto" or is_resumed or is_solved(training)
    return task.frozen["train"], validation, _count_epochs(training, len(task.inputs["train"])), is_wanted


def _count_epochs(training: TrainingArguments, rows: int) -> float:
    """Return how often training reads each row."""
    if training.max_steps <= 0:
        return training.num_train_epochs
    rows_a_step = training.per_device_train_batch_size * training.world_size * training.gradient_accumulation_steps
    return training.max_steps * rows_a_step / rows
