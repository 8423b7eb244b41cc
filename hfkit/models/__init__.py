"""The table of model families: their classes are imported, and registered with transformers, when they are first asked for.

    from hfkit.models import VggClassifier          # imports and registers its family
    hfkit.models.register()                         # all families, for AutoModelForSequenceClassification.from_pretrained(...)

Registering does two things: people with hfkit load our models without `trust_remote_code`, and every saved model carries
its own code for people without hfkit. What is in this folder travels to the Hub, so its files import the standard
library, torch, transformers, timm, torchvision, emoji and their own siblings, nothing else.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import Pipeline, PreTrainedConfig

    from .base import BackboneClassifier
    from .deit import DeitClassifier, DeitClassifierConfig
    from .densenet import DenseNetClassifier, DenseNetClassifierConfig
    from .fdvit import FdVitClassifier, FdVitClassifierConfig
    from .image_pipeline import ImageClassificationPipeline
    from .text import TextClassifier
    from .text_config import TextClassifierConfig
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
    "register",
]


@dataclass(frozen=True)
class ModelFamily:
    """One kind of model by the names of its classes, which are imported when they are asked for.

    Attributes:
        file: The file of this folder that has its config and model.
        model: Name of the model's class; that of its config has `Config` after it.
        auto: Name of transformers' Auto class for it.
        task: Name of the task of `pipeline()`.
        pipeline: The file of this folder, and the name of the class in it, that runs it in `pipeline()`.

    """

    file: str
    model: str
    auto: str
    task: str
    pipeline: tuple[str, str]

    @property
    def config_class(self) -> "type[PreTrainedConfig]":
        """The class of its configs, registered."""
        return self.register()[0]

    @property
    def model_class(self) -> "type[BackboneClassifier]":
        """The class of its models, registered."""
        return self.register()[1]

    @property
    def auto_class(self) -> Any:
        """Transformers' Auto class, such as `AutoModelForImageClassification`."""
        return getattr(import_module("transformers"), self.auto)

    @property
    def pipeline_class(self) -> "type[Pipeline]":
        """The class that `pipeline()` runs it by."""
        return _load(*self.pipeline)

    @cache  # noqa: B019 (a row lives as long as the table)
    def register(self) -> "tuple[type[PreTrainedConfig], type[BackboneClassifier]]":
        """Register config and model with transformers' Auto classes, once, and return both classes."""
        from transformers import AutoConfig

        config_class = _load(self.file, f"{self.model}Config")
        model_class = _load(self.file, self.model)
        AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
        self.auto_class.register(config_class, model_class, exist_ok=True)
        config_class.register_for_auto_class()
        model_class.register_for_auto_class(self.auto)
        return config_class, model_class


def _load(file: str, name: str) -> Any:
    return getattr(import_module(f".{file}", __name__), name)


def _text_family(file: str, model: str) -> ModelFamily:
    pipeline = ("text_pipeline", "TextClassificationPipeline")
    return ModelFamily(file, model, "AutoModelForSequenceClassification", "text-classification", pipeline)


def _image_family(file: str, model: str) -> ModelFamily:
    pipeline = ("image_pipeline", "ImageClassificationPipeline")
    return ModelFamily(file, model, "AutoModelForImageClassification", "image-classification", pipeline)


FAMILIES: dict[str, ModelFamily] = {
    "hfkit-text": _text_family("text", "TextClassifier"),
    "hfkit-vgg": _image_family("vgg", "VggClassifier"),
    "hfkit-densenet": _image_family("densenet", "DenseNetClassifier"),
    "hfkit-deit": _image_family("deit", "DeitClassifier"),
    "hfkit-timm": _image_family("timm_backbone", "TimmClassifier"),
    "hfkit-token-learner": _image_family("token_learner", "TokenLearnerClassifier"),
    "hfkit-transformers-image": _image_family("transformers_image", "TransformersImageClassifier"),
    "hfkit-fdvit": _image_family("fdvit", "FdVitClassifier"),
}
"""All families by `model_type`; a new one is a row here and a file beside this one."""

