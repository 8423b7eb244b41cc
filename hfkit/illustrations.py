"""Pictures of image data: samples of each class, and the most confident wrong predictions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset
from PIL import Image

from .data.images import open_image
from .data.splits import LabelledData
from .pictures import draw_image_grid

COLUMNS = 8
MAX_CLASSES = 20
MAX_ERRORS = 32
SHOWN_SIZE = 160
"""Pixels of an image's longer side in a grid."""


def illustrate_images(data: LabelledData) -> Callable[[Path, str, pd.DataFrame], None]:
    """Return what draws `samples.png`, training images of each class, and `errors.png`, the most confident errors."""

    def illustrate(folder: Path, split: str, errors: pd.DataFrame) -> None:
        """Draw both pictures into `folder`; `errors` are those of `split`, indexed by their position in it."""
        draw_samples(folder / "samples.png", data.splits["train"], data.label_names)
        if len(errors):
            draw_errors(folder / "errors.png", data.splits[split], errors)

    return illustrate


def draw_samples(path: Path, rows: Dataset, label_names: list[str]) -> None:
    """Draw the first images of each class (of the first 20 classes), a row for each class (PNG)."""
    labels = np.array(rows["label"])
    images, titles = [], []
    for number, name in enumerate(label_names[:MAX_CLASSES]):
        positions = np.flatnonzero(labels == number)[:COLUMNS].tolist()
        images.append([_small_image(rows, position) for position in positions])
        titles.append([name] * len(positions))
    draw_image_grid(path, images, titles)


def draw_errors(path: Path, rows: Dataset, errors: pd.DataFrame) -> None:
    """Draw the most confident wrong predictions: what was predicted, how surely, and what it is (PNG)."""
    shown = errors.head(MAX_ERRORS)
    images = [_small_image(rows, int(position)) for position in shown.index]
    titles = [f"{row.prediction} {row.confidence:.0%}\nis {row.label}" for row in shown.itertuples()]
    starts = range(0, len(images), COLUMNS)
    draw_image_grid(
        path,
        [images[start : start + COLUMNS] for start in starts],
        [titles[start : start + COLUMNS] for start in starts],
    )


def _small_image(rows: Dataset, position: int) -> Image.Image:
    image = open_image(rows[position]["image"])
    image.thumbnail((SHOWN_SIZE, SHOWN_SIZE))
    return image
