"""A saved image classifier under a new head: its net as it was built, its weights, and its image processor."""

import inspect
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import torch
from transformers import ViTImageProcessor
from transformers.image_utils import PILImageResampling, SizeDict

from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.image_arguments import ImageModelArguments
from ..flags.values import read_layers
from ..models import FAMILIES
from ..models.image import ImageClassifier, ImageClassifierConfig
from ..models.refusing import refusing
from ..notes import Note
from .continuing import IMAGES, continue_from, load_saved_model, read_saved_config
from .image_layers import choose_image_layers, finish_backbone
from .packaged import locate_backbone

Family = tuple[type[ImageClassifier], dict[str, Any], int]


def read_saved_family(arguments: ImageModelArguments, flags: Iterable[str]) -> Family | None:
    """Return the class of a saved model, its own options, and its image size; None where the backbone is none.

    Args:
        arguments: The flags of the new run.
        flags: Names of those that decide which net is built.

    Raises:
        UserError: A flag would make another net of it, or give it other weights.

    """
    saved = read_saved_config(str(arguments.backbone), IMAGES, arguments.backbone_revision)
    if saved is None:
        return None
    defaults = {item.name: item.default for item in fields(ImageModelArguments)}
    for flag in ("weights", *flags):
        if getattr(arguments, flag) != defaults[flag]:
            raise UserError(f"--{flag} is decided by the saved model {arguments.backbone}: leave it out.")
    bases = [base for base in type(saved).__mro__ if issubclass(base, ImageClassifierConfig)]
    names = {name for base in bases for name in inspect.get_annotations(base)} - {"model_type"}
    model_class: Any = FAMILIES[saved.model_type].model_class
    return model_class, {name: getattr(saved, name) for name in sorted(names)}, int(saved.image_size)


def build_on_saved_model(
    arguments: ImageModelArguments, image_size: int | None, head: dict[str, Any], flags: Iterable[str]
) -> tuple[ImageClassifier, ViTImageProcessor, Note]:
    """Put a head on the backbone of a saved classifier, with the rows of the classes that both have.

    Args:
        arguments: The flags of the new run.
        image_size: Height and width in pixels; None: the saved model's.
        head: Fields of the config that describe the head.
        flags: Names of the flags that decide which net is built.

    Returns:
        The classifier, the saved model's image processor for this size, and a note on both.

    Raises:
        UserError: The saved model cannot be loaded, or is not for this image size.

    """
    name = str(arguments.backbone)
    family = read_saved_family(arguments, flags)
    assert family is not None
    model_class, options, saved_size = family
    saved_head = options["head"]
    options |= {**head, "image_size": image_size or saved_size, "answer_threshold": None}
    if options["head"] != saved_head == "layers":
        options |= _without_layers(options, name)
    if options["head"] != saved_head:
        options["standardised"] = False
    own = _OF_HEAD.get(options["head"], ())
    try:
        saved = load_saved_model(name, IMAGES, arguments.backbone_revision)
        assert saved is not None
        classifier = model_class(model_class.config_class(**options))
        if arguments.head == "layers" and (read_layers(arguments.layers) or ()) != options["layer_names"]:
            classifier.copy_backbone(saved)
            choose_image_layers(classifier, arguments)
        note = continue_from(classifier, saved, name, ("head", "problem_type", *own, "image_size"))
    except torch.OutOfMemoryError:
        raise
    except LOADING_ERRORS as error:
        raise UserError(f"The saved model {name} cannot be continued from ({first_sentence(error)}).") from error
    dropped = finish_backbone(classifier, name)
    size = classifier.config.image_size
    processor, images = _load_processor(name, arguments.backbone_revision, size)
    text = f"{note.text} Images: {images}, as is recorded for the saved model. {dropped}"
    return classifier, processor, Note("weights", text.strip())


_OF_HEAD = {"mlp": ("head_hidden_size", "head_layers", "head_activation"), "layers": ("layer_names", "poolings")}
"""Fields in which two heads of a kind must agree for their weights to be those of one another."""


def _without_layers(options: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the fields of a head of several layers as another head has them.

    Raises:
        UserError: What another head stands on was dropped from the saved model.

    """
    if options["dropped_modules"]:
        dropped = ", ".join(options["dropped_modules"])
        raise UserError(f"The saved model {name} has no {dropped} any more: continue it with --head layers.")
    fields = ("layer_names", "layer_widths", "layer_kinds", "poolings", "dropped_modules")
    return {**dict.fromkeys(fields), "standardised": False}


def _load_processor(backbone: str, revision: str | None, size: int) -> tuple[ViTImageProcessor, str]:
    """Return the image processor of a saved model, for this image size, and what it does to images."""
    try:
        with refusing("it cannot be read"):
            processor = ViTImageProcessor.from_pretrained(locate_backbone(backbone), revision=revision or "main")
            processor.size = SizeDict(height=size, width=size)
            mean, std = (
                " ".join(f"{value:g}" for value in each) for each in (processor.image_mean, processor.image_std)
            )
            how = PILImageResampling(processor.resample).name.lower()
            return (
                processor,
                f"resized to {size}x{size} ({how}, nothing cut off), normalised by mean {mean} and std {std}",
            )
    except (OSError, ValueError) as error:
        raise UserError(
            f"The image processor of {backbone} cannot be loaded ({first_sentence(error)}): copy its preprocessor_config.json "
            "from where the weights come from."
        ) from error
