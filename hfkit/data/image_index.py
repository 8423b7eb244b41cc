"""From what a table calls an image to its file: by path, by name, or by name without suffix."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..flags.paths import IMAGE_SUFFIXES
from .folder_listing import read_stem, read_suffix

BY_PATH, BY_NAME, BY_STEM, BY_OTHER_SUFFIX, BY_NUMBER = (
    "by path",
    "by file name",
    "by file name (id without suffix)",
    "by file name (with another suffix)",
    "by file name (id without suffix and leading zeros)",
)
"""How an image was recognised, in words for a message."""


@dataclass(frozen=True)
class Match:
    """Images that a cell may stand for.

    Attributes:
        images: Their paths; several where the cell does not tell them apart.
        how: One of the sentences above.

    """

    images: list[str]
    how: str


class ImageIndex:
    """Images by their names, in upper or lower case."""

    def __init__(self, images: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        self._by_number: dict[int, list[str]] = {}
        for path in images:
            name = _fold(path.rpartition("/")[2])
            self._by_name.setdefault(name, []).append(path)
            stem = read_stem(name)
            self._by_stem.setdefault(stem, []).append(path)
            if stem.startswith("0") and stem.isdecimal():
                self._by_number.setdefault(int(stem), []).append(path)

    def find(self, cell: object) -> Match | None:
        """Return the images that a cell stands for, or None where there are none.

        A cell may be a path with folders around the data's, with slashes of Windows, in upper or lower case, without the suffix,
        or with the suffix of another format. Of several images, the ones that share most folders with the cell count.
        """
        text = _fold(str(cell).strip().replace("\\", "/"))
        name = text.rpartition("/")[2]
        if not name:
            return None
        how = BY_NAME
        images = self._by_name.get(name)
        if images is None:
            images, how = self._by_stem.get(name), BY_STEM
        if images is None and name.isdecimal():  # a spreadsheet takes the zeros off
            images, how = self._by_number.get(int(name)), BY_NUMBER
        if images is None and read_suffix(name) in IMAGE_SUFFIXES:
            images, how = self._by_stem.get(read_stem(name)), BY_OTHER_SUFFIX
        if images is None:
            return None
        folders = text.split("/")[:-1]
        if not folders:
            return Match(images, how)
        shared = {image: _count_shared(_fold(image).split("/")[:-1], folders) for image in images}
        most = max(shared.values())
        nearest = [image for image in images if shared[image] == most]
        return Match(nearest, BY_PATH if most and how == BY_NAME else how)


def _fold(text: str) -> str:
    """Return a name as all its spellings have it: in lower case, and with letters and accents put together, which Macs part."""
    return unicodedata.normalize("NFC", text).casefold()


def _count_shared(one: list[str], other: list[str]) -> int:
    """Return how many folders at the ends of two paths are the same."""
    number = 0
    for first, second in zip(reversed(one), reversed(other), strict=False):
        if first != second:
            break
        number += 1
    return number
