"""From a name to a model: a run, a Hub id of a saved model, or a backbone."""

from collections.abc import Sequence

import timm
import torch

from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.kinds import IMAGE, TEXT
from ..flags.parsing import parse_arguments
from ..models import FAMILIES, checked_loading, first_forward
from ..models.base import BackboneClassifier
from .checkpoints import is_image_config, timm_name
from .families import OWN_NAMES
from .image import build_image_classifier
from .packaged import locate_backbone
from .text import build_text_classifier


def find_model(name: str, flags: Sequence[str], revision: str | None = None) -> BackboneClassifier:
    """Return the model that a name stands for: a run, a Hub id of hfkit's, or a backbone with the flags of a recipe.

    Args:
        name: Folder, Hub id or backbone.
        flags: Arguments of a recipe's command line, for a backbone.
        revision: Branch, tag or commit of a Hub id.

    Raises:
        UserError: There is no such model, it cannot be loaded, or a flag is unknown.

    """
    if name in OWN_NAMES or timm.is_model(timm_name(name).partition(".")[0]):
        if revision is not None:
            raise UserError(f"--revision is for a Hub id, not for the backbone {name}.")
        return _empty_image_classifier(["--backbone", name, *flags])
    source = locate_backbone(name)
    try:
        config = checked_loading.check_files(source, revision=revision)
    except ValueError as error:
        raise UserError(f"The model {name} cannot be loaded ({first_sentence(error)}): look at its files.") from error
    except OSError as error:
        raise UserError(
            f"There is no model {name} ({first_sentence(error)}): write a folder, a Hub id or the name of a backbone."
        ) from error
    family = FAMILIES.get(str(config.get("model_type")))
    if family is not None:
        if flags:
            raise UserError(f"{name} is a saved model and has its flags in its config: leave out {' '.join(flags)}.")
        try:
            model = family.model_class.from_pretrained(source, revision=revision or "main", dtype=torch.float32)
            first_forward.check_first_forward(model)
            return model
        except LOADING_ERRORS as error:
            raise UserError(
                f"The model {name} cannot be loaded ({first_sentence(error)}): look at its files."
            ) from error
    argv = ["--backbone", name, *(["--backbone_revision", revision] if revision else []), *flags]
    if is_image_config(config):
        return _empty_image_classifier(argv)
    texts = parse_arguments(argv, (), TEXT)
    return build_text_classifier(texts.model, texts.data, ["0", "1"], max_length_is_given="max_length" in texts.given)[
        0
    ]


def _empty_image_classifier(argv: list[str]) -> BackboneClassifier:
    """Return the image classifier that a command line describes, with random weights, which cost as much."""
    images = parse_arguments([*argv, "--weights", "none"], (), IMAGE)
    return build_image_classifier(images.model, images.data.image_size, ["0", "1"])[0]
