"""Image models of transformers (ViT, DINOv2, DINOv3, ConvNeXtV2, the vision tower of SigLIP, ...) with a new head."""

import inspect
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import CONFIG_MAPPING, MODEL_MAPPING, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_IMAGE_MAPPING_NAMES,
    MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES,
)

from .checkpointing import Checkpoint, Recomputation, layers_without_checkpointing, wrap_layers
from .image import ImageClassifier, ImageClassifierConfig, Step

_TOWER = "_vision_model"
"""How the type of the vision tower of a joint model of texts and images ends."""

_NOT_FOR_FEATURES = {
    "timm_backbone",  # wraps timm, whose options can name files: timm's models have a family of their own
    "timm_wrapper",
    "vit_mae",  # hides patches at random, also in evaluation
}


def is_vision_type(model_type: str) -> bool:
    """Whether transformers knows a type of config as one of image models, by its own tables; no wrapper, no video model."""
    tower_of = model_type.removesuffix(_TOWER)
    known = model_type in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES or model_type in MODEL_FOR_IMAGE_MAPPING_NAMES
    known |= tower_of != model_type and tower_of in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
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
        return vision_config(config_class.from_dict(options).vision_config)
    # A model with others inside would build these from what the config says, and some from files.
    if config_class is None or config_class.sub_configs or config_class not in MODEL_MAPPING:
        raise ValueError(f"a config of the type '{model_type}' is none of an image model that can stand under a head")
    return config_class.from_dict(options)


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


class TransformersImageClassifierConfig(ImageClassifierConfig):
    """Configuration of `TransformersImageClassifier`.

    Args:
        backbone_config: Config of the image model, or a dict with its `model_type`; default: ViT-base.
        pooling: What the head stands on: the model's own pooled output (`pooler`), the state of its `class_token`, or the
            `mean` of its last states over the image.
        feature_size: Width of that; default: by the names that most configs have for it.

    """

    model_type = "hfkit-transformers-image"

    backbone_config: PreTrainedConfig | dict[str, Any] | None = None
    pooling: Literal["pooler", "class_token", "mean"] = "pooler"
    feature_size: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        backbone = self.backbone_config or {}
        self.backbone_config = vision_config(
            {"model_type": "vit", **backbone} if isinstance(backbone, dict) else backbone
        )
        super().__post_init__(**kwargs)
        if self.pooling not in ("pooler", "class_token", "mean"):
            raise ValueError(f"Unknown pooling '{self.pooling}': write pooler, class_token or mean.")


