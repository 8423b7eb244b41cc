"""The table of model families, and the one loop that registers them with transformers.

Registering does two things: people with hfkit load our models without `trust_remote_code`, and every saved model carries
its own code for people without hfkit. What is in this folder travels to the Hub, so its files import the standard
library, torch, transformers, timm, torchvision, emoji and their own siblings, nothing else.
"""

from dataclasses import dataclass
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    Pipeline,
    PreTrainedConfig,
    pipeline,
)

from .base import BackboneClassifier
from .deit import DeitClassifier, DeitClassifierConfig
from .densenet import DenseNetClassifier, DenseNetClassifierConfig
from .fdvit import FdVitClassifier, FdVitClassifierConfig
from .image import ImageClassifier
from .image_pipeline import ImageClassificationPipeline
from .text import TextClassifier, TextClassifierConfig
from .text_pipeline import TextClassificationPipeline
from .timm_backbone import TimmClassifier, TimmClassifierConfig
from .token_learner import TokenLearnerClassifier, TokenLearnerClassifierConfig
from .transformers_image import TransformersImageClassifier, TransformersImageClassifierConfig
from .vgg import VggClassifier, VggClassifierConfig

__all__ = [
    "FAMILIES",
    "DeitClassifier",
    "DeitClassifierConfig",
    "DenseNetClassifier",
    "DenseNetClassifierConfig",
    "FdVitClassifier",
    "FdVitClassifierConfig",
    "ImageClassificationPipeline",
    "ModelFamily",
    "TextClassificationPipeline",
    "TextClassifier",
    "TextClassifierConfig",
    "TimmClassifier",
    "TimmClassifierConfig",
    "TokenLearnerClassifier",
    "TokenLearnerClassifierConfig",
    "TransformersImageClassifier",
    "TransformersImageClassifierConfig",
    "VggClassifier",
    "VggClassifierConfig",
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


def _image_family(config_class: type[PreTrainedConfig], model_class: type[ImageClassifier]) -> ModelFamily:
    return ModelFamily(
        config_class,
        model_class,
        AutoModelForImageClassification,
        "image-classification",
        ImageClassificationPipeline,
    )


FAMILIES: dict[str, ModelFamily] = {
    "hfkit-text": ModelFamily(
        TextClassifierConfig,
        TextClassifier,
        AutoModelForSequenceClassification,
        "text-classification",
        TextClassificationPipeline,
    ),
    "hfkit-vgg": _image_family(VggClassifierConfig, VggClassifier),
    "hfkit-densenet": _image_family(DenseNetClassifierConfig, DenseNetClassifier),
    "hfkit-deit": _image_family(DeitClassifierConfig, DeitClassifier),
    "hfkit-timm": _image_family(TimmClassifierConfig, TimmClassifier),
    "hfkit-token-learner": _image_family(TokenLearnerClassifierConfig, TokenLearnerClassifier),
    "hfkit-transformers-image": _image_family(TransformersImageClassifierConfig, TransformersImageClassifier),
    "hfkit-fdvit": _image_family(FdVitClassifierConfig, FdVitClassifier),
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
    where = {**dict(options.get("model_kwargs") or {}), **options}
    where = {name: where[name] for name in ("revision", "token", "cache_dir", "local_files_only") if name in where}
    config, _ = PreTrainedConfig.get_config_dict(model, **where)
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        code = ", ".join(code_of(config))
        trust = f"; pipeline(..., trust_remote_code=True) would run its own code ({code})" if code else ""
        raise ValueError(f"{model} is a {config.get('model_type')} model, not one of {', '.join(FAMILIES)}{trust}.")
    # Without this transformers would ask a person at a terminal whether to run the code of a foreign tokenizer.
    options.setdefault("trust_remote_code", False)
    return pipeline(family.task, model=model, pipeline_class=family.pipeline_class, **options)


def code_of(config: Any) -> list[str]:
    """Return what a configuration names as code, itself or further in, such as `text.TextClassifier`.

    What stands in another repository has that in front, as in `other/repository--text.TextClassifier`.
    """
    found: list[Any] = []
    if isinstance(config, dict):
        for key, value in config.items():
            if key == "auto_map" and isinstance(value, dict):
                for names in value.values():
                    found += names if isinstance(names, list | tuple) else [names]
            elif key == "impl":
                found.append(value)
            else:
                found += code_of(value)
    elif isinstance(config, list):
        for item in config:
            found += code_of(item)
    return sorted({str(name) for name in found if name})
