"""Which patches of a photo speak for its label: each is covered in turn, by captum."""

import torch
from captum.attr import Occlusion
from PIL import Image
from transformers import Pipeline

from ..data.image_files import READING_ERRORS, describe_reading_error
from ..data.images import open_image
from ..data.transforms import resize
from ..models.base import BackboneClassifier
from .explanation import AGAINST_COLOUR, FOR_COLOUR, Explanation, describe_choice, log_odds, predicted_label

STEPS = 8
"""Steps of the patch across the photo; it is two of them wide."""
_PATCHES_AT_ONCE = 8
_OPACITY = 0.65
_SMALLEST_SIDE = 320
"""Pixels of the heat map: a smaller photo is enlarged by a whole number."""


def explain_photo(pipeline: Pipeline, file: str) -> Explanation:
    """Tell which patches of a photo raise or lower the log-odds of the label that the model gives it.

    Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901): a patch is replaced by the mean colour of the backbone's own data, and
    what the log-odds lose is the patch's value; of patches that overlap it is the mean.
    """
    try:
        photo = open_image({"bytes": None, "path": file})
        pixels = resize([photo], pipeline.image_processor)
    except READING_ERRORS as error:
        return Explanation(f"This cannot be read: {describe_reading_error(error)}.")
    model = pipeline.model
    values = pipeline.image_processor(pixels, do_resize=False, return_tensors="pt")["pixel_values"]
    name, heat = attribute_patches(model, values.to(model.device, model.dtype))
    largest = float(heat.abs().max())
    message = (
        f"Patches that raise the log-odds of {name} are red, those that lower them purple: covering one changes "
        f"them by up to {largest:.2f}. {describe_choice(model)}"
    ).strip()
    return Explanation(message, image=_overlay(pixels[0], heat / (largest or 1.0)))


def attribute_patches(model: BackboneClassifier, values: torch.Tensor) -> tuple[str, torch.Tensor]:
    """Return the label that a model gives a photo, and the value of each pixel (height, width).

    Args:
        model: An image classifier.
        values: (1, 3, height, width), normalised.

    """
    with torch.inference_mode():
        label_id, name = predicted_label(model, model(values).logits)
        height, width = (max(1, side // STEPS) for side in values.shape[-2:])
        attributed = Occlusion(lambda photos: log_odds(model, model(photos).logits, label_id)).attribute(
            values,
            sliding_window_shapes=(3, 2 * height, 2 * width),
            strides=(3, height, width),
            baselines=0,
            perturbations_per_eval=_PATCHES_AT_ONCE,
        )
    return name, attributed[0].mean(dim=0).float().cpu()


def _overlay(pixels: torch.Tensor, heat: torch.Tensor) -> Image.Image:
    """Return a photo `pixels` (3, height, width) of uint8 in grey, under a heat map (height, width) from -1 to 1."""
    grey = pixels.cpu().float().mean(dim=0)[..., None]  # else a red photo would speak for each label
    colours = torch.tensor([FOR_COLOUR, AGAINST_COLOUR], dtype=torch.float32)[(heat < 0).long()]
    opacity = _OPACITY * heat.abs()[..., None]
    mixed = (1 - opacity) * grey + opacity * colours
    image = Image.fromarray(mixed.round().to(torch.uint8).numpy())
    times = max(1, -(-_SMALLEST_SIDE // min(image.size)))
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