class TransformersImageClassifier(ImageClassifier):
    """An image model of transformers, and a head on its features.

    The mask token, which only masked pretraining uses, is no parameter here.
    """

    config_class = TransformersImageClassifierConfig

    def __init__(self, config: TransformersImageClassifierConfig) -> None:
        super().__init__(config)
        assert isinstance(config.backbone_config, PreTrainedConfig)
        if config.pooling != "pooler" and getattr(config.backbone_config, "vision_use_head", False):
            config.backbone_config.vision_use_head = False  # the attention pooling of SigLIP
        self.backbone = AutoModel.from_config(config.backbone_config, trust_remote_code=False)
        _check_inputs(self.backbone)
        if config.pooling != "pooler" and hasattr(self.backbone, "pooler"):
            self.backbone.pooler = None
        _drop_mask_tokens(self.backbone)
        self._interpolate = _interpolation(self.backbone, config.image_size)
        self.supports_gradient_checkpointing = bool(
            self.backbone.supports_gradient_checkpointing or layers_without_checkpointing(self.backbone)
        )
        self.feature_size = config.feature_size or _feature_size(config.backbone_config, config.pooling)
        self._finish()

    @classmethod
    def from_backbone(  # type: ignore[override]
        cls, source: str, revision: str | None = None, **config_options: Any
    ) -> "TransformersImageClassifier":
        """Build a classifier with the pretrained image model of `source` and a new head.

        Args:
            source: A folder or a Hub id of any checkpoint of the model (with or without a pretraining head).
            revision: Branch, tag or commit of a Hub id.
            config_options: Fields of `TransformersImageClassifierConfig`, `id2label` and `label2id`; without `pooling` the
                head stands on the model's own pooled output where the checkpoint has weights for it.

        Raises:
            OSError: `source` does not exist or cannot be reached.
            ValueError: `source` is no image model, or its weights do not fill it.

        """
        net, is_pooled = load_image_model(source, revision)
        options = {**describe_features(net, is_pooled, config_options.get("image_size")), **config_options}
        model = cls(cls.config_class(backbone_config=net.config, **options))
        model.load_pretrained_backbone(net)
        return model

    def steps(self) -> list[Step]:
        """Return the backbone as one step without a name."""
        return [("", self._pooled)]

    def _pooled(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Map images (batch, 3, height, width) to features (batch, feature_size)."""
        outputs = self.backbone(pixel_values=pixel_values, **self._interpolate)
        return _pool(self.backbone, outputs, self.config.pooling)

    def load_pretrained_backbone(  # type: ignore[override]
        self, source: str | PreTrainedModel | Mapping[str, torch.Tensor]
    ) -> None:
        """Copy the weights of an image model (a module, a folder, a Hub id, or its tensors) into the backbone, strictly.

        A pooler that this model does not have is left out, and so is the mask token.

        Raises:
            OSError: `source` does not exist or cannot be reached.
            ValueError: A tensor is missing, unknown or of another shape.

        """
        net = load_image_model(source)[0] if isinstance(source, str) else source
        state = net.state_dict() if isinstance(net, PreTrainedModel) else net
        own = self.backbone.state_dict()
        state = {key: state[key] for key in state if key in own or not _is_left_out(key, self.config.pooling)}
        self._load_backbone_state(state, source if isinstance(source, str) else type(source).__name__)

    def describe_head(self) -> str:
        """Say in one sentence what the head is and what it stands on."""
        features = {
            "pooler": "the pooled output of the model itself",
            "class_token": "the state of the class token (no pretrained pooling)",
            "mean": "the mean of the last states over the image (no pretrained pooling)",
        }
        return f"{super().describe_head()[:-1]}, on {features[self.config.pooling]}."

    def _set_gradient_checkpointing(
        self, enable: bool = True, gradient_checkpointing_func: Checkpoint = checkpoint, **options: Any
    ) -> None:
        """Let the layers of the backbone checkpoint themselves, or wrap them where they cannot."""
        recompute = Recomputation(gradient_checkpointing_func, self.backbone)
        if self.backbone.supports_gradient_checkpointing:
            super()._set_gradient_checkpointing(enable, recompute, **options)
            return
        layers = layers_without_checkpointing(self.backbone)
        wrap_layers(layers, recompute if enable else None, options.get("every_n_layers", 1))
        self.gradient_checkpointing = enable


def load_image_model(source: str, revision: str | None = None) -> tuple[PreTrainedModel, bool]:
    """Load the bare image model of `source` in float32; also tell whether its checkpoint fills what pools the states.

    Raises:
        OSError: `source` does not exist or cannot be reached.
        ValueError: It is no image model, or its checkpoint lacks weights other than the pooling's.

    """
    options, _ = PreTrainedConfig.get_config_dict(source, revision=revision or "main")
    net, loading = AutoModel.from_pretrained(
        source,
        config=vision_config(options),
        revision=revision or "main",
        dtype=torch.float32,
        output_loading_info=True,
        trust_remote_code=False,
    )
    missing = sorted(key for key in loading["missing_keys"] if "mask_token" not in key)
    lacking = [key for key in missing if not key.startswith(_POOLING)]
    if lacking:
        raise ValueError(f"the checkpoint lacks weights of its image model: {', '.join(lacking[:5])}")
    return net.eval(), not missing


_POOLING = ("pooler.", "head.")
"""How the names of tensors begin that make one vector of the last states."""


@torch.inference_mode()
def describe_features(net: PreTrainedModel, is_pooled: bool, image_size: int | None = None) -> dict[str, Any]:
    """Run a model on a black image, and return what features of it are, as fields of the config.

    They are its own pooled output where that is trained, else the state of its class token, or the mean over the image.

    Args:
        net: The bare model.
        is_pooled: Whether the weights that pool the states, where it has such, are trained.
        image_size: Height and width; default: the config's, or 224.

    Raises:
        ValueError: It gives neither a pooled output nor states.

    """
    _check_inputs(net)
    size = image_size or image_size_of(net.config) or 224
    outputs = net.eval()(pixel_values=torch.zeros(1, 3, size, size), **_interpolation(net, size))
    if is_pooled and getattr(outputs, "pooler_output", None) is not None:
        pooling = "pooler"
    elif getattr(outputs, "last_hidden_state", None) is None:
        raise ValueError(f"{type(net).__name__} gives neither a pooled output nor states")
    else:
        pooling = "class_token" if _last_names(net) & _CLASS_TOKENS else "mean"
    return {"pooling": pooling, "feature_size": _pool(net, outputs, pooling).shape[1]}


def _pool(net: PreTrainedModel, outputs: Any, pooling: str) -> torch.Tensor:
    """Return the features (batch, width) in what a model gives."""
    if pooling == "pooler":
        pooled = outputs.pooler_output
        return pooled.mean(dim=(2, 3)) if pooled.ndim == 4 else pooled
    states = outputs.last_hidden_state
    if pooling == "class_token":
        return states[:, 0]
    return states.mean(dim=(2, 3)) if states.ndim == 4 else states[:, _prefix_tokens(net) :].mean(dim=1)


_CLASS_TOKENS = {"cls_token", "class_embedding"}


def _last_names(net: nn.Module) -> set[str]:
    """Return the last parts of the names of the parameters."""
    return {name.rpartition(".")[2] for name, _ in net.named_parameters()}


def image_size_of(config: PreTrainedConfig) -> int | None:
    """Return the height of the images that a config is for, where it says so."""
    size = getattr(config, "image_size", None)
    return int(size[0] if isinstance(size, list | tuple) else size) if size else None


def _interpolation(net: PreTrainedModel, image_size: int) -> dict[str, bool]:
    """Return what `forward` takes so that positions fit another image size than the config's."""
    takes = "interpolate_pos_encoding" in inspect.signature(net.forward).parameters
    return {"interpolate_pos_encoding": True} if takes and image_size_of(net.config) != image_size else {}


def _check_inputs(net: PreTrainedModel) -> None:
    """Refuse a model that needs more than pixels."""
    parameters = inspect.signature(net.forward).parameters
    needed = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    needed = [
        name for name in needed if name != "pixel_values" and parameters[name].kind != inspect.Parameter.VAR_KEYWORD
    ]
    if net.main_input_name != "pixel_values" or needed:
        raise ValueError(f"{type(net).__name__} takes {', '.join(needed) or net.main_input_name} and not images alone")


def _drop_mask_tokens(net: nn.Module) -> None:
    """Make buffers of mask tokens, which no checkpoint needs to hold: as parameters they would never get a gradient."""
    for module in net.modules():
        token = module._parameters.get("mask_token")
        if token is not None:
            del module.mask_token
            module.register_buffer("mask_token", token.detach(), persistent=False)


def _is_left_out(key: str, pooling: str) -> bool:
    return key.endswith("mask_token") or (pooling != "pooler" and key.startswith(_POOLING))


def _prefix_tokens(net: PreTrainedModel) -> int:
    """Return how many tokens stand in front of the patches: those of the class, of a distillation and registers."""
    single = len(_last_names(net) & {*_CLASS_TOKENS, "distillation_token"})
    return single + int(getattr(net.config, "num_register_tokens", 0) or 0)


def _feature_size(config: PreTrainedConfig, pooling: str) -> int:
    """Return the width of the features, by the names that configs have for it."""
    pooled = getattr(config, "pooler_output_size", None)
    if pooling == "pooler" and pooled:
        return int(pooled)
    for name in ("hidden_size", "hidden_dim"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    if not getattr(config, "hidden_sizes", None):
        raise ValueError(f"feature_size: a config of the type {config.model_type} does not say how wide features are")
    return int(config.hidden_sizes[-1])
