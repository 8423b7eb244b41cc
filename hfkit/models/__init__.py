"""The table of model families, and the one loop that registers them with transformers.

Registering does two things: people with hfkit load our models without `trust_remote_code`, and every saved model carries
its own code for people without hfkit. What is in this folder travels to the Hub, so its files import the standard
library, torch, transformers, timm, torchvision, emoji and their own siblings, nothing else.
"""

from dataclasses import dataclass
from typing import Any

from transformers import AutoConfig, AutoModelForSequenceClassification, Pipeline, PreTrainedConfig, pipeline

from .base import BackboneClassifier
from .text import TextClassifier, TextClassifierConfig
from .text_pipeline import TextClassificationPipeline

__all__ = [
    "FAMILIES",
    "ModelFamily",
    "TextClassificationPipeline",
    "TextClassifier",
    "TextClassifierConfig",
    "load_pipeline",
]


@dataclass(frozen=True)
class ModelFamily:
    """One kind of model: its classes, and how `pipeline()` runs it."""

    config_class: type[PreTrainedConfig]
    model_class: type[BackboneClassifier]
    auto_class: Any
    task: str
    pipeline_class: type[Pipeline]


FAMILIES: dict[str, ModelFamily] = {
    "hfkit-text": ModelFamily(
        TextClassifierConfig,
        TextClassifier,
        AutoModelForSequenceClassification,
        "text-classification",
        TextClassificationPipeline,
    ),
}

for _model_type, _family in FAMILIES.items():
    AutoConfig.register(_model_type, _family.config_class, exist_ok=True)
    _family.auto_class.register(_family.config_class, _family.model_class, exist_ok=True)
    _family.config_class.register_for_auto_class()
    _family.model_class.register_for_auto_class(_family.auto_class.__name__)


def load_pipeline(model: str, **options: Any) -> Pipeline:
    """Load a saved hfkit model, a folder or a Hub id, as the `pipeline()` of its task; no remote code is run.

    Args:
        model: Folder or Hub id of a model that hfkit saved.
        options: Further arguments of `transformers.pipeline`, such as `device` or `revision`.

    Raises:
        ValueError: The model is not one of hfkit's families.

    """
    config = AutoConfig.from_pretrained(model, revision=options.get("revision", "main"))
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise ValueError(f"{model} is a {config.model_type} model, not one of {', '.join(FAMILIES)}.")
    return pipeline(family.task, model=model, pipeline_class=family.pipeline_class, **options)
