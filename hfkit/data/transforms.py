"""From images to pixel values: the same preprocessing everywhere, and random changes in training."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, v2
from transformers import ViTImageProcessor
from transformers.image_utils import PILImageResampling

from ..flags.image_arguments import ImageDataArguments
from ..models.image import Preprocessing
from .chance import SharedEpoch, seeded
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
        seed: Draw the change of each image by this number, the epoch and its `row`, the same whenever it is read, and the mix
            of a batch by the seed, the epoch and its rows, so that a run that is continued needs no count of batches; None:
            from torch's global generator.
        epoch: The epoch that is read, or a fixed one.

    """

    def __init__(
        self,
        processor: ViTImageProcessor,
        augmentation: Callable[[torch.Tensor], torch.Tensor] | None = None,
        mixing: Callable[..., Any] | None = None,
        seed: int | None = None,
        epoch: SharedEpoch | int = 0,
    ) -> None:
        self.processor = processor
        self.augmentation = augmentation
        self.mixing = mixing
        self.seed = seed
        self.epoch = epoch

    def __call__(self, rows: dict[str, list[Any]]) -> dict[str, Any]:
        """Return `pixel_values` (rows, 3, size, size) in float32 and, where known, `labels`: ids, or mixed probabilities."""
        images = self._resized(rows)
        if self.augmentation is not None:
            images = torch.stack(self._change(images, rows))
        pixels = self.processor(images, do_resize=False, return_tensors="pt")["pixel_values"]
        if "label" not in rows:
            return {"pixel_values": pixels}
        labels = torch.tensor(rows["label"])
        if self.mixing is not None:
            with self._chance(rows, slice(None)):
                pixels, labels = self.mixing(pixels, labels)
        return {"pixel_values": pixels, "labels": labels}

    def _resized(self, rows: dict[str, list[Any]]) -> torch.Tensor:
        """Return the images (rows, 3, size, size) of uint8."""
        if "pixels" not in rows:
            return resize([open_image(cell) for cell in rows["image"]], self.processor)
        shape = (len(rows["pixels"]), 3, self.processor.size["height"], self.processor.size["width"])
        return torch.frombuffer(bytearray(b"".join(rows["pixels"])), dtype=torch.uint8).view(shape)

    def _change(self, images: torch.Tensor, rows: dict[str, list[Any]]) -> list[torch.Tensor]:
        """Change each image (3, height, width) at random."""
        assert self.augmentation is not None
        changed = []
        for position, image in enumerate(images):
            with self._chance(rows, slice(position, position + 1)):
                changed.append(self.augmentation(image))
        return changed

    def _chance(self, rows: dict[str, list[Any]], part: slice) -> AbstractContextManager[None]:
        """Return the chance for a part of the rows of a batch."""
        if self.seed is None:
            return nullcontext()
        epoch = self.epoch if isinstance(self.epoch, int) else self.epoch.index
        # From 1, as rows were once numbered: a run of then gives the same result now.
        return seeded(self.seed, epoch, *(row + 1 for row in rows["row"][part]))


def make_training_transform(
    processor: ViTImageProcessor, arguments: ImageDataArguments, num_labels: int, seed: int
) -> tuple[BatchTransform, SharedEpoch]:
    """Return what reads training images with the random changes that are asked for, and the epoch that it draws them for."""
    epoch = SharedEpoch()
    augmentation = make_augmentation(arguments.augment)
    mixing = make_mixing(arguments.mixup, arguments.cutmix, num_labels)
    return BatchTransform(processor, augmentation, mixing, seed, epoch), epoch


def describe_changes(arguments: ImageDataArguments) -> str:
    """Say in one sentence how training images are changed at random."""
    changes = list(AUGMENTATIONS[arguments.augment])
    changes += [
        f"{name} {alpha:g}" for name, alpha in (("MixUp", arguments.mixup), ("CutMix", arguments.cutmix)) if alpha > 0
    ]
    return f"Random changes of training images: {', '.join(changes) or 'none'}."
