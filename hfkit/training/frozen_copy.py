"""The pretrained backbone of a run a second time, frozen and under a head on several layers, as a solved run would have it."""

import copy
from dataclasses import fields, replace
from typing import Any

import torch

from ..backbones.image import build_image_classifier
from ..backbones.text import build_text_classifier
from ..flags.kinds import Arguments, ImageModelArguments, TextModelArguments
from ..flags.solver import CONVEX
from ..freezing import FreezePlan
from ..models.base import BackboneClassifier
from ..task import Task
from .settings import RunSettings

_OF_OTHER_HEADS = ("two_heads",)
_STARTS_AT_RANDOM = ("token_learner_tokens", "token_learner_at", "token_learner_version", "token_fuser", "class_token")
"""Flags of layers that no pretrained weights have."""


def make_frozen_copy(task: Task, settings: RunSettings) -> tuple[Task, RunSettings]:
    """Load the backbone that flags name once more, and return task and settings of a solved run on it.

    Its training rows have no random changes. The random numbers of the training that follows are the same as without it.

    Args:
        task: Of the run; its model stays as it is.
        settings: Of the run.

    """
    flags = frozen_flags(settings.arguments.model)
    training: Any = copy.copy(settings.training)
    training.solver, training.eval_strategy = CONVEX, "no"
    arguments = replace(settings.arguments, model=flags, training=training)
    plan = FreezePlan.from_flags(flags)
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        model = _build(arguments, task)
    plan.apply(model)
    frozen = {**task.frozen, "train": task.frozen["train"].unchanged()}
    return replace(task, model=model, frozen=frozen), replace(settings, arguments=arguments, plan=plan)


def frozen_flags(flags: Any) -> Any:
    """Return the flags of a model with its backbone frozen, as it was pretrained, under a head on several layers.

    Layers and pooling stay as they are where the model's own head is one on several layers.
    """
    defaults = {item.name: item.default for item in fields(flags)}
    changes = {name: defaults[name] for name in (*_OF_OTHER_HEADS, *_STARTS_AT_RANDOM) if name in defaults}
    if flags.head != "layers":
        changes |= {name: None for name in ("layers", "pooling") if name in defaults}
    return replace(flags, **changes, head="layers", unfreeze_from="none")


def _build(arguments: Arguments[Any, Any], task: Task) -> BackboneClassifier:
    """Load the backbone under a new head."""
    model, data = arguments.model, arguments.data
    if isinstance(model, TextModelArguments):
        how = {"pooling_is_given": False, "max_length_is_given": False, "is_multi_label": task.is_multi_label}
        return build_text_classifier(model, data, task.label_names, **how)[0]
    assert isinstance(model, ImageModelArguments)
    return build_image_classifier(model, data.image_size, task.label_names, task.is_multi_label)[0]
