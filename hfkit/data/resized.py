"""Images as a model sees them, but for random changes and normalising: resized once, and kept on disk."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow
from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset, DatasetDict, Features, Value, config
from transformers import ViTImageProcessor

from ..machine import available_cores, code_checksum, package_versions
from ..notes import Note
from .arrow_files import NotKeptError, keep
from .images import open_image
from .stored_rows import compute_fingerprint, to_table
from .transforms import resize

DECODED_AT_ONCE = 64
"""Images whose files are in memory at the same time."""
WRITTEN_BYTES = 1 << 25
"""Pixels that are held in memory until they are written."""


def keep_resized(splits: DatasetDict, processor: ViTImageProcessor) -> tuple[DatasetDict, Note]:
    """Resize all images, unless that was done before; the pixels are kept on disk for all epochs and runs.

    With several processes the first one does it, and the others wait.

    Args:
        splits: Images, as `load_image_data` gives them.
        processor: The model's image processor.

    Returns:
        The splits with `pixels` in place of `image`: 3 * size * size bytes of a row. Where there is no room for them, the
        splits as they are. And a note that says so.

    """
    state, problem, kept = PartialState(), "", {}
    missing = _bytes_of_row(processor) * sum(map(len, splits.values()))
    kept_text = f"Resized images are kept on disk ({missing / 1e6:,.1f} MB), so that no epoch decodes them."
    try:
        for split, rows in splits.items():
            kept[split] = _resized(rows, split, processor, missing)
            missing -= _bytes_of_row(processor) * len(rows)
    except NotKeptError as error:
        problem = error.reason
    problems = gather_object([problem]) if state.num_processes > 1 else [problem]
    if any(problems):
        reason = next(filter(None, problems))
        text = f"Images are decoded whenever they are read, since their pixels cannot be kept ({reason})."
        return splits, Note("images_decoded", text, on_card=False)
    return DatasetDict(kept), Note("images_kept", kept_text, on_card=False)


def _resized(images: Dataset, split: str, processor: ViTImageProcessor, missing: int) -> Dataset:
    """Return one split with `pixels` in place of `image`; so many bytes are `missing` of this split and those that follow."""
    others = images.remove_columns("image")
    columns = others.to_dict()

    at_once = max(1, min(DECODED_AT_ONCE, WRITTEN_BYTES // _bytes_of_row(processor)))

    def tables() -> Iterator[pyarrow.Table]:
        """Yield some rows after the others, resized by several threads, each image for itself: photos are large."""
        _check_room(missing)
        starts = iter(range(0, len(images), at_once))
        with ThreadPoolExecutor(available_cores()) as pool:
            for batch, start in zip(images.select_columns("image").iter(at_once), starts, strict=True):
                part = {name: values[start : start + at_once] for name, values in columns.items()}
                resized = pool.map(lambda cell: resize([open_image(cell)], processor)[0].numpy(), batch["image"])
                yield to_table({**part, "pixels": [pixels.tobytes() for pixels in resized]}, features)

    features = Features({**others.features, "pixels": Value("binary")})
    settings = f"{split} {features!r} {processor.to_dict()} {package_versions()} {code_checksum()}"
    return keep(split, tables, features, compute_fingerprint(settings, columns), len(images))


def _bytes_of_row(processor: ViTImageProcessor) -> int:
    return 3 * processor.size["height"] * processor.size["width"]


def _check_room(needed: int) -> None:
    """Raise OSError if the pixels would take more than half of what the disk has left."""
    folder = Path(config.HF_DATASETS_CACHE)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free / 2:
        raise OSError(f"they would take {needed / 1e6:,.0f} MB, more than half of what is free in {folder}")
