"""The heads of image files: size, mode and format, without decoding pixels."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import xxhash

from ..data.image_files import READING_ERRORS, describe_reading_error, find_image
from ..notes import Note
from .columns import describe_spread
from .result import Spread

_AT_ONCE = 256
_NO_HEAD: dict[str, Any] = {"width": 0, "height": 0, "mode": "", "format": "", "reason": "", "content": ""}


def read_heads(images: Any) -> pd.DataFrame:
    """Return for each image width, height, mode, format, why it cannot be read, and a sum over its file."""
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor() as pool:
        for batch in images.iter(_AT_ONCE):
            rows += pool.map(_read_head, batch["image"])
    return pd.DataFrame(rows, columns=list(_NO_HEAD))


def _read_head(cell: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the head of an image says; its pixels are not decoded."""
    if cell is None or (cell["bytes"] is None and cell["path"] is None):
        return _NO_HEAD | {"reason": "no image"}
    try:
        content = cell["bytes"] if cell["bytes"] is not None else _read_file(cell["path"])
        image = find_image({"bytes": content, "path": None})
    except READING_ERRORS as error:
        return _NO_HEAD | {"reason": describe_reading_error(error)}
    return _NO_HEAD | {
        "width": image.width,
        "height": image.height,
        "mode": image.mode,
        "format": image.format or "",
        "content": xxhash.xxh3_128_hexdigest(content),
    }


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def describe_sizes(heads: pd.DataFrame) -> list[Spread]:
    """Return how wide and how high the images are that can be read."""
    readable = heads[heads["reason"] == ""]
    if readable.empty:
        return []
    return [describe_spread(f"{side} in pixels", readable[side]) for side in ("width", "height")]


def note_kinds(heads: Mapping[str, pd.DataFrame]) -> Note:
    """Say of what format and mode the images are; their pixels were not decoded."""
    whole = pd.concat(heads.values())
    kinds = Counter(f"{row.format} {row.mode}" for row in whole[whole["reason"] == ""].itertuples())
    counts = ", ".join(f"{count:,} {kind.strip()}" for kind, count in kinds.most_common(8))
    return Note("image_kinds", f"Images: {counts or 'none that can be read'}; a training decodes them, too.")
