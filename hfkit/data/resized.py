"""Images as a model sees them, but for random changes and normalising: decoded and resized once, and kept on disk."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import xxhash
from accelerate import PartialState
from datasets import Dataset, DatasetDict, Features, Value, config
from transformers import ViTImageProcessor

from ..training_arguments import available_cores
from ..versions import package_versions
from .images import open_image
from .stored_rows import NotStoredError, store
from .transforms import resize

DECODED_AT_ONCE = 64
"""Images whose files are in memory at the same time."""


def keep_resized(splits: DatasetDict, processor: ViTImageProcessor) -> tuple[DatasetDict, str]:
    """Decode and resize all images, unless that was done before; `datasets` keeps the pixels on disk for the next run.

    Args:
        splits: Images, as `load_image_data` gives them.
        processor: The model's image processor.

    Returns:
        The splits with `pixels` in place of `image`: 3 * size * size bytes of a row. Where there is no room for them, the
        splits as they are. And a sentence that says so.

    """
    size = 3 * processor.size["height"] * processor.size["width"] * sum(map(len, splits.values())) / 1e6
    try:
        with PartialState().local_main_process_first():  # the others read what it wrote
            resized = {split: _resized(rows, split, processor) for split, rows in splits.items()}
    except NotStoredError as reason:
        return splits, f"Images are decoded whenever they are read, since their pixels cannot be kept ({reason})."
    return DatasetDict(resized), f"Images are decoded and resized once, and kept on disk ({size:,.1f} MB)."


def _resized(images: Dataset, split: str, processor: ViTImageProcessor) -> Dataset:
    """Return one split with `pixels` in place of `image`."""
    kept = images.remove_columns("image")
    columns = kept.to_dict()
    bytes_of_all = 3 * processor.size["height"] * processor.size["width"] * len(images)

    def rows() -> Iterator[dict[str, Any]]:
        """Yield the rows, resized by several threads, each image for itself: photos are large."""
        _check_room(bytes_of_all)
        values = zip(*columns.values(), strict=True)
        with ThreadPoolExecutor(available_cores()) as pool:
            for batch in images.select_columns("image").iter(DECODED_AT_ONCE):
                cells = batch["image"]
                for pixels in pool.map(lambda cell: resize([open_image(cell)], processor)[0].numpy(), cells):
                    yield {**dict(zip(columns, next(values), strict=True)), "pixels": pixels.tobytes()}

    settings = [processor.size, processor.resample, split, kept.features, package_versions()]
    digest = xxhash.xxh3_128(str(settings).encode())
    for values in columns.values():
        digest.update(repr(values).encode())
    return store(split, rows, Features({**kept.features, "pixels": Value("binary")}), digest.hexdigest())


def _check_room(needed: int) -> None:
    """Raise OSError if the pixels would take more than half of what the disk has left."""
    folder = Path(config.HF_DATASETS_CACHE)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free / 2:
        raise OSError(f"they would take {needed / 1e6:,.0f} MB, more than half of what is free in {folder}")
