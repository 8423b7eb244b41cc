"""What the Trainer trains on: rows as they are encoded, or in their place what the frozen part made of them."""

from pathlib import Path
from typing import Any

import torch

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
    in_folder = training.feature_cache != "auto"
    # The launcher may have chosen it, too.
    precision = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(training.mixed_precision)
    stored = None if training.feature_cache_dtype == "auto" else getattr(torch, training.feature_cache_dtype)
    try:
        store = FeatureStore(Path(training.feature_cache) if in_folder else None)
        cache = FeatureCache(task.model, task.collator, store, training.per_device_eval_batch_size, precision, stored)
        validation = task.frozen["validation"] if training.eval_strategy != "no" else None
        epochs = _count_epochs(training, len(plain.train))
        is_wanted = in_folder or is_resumed or is_solved(training)
        inputs = use_feature_cache(cache, task.frozen["train"], validation, epochs, is_wanted)
    except CannotCacheError as reason:
        plain.notes = [Note("feature_cache", f"Feature cache: off, since {reason}.")]
        return plain
    give_back_memory()  # what the pass took
    return inputs


def _count_epochs(training: TrainingArguments, rows: int) -> float:
    """Return how often training reads each row."""
    if training.max_steps <= 0:
        return training.num_train_epochs
    rows_a_step = training.per_device_train_batch_size * training.world_size * training.gradient_accumulation_steps
    return training.max_steps * rows_a_step / rows
