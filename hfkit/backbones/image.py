"""From the name of an image backbone to a classifier on top of it, with errors that say what to write."""

from typing import Any

import torch
from transformers import ViTImageProcessor

from ..data.transforms import make_processor
from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.image_arguments import ImageModelArguments
from ..models.image import ImageClassifier, Preprocessing
from ..notes import Note
from .checkpoints import build_from_checkpoint, read_checkpoint
from .families import find_family, is_checkpoint, list_family_flags
from .image_layers import choose_image_layers, finish_backbone, head_options
from .saved_image import build_on_saved_model, read_saved_family
from .weights import describe_weights, load_weights


def build_image_classifier(
    arguments: ImageModelArguments, image_size: int | None, label_names: list[str], is_multi_label: bool = False
) -> tuple[ImageClassifier, ViTImageProcessor, Note]:
    """Build the backbone that `arguments` name with a new head, and load its weights.

    Args:
        arguments: Backbone, weights and head.
        image_size: Height and width in pixels; None: what the weights were trained with.
        label_names: Names of the classes.
        is_multi_label: Whether each image has any number of labels.

    Returns:
        The classifier, the image processor that belongs to its weights, and a note on both.

    Raises:
        UserError: The backbone does not exist, its weights cannot be had or do not fit, or a head is not for it.

    """
    assert arguments.backbone is not None
    head = head_options(arguments, label_names, is_multi_label)
    if read_saved_family(arguments, list_family_flags()) is not None:
        return build_on_saved_model(arguments, image_size, head, list_family_flags())
    from_checkpoint = is_checkpoint(arguments.backbone)
    build = _build_from_checkpoint if from_checkpoint else _build
    try:
        classifier = build(arguments, image_size, head)
        if not from_checkpoint:
            load_weights(classifier, arguments)
        choose_image_layers(classifier, arguments)
    except torch.OutOfMemoryError:
        raise
    except LOADING_ERRORS as error:
        files = "a folder with a whole checkpoint" if from_checkpoint else "--weights FILE"
        raise UserError(
            f"The weights {arguments.weights} of the backbone {arguments.backbone} cannot be loaded "
            f"({first_sentence(error)}): check the name and the network, or write --backbone efficientnet_lite0 (offline, "
            f"from the demo extra), {files} or --weights none."
        ) from error
    dropped = finish_backbone(classifier, arguments.backbone)
    preprocessing, remark = _preprocessing(classifier, arguments)
    size = classifier.config.image_size
    origin = arguments.backbone if from_checkpoint else preprocessing.weights
    text = (
        f"Weights: {describe_weights(arguments, origin)}. Images: resized to {size}x{size} "
        f"({preprocessing.interpolation}, nothing cut off), normalised by mean {_numbers(preprocessing.mean)} and std "
        f"{_numbers(preprocessing.std)}, as is recorded for {preprocessing.weights}. {remark}"
    ).strip()
    return classifier, make_processor(preprocessing, size), Note("weights", f"{text} {dropped}".strip())


def check_backbone(arguments: ImageModelArguments) -> None:
    """Refuse a backbone that does not exist, and flags that are for another one.

    Raises:
        UserError: As above.

    """
    find_family(arguments)


def _build_from_checkpoint(
    arguments: ImageModelArguments, image_size: int | None, head: dict[str, Any]
) -> ImageClassifier:
    """Build a classifier on a checkpoint of transformers, with its weights or with random ones."""
    if arguments.weights not in ("default", "none"):
        raise UserError(
            f"--weights {arguments.weights} is for backbones of torchvision and timm: write the checkpoint's folder as "
            "--backbone."
        )
    _, _, recorded_size = find_family(arguments)
    options = {**head, "image_size": image_size or recorded_size}
    checkpoint = read_checkpoint(str(arguments.backbone), arguments.backbone_revision)
    return build_from_checkpoint(checkpoint, arguments.weights == "default", options)


def _preprocessing(classifier: ImageClassifier, arguments: ImageModelArguments) -> tuple[Preprocessing, str]:
    """Return how the weights want their images, and a remark on it."""
    if not is_checkpoint(str(arguments.backbone)):
        return classifier.preprocessing(), ""
    checkpoint = read_checkpoint(str(arguments.backbone), arguments.backbone_revision)
    return checkpoint.preprocessing, checkpoint.remark


def _build(arguments: ImageModelArguments, image_size: int | None, head: dict[str, Any]) -> ImageClassifier:
    """Build the empty classifier that the flags describe."""
    model_class, options, recorded_size = find_family(arguments)
    options |= {"image_size": image_size or recorded_size, **head}
    try:
        return model_class(model_class.config_class(**options))
    except (ValueError, AssertionError, RuntimeError, TypeError) as error:  # a size that the net cannot have
        raise UserError(
            f"The backbone {arguments.backbone} cannot be built by these flags, with --image_size {options['image_size']}: "
            f"{first_sentence(error)}."
        ) from error


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
