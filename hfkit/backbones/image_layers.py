"""Which layers of an image backbone a head of several layers reads, and what is done to a backbone once its weights are there."""

from typing import Any

import torch

from ..errors import UserError
from ..flags.image_arguments import ImageModelArguments
from ..flags.values import read_layers
from ..models.image import ImageClassifier
from .image_sizes import check_image_size
from .label_options import label_options
from .layers import drop_layers


def choose_image_layers(classifier: ImageClassifier, arguments: ImageModelArguments) -> None:
    """Let a head of several layers read what `--layers` names, or all; another head stays as it is.

    Raises:
        UserError: The backbone has no such layer.

    """
    if arguments.head != "layers":
        return
    try:
        classifier.keep_layers(read_layers(arguments.layers))
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise UserError(f"--layers, of {arguments.backbone}: {reason}; or leave --layers out for all.") from error


def finish_backbone(classifier: ImageClassifier, name: str) -> str:
    """Lay the weights out for speed, and drop what the head does not use.

    Args:
        classifier: With its weights.
        name: Of its backbone.

    Returns:
        A sentence on what was dropped, or the empty string.

    Raises:
        UserError: The backbone does not run at its image size.

    """
    # Convolutions on CPU and on NVIDIA's tensor cores are faster with the channels last; the numbers are the same.
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    check_image_size(classifier, name)
    return " ".join(note.text for note in drop_layers(classifier))


def head_options(arguments: ImageModelArguments, label_names: list[str], is_multi_label: bool) -> dict[str, Any]:
    """Return the fields of a config that describe the head; arguments as of `label_options`."""
    return {
        "head": arguments.head,
        "head_hidden_size": arguments.head_hidden_size,
        "head_layers": arguments.head_layers,
        "head_activation": arguments.head_activation,
        "head_dropout": arguments.head_dropout,
        **label_options(arguments, label_names, is_multi_label),
    }
