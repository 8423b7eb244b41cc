"""Which family of image models a backbone's name means, and the flags that are for one family alone."""

import difflib
from dataclasses import fields
from typing import Any

import timm

from ..errors import UserError
from ..flags.image_arguments import ImageModelArguments
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
from ..models.image import ImageClassifier
from .checkpoints import names_checkpoint, read_checkpoint, timm_name
from .packaged import LITE0
from .saved_image import read_saved_family

_OWN: dict[str, type[ImageClassifier]] = {
    "vgg19": VggClassifier,
    "densenet201": DenseNetClassifier,
    **dict.fromkeys(FDVIT_SIZES, FdVitClassifier),
}


OWN_NAMES = (*_OWN, LITE0)
"""Backbones that timm does not know by these names."""


def is_checkpoint(name: str) -> bool:
    """Whether a backbone is a checkpoint of transformers: a Hub id or a folder whose name is none of ours and of timm's."""
    known = name in OWN_NAMES or timm.is_model(timm_name(name).partition(".")[0])
    return not known and names_checkpoint(name)


def find_family(arguments: ImageModelArguments) -> tuple[type[ImageClassifier], dict[str, Any], int]:
    """Return the class for a backbone, its own options, and the image size that its weights were trained with.

    Raises:
        UserError: There is no such backbone, or a flag is for another one.

    """
    name = arguments.backbone or ""
    saved = read_saved_family(arguments, list_family_flags())
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


def list_family_flags() -> list[str]:
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
