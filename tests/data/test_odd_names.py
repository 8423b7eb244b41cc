"""Names that are not UTF-8, links that lead elsewhere or in a circle, and files that are none: refused, or said."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import read_notes, write_photo

from hfkit.data.images import load_image_data
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.early import check_early
from hfkit.flags.image_arguments import ImageDataArguments
from hfkit.flags.names import TEXT_FLAGS
from hfkit.flags.paths import check_backbone_path, check_dataset_path, check_output_dir
from hfkit.prediction.sources import list_photos

LATIN = b"caf\xe9"


def write_classes(folder: Path, write: Callable[[Path, str, int], object]) -> Path:
    for label in ("cat", "dog"):
        for number in range(12):
            (folder / label).mkdir(parents=True, exist_ok=True)
            write(folder / label / str(number), label, number)
    return folder


def write_image(path: Path, label: str, number: int) -> None:
    write_photo(path.with_suffix(".png"), label, number)


def write_text(path: Path, label: str, number: int) -> None:
    path.with_suffix(".txt").write_text(f"the {label} says {number}")


def read_images(folder: Path) -> object:
    return load_image_data(ImageDataArguments(dataset=str(folder)))


def read_texts(folder: Path) -> object:
    return load_text_data(TextDataArguments(dataset=str(folder)))


def rename(folder: Path, name: str) -> None:
    """Give a file or folder a name that is not UTF-8."""
    try:
        os.rename(folder / name, os.fsencode((folder / name).parent) + b"/" + LATIN + os.fsencode(Path(name).suffix))
    except OSError:
        pytest.skip("this file system has no such names")


@pytest.mark.parametrize(
    ("write", "read", "name"),
    [
        (write_image, read_images, "cat"),
        (write_image, read_images, "cat/3.png"),
        (write_image, list_photos, "cat/3.png"),
        (write_text, read_texts, "cat"),
        (write_text, read_texts, "cat/3.txt"),
    ],
)
def test_a_name_that_is_not_utf_8_is_refused(
    write: Callable[[Path, str, int], object], read: Callable[[Path], object], name: str, tmp_path: Path
) -> None:
    """No table, card or page could hold it; the sentence itself can be printed."""
    rename(write_classes(tmp_path, write), name)
    with pytest.raises(UserError, match=r"caf\\udce9.* is not UTF-8: write it so") as error:
        read(tmp_path)
    assert str(error.value).encode()


def test_a_path_that_is_not_utf_8_is_refused() -> None:
    name = os.fsdecode(LATIN)
    for check in (check_dataset_path, check_output_dir, check_backbone_path):
        with pytest.raises(UserError, match="is not UTF-8"):
            check(name)
    for read in (read_images, read_texts):
        with pytest.raises(UserError, match="is not UTF-8"):
            read(Path(name))
    with pytest.raises(UserError, match="is not UTF-8"):
        check_early(["--label_names", name, "b"], TEXT_FLAGS)


def test_links_to_folders_inside_of_classes_are_left_out_and_said(tmp_path: Path) -> None:
    """One may lead back to a folder around it, or into another class; a class itself may be a link."""
    folder = write_classes(tmp_path / "photos", write_image)
    (folder / "cat" / "circle").symlink_to(folder / "cat")
    (folder / "dog" / "above").symlink_to(folder)
    (folder / "cat" / "broken.png").symlink_to(tmp_path / "nothing.png")
    (folder / "cat" / "itself.png").symlink_to(folder / "cat" / "itself.png")
    (folder / "bird").symlink_to(write_classes(tmp_path / "more", write_image) / "cat")
    os.mkfifo(folder / "cat" / "pipe.png")
    data = load_image_data(ImageDataArguments(dataset=str(folder)))
    assert data.label_names == ["bird", "cat", "dog"]
    notes = " ".join(read_notes(data.notes))
    assert "(bird, cat, dog): 36 of 36 images" in notes
    assert "passed over: 5, such as broken.png. A link to a folder inside of a class is not followed." in notes
    photos, said = list_photos(folder / "cat")
    assert len(photos.files) == 12
    assert "passed over: 4, such as broken.png" in said[0].text


def test_links_to_folders_inside_of_classes_of_texts(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "texts", write_text)
    (folder / "dog" / "above").symlink_to(folder)
    data = load_text_data(TextDataArguments(dataset=str(folder)))
    assert sum(map(len, data.splits.values())) == 24
    assert "Links to folders inside of a class are not followed: 1, such as dog/above." in read_notes(data.notes)
