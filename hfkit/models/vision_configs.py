"""Which configs are those of image models of transformers; what comes from a stranger is looked at before it is built."""

from collections.abc import Mapping
from typing import Any

from transformers import CONFIG_MAPPING, MODEL_MAPPING, PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_IMAGE_MAPPING_NAMES,
    MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES,
)

from .config_checks import make_config

_TOWER = "_vision_model"
"""How the type of the vision tower of a joint model of texts and images ends."""

_NOT_FOR_FEATURES = {
    "timm_backbone",  # wraps timm, whose options can name files: timm's models have a family of their own
    "timm_wrapper",
    "vit_mae",  # hides patches at random, also in evaluation
}


def is_vision_type(model_type: str) -> bool:
    """Whether transformers knows a type of config as one of image models, by its own tables; no wrapper, no video model."""
    joint_type = model_type.removesuffix(_TOWER)
    known = model_type in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES or model_type in MODEL_FOR_IMAGE_MAPPING_NAMES
    known |= joint_type != model_type and joint_type in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    return (
        known and model_type not in _NOT_FOR_FEATURES and model_type not in MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES
    )


def vision_config(config: PreTrainedConfig | Mapping[str, Any]) -> PreTrainedConfig:
    """Return the config of an image model; of a joint model of texts and images that of its vision tower.

    Only types of `is_vision_type` are accepted, none of them with a further model inside: a config can come from a stranger.

    Args:
        config: A config, or a dict with its `model_type`.

    Returns:
        A config of its own, without what only its checkpoint needs: labels, dtype, names of places.

    Raises:
        ValueError: It is of another kind.

    """
    options = dict(config) if isinstance(config, Mapping) else config.to_dict()
    options = {key: value for key, value in options.items() if not _is_of_the_checkpoint(key)}
    model_type = str(options.pop("model_type", ""))
    config_class = CONFIG_MAPPING[model_type] if is_vision_type(model_type) and model_type in CONFIG_MAPPING else None
    if config_class is not None and "vision_config" in config_class.sub_configs:
        return vision_config(make_config(config_class, options).vision_config)
    # A model with others inside would build these from what the config says, and some from files.
    if config_class is None or config_class.sub_configs or config_class not in MODEL_MAPPING:
        raise ValueError(f"a config of the type '{model_type}' is none of an image model that can stand under a head")
    return make_config(config_class, options)


def _is_of_the_checkpoint(key: str) -> bool:
    """Whether a field says nothing of the net: among them is a kernel's name, by which transformers would fetch code."""
    return "attn_implementation" in key or key in _OF_THE_CHECKPOINT


_OF_THE_CHECKPOINT = {
    "_name_or_path",
    "architectures",
    "auto_map",
    "dtype",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "quantization_config",
    "torch_dtype",
    "transformers_version",
}


def read_image_size(config: PreTrainedConfig) -> int | None:
    """Return the height of the images that a config is for, where it says so."""
    size = getattr(config, "image_size", None)
    return int(size[0] if isinstance(size, list | tuple) else size) if size else None
