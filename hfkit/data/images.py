"""Image data: from a source to splits of images that can be read, with checked labels."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import xxhash
from datasets import Dataset, DatasetDict
from PIL import Image
from tqdm.auto import tqdm
from transformers.image_utils import load_image

from ..flags.image_arguments import ImageDataArguments
from ..machine import available_cores, hides_bars
from ..notes import Note
from .image_files import READING_ERRORS, describe_reading_error, find_image, has_more_frames
from .image_labels import list_rows, name_image_labels, read_training_labels
from .image_labels import read_image_labels as read_image_labels  # for those who read rows, too
from .image_sources import ImageSource as ImageSource  # for those who hand one in
from .image_sources import LabelFlags as LabelFlags
from .image_sources import read_images as read_images
from .split_names import SPLIT_NAMES
from .splits import (
    LabelledData,
    complete_splits,
    drop_rows,
    encode_labels,
    label_features,
    note_dropped_rows,
)

_FRAMES = "several frames"
CHECKED_AT_ONCE = 256
"""Images whose files are in memory at the same time when they are checked."""


def load_image_data(arguments: ImageDataArguments, source: ImageSource | None = None) -> LabelledData:
    """Find, check and split the images that `arguments` names, or those of a source.

    Each image is decoded once, to know that it can be.

    Raises:
        UserError: A folder, a column, a label or an image is not as it must be; the sentence says which, and what to do.

    """
    assert arguments.dataset is not None
    if source is None:
        flags = LabelFlags.from_arguments(arguments)
        source = read_images(arguments.dataset, arguments.dataset_config, arguments.dataset_revision, flags)
    labels = read_training_labels(source, arguments)
    tables, dropped, converted = read_rows(source, labels.cells)
    names, about_labels = name_image_labels(source, labels, tables, arguments.label_names)
    notes = [*source.notes, *about_labels, *note_dropped_rows(dropped), *converted]
    notes += complete_splits(tables, arguments, "pixels", names)
    splits = DatasetDict(
        {
            split: to_dataset(source.images.get(split, source.images["train"]), tables[split], names)
            for split in SPLIT_NAMES
            if split in tables
        }
    )
    return LabelledData(splits, names, dropped, notes, is_multi_label=labels.sets is not None)


def open_image(cell: Mapping[str, Any]) -> Image.Image:
    """Decode an image to RGB, turned as its EXIF orientation says: what `pipeline()` does with a file.

    Args:
        cell: `{"bytes": ..., "path": ...}`, one of which may be None.

    Raises:
        OSError: It is no image, is cut off, or has more than 8 bits a channel; other errors are Pillow's.
        Image.DecompressionBombError: It has more pixels than Pillow's limit.

    """
    return load_image(find_image(cell))


def read_rows(
    source: ImageSource, labels: Mapping[str, Sequence[Any]]
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, list[Note]]:
    """Take out the images that cannot be read and the rows without a label; also say what of the others is not seen.

    Args:
        source: The images.
        labels: Of the rows of each split, see `label_reading.Labels`.

    Raises:
        UserError: A split has no images, or too many that have to be taken out.

    """
    tables: dict[str, pd.DataFrame] = {}
    dropped: list[pd.DataFrame] = []
    odd: Counter[str] = Counter()
    for split, table in source.tables.items():
        rows = list_rows(split, table, labels[split]).assign(position=range(len(table)))
        rows["reason"], rows["pixels"] = _check_images(source.images[split], split, odd)
        tables[split], dropped_here = drop_rows(rows, split, "mend or remove them")
        dropped.append(dropped_here)
    listing = pd.concat(dropped, ignore_index=True)[["split", "row", "reason", "file", "label"]]
    return tables, listing, _note_odd(odd)


def _note_odd(odd: Counter[str]) -> list[Note]:
    """Say how many images are not RGB, and how many have several frames, which are counted under `_FRAMES`."""
    frames = odd.pop(_FRAMES, 0)
    modes = ", ".join(f"{count} {mode}" for mode, count in odd.items())
    notes = [Note("converted", f"Images converted to RGB: {modes}.")] if modes else []
    text = f"Images with several frames or pages, of which the first alone is read: {frames}."
    return [*notes, Note("first_frames", text)] if frames else notes


def _check_images(images: Dataset, split: str, odd: Counter[str]) -> tuple[list[str], list[str]]:
    """Decode all images; count the modes that are not RGB, and the images of several frames.

    Returns:
        What is wrong with each image, or an empty text, and a sum over its pixels.

    """
    results: list[tuple[str, str, str, bool]] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(available_cores()) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Pillow warns of what is an error here
        with tqdm(total=len(images), desc=f"Checking the images of {split}", disable=hides_bars(), leave=False) as bar:
            for batch in images.iter(CHECKED_AT_ONCE):
                results += pool.map(_check_image, batch["image"])
                bar.update(len(batch["image"]))
    odd.update(mode for _, mode, _, _ in results if mode not in ("RGB", ""))
    odd.update(_FRAMES for *_, has_more in results if has_more)
    return [reason for reason, *_ in results], [pixels for _, _, pixels, _ in results]


def _check_image(cell: Mapping[str, Any] | None) -> tuple[str, str, str, bool]:
    """Return what is wrong with an image, or an empty text, its mode, a sum over size and pixels, whether it has more frames."""
    if cell is None or (cell["bytes"] is None and cell["path"] is None):
        return "no image", "", "", False
    try:
        image = find_image(cell)
        mode = image.mode
        decoded = load_image(image)
        digest = xxhash.xxh3_128(f"{decoded.size}".encode())
        digest.update(decoded.tobytes())
    except READING_ERRORS as error:
        return describe_reading_error(error), "", "", False
    return "", mode, digest.hexdigest(), has_more_frames(image)


def to_dataset(images: Dataset, table: pd.DataFrame, names: list[str]) -> Dataset:
    """Return the images of a table's rows with the columns image, row, file, digest (of the pixels) and, where known, label.

    The columns are put beside all images, and the rows chosen afterwards, so that no image is copied.
    """
    positions = table["position"].tolist()
    columns: dict[str, list[Any]] = {"row": [0] * len(images), "file": [""] * len(images), "digest": [""] * len(images)}
    given: dict[str, list[Any]] = {name: table[name].tolist() for name in ("row", "file")}
    given["digest"] = table["pixels"].tolist()
    label = label_features(table, names)
    if label:
        given["label"] = encode_labels(table, names)
        columns["label"] = [given["label"][0]] * len(images)  # of images that are not chosen nobody reads it
    for name, column in columns.items():
        for position, value in zip(positions, given[name], strict=True):
            column[position] = value
        images = images.add_column(name, column, feature=label.get(name))
    return images.select(positions)