_FAMILY_BY_CLASS = {
    **{family.model: family for family in FAMILIES.values()},
    **{f"{family.model}Config": family for family in FAMILIES.values()},
}
_PIPELINES = {family.pipeline[1]: family for family in FAMILIES.values()}


def __getattr__(name: str) -> Any:
    """Import a public class with its family, or a file of this folder."""
    if name in _FAMILY_BY_CLASS:
        config_class, model_class = _FAMILY_BY_CLASS[name].register()
        return config_class if name.endswith("Config") else model_class
    if name in _PIPELINES:
        return _PIPELINES[name].pipeline_class
    if not name.startswith("_") and (Path(__file__).parent / f"{name}.py").is_file():
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register() -> None:
    """Register all families, so that transformers' Auto classes load models of hfkit without `trust_remote_code`."""
    for family in FAMILIES.values():
        family.register()


_READER = {"text-classification": "tokenizer", "image-classification": "image_processor"}
"""What reads the inputs of a task."""


def load_pipeline(
    model: str, pipeline_classes: "Mapping[str, type[Pipeline]] | None" = None, **options: Any
) -> "Pipeline":
    """Load a saved hfkit model, a folder or a Hub id, as the `pipeline()` of its task; no remote code is run.

    Args:
        model: Folder or Hub id of a model that hfkit saved.
        pipeline_classes: Classes by task, in place of those of the families.
        options: Further arguments of `transformers.pipeline`, such as `device` or `revision`.

    Raises:
        ValueError: The model is not one of hfkit's families, the folder of a run that did not finish, or its files are refused
            (see `checked_loading.py`).

    """
    from transformers import pipeline

    from .config_checks import pin_revision, read_config
    from .refusing import refusing

    if (Path(model) / "hfkit.yaml").is_file() and not (Path(model) / "config.json").is_file():
        raise ValueError(f"{model} is not a finished hfkit run: it has no config.json.")

    where = {**dict(options.get("model_kwargs") or {}), **options}
    where = {name: where[name] for name in ("revision", "token", "cache_dir", "local_files_only") if name in where}
    if not Path(model).is_dir():
        options["revision"] = where["revision"] = pin_revision(model, **where)
    # All other files are looked at when the net is loaded, before the tokenizer is.
    config = read_config(model, **where)
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        code = ", ".join(list_code(config))
        trust = f"; pipeline(..., trust_remote_code=True) would run its own code ({code})" if code else ""
        raise ValueError(f"{model} is a {config.get('model_type')} model, not one of {', '.join(FAMILIES)}{trust}.")
    family.register()
    # By its own class: pipeline() would try what config.json names as `architectures`, too, and hide why one does not load.
    names = [name for name in ("dtype", "torch_dtype", "device_map") if name in options]
    loading = {**dict(options.get("model_kwargs") or {}), **where, **{name: options.pop(name) for name in names}}
    net = family.model_class.from_pretrained(model, **{"dtype": "auto", **loading})
    options = {"config": deepcopy(net.config), _READER[family.task]: model, **options}
    if "device_map" in names and not getattr(net, "hf_device_map", None):
        options.setdefault("device", net.device)
    # Without this transformers would ask a person at a terminal whether to run the code of a foreign tokenizer.
    options.setdefault("trust_remote_code", False)
    pipeline_class = (pipeline_classes or {}).get(family.task, family.pipeline_class)
    with refusing("what reads its inputs cannot be loaded"):
        return pipeline(family.task, model=net, pipeline_class=pipeline_class, **options)


def list_code(config: Any) -> list[str]:
    """Return what a configuration names as code, itself or further in, such as `text.TextClassifier`.

    What stands in another repository has that in front, as in `other/repository--text.TextClassifier`.
    """
    names: list[Any] = []
    if isinstance(config, dict):
        for key, value in config.items():
            if key == "auto_map" and isinstance(value, dict):
                for classes in value.values():
                    names += classes if isinstance(classes, list | tuple) else [classes]
            elif key == "impl":
                names.append(value)
            else:
                names += list_code(value)
    elif isinstance(config, list):
        for item in config:
            names += list_code(item)
    return sorted({str(name) for name in names if name})
