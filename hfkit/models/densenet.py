"""DenseNet201 (Huang et al., arXiv 1608.06993): torchvision's features with a new head."""

import re
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import DenseNet, DenseNet201_Weights

from .image import (
    ImageClassifier,
    ImageClassifierConfig,
    Preprocessing,
    Step,
    torchvision_preprocessing,
    torchvision_tensors,
)

_KERAS_STEM = {"conv1_conv": "conv0", "conv1_bn": "norm0", "bn": "norm5"}
_KERAS_PARTS = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2"}


class DenseNetClassifierConfig(ImageClassifierConfig):
    """Configuration of `DenseNetClassifier`; the sizes default to DenseNet201's.

    Args:
        growth_rate: Channels that each layer adds.
        block_config: Layers of each of the four blocks.
        num_init_features: Channels of the first convolution.

    Examples:
        >>> from hfkit import DenseNetClassifierConfig
        >>> config = DenseNetClassifierConfig(image_size=64, num_labels=10)
        >>> config.block_config, config.growth_rate
        ([6, 12, 48, 32], 32)

    """

    model_type = "hfkit-densenet"

    growth_rate: int = 32
    block_config: list[int] | tuple[int, ...] = (6, 12, 48, 32)
    num_init_features: int = 64

    def __post_init__(self, **kwargs: object) -> None:
        self.block_config = list(self.block_config)
        super().__post_init__(**kwargs)


class DenseNetClassifier(ImageClassifier):
    """DenseNet201's features, the last ReLU, the mean over the image (1,920 numbers), and a head.

    Layers are named as in torchvision (`features.denseblock4`) or as in Keras (`conv5_block1_0_bn`).

    Examples:
        >>> import torch
        >>> from hfkit import DenseNetClassifier, DenseNetClassifierConfig
        >>> model = DenseNetClassifier(DenseNetClassifierConfig(block_config=[2, 2], image_size=32, num_labels=10)).eval()
        >>> model(torch.zeros(2, 3, 32, 32)).logits.shape
        torch.Size([2, 10])

    """

    config_class = DenseNetClassifierConfig

    def __init__(self, config: DenseNetClassifierConfig) -> None:
        super().__init__(config)
        blocks = tuple(config.block_config)
        net = DenseNet(config.growth_rate, blocks, config.num_init_features, num_classes=1)  # type: ignore[arg-type]
        self.backbone = nn.Module()
        self.backbone.features = net.features
        self.feature_size = net.classifier.in_features
        self._finish()

    def preprocessing(self) -> Preprocessing:
        """Return what torchvision records with the weights IMAGENET1K_V1."""
        return torchvision_preprocessing(DenseNet201_Weights.IMAGENET1K_V1)

    def steps(self) -> list[Step]:
        """Return the blocks and layers of `features`, and the mean over the image."""
        layers: list[Step] = [(f"features.{name}", layer) for name, layer in self.backbone.features.named_children()]
        return [*layers, ("", self._average)]

    def _average(self, states: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, side, side) to (batch, channels); torchvision's `features` end before the last ReLU."""
        return functional.adaptive_avg_pool2d(functional.relu(states), 1).flatten(1)

    def load_pretrained_backbone(self, source: str | Mapping[str, torch.Tensor] = "default") -> None:
        """Copy weights, `default` for torchvision's or a state dict under its names, into the backbone, strictly."""
        state = torchvision_tensors(source, DenseNet201_Weights.IMAGENET1K_V1)
        # The published file still has the names of 2017: denselayer1.norm.1 is norm1 by now.
        renamed = {re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", key): state[key] for key in state}
        counters = {key: torch.tensor(0) for key in self.backbone.state_dict() if key.endswith("num_batches_tracked")}
        self._load_backbone_state({**counters, **renamed}, "DenseNet201")

    def layer_name(self, name: str) -> str:
        """Return torchvision's name for Keras' (`conv5_block1_0_bn` is the first of `features.denseblock4`)."""
        if name in _KERAS_STEM:
            return f"features.{_KERAS_STEM[name]}"
        layer = re.fullmatch(r"conv([2-5])_block(\d+)_(0_bn|1_conv|1_bn|2_conv)", name)
        if layer:
            return f"features.denseblock{int(layer[1]) - 1}.denselayer{layer[2]}.{_KERAS_PARTS[layer[3]]}"
        transition = re.fullmatch(r"pool([2-4])_(bn|conv)", name)
        if transition:
            return f"features.transition{int(transition[1]) - 1}.{'norm' if transition[2] == 'bn' else 'conv'}"
        return name
