"""Any model of timm by its name (ViT, EfficientNet, ConvNeXt, ...) with a new head."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import timm
import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint

from .base import BackboneClassifier
from .checkpointing import Checkpoint, Recomputation, can_checkpoint
from .image import ImageClassifier, ImageClassifierConfig, Preprocessing, Step

_SEQUENCES = {
    "ConvNeXt": ("stem", "stages", "norm_pre"),
    "EfficientNet": ("conv_stem", "bn1", "blocks", "conv_head", "bn2"),
    "ResNet": ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4"),
}
"""The parts of timm's nets that run one after the other, by the name of the class."""

_BLOCKS = ("blocks.", "layer1.", "layer2.", "layer3.", "layer4.")
"""How the names of repeated blocks begin, those of nets whose own `forward_features` checkpoints them."""

_PLAIN_WORD = re.compile(r"\w*")


def _is_of_the_net(name: str, value: Any) -> bool:
    """Tell whether an argument of `timm.create_model` is of numbers and plain words, and makes timm read or write no file.

    A config can come from a stranger.
    """
    if name.startswith(("pretrained", "checkpoint", "cache")) or name.endswith(("_fn", "_cls")):
        return False
    if isinstance(value, dict):
        return all(_is_of_the_net(str(key), each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return all(_is_of_the_net("", each) for each in value)
    return (
        value is None or isinstance(value, int | float) or bool(isinstance(value, str) and _PLAIN_WORD.fullmatch(value))
    )


class TimmClassifierConfig(ImageClassifierConfig):
    """Configuration of `TimmClassifier`.

    Args:
        backbone_name: Name of the model in timm, such as `vit_base_patch16_224` or `convnext_tiny.fb_in1k`.
        backbone_options: Further arguments of `timm.create_model`, such as `{"drop_path_rate": 0.1}`.

    Examples:
        >>> from hfkit import TimmClassifierConfig
        >>> config = TimmClassifierConfig(backbone_name="convnext_tiny.fb_in1k", num_labels=10)
        >>> config.backbone_name, config.num_labels
        ('convnext_tiny.fb_in1k', 10)

    """

    model_type = "hfkit-timm"

    backbone_name: str = "vit_base_patch16_224"
    backbone_options: dict[str, Any] | None = None


class TimmClassifier(ImageClassifier):
    """A timm model without its own head: its pooled features, and a head on them.

    Examples:
        >>> import torch
        >>> from hfkit import TimmClassifier, TimmClassifierConfig
        >>> model = TimmClassifier(TimmClassifierConfig(backbone_name="resnet18", image_size=32, num_labels=10)).eval()
        >>> model(torch.zeros(2, 3, 32, 32)).logits.shape
        torch.Size([2, 10])

    """

    config_class = TimmClassifierConfig
    _recompute: Recomputation | None = None
    """How blocks run in training with activation checkpointing."""
    _checkpoint_every = 1

    def __init__(self, config: TimmClassifierConfig) -> None:
        super().__init__(config)
        self.backbone = self._create()
        self.supports_gradient_checkpointing = can_checkpoint(self.backbone, in_steps=len(self.steps()) > 1)
        self.feature_size = self.backbone.head_hidden_size
        self._finish()

    def preprocessing(self) -> Preprocessing:
        """Return what timm records with the weights of this name."""
        record = self.backbone.pretrained_cfg
        return Preprocessing(
            weights=f"timm's {record['architecture']}.{record['tag']}".removesuffix("."),
            image_size=record["input_size"][-1],
            mean=tuple(record["mean"]),
            std=tuple(record["std"]),
            interpolation=record["interpolation"],
        )

    def steps(self) -> list[Step]:
        """Return the parts of a transformer or of a net in `_SEQUENCES`, or any other backbone as one step without a name.

        With parts of its own, activation checkpointing can leave BatchNorm's statistics alone, which timm's would count twice.
        """
        net = self.backbone
        if isinstance(net, VisionTransformer):
            blocks: list[Step] = [(f"blocks.{name}", block) for name, block in net.blocks.named_children()]
            blocks = self._checkpointed(blocks)
            return [("patch_embed", self._embed), *blocks, ("norm", net.norm), (self._last_stage(), self._pool)]
        steps: list[Step] = []
        for part in _SEQUENCES.get(type(net).__name__, ()):
            module = getattr(net, part)
            inner = list(module.named_children()) if isinstance(module, nn.Sequential) else []
            steps += [(f"{part}.{name}", child) for name, child in inner] or [(part, module)]
        return [*self._checkpointed(steps), (self._last_stage(), self._pool)] if steps else [("", net)]

    def _checkpointed(self, steps: list[Step]) -> list[Step]:
        """Wrap the blocks that timm's own `forward_features`, which is not called here, would checkpoint."""
        recompute = self._recompute
        if recompute is None or not self.training or not getattr(self.backbone, "grad_checkpointing", False):
            return steps
        wrapped: list[Step] = []
        count = 0
        for name, step in steps:
            parts = list(step.children()) if isinstance(step, nn.Sequential) else [step]
            if name.startswith(_BLOCKS):
                step = partial(
                    recompute.chain, parts, [(count + index) % self._checkpoint_every for index in range(len(parts))]
                )
                count += len(parts)
            wrapped.append((name, step))
        return wrapped

    def _set_gradient_checkpointing(
        self, enable: bool = True, gradient_checkpointing_func: Checkpoint = checkpoint, **options: Any
    ) -> None:
        """Checkpoint the blocks of the net: those that `steps` names here, what is inside of one by timm's own flag."""
        self.backbone.set_grad_checkpointing(enable)
        self._recompute = Recomputation(gradient_checkpointing_func, self.backbone) if enable else None
        self._checkpoint_every = options.get("every_n_layers", 1)
        self.gradient_checkpointing = enable

    def forward_from(self, layer: str, states: torch.Tensor) -> torch.Tensor:
        """Map what enters `layer` to what the head takes.

        Within one step nothing is checkpointed: timm would run the layer again in the backward pass, where no states enter it.
        """
        if self._recompute is None or layer == "classifier" or self._position(layer) is not None:
            return super().forward_from(layer, states)
        self.backbone.set_grad_checkpointing(False)
        try:
            return super().forward_from(layer, states)
        finally:
            self.backbone.set_grad_checkpointing(True)

    def _prefix_tokens(self) -> int:
        return int(getattr(self.backbone, "num_prefix_tokens", 0) or 0)

    def _last_stage(self) -> str:
        """Name the layer with parameters that some nets have behind their last block, in timm's part for the head."""
        modules = {name: getattr(self.backbone, name, None) for name in ("attn_pool", "fc_norm", "head")}
        return next((name for name, module in modules.items() if module is not None and [*module.parameters()]), "")

    def _embed(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Map images to the tokens that enter the first block of a transformer."""
        net = self.backbone
        return net.norm_pre(net.patch_drop(net._pos_embed(net.patch_embed(pixel_values))))

    def _pool(self, states: torch.Tensor) -> torch.Tensor:
        """Map the last states to features (batch, feature_size)."""
        return self.backbone.forward_head(states)

    def load_pretrained_backbone(self, source: str | Mapping[str, torch.Tensor] = "default") -> None:
        """Copy weights, `default` for timm's or a state dict under its names, into the backbone, strictly.

        Positions of a transformer that were trained at another image size are interpolated, as timm does it.
        """
        if isinstance(source, str):
            state = self._create(pretrained=True).state_dict()
        else:
            heads = self.backbone.pretrained_cfg.get("classifier") or ()
            heads = (heads,) if isinstance(heads, str) else tuple(heads)
            state = {key: source[key] for key in source if not key.startswith(tuple(f"{head}." for head in heads))}
        self._load_backbone_state(self._fit_positions(state), self.config.backbone_name)

    def copy_backbone(self, other: BackboneClassifier) -> None:
        """Copy the weights of another model's backbone, strictly; positions of another image size are interpolated."""
        self._load_backbone_state(self._fit_positions(other.backbone.state_dict()), type(other).__name__)

    def _create(self, pretrained: bool = False) -> Any:
        """Build the timm model without a head, for the image size of the config."""
        options = self._options(pretrained)
        unsafe = sorted(name for name in options if not _is_of_the_net(name, options[name]))
        if unsafe or set(self.config.backbone_name) & set(":/\\"):
            raise ValueError(
                f"backbone_name is a name of timm's own, and backbone_options cannot hold {unsafe or 'places'}"
            )
        record = timm.get_pretrained_cfg(self.config.backbone_name)
        if record is not None and record.fixed_input_size and record.input_size[-1] != self.config.image_size:
            options.setdefault("img_size", self.config.image_size)
        return timm.create_model(self.config.backbone_name, pretrained=pretrained, num_classes=0, **options)

    def _options(self, pretrained: bool = False) -> dict[str, Any]:
        """Return the arguments of `timm.create_model` besides the name, for this model or for the one of its weights."""
        return dict(self.config.backbone_options or {})

    def _fit_positions(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Interpolate the table of positions to the number of patches of this model."""
        own = getattr(self.backbone, "pos_embed", None)
        given = state.get("pos_embed")
        if own is None or given is None or own.shape == given.shape:
            return state
        grid = self.backbone.patch_embed.grid_size
        # Some, such as DeiT III, have positions for the patches alone.
        prefix = (
            0 if getattr(self.backbone, "no_embed_class", False) else getattr(self.backbone, "num_prefix_tokens", 1)
        )
        resampled = resample_abs_pos_embed(given, new_size=list(grid), num_prefix_tokens=prefix)
        return {**state, "pos_embed": resampled}
