"""From images to pixel values: the same preprocessing everywhere, and random changes in training."""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, v2
from transformers import ViTImageProcessor
from transformers.image_utils import PILImageResampling

from ..flags.arguments import ImageDataArguments
from ..models.image import Preprocessing
from .images import open_image

_FLIP = {"left-right flip": v2.RandomHorizontalFlip()}
AUGMENTATIONS: dict[str, dict[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "none": {},
    "flip": _FLIP,
    "report": {
        **_FLIP,
        "rotation of up to 15 degrees": v2.RandomRotation(15, interpolation=InterpolationMode.BILINEAR),
    },
    "randaugment": {**_FLIP, "RandAugment": v2.RandAugment(interpolation=InterpolationMode.BILINEAR)},
}
"""The random changes of each `--augment`, in their order, under what the log calls them.

The flip is for half of the images; rotated images get black corners; RandAugment (Cubuk et al., arXiv 1909.13719) has
torchvision's 2 operations of magnitude 9.
"""


def make_processor(preprocessing: Preprocessing, image_size: int) -> ViTImageProcessor:
    """Return the image processor that is saved with the model: resize to a square, scale to 0-1, normalise.

    Every number is stated: the class's own mean and standard deviation are 0.5, which few weights want.
    """
    return ViTImageProcessor(
        size={"height": image_size, "width": image_size},
        resample=PILImageResampling[preprocessing.interpolation.upper()].value,
        image_mean=list(preprocessing.mean),
        image_std=list(preprocessing.std),
        do_convert_rgb=True,
    )


def resize(images: list[Image.Image], processor: ViTImageProcessor) -> torch.Tensor:
    """Resize images to the processor's size: (images, 3, height, width) of uint8."""
    return processor(images, do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"]


def make_augmentation(name: str) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return the random change of one training image, (3, height, width) of uint8, resized but not normalised.

    Args:
        name: A key of `AUGMENTATIONS`; for `none` the result is None.

    """
    changes = list(AUGMENTATIONS[name].values())
    return v2.Compose(changes) if changes else None


def make_mixing(mixup: float, cutmix: float, num_classes: int) -> Callable[..., Any] | None:
    """Return MixUp (Zhang et al., arXiv 1710.09412) and CutMix (Yun et al., arXiv 1905.04899) for whole batches.

    Args:
        mixup: Alpha of MixUp's Beta distribution; 0: off.
        cutmix: Alpha of CutMix's Beta distribution; 0: off. With both on, each batch gets one of them, by a coin.
        num_classes: Width of the probabilities that the labels become.

    """
    chosen: list[Any] = []
    if mixup > 0:
        chosen.append(v2.MixUp(alpha=mixup, num_classes=num_classes))
    if cutmix > 0:
        chosen.append(v2.CutMix(alpha=cutmix, num_classes=num_classes))
    return v2.RandomChoice(chosen) if chosen else None


class BatchTransform:
    """Turns rows with `image` or `pixels` and perhaps `label` into `pixel_values` and `labels`, when a batch is read.

    What is random is drawn for each image by itself; resizing (that of `pixels` is done, see `resized.py`) and normalising are
    the processor's, so that without random changes the values are those of `pipeline()`.

    Args:
        processor: The model's image processor.
        augmentation: Random change of one image, in training.
        mixing: Random mix of a batch and its labels, in training.
        seed: Draw the change of each image by this number and the number of its row, the same whenever it is read.

    """

    def __init__(
        self,
        processor: ViTImageProcessor,
        augmentation: Callable[[torch.Tensor], torch.Tensor] | None = None,
        mixing: Callable[..., Any] | None = None,
        seed: int | None = None,
    ) -> None:
        self.processor = processor
        self.augmentation = augmentation
        self.mixing = mixing
        self.seed = seed

    def __call__(self, rows: dict[str, list[Any]]) -> dict[str, Any]:
        """Return `pixel_values` (rows, 3, size, size) in float32 and, where known, `labels`: numbers, or mixed probabilities."""
        images = self._resized(rows)
        if self.augmentation is not None:
            images = torch.stack(self._change(images, rows))
        pixels = self.processor(images, do_resize=False, return_tensors="pt")["pixel_values"]
        if "label" not in rows:
            return {"pixel_values": pixels}
        labels = torch.tensor(rows["label"])
        if self.mixing is not None:
            pixels, labels = self.mixing(pixels, labels)
        return {"pixel_values": pixels, "labels": labels}

    def _resized(self, rows: dict[str, list[Any]]) -> torch.Tensor:
        """Return the images (rows, 3, size, size) of uint8."""
        if "pixels" not in rows:
            return resize([open_image(cell) for cell in rows["image"]], self.processor)
        shape = (len(rows["pixels"]), 3, self.processor.size["height"], self.processor.size["width"])
        return torch.frombuffer(bytearray(b"".join(rows["pixels"])), dtype=torch.uint8).view(shape)

    def _change(self, images: torch.Tensor, rows: dict[str, list[Any]]) -> list[torch.Tensor]:
        """Change each image (3, height, width) at random, or by the seed and the `row` that it is of."""
        assert self.augmentation is not None
        if self.seed is None:
            return [self.augmentation(image) for image in images]
        changed = []
        with torch.random.fork_rng(devices=[]):
            for image, number in zip(images, rows["row"], strict=True):
                torch.manual_seed(self.seed * 1_000_003 + number)
                changed.append(self.augmentation(image))
        return changed


def describe_changes(arguments: ImageDataArguments) -> str:
    """Say in one sentence how training images are changed at random."""
    changes = list(AUGMENTATIONS[arguments.augment])
    changes += [
        f"{name} {alpha:g}" for name, alpha in (("MixUp", arguments.mixup), ("CutMix", arguments.cutmix)) if alpha > 0
    ]
    return f"Random changes of training images: {', '.join(changes) or 'none'}."
