"""Image models of transformers (ViT, DINOv2, DINOv3, ConvNeXtV2, the vision tower of SigLIP, ...) with a new head."""

import inspect
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel

from .checked_loading import checked_loading
from .checkpointing import Checkpoint, Recomputation, layers_without_checkpointing, wrap_layers
from .config_checks import pin_revision
from .image import ImageClassifier, ImageClassifierConfig, Step
from .vision_configs import read_image_size, vision_config


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
        if model.config.head == "layers" and "layer_names" not in options:
            model.keep_layers()
        return model

    def steps(self) -> list[Step]:
        """Return the backbone as one step without a name."""
        return [("", self._pooled)]

    def _prefix_tokens(self) -> int:
        return _prefix_tokens(self.backbone)

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
    revision = pin_revision(source, revision)
    with checked_loading(source, revision=revision) as options:
        net, loading = AutoModel.from_pretrained(
            source,
            config=vision_config(options),
            revision=revision,
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
    outputs = _run_black_image(net.eval(), image_size)
    if is_pooled and getattr(outputs, "pooler_output", None) is not None:
        pooling = "pooler"
    elif getattr(outputs, "last_hidden_state", None) is None:
        raise ValueError(f"{type(net).__name__} gives neither a pooled output nor states")
    else:
        pooling = "class_token" if _last_names(net) & _CLASS_TOKENS else "mean"
    return {"pooling": pooling, "feature_size": _pool(net, outputs, pooling).shape[1]}


def _run_black_image(net: PreTrainedModel, image_size: int | None) -> Any:
    """Return what a net gives for one image of this size, or of its own where it does not run with that."""
    _check_inputs(net)
    own = read_image_size(net.config) or 224
    try:
        size = image_size or own
        return net(pixel_values=torch.zeros(1, 3, size, size), **_interpolation(net, size))
    except (RuntimeError, ValueError):
        return net(pixel_values=torch.zeros(1, 3, own, own))


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


def _interpolation(net: PreTrainedModel, image_size: int) -> dict[str, bool]:
    """Return what `forward` takes so that positions fit another image size than the config's."""
    takes = "interpolate_pos_encoding" in inspect.signature(net.forward).parameters
    return {"interpolate_pos_encoding": True} if takes and read_image_size(net.config) != image_size else {}


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
