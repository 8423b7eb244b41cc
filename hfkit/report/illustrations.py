"""Pictures of image data: samples of each class, and the most confident wrong predictions."""

from collections.abc import Callable
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from PIL import Image
from transformers import ViTImageProcessor

from ..data.images import open_image
from ..data.splits import LabelledData
from ..models import TokenLearnerClassifier
from ..models.image import ImageClassifier
from .confusion import describe_share
from .plots import captioned_figure, draw_image_grid, save_figure

COLUMNS = 8
ERROR_COLUMNS = 6
MAX_CLASSES = 20
MAX_ERRORS = 24
MAX_MAPPED = 6
SHOWN_SIZE = 220
"""Pixels of an image's longer side in a grid."""


def illustrate_images(
    data: LabelledData, model: ImageClassifier, processor: ViTImageProcessor
) -> Callable[[Path, str, pd.DataFrame], None]:
    """Return what draws the pictures of a run.

    They are `samples.png`, images of each class (of train, where it is there), `errors.png`, the most confident errors, and
    for learned tokens `token_maps.png`, what each of them looks at.
    """

    def illustrate(folder: Path, split: str, errors: pd.DataFrame) -> None:
        """Draw the pictures into `folder`; `errors` are those of `split`, indexed by their position in it."""
        draw_samples(folder / "samples.png", data.splits.get("train", data.splits[split]), data.label_names)
        if len(errors):
            draw_errors(folder / "errors.png", data.splits[split], errors)
        if isinstance(model, TokenLearnerClassifier):
            draw_token_maps(folder / "token_maps.png", model, processor, data.splits[split], data.label_names)

    return illustrate


def draw_samples(path: Path, rows: Dataset, label_names: list[str]) -> None:
    """Draw the first images of each class (of the first 20 classes), a row for each class (PNG)."""
    labels = np.array(rows["label"])
    images, titles = [], []
    for number, name in enumerate(label_names[:MAX_CLASSES]):
        positions = np.flatnonzero(_has_label(labels, number))[:COLUMNS].tolist()
        images.append([_small_image(rows, position) for position in positions])
        titles.append([name] * len(positions))
    draw_image_grid(path, images, titles)


def draw_errors(path: Path, rows: Dataset, errors: pd.DataFrame) -> None:
    """Draw the most confident wrong predictions (PNG); under each its file's name, its label, what was predicted, and how surely.

    Args:
        path: Where to.
        rows: With a column `image`.
        errors: Of `evaluation.metrics.wrong_predictions`, indexed by their positions in `rows`; not empty.

    """
    shown = errors.head(MAX_ERRORS)
    images = [_small_image(rows, int(position)) for position in shown.index]
    captions = [_describe_error(error) for _, error in shown.iterrows()]
    save_figure(path, captioned_figure(images, captions, ERROR_COLUMNS))


def _has_label(labels: np.ndarray, number: int) -> np.ndarray:
    """Return which rows (rows,) have a label, of label ids (rows,) or of 0 and 1 (rows, labels)."""
    return labels == number if labels.ndim == 1 else labels[:, number] == 1


def _describe_error(error: pd.Series) -> list[str]:
    """Return the lines under a photo that was taken for something else."""
    name = PurePath(str(error["file"])).name if "file" in error else f"row {error['row']}"
    if "confidence" not in error:  # with any number of labels a photo
        return [name, f"is {error['label'] or 'none'}", f"predicted {error['prediction'] or 'none'}"]
    return [name, f"is {error['label']}", f"predicted {error['prediction']} {describe_share(error['confidence'])}"]


def draw_token_maps(
    path: Path, model: TokenLearnerClassifier, processor: ViTImageProcessor, rows: Dataset, label_names: list[str]
) -> None:
    """Draw the first image of each class (of the first 6), and beside it how bright each learned token sees its parts (PNG)."""
    labels = np.array(rows["label"])
    has_label = {number: _has_label(labels, number) for number in range(len(label_names))}
    chosen = {number: int(np.argmax(rows)) for number, rows in has_label.items() if rows.any()}
    positions = list(chosen.values())
    square = (SHOWN_SIZE, SHOWN_SIZE)
    images = [open_image(rows[position]["image"]) for position in positions[:MAX_MAPPED]]
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        maps = model.eval().token_maps(pixels.to(model.device, model.dtype)).float().cpu().numpy()
    pictures, titles = [], []
    for image, number, of_image in zip(images, chosen, maps, strict=False):
        plain = np.asarray(image.resize(square), dtype=np.float32)
        seen = []
        for token in of_image:
            light = np.asarray(Image.fromarray(token / token.max()).resize(square, Image.Resampling.BILINEAR))
            seen.append(Image.fromarray((plain * light[..., None]).astype(np.uint8)))
        pictures.append([image.resize(square), *seen])
        titles.append([label_names[number], *(f"token {number}" for number in range(1, len(seen) + 1))])
    draw_image_grid(path, pictures, titles)


def _small_image(rows: Dataset, position: int) -> Image.Image:
    image = open_image(rows[position]["image"])
    image.thumbnail((SHOWN_SIZE, SHOWN_SIZE))
    return image
