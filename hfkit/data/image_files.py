"""Opening a file of an image: what is refused, and how it becomes RGB; it needs Pillow alone and travels with exported models."""

import importlib.util
import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

READING_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, NameError, ArithmeticError),
    *(AssertionError, RuntimeError, BufferError, struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow raises for files that are no images, broken or cut off: nearly everything, since each format has its own reader."""
_DEEP_MODES = ("I", "F")
"""Pillow's modes of more than 8 bits a channel, whose conversion to RGB clips most images to white."""


def find_image(cell: Mapping[str, Any]) -> Image.Image:
    """Open an image without decoding it, and refuse what must not be decoded.

    Args:
        cell: `{"bytes": ..., "path": ...}`, one of which may be None.

    Raises:
        OSError: It is no image, of a format that Pillow does not read, or has more than 8 bits a channel; other errors are
            Pillow's.
        Image.DecompressionBombError: It has more pixels than Pillow's limit.

    """
    try:
        image = Image.open(io.BytesIO(cell["bytes"]) if cell["bytes"] is not None else cell["path"])
    except UnidentifiedImageError:
        _check_is_known(cell)
        raise
    if image.format == "EPS":  # whatever the file is called: Pillow would run Ghostscript on it
        raise OSError("it is PostScript, a program: save it as PNG")
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise Image.DecompressionBombError(f"it has more than {limit:,} pixels")
    if image.mode.startswith(_DEEP_MODES):
        raise OSError("it has more than 8 bits a channel: save it with 8")
    return image


def _check_is_known(cell: Mapping[str, Any]) -> None:
    """Say of an image that Pillow does not know if it is of a format that this Pillow has no reader for.

    Raises:
        OSError: It is.

    """
    head = cell["bytes"]
    if head is None:
        with open(cell["path"], "rb") as file:
            head = file.read(_BRANDS_END)
    brands = {head[start : start + 4] for start in range(8, min(len(head), _BRANDS_END), 4)}
    if head[4:8] != b"ftyp" or not brands & {*_AVIF, *_HEIC}:
        return
    if not brands & _AVIF:
        raise OSError("it is HEIC, which Pillow does not read: save it as JPEG or PNG")
    if importlib.util.find_spec("PIL._avif") is None:
        raise OSError("it is AVIF, which this Pillow does not read: pip install 'pillow>=11.3', or save it as PNG")


_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1"}
_BRANDS_END = 32
"""Bytes at the begin of a file, among which those formats name themselves."""


def as_rgb(image: Image.Image) -> Image.Image:
    """Turn an image by its EXIF orientation, and convert it to RGB: what `pipeline()` does with it."""
    return ImageOps.exif_transpose(image).convert("RGB")


def has_more_frames(image: Image.Image) -> bool:
    """Tell whether a decoded image has frames or pages behind the first, which nobody looks at; a camera's extras are none."""
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except READING_ERRORS:  # behind the first there is nothing that can be read
        return False


def describe_reading_error(error: BaseException) -> str:
    """Return in some words what is wrong with an image that raised one of `READING_ERRORS`."""
    text = " ".join(str(error).split())
    return "an unreadable image" if "cannot identify" in text else f"an unreadable image ({text[:100]})"
