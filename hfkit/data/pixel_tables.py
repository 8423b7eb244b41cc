"""Tables that hold the pixels of images in place of their labels: how they are recognised, and what to do with them."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError

_PIXEL = re.compile(r"\"?(pixels?|px|p|x|v|f)?[ _.-]?\d+([x_]\d+)?(\.\d+)?\"?", re.IGNORECASE)
_HEADER_BYTES = 1 << 20
_FEWEST = 64
"""An image has no fewer pixels; that many columns of other tables are not called by numbers."""
_REMEDY = (
    "images are read from files, not from numbers in a table. Save each row as an image in a folder of its class, by "
    'Image.fromarray(pixels.reshape(height, width).astype("uint8")).save("photos/LABEL/ROW.png"), and name that folder, '
    "photos; or give hfkit.train_image_classifier(arrays, labels=labels) the arrays in Python"
)


def check_no_pixels(path: Path) -> None:
    """Refuse a CSV of pixels, by its first line alone.

    Raises:
        UserError: It has a column for each pixel, or one with all of them.

    """
    if path.suffix.lower() not in (".csv", ".tsv"):
        return
    with path.open("rb") as file:
        header = file.readline(_HEADER_BYTES).decode("utf-8", "replace").strip()
    check_no_pixel_columns(str(path), re.split(r"[,;\t]", header))


def check_no_pixel_columns(source: str, columns: Sequence[str]) -> None:
    """Refuse the columns of a table of pixels.

    Args:
        source: What messages call the table.
        columns: Their names, or the cells of the first line.

    Raises:
        UserError: There is one for each pixel, or one with all of them.

    """
    pixels = [column for column in columns if _PIXEL.fullmatch(column.strip())]
    if len(pixels) >= _FEWEST and len(pixels) >= 0.9 * len(columns):
        raise UserError(f"{source} holds {len(pixels)} pixels a row ({pixels[0]}, {pixels[1]}, ...): {_REMEDY}.")
    if any(column.strip().strip('"').lower() == "pixels" for column in columns):
        raise UserError(f"{source} holds the pixels of images in its column pixels: {_REMEDY}.")
