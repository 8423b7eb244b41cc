"""VGG19 (Simonyan and Zisserman, arXiv 1409.1556): torchvision's convolutions with a new head."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from .image import (
    ImageClassifier,
    ImageClassifierConfig,
    Preprocessing,
    Step,
    torchvision_preprocessing,
    torchvision_tensors,
)


class VggClassifierConfig(ImageClassifierConfig):
    """Configuration of `VggClassifier`.

    Args:
        layers: Channels of each convolution, and "M" for each pooling; default: VGG19's.
        global_pool: Average each channel over the image before the head, in place of flattening.

    Examples:
        >>> from hfkit import VggClassifierConfig
        >>> config = VggClassifierConfig(image_size=32, num_labels=10)
        >>> config.layers[:5], config.global_pool
        ([64, 64, 'M', 128, 128], False)

    """

    model_type = "hfkit-vgg"

    layers: list[int | str] | tuple[int | str, ...] = tuple(cfgs["E"])
    global_pool: bool = False

    def __post_init__(self, **kwargs: object) -> None:
        self.layers = list(self.layers)
        super().__post_init__(**kwargs)


class VggClassifier(ImageClassifier):
    """VGG19's convolutions, flattened, with a head; the layers of width 4,096 are not built.

    The features of an image of 32 pixels are 512 numbers, of 224 pixels 7 x 7 x 512 = 25,088, or 512 with `global_pool`.
    Layers are named as in torchvision (`features.28`) or as in Keras (`block5_conv1`); see `keras_names`.

    Examples:
        >>> import torch
        >>> from hfkit import VggClassifier, VggClassifierConfig
        >>> model = VggClassifier(VggClassifierConfig(layers=[8, "M", 16, "M"], image_size=32, num_labels=10)).eval()
        >>> model(torch.zeros(2, 3, 32, 32)).logits.shape
        torch.Size([2, 10])

    """

    config_class = VggClassifierConfig

    def __init__(self, config: VggClassifierConfig) -> None:
        super().__init__(config)
        layers = list(config.layers)
        self.backbone = nn.Module()
        self.backbone.features = make_layers(layers)  # type: ignore[arg-type]
        for module in self.backbone.modules():
            if isinstance(module, nn.Conv2d):  # as torchvision.models.VGG does
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        side = config.image_size // 2 ** layers.count("M")
        if side == 0:
            raise ValueError(f"image_size {config.image_size} is too small: write {2 ** layers.count('M')} or more.")
        channels = [width for width in layers if width != "M"][-1]
        self.feature_size = int(channels) * (1 if config.global_pool else side**2)
        self._finish()

    def preprocessing(self) -> Preprocessing:
        """Return what torchvision records with the weights IMAGENET1K_V1."""
        return torchvision_preprocessing(VGG19_Weights.IMAGENET1K_V1)

    def steps(self) -> list[Step]:
        """Return the layers of `features`, and the flattening."""
        layers: list[Step] = [(f"features.{name}", layer) for name, layer in self.backbone.features.named_children()]
        return [*layers, ("", self._flatten)]

    def _flatten(self, states: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, side, side) to (batch, feature_size)."""
        if self.config.global_pool:
            states = functional.adaptive_avg_pool2d(states, 1)
        return states.flatten(1)

    def load_pretrained_backbone(self, source: str | Mapping[str, torch.Tensor] = "default") -> None:
        """Copy VGG19's weights, `default` for torchvision's or a state dict under its names, into the backbone, strictly."""
        self._load_backbone_state(torchvision_tensors(source, VGG19_Weights.IMAGENET1K_V1), "VGG19")

    def layer_name(self, name: str) -> str:
        """Return torchvision's name for Keras' (`block5_conv1` is `features.28`); any other name stays as it is."""
        return self.keras_names().get(name, name)

    def keras_names(self) -> dict[str, str]:
        """Map Keras' names of convolutions and poolings, `block1_conv1` to `block5_pool`, to torchvision's."""
        names: dict[str, str] = {}
        block, convolution = 1, 1
        for index, module in enumerate(self.backbone.features):
            if isinstance(module, nn.Conv2d):
                names[f"block{block}_conv{convolution}"] = f"features.{index}"
                convolution += 1
            elif isinstance(module, nn.MaxPool2d):
                names[f"block{block}_pool"] = f"features.{index}"
                block, convolution = block + 1, 1
        return names
