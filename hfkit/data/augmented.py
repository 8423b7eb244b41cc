"""Splits as the frozen part of a model sees them: every row once, or as augmented copies that never change."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from datasets import Dataset, DatasetDict
from torchvision.transforms import v2
from transformers import ViTImageProcessor

from ..flags.image_arguments import ImageDataArguments
from .stored_rows import read_column
from .transforms import BatchTransform, make_augmentation


@dataclass
class FrozenInputs:
    """One split as the frozen part sees it; its rows, labels and lengths are those of its first copy.

    Attributes:
        copies: The rows as often as there are fixed copies of each (an image as it is and flipped); if empty, `note` says why.
        content: What makes these inputs what they are, such as a hash of the rows: it goes into the key.
        note: A few words on the augmented copies.
        by_epoch: Whether epoch e takes copy e, over and over; else each row draws one of its copies in each epoch.
        seed: What is random is drawn by this number, the epoch and the column `row`.
        plain: The same rows without random changes; None: these are.

    """

    copies: list[Dataset]
    content: Callable[[], dict[str, Any]]
    note: str = ""
    by_epoch: bool = False
    seed: int = 0
    plain: "FrozenInputs | None" = None

    def unchanged(self) -> "FrozenInputs":
        """Return the rows as they are without random changes, once each."""
        return self.plain or self

    def view(self, copy: int) -> str:
        """Name the rows of a copy by what they are: the first of images that may be flipped are the images as they are."""
        content = self.content() if self.by_epoch else self.unchanged().content()
        return json.dumps({**content, "copy": copy}, sort_keys=True, default=str)

    @property
    def rows(self) -> int:
        """How many rows the split has."""
        return len(self.copies[0])

    @property
    def labels(self) -> np.ndarray:
        """Classes of the rows; images have them as `label`, as they are not encoded yet."""
        rows = self.copies[0]
        return read_column(rows, "labels" if "labels" in rows.column_names else "label")

    @property
    def row_ids(self) -> np.ndarray:
        """Number of each row in its file or table, from 1, by which what is random of it is drawn: see `transforms`."""
        rows = self.copies[0]
        return read_column(rows, "row") + 1 if "row" in rows.column_names else np.arange(len(rows))

    @property
    def lengths(self) -> np.ndarray | None:
        """Tokens of each row of texts."""
        rows = self.copies[0]
        return read_column(rows, "length") if "length" in rows.column_names else None


def frozen_texts(inputs: DatasetDict) -> dict[str, FrozenInputs]:
    """Return tokenised splits as they are: they never change."""
    return {split: _frozen_text(inputs[split]) for split in ("train", "validation")}


def _frozen_text(rows: Dataset) -> FrozenInputs:
    return FrozenInputs([rows], lambda: _token_content(rows))


def frozen_images(
    rows: DatasetDict, processor: ViTImageProcessor, arguments: ImageDataArguments, seed: int
) -> dict[str, FrozenInputs]:
    """Return images of which those of training have augmented copies by the random changes that are asked for.

    That is the image as it is, and for a flip also the flipped image. Other changes are drawn `cache_views` times for each
    image; without that number, or where batches are mixed, there are no copies, and the note says so.

    Args:
        rows: Splits of images with labels.
        processor: The model's image processor.
        arguments: Which random changes are asked for.
        seed: What they are drawn by.

    """
    copies, note, settings = _augmented_copies(rows["train"], processor, arguments, seed)

    def content(split: str, settings: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        """Return a function of a split's content."""
        return lambda: {"images": _hash_images(rows[split]), "processor": processor.to_dict(), **settings}

    plain = {
        split: FrozenInputs([rows[split].with_transform(BatchTransform(processor))], content(split, {}))
        for split in ("train", "validation")
    }
    train = FrozenInputs(copies, content("train", settings), note, "seed" in settings, seed, plain["train"])
    return {"train": train, "validation": plain["validation"]}


def _augmented_copies(
    rows: Dataset, processor: ViTImageProcessor, arguments: ImageDataArguments, seed: int
) -> tuple[list[Dataset], str, dict[str, Any]]:
    """Return the copies of training images, a few words on them, and what else than the images they depend on."""
    plain = rows.with_transform(BatchTransform(processor))
    if arguments.mixup > 0 or arguments.cutmix > 0:
        return [], "MixUp and CutMix make new images of each batch", {}
    if arguments.augment == "none":
        return [plain], "", {}
    if arguments.augment == "flip":
        flipped = rows.with_transform(BatchTransform(processor, v2.functional.horizontal_flip))
        return [plain, flipped], "each image as it is and flipped, of which each epoch draws one", {"augment": "flip"}
    count = arguments.cache_views
    if count is None:
        return (
            [],
            f"--augment {arguments.augment} changes each image again in every epoch (--cache_views 8 fixes 8 changes of each)",
            {},
        )
    augmentation = make_augmentation(arguments.augment)
    # Those of the first epochs, which a run without the cache draws, too.
    drawn = [BatchTransform(processor, augmentation, seed=seed, epoch=index) for index in range(count)]
    described = f"{count} changes of each image by {arguments.augment}, drawn once by seed {seed} and taken in turn"
    return [rows.with_transform(change) for change in drawn], described, {"augment": arguments.augment, "seed": seed}


def _token_content(inputs: Dataset) -> dict[str, Any]:
    """Return a sum over the token ids of all rows, in their order."""
    digest = xxhash.xxh3_128()
    for table in inputs.select_columns("input_ids").with_format("arrow").iter(10_000):
        ids = table["input_ids"].combine_chunks()
        digest.update(ids.value_lengths().to_numpy(zero_copy_only=False).tobytes())
        digest.update(ids.flatten().to_numpy(zero_copy_only=False).tobytes())
    return {"tokens": digest.hexdigest()}


def _hash_images(rows: Dataset) -> str:
    """Return a sum over the pixels of the images, in their order."""
    digest = xxhash.xxh3_128()
    for pixels, row_id in zip(rows["digest"], rows["row"], strict=True):
        digest.update(f"{pixels} {row_id}\n".encode())  # seeded changes are drawn by the id
    return digest.hexdigest()
