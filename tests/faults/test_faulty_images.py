"""Malformed images are seen as a person sees them, or left out with a word on it, or refused in one sentence; by seeds."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from faults.campaign import Outcome, Record, attempt, report
from malformed_images import MAKERS, Fault, make_fault
from PIL import Image

from hfkit.data.image_files import as_rgb, find_image
from hfkit.data.images import load_image_data, open_image
from hfkit.flags.image_arguments import ImageDataArguments

INPUTS = 200
SOME = (*range(len(MAKERS)), 677)
"""One of each kind, and a file for whose pixels Pillow has no reader."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two classes of whole images: so many that one of them may be left out."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for split, count in (("train", 11), ("validation", 1), ("test", 1)):  # none has to be cut, which takes longest
        for label in ("cat", "dog"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{number}.png")
    return folder


def check(fault: Fault, folder: Path) -> str:
    """Read a malformed image among whole ones as training does, and return what is silently wrong, or nothing."""
    path = folder / "train" / "cat" / fault.name
    path.write_bytes(fault.content)
    try:
        data = load_image_data(ImageDataArguments(dataset=str(folder)))
        notes = " ".join(note.text for note in data.notes)
        rows = [row for split in data.splits.values() for row in split if row["file"] == f"train/cat/{fault.name}"]
        if not rows:
            is_said = fault.name in notes
            return "" if is_said and (fault.pixels is None or fault.may_lose) else f"it is left out: {notes}"
        pixels = np.asarray(open_image(rows[0]["image"]))
        exported = np.asarray(as_rgb(find_image(rows[0]["image"])))  # what an exported model sees
    finally:
        path.unlink()
    if not np.array_equal(pixels, exported):
        return "an exported model sees other pixels"
    if fault.any_pixels:
        return ""
    if fault.pixels is None:
        return f"it is read: {notes}"
    if not np.array_equal(pixels, fault.pixels):
        return f"other pixels are read ({pixels.shape}, {fault.pixels.shape}): {notes}"
    return "" if fault.says in notes else f"nothing is said of it: {notes}"


def try_images(seeds: Iterable[int], folder: Path) -> Iterator[Outcome]:
    """Read the malformed images of seeds."""
    for seed in seeds:
        fault = make_fault(seed)
        yield attempt("images", f"seed {seed}, {fault.kind}", partial(check, fault, folder))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_some_of_each_kind(photos: Path, record_property: Record) -> None:
    assert report(try_images(SOME, photos), record_property) == []


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_all(photos: Path, record_property: Record) -> None:
    assert report(try_images(range(INPUTS), photos), record_property) == []
