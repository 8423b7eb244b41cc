"""Flags that a result depends on and that others can use."""

from dataclasses import fields
from typing import Any

from ..flags.configuration import Configuration
from ..flags.kinds import IMAGE, TEXT
from ..report.summary import OWN_DATA, OWN_MODEL, is_local

TRAINING_FLAGS = frozenset(
    "num_train_epochs max_steps learning_rate head_learning_rate weight_decay warmup_steps per_device_train_batch_size "
    "per_device_eval_batch_size gradient_accumulation_steps lr_scheduler_type lr_scheduler_kwargs lr_decay_per_epoch lr_floor "
    "train_sampling_strategy eval_strategy eval_steps eval_delay save_strategy save_steps logging_strategy logging_steps "
    "load_best_model_at_end metric_for_best_model greater_is_better early_stopping_patience class_weights "
    "focal_gamma logit_adjustment "
    "label_smoothing_factor max_error optim optim_args adam_beta1 adam_beta2 adam_epsilon max_grad_norm dataloader_drop_last "
    "full_determinism seed data_seed bf16 fp16 solver".split()
)
"""Flags of training that are taken from a fetched configuration: none of them writes elsewhere, pushes, reports or runs code."""


def public_configuration(configuration: Configuration, summary: dict[str, Any]) -> Configuration:
    """Return what a result depends on and others can use: no file of the machine that it was made on.

    Args:
        configuration: Of the run.
        summary: Of the run, which knows what came from the Hub.

    """
    known = known_flags(summary["task"])
    filled_in = {flag: value for flag, value in configuration.filled_in.items() if flag in known}
    return Configuration(public_flags(configuration.flags, summary), filled_in)


def public_flags(flags: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that `public_configuration` keeps."""
    public = {key: value for key, value in flags.items() if key in known_flags(summary["task"])}
    if not summary["dataset_id"] and summary["dataset"] == OWN_DATA:
        public.pop("dataset", None)
    if has_own_backbone(flags, summary):
        public.pop("backbone", None)
    if public.get("weights") not in (None, "default", "none"):
        public["weights"] = "a file of its author"
    return public


def has_own_backbone(flags: dict[str, Any], summary: dict[str, Any]) -> bool:
    """Whether a run began with a model that others cannot get by its name."""
    if summary.get("backbone") == OWN_MODEL:
        return True
    is_text = summary["task"] == "text-classification"
    return not summary["base_model"] and (is_text or is_local(str(flags.get("backbone"))))


def known_flags(task: str) -> set[str]:
    """Return the flags of a task that a result depends on, and that neither write elsewhere, push, report nor run code."""
    kinds = TEXT if task == "text-classification" else IMAGE
    return ({item.name for kind in kinds[:2] for item in fields(kind)} | TRAINING_FLAGS) - {"keep_columns"}
