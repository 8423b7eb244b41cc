"""Which image sizes a backbone runs with."""

import torch
from timm.models.vision_transformer import VisionTransformer

from ..errors import FORWARD_ERRORS, UserError, first_sentence
from ..models import FdVitClassifier
from ..models.image import ImageClassifier


def check_image_size(classifier: ImageClassifier, backbone: str) -> None:
    """Refuse an image size that the net can be built for, but not run with: no patch, or a part of one.

    Raises:
        UserError: It is of such a size.

    """
    size = classifier.config.image_size
    config = classifier.config
    patches = getattr(getattr(classifier.backbone, "patch_embed", None), "num_patches", 1)
    try:
        if patches == 0:
            raise ValueError("no patch fits")
        if isinstance(classifier, FdVitClassifier) and (size - config.patch_size) % config.patch_stride:
            below = size - (size - config.patch_size) % config.patch_stride
            raise ValueError(
                f"its patches begin every {config.patch_stride} pixels, so write {below} or {below + config.patch_stride}"
            )
        patch = _patch_size(classifier)
        if size % patch:  # the last pixels of each side would be left out
            below = size // patch * patch
            raise ValueError(f"its patches have {patch} pixels, so write {below} or {below + patch}")
        with torch.inference_mode():
            classifier.eval()(torch.zeros(1, 3, size, size))
    except FORWARD_ERRORS as error:
        raise UserError(
            f"The backbone {backbone} does not run with --image_size {size}: {first_sentence(error)}."
        ) from error
    finally:
        classifier.train()


def _patch_size(classifier: ImageClassifier) -> int:
    """Return the side of the patches that images are cut into, 1 where they are not."""
    if isinstance(classifier.backbone, VisionTransformer):
        return int(classifier.backbone.patch_embed.patch_size[0])
    size = getattr(getattr(classifier.config, "backbone_config", None), "patch_size", None)
    size = size[0] if isinstance(size, list | tuple) else size
    return size if isinstance(size, int) else 1
