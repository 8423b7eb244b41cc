"""Images as a model sees them, but for random changes and normalising: resized once, and kept on disk."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset, DatasetDict, Features, Value, config
from transformers import ViTImageProcessor

from ..machine import available_cores, code_checksum, package_versions
from ..notes import Note
from .images import open_image
from .stored_rows import NotStoredError, compute_fingerprint, store
from .transforms import resize

DECODED_AT_ONCE = 64
"""Images whose files are in memory at the same time."""
WRITTEN_BYTES = 1 << 25
"""Pixels that are held in memory until they are written."""


def keep_resized(splits: DatasetDict, processor: ViTImageProcessor) -> tuple[DatasetDict, Note]:
    """Resize all images, unless that was done before; `datasets` keeps the pixels on disk for all epochs and runs.

    With several processes one of each machine does it, and the others wait (at most `--ddp_timeout` seconds).

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
    with state.local_main_process_first():  # the others read what it wrote; it would not let them go after an error
        try:
            for split, rows in splits.items():
                kept[split] = _resized(rows, split, processor, missing)
                missing -= _bytes_of_row(processor) * len(rows)
        except NotStoredError as error:
            problem = str(error)
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

    def rows() -> Iterator[dict[str, Any]]:
        """Yield the rows, resized by several threads, each image for itself: photos are large."""
        _check_room(missing)
        values = zip(*columns.values(), strict=True)
        with ThreadPoolExecutor(available_cores()) as pool:
            for batch in images.select_columns("image").iter(DECODED_AT_ONCE):
                cells = batch["image"]
                for pixels in pool.map(lambda cell: resize([open_image(cell)], processor)[0].numpy(), cells):
                    yield {**dict(zip(columns, next(values), strict=True)), "pixels": pixels.tobytes()}

    features = Features({**others.features, "pixels": Value("binary")})
    settings = f"{split} {features!r} {processor.to_dict()} {package_versions()} {code_checksum()}"
    rows_at_once = max(1, WRITTEN_BYTES // _bytes_of_row(processor))
    return store(split, rows, features, compute_fingerprint(settings, columns), rows_at_once)


def _bytes_of_row(processor: ViTImageProcessor) -> int:
    return 3 * processor.size["height"] * processor.size["width"]


def _check_room(needed: int) -> None:
    """Raise OSError if the pixels would take more than half of what the disk has left."""
    folder = Path(config.HF_DATASETS_CACHE)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free / 2:
        raise OSError(f"they would take {needed / 1e6:,.0f} MB, more than half of what is free in {folder}")
