"""Images: where they come from, what cannot be read, how they become pixel values, and each mistake's sentence."""

import copy
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import TEST_DATA, read_notes, write_odd_photos, write_photo
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from datasets import Image as ImageFeature
from PIL import Image, UnidentifiedImageError
from transformers import ViTImageProcessor

from hfkit.data import image_sources
from hfkit.data.chance import SharedEpoch
from hfkit.data.image_files import find_image
from hfkit.data.images import ImageSource, load_image_data, open_image
from hfkit.data.in_memory_images import make_image_source
from hfkit.data.resized import keep_resized
from hfkit.data.splits import LabelledData
from hfkit.data.transforms import BatchTransform, describe_changes, make_augmentation, make_mixing, make_processor
from hfkit.errors import UserError
from hfkit.flags.image_arguments import ImageDataArguments
from hfkit.models.image import Preprocessing

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load(dataset: Path | str, **options: Any) -> LabelledData:
    return load_image_data(ImageDataArguments(dataset=str(dataset), **options))


def read_labels(data: LabelledData, split: str) -> list[str]:
    return [data.label_names[number] for number in data.splits[split]["label"]]


def write_classes(folder: Path, number: int = 10, labels: tuple[str, ...] = ("cat", "dog")) -> Path:
    for label in labels:
        for index in range(number):
            write_photo(folder / label / f"{label}-{index}.png", label, index)
    return folder


# --- sources ---


def test_folder_with_splits(photos: Path) -> None:
    data = load(photos)
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 16, "validation": 4, "test": 12}
    assert data.label_names == ["cat", "dog"]
    for split, rows in data.splits.items():
        for row, label in zip(rows, read_labels(data, split), strict=True):
            assert row["file"].startswith(f"{split}/{label}/")
            assert Path(row["image"]["path"]) == photos / row["file"]
    assert [row["row"] for row in data.splits["test"]] == list(range(12))
    assert "Images converted to RGB: " in read_notes(data.notes)[-2]
    assert all(f"1 {mode}" in read_notes(data.notes)[-2] for mode in ("L", "CMYK", "P", "RGBA"))


@pytest.mark.parametrize("names", [("training", "val", "testing"), ("Train", "Valid", "Test")])
def test_other_names_of_splits(names: tuple[str, str, str], tmp_path: Path) -> None:
    for name in names:
        write_classes(tmp_path / name, number=2)
    assert {split: len(rows) for split, rows in load(tmp_path).splits.items()} == {
        "train": 4,
        "validation": 4,
        "test": 4,
    }


def test_folder_without_splits_is_cut_with_stratification(tmp_path: Path) -> None:
    data = load(write_classes(tmp_path, number=20))
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 32, "validation": 4, "test": 4}
    files = [row["file"] for rows in data.splits.values() for row in rows]
    assert len(set(files)) == 40
    for split, rows in data.splits.items():
        assert read_labels(data, split).count("cat") == len(rows) / 2
        assert all(row["file"].startswith(label) for row, label in zip(rows, read_labels(data, split), strict=True))
    again = load(tmp_path)
    assert [row["file"] for row in again.splits["test"]] == [row["file"] for row in data.splits["test"]]
    assert sum("were cut from train, with stratification" in note for note in read_notes(data.notes)) == 2
    assert len(load(tmp_path, max_train_samples=10).splits["train"]) == 10


def test_files_that_are_no_images_are_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path)
    (tmp_path / "cat" / "notes.txt").write_text("meow")
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    write_photo(tmp_path / "dog" / "puppies" / "deep.jpg", "dog", 3)
    data = load(tmp_path)
    assert sum(len(rows) for rows in data.splits.values()) == 21
    assert data.label_names == ["cat", "dog"]
    assert "Files that are no images of a class were passed over: 1, such as notes.txt." in read_notes(data.notes)


def test_postscript_is_refused_whatever_its_name(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "page.eps")
    (tmp_path / "page.eps").rename(tmp_path / "page.jpg")
    with pytest.raises(OSError, match="it is PostScript"):
        open_image({"bytes": None, "path": str(tmp_path / "page.jpg")})


@pytest.mark.parametrize("classes", [".", "train"])
def test_loose_images_beside_classes_are_counted(classes: str, tmp_path: Path) -> None:
    write_classes(tmp_path / classes)
    write_photo(tmp_path / "loose.png", "cat", 5)
    assert any("passed over: 1, such as loose.png" in note for note in read_notes(load(tmp_path).notes))


def test_folders_named_like_splits(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets" / "training_set")
    write_classes(tmp_path / "pets" / "test_set", number=4)
    data = load(tmp_path / "pets")
    assert data.label_names == ["cat", "dog"]
    assert len(data.splits["test"]) == 8
    write_classes(tmp_path / "pets" / "test", number=4)
    with pytest.raises(UserError, match="two folders for test: test and test_set"):
        load(tmp_path / "pets")
    write_classes(tmp_path / "no-train" / "test", number=4)
    with pytest.raises(UserError, match="has test, but no folder train"):
        load(tmp_path / "no-train")


def test_a_class_named_like_a_split(tmp_path: Path) -> None:
    for label in ("bus", "car", "train"):
        for index in range(10):
            write_photo(tmp_path / label / f"{index}.png", "cat", index)
    assert load(tmp_path).label_names == ["bus", "car", "train"]


@pytest.mark.parametrize(
    "names",
    [
        "train test1",
        "train test1 sample",
        "train_images test_images",
        "train_images test_images cat",
        "train_images",
        "trainImages testImages",
        "trainset testset",
        "training-data validation-data",
        "Train1 Train2",
        "pets_train pets_test",
        "bus car train test1",
        "part_1 part_2",
        "part_A part_B",
        "HAM10000_images_part_1 HAM10000_images_part_2",
        "fold1 fold2 fold3",
        "data_batch_1 data_batch_2 test_batch",
        "images_001 images_002",
        "images masks",
        "images annotations",
        "JPEGImages labels train",
        "images",
    ],
)
def test_folders_that_are_no_classes(names: str, tmp_path: Path) -> None:
    folders = names.split()
    for folder in folders:
        write_photo(tmp_path / folder / "1.png", "cat", 1)
    shown = ", ".join(sorted(folders))
    with pytest.raises(UserError, match=rf"has images in the folders? {shown}, named like splits .* or CLASS/\*"):
        load(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        "cat dog",
        "part other",
        "mask no_mask",
        "with_mask without_mask",
        "masked unmasked",
        "label no-label",
        "0 1 2 3 4 5 6 7 8 9",
        "a b",
        "1a 1b",
        "class_1 class_2",
        "grade1 grade2",
        "real_images fake_images",
        "dog_images cat_images",
        "training_fake training_real",
        "freight_train passenger_train",
        "bus car train",
        "train plane",
        "photo painting",
        "picture text",
        "test_tube pipette",
        "validated rejected",
        "imagery other",
        "поезд train",
        "猫 犬",
        "test_猫 train_猫_犬 犬",
    ],
)
def test_folders_that_are_classes(names: str, tmp_path: Path) -> None:
    write_classes(tmp_path, labels=tuple(names.split()))
    assert load(tmp_path).label_names == sorted(names.split())


def test_folders_of_a_split_that_are_no_classes(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_photo(tmp_path / "test" / "images" / "1.png", "cat", 1)
    with pytest.raises(UserError, match="test has images in the folder images, named like"):
        load(tmp_path)


@pytest.mark.parametrize(
    "names", ["test1", "test_images", "unlabeled", "test1 unlabeled", "extra/cat extra/dog", "test1/images"]
)
def test_folders_beside_splits_that_are_not_used(names: str, tmp_path: Path) -> None:
    """A hidden folder, and an empty one, are not worth a word."""
    write_classes(tmp_path / "train")
    for name in names.split():
        write_photo(tmp_path / name / "1.png", "cat", 1)
    write_photo(tmp_path / ".thumbnails" / "1.png", "cat", 1)
    (tmp_path / "notes").mkdir()
    shown = ", ".join(sorted({name.split("/")[0] for name in names.split()}))
    data = load(tmp_path)
    assert f"Folders with images beside the splits are not used: {shown} (" in "".join(read_notes(data.notes))
    assert [note.on_card for note in data.notes if note.code == "folders_passed_over"] == [False]
    assert sum(len(rows) for rows in data.splits.values()) == 20


def test_folders_without_images_beside_splits_are_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    for name in ("annotations/1.xml", "val_set/1.svg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    said = "Folders beside the splits that have no images are not used: annotations, val_set."
    assert said in read_notes(load(tmp_path).notes)


@pytest.mark.parametrize(
    ("name", "split"), [("test2", "test"), ("Val2", "validation"), ("valset3", "validation"), ("train2", "train")]
)
def test_folders_beside_splits_that_are_nearly_splits(name: str, split: str, tmp_path: Path) -> None:
    for folder in ("train", "unlabeled", name):
        write_classes(tmp_path / folder)
    with pytest.raises(UserError, match=rf"has a folder {name} with classes \(cat, dog\).* into {split}/CLASS/\*"):
        load(tmp_path)


@pytest.mark.parametrize("names", ["train test", "test", "val", "test1", "trainset test_images", "dog_train dog-test"])
@pytest.mark.parametrize("around", ["", "train"])
def test_splits_inside_of_classes(names: str, around: str, tmp_path: Path) -> None:
    folder = tmp_path / around
    write_classes(folder)
    for name in names.split():
        write_photo(folder / "dog" / name / "1.png", "dog", 1)
    with pytest.raises(
        UserError, match=rf"dog has images in .*{names.split()[0]}.*: write train/CLASS/\* and test/CLASS"
    ):
        load(tmp_path)


@pytest.mark.parametrize("name", ["puppies", "images", "part1", "test-drive", "trainee"])
def test_other_folders_inside_of_classes(name: str, tmp_path: Path) -> None:
    write_classes(tmp_path)
    write_photo(tmp_path / "dog" / name / "1.png", "dog", 1)
    assert sum(len(rows) for rows in load(tmp_path).splits.values()) == 21


def test_test_split_without_labels(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_photo(tmp_path / "test" / "unknown.png", "cat", 1)
    data = load(tmp_path)
    assert data.splits["test"].column_names == ["image", "row", "file", "digest"]
    assert "The test split has no labels: it is predicted, not evaluated." in read_notes(data.notes)


def png(seed: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3)).astype("uint8")).save(content, format="png")
    return content.getvalue()


def make_rows(number: int = 40) -> dict[str, list[Any]]:
    cells = [{"bytes": png(index), "path": f"{index}.png"} for index in range(number)]
    return {"img": cells, "label": [index % 2 for index in range(number)], "other": ["x"] * number}


def test_parquet_as_the_hub_exports_it(tmp_path: Path) -> None:
    features = Features({"img": ImageFeature(), "label": ClassLabel(names=["plane", "bird"]), "other": Value("string")})
    Dataset.from_dict(make_rows(), features=features).to_parquet(tmp_path / "train-00000-of-00001.parquet")
    Dataset.from_dict(make_rows(10), features=features).to_parquet(tmp_path / "test.parquet")
    data = load(tmp_path)
    assert data.label_names == ["plane", "bird"]
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 36, "validation": 4, "test": 10}
    for split, rows in data.splits.items():
        for row, label in zip(rows, read_labels(data, split), strict=True):
            index = row["row"]
            assert row["image"]["bytes"] == png(index)
            assert row["file"] == f"{index}.png"
            assert label == ("plane", "bird")[index % 2]
    assert read_notes(data.notes)[:2] == [
        "Image column: img (found by its type).",
        "Label column: label (found by its name).",
    ]
    single = load(tmp_path / "train-00000-of-00001.parquet")
    assert sum(len(rows) for rows in single.splits.values()) == 40


def test_plain_parquet(tmp_path: Path) -> None:
    """Bytes without the schema of the Hub, whole numbers for labels, names by the flag."""
    table = pd.DataFrame({"photo": [png(index) for index in range(40)], "kind": [index % 2 for index in range(40)]})
    table.assign(size=8).to_parquet(tmp_path / "train.parquet")
    data = load(tmp_path / "train.parquet", label_column="kind", label_names=["plane", "bird"])
    assert data.label_names == ["plane", "bird"]
    assert data.splits["train"][0]["file"].startswith("train ")
    with pytest.raises(
        UserError, match="has no column named label or labels or class, only: photo, kind, size; write --label_column"
    ):
        load(tmp_path / "train.parquet")
    with pytest.raises(UserError, match=r"The column 'kind' holds no images but .* write --image_column NAME"):
        load(tmp_path / "train.parquet", image_column="kind", label_column="kind")
    with pytest.raises(UserError, match="has no column 'nothing', only: photo, kind, size"):
        load(tmp_path / "train.parquet", image_column="nothing", label_column="kind")


def write_labelled(folder: Path, kind: str, labels: list[Any]) -> Any:
    """Give photos their labels in a table beside them, in parquet or in Python."""
    photos = [png(number) for number in range(len(labels))]
    if kind == "memory":
        return make_image_source(pd.DataFrame({"image": photos, "label": labels}), None)[0]
    if kind == "parquet":
        pd.DataFrame({"image": photos, "label": labels}).to_parquet(folder / "train.parquet")
        return folder / "train.parquet"
    for number, photo in enumerate(photos):
        (folder / f"{number}.png").write_bytes(photo)
    names = [f"{number}.png" for number in range(len(labels))]
    pd.DataFrame({"file_name": names, "label": labels}).to_csv(folder / "labels.csv", index=False)
    return folder


def load_labelled(folder: Path, kind: str, labels: list[Any], **options: Any) -> LabelledData:
    """Load photos with their labels."""
    given = write_labelled(folder, kind, labels)
    if isinstance(given, ImageSource):
        return load_image_data(ImageDataArguments(dataset="in memory", **options), given)
    return load(given, **options)


def said_of_labels(data: LabelledData) -> list[str]:
    return read_notes(note for note in data.notes if note.code == "labels")


@pytest.mark.parametrize("kind", ["table", "parquet", "memory"])
def test_labels_of_photos_are_checked_as_those_of_texts(kind: str, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    with pytest.raises(UserError, match=r"labels 'cat' \(10 rows\) and 'Cat' \(10 rows\) .* differ only in case"):
        load_labelled(folders[0], kind, ["cat", "Cat", "dog"] * 10)
    both = load_labelled(folders[1], kind, ["cat", "Cat", "dog"] * 10, label_names=["cat", "Cat", "dog"])
    assert both.label_names == ["cat", "Cat", "dog"]
    with pytest.raises(UserError, match=r"are 51 different whole numbers .*regression is not supported"):
        load_labelled(folders[2], kind, list(range(51)) * 3)
    whole = load_labelled(folders[3], kind, [1.0, 0.0] * 15)
    assert whole.label_names == ["0", "1"]
    assert any("0.0, 1.0 are written so" in note for note in said_of_labels(whole))
    named = load_labelled(folders[4], kind, ["NULL", "dog"] * 15)
    assert said_of_labels(named) == [
        "A class is called 'NULL' (15 rows): leave these cells empty if they mean that there is no label."
    ]
    stars = load_labelled(folders[5], kind, [1, 2, 3] * 10)
    assert "3 whole numbers (1 to 3): they are trained as classes" in said_of_labels(stars)[0]


def test_folders_are_classes_also_where_they_are_numbers(tmp_path: Path) -> None:
    numbers = tuple(str(number) for number in range(60))
    data = load(write_classes(tmp_path / "numbers", 3, numbers))
    assert data.label_names == list(numbers)
    assert said_of_labels(data) == []
    with pytest.raises(UserError, match=r"labels 'Cat' \(5 rows\) and 'cat' \(5 rows\) in column 'folder' differ"):
        load(write_classes(tmp_path / "twins", 5, ("Cat", "cat", "dog")))
    empty = load(write_classes(tmp_path / "empty", 5, ("none", "dog")))
    assert "take these folders out if they mean that there is no label" in said_of_labels(empty)[0]


OWN_COLUMNS = ("image", "label", "row", "file", "digest")
"""What hfkit calls its own columns."""


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("name", OWN_COLUMNS)
def test_an_image_column_of_any_name(name: str, typed: bool, tmp_path: Path) -> None:
    """Also beside columns that have the names of hfkit's own."""
    cells = make_rows()["img"] if typed else [png(index) for index in range(40)]
    others: dict[str, list[Any]] = {other: [7] * 40 for other in OWN_COLUMNS if other != name}
    features = Features(
        {
            name: ImageFeature() if typed else Value("binary"),
            **{other: Value("int64") for other in others},
            "kind": Value("string"),
        }
    )
    columns = {name: cells, **others, "kind": ["cat" if index % 2 else "dog" for index in range(40)]}
    Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "train.parquet")
    data = load(tmp_path / "train.parquet", image_column=name, label_column="kind")
    for split, rows in data.splits.items():
        assert rows.column_names == ["image", "row", "file", "digest", "label"]
        for row, label in zip(rows, read_labels(data, split), strict=True):
            assert row["image"]["bytes"] == png(row["row"])
            assert label == ("dog", "cat")[row["row"] % 2]


@pytest.mark.parametrize("name", OWN_COLUMNS)
def test_a_label_column_of_any_name(name: str, tmp_path: Path) -> None:
    content = {"picture": make_rows()["img"], name: ["cat" if index % 2 else "dog" for index in range(40)]}
    features = Features({"picture": ImageFeature(), name: Value("string")})
    Dataset.from_dict(content, features=features).to_parquet(tmp_path / "train.parquet")
    data = load(tmp_path / "train.parquet", label_column=name)
    rows = data.splits["train"]
    assert read_labels(data, "train") == [("dog", "cat")[row % 2] for row in rows["row"]]


def test_columns_with_the_usual_names_are_found(tmp_path: Path) -> None:
    content = {"image": make_rows()["img"], "label": [index % 2 for index in range(40)]}
    Dataset.from_dict(content).to_parquet(tmp_path / "train.parquet")
    data = load(tmp_path / "train.parquet")
    assert read_notes(data.notes)[:2] == [
        "Image column: image (found by its name).",
        "Label column: label (found by its name).",
    ]
    assert sum(len(rows) for rows in data.splits.values()) == 40


@pytest.mark.parametrize("in_folder", [True, False])
def test_a_column_says_the_split_of_images(in_folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    dataset = tmp_path if in_folder else path
    content = {**make_rows(), "split": ["train", "train", "dev", "dev", "train", "train", "test", "test"] * 5}
    Dataset.from_dict(content).to_parquet(path)
    data = load(dataset)
    assert read_notes(data.notes)[0] == "Splits: by the column 'split' (20 train, 10 validation, 10 test)."
    for split, names in (("train", ("train",)), ("validation", ("dev",)), ("test", ("test",))):
        chosen = [index for index in range(40) if content["split"][index] in names]
        assert [row["image"]["bytes"] for row in data.splits[split]] == [png(index) for index in chosen]
        assert data.splits[split]["file"][:] == [f"{index}.png" for index in chosen]
        assert read_labels(data, split) == [str(index % 2) for index in chosen]
    content["split"][3] = "elsewhere"
    Dataset.from_dict(content).to_parquet(path)
    with pytest.raises(
        UserError,
        match="but row 3, counted from 0, has 'elsewhere' there: write train, validation or test for every row",
    ):
        load(dataset)


@pytest.mark.parametrize("others", [(), ("test",)])
def test_a_column_says_the_split_of_images_on_the_hub(others: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Dataset.from_dict({**make_rows(), "split": ["train", "train", "test", "test"] * 10})
    monkeypatch.setattr(image_sources, "load_hub", lambda *_: dict.fromkeys(("train", *others), rows))
    data = load("somebody/photos")
    counts = {split: len(rows) for split, rows in data.splits.items()}
    if others:
        assert counts == {"train": 36, "validation": 4, "test": 40}
        assert read_notes(data.notes)[0].startswith("The column 'split' (in train, test) is ignored:")
    else:
        assert counts == {"train": 18, "validation": 2, "test": 20}


def test_digits() -> None:
    data = load("digits")
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 1437, "validation": 180, "test": 180}
    assert data.label_names == [str(number) for number in range(10)]
    from sklearn.datasets import load_digits

    source = load_digits()
    row = data.splits["test"][5]
    pixels = np.asarray(open_image(row["image"]))
    np.testing.assert_array_equal(pixels[..., 0], (source.images[row["row"]] * 255 / 16).round().astype("uint8"))
    assert read_labels(data, "test")[5] == str(source.target[row["row"]])


@pytest.mark.real_data
@pytest.mark.slow
def test_real_cifar10() -> None:
    data = load(TEST_DATA / "cifar10", max_train_samples=5000)
    assert {split: len(rows) for split, rows in data.splits.items()} == {
        "train": 5000,
        "validation": 5000,
        "test": 10000,
    }
    assert data.label_names == "airplane automobile bird cat deer dog frog horse ship truck".split()
    assert np.bincount(data.splits["train"]["label"]).tolist() == [500] * 10
    assert len(data.dropped) == 0


# --- images that are odd or broken ---


def test_odd_images_become_rgb(tmp_path: Path) -> None:
    files = write_odd_photos(tmp_path)
    opened = {path.name: open_image({"bytes": path.read_bytes(), "path": None}) for path in files}
    assert all(image.mode == "RGB" for image in opened.values())
    assert opened["plain.png"].size == (20, 16)
    assert opened["turned.jpg"].size == (16, 20)
    assert opened["dot.png"].size == (1, 1)
    assert opened["panorama.jpg"].size == (20_000, 50)


def break_photos(folder: Path) -> None:
    """Put broken files among the cats."""
    whole = write_photo(folder / "cat" / "whole.jpg", "cat", 5, size=(60, 60)).read_bytes()
    (folder / "cat" / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "empty.png").write_bytes(b"")
    (folder / "cat" / "text.jpg").write_text("no image")
    (folder / "cat" / "telephone.heic").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    Image.fromarray(np.full((4, 4), 60_000, dtype="uint16")).save(folder / "cat" / "deep.png")


def test_broken_images_are_dropped_and_listed(tmp_path: Path) -> None:
    write_classes(tmp_path, number=60)
    break_photos(tmp_path)
    data = load(tmp_path)
    reasons = {Path(row.file).name: row.reason for row in data.dropped.itertuples()}
    assert set(reasons) == {"truncated.jpg", "empty.png", "text.jpg", "telephone.heic", "deep.png"}
    assert reasons["text.jpg"] == "an unreadable image"
    assert reasons["telephone.heic"] == (
        "an unreadable image (it is HEIC, which Pillow does not read: save it as JPEG or PNG)"
    )
    assert "more than 8 bits a channel" in reasons["deep.png"]
    assert sum(len(rows) for rows in data.splits.values()) == 121
    [note] = [note for note in read_notes(data.notes) if note.startswith("Dropped rows, listed in dropped_rows.csv")]
    assert "2 of train (an unreadable image, cat/empty.png)" in note


def test_formats_that_pillow_reads_are_images_under_their_own_names(tmp_path: Path) -> None:
    write_classes(tmp_path, number=30)
    kinds = {"avif": "AVIF", "ico": "ICO", "dds": "DDS", "ppm": "PPM", "tga": "TGA", "jp2": "JPEG2000", "jfif": "JPEG"}
    for suffix, kind in kinds.items():
        content = io.BytesIO()
        Image.open(write_photo(tmp_path / "photo.png", "cat", 5, size=(16, 16))).save(content, kind)
        (tmp_path / "cat" / f"whole.{suffix}").write_bytes(content.getvalue())
    (tmp_path / "photo.png").unlink()
    whole = (tmp_path / "cat" / "whole.dds").read_bytes()
    (tmp_path / "cat" / "broken.dds").write_bytes(whole[:60])
    data = load(tmp_path)
    files = {Path(file).name for split in data.splits.values() for file in split["file"]}
    assert {name for name in files if name.startswith("whole")} == {f"whole.{suffix}" for suffix in kinds}
    [row] = data.dropped.itertuples()
    assert (Path(row.file).name, row.reason[:19]) == ("broken.dds", "an unreadable image")


def test_a_format_without_a_reader_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow reads AVIF since 11.3, where it is built with it."""
    content = b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1" + b"\0" * 50
    with pytest.raises(UnidentifiedImageError):
        find_image({"bytes": content, "path": None})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OSError, match=r"it is AVIF, which this Pillow does not read: pip install 'pillow>=11.3'"):
        find_image({"bytes": content, "path": None})


def test_too_many_broken_images_are_an_error(tmp_path: Path) -> None:
    write_classes(tmp_path, number=10)
    break_photos(tmp_path)
    with pytest.raises(
        UserError, match=r"5 of 26 rows of the train split have an unreadable image.*first is cat/deep\.png"
    ):
        load(tmp_path)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    write_classes(tmp_path, number=20)
    Image.new("RGB", (101, 100)).save(tmp_path / "cat" / "bomb.png")  # Pillow would only warn
    Image.new("RGB", (1001, 100)).save(tmp_path / "cat" / "larger-bomb.png")
    data = load(tmp_path)
    assert sorted(Path(row.file).name for row in data.dropped.itertuples()) == ["bomb.png", "larger-bomb.png"]
    assert all("pixels" in reason for reason in data.dropped["reason"])


# --- mistakes ---


def test_classes_with_too_few_images_are_named(tmp_path: Path) -> None:
    write_classes(tmp_path, number=10)
    write_photo(tmp_path / "fox" / "1.png", "fox", 1)
    write_photo(tmp_path / "wolf" / "1.png", "wolf", 1)
    write_photo(tmp_path / "wolf" / "2.png", "wolf", 2)
    with pytest.raises(
        UserError, match="Too few rows to be in each of 3 splits: the class 'wolf' has 2, 'fox' has 1; add"
    ):
        load(tmp_path)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no images .*: it needs one folder for each class"):
        load(tmp_path)
    write_photo(tmp_path / "a.png", "cat", 1)
    with pytest.raises(UserError, match="has images but no class folders"):
        load(tmp_path)
    write_photo(tmp_path / "cat" / "a.png", "cat", 1)
    with pytest.raises(UserError, match="has the class 'cat' only"):
        load(tmp_path)
    with pytest.raises(UserError, match="There is no file or folder"):
        load(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"is no parquet file: name a folder of images"):
        load(tmp_path / "a.png")
    (tmp_path / "train.parquet").write_text("nonsense")
    with pytest.raises(UserError, match="cannot be read as parquet"):
        load(tmp_path / "train.parquet")
    (tmp_path / "train.parquet").rename(tmp_path / "test.parquet")
    with pytest.raises(UserError, match=r"has no training file: name it train\.parquet"):
        load(tmp_path)


def test_class_that_only_another_split_has(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test", labels=("cat", "wolf"))
    with pytest.raises(UserError, match=r"The test split has the label 'wolf' in column 'folder'.* train has cat, dog"):
        load(tmp_path)


# --- kept on disk ---


def test_images_are_resized_once(tmp_path: Path, processor: ViTImageProcessor, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_classes(tmp_path)
    splits = load(folder).splits
    kept, note = keep_resized(splits, processor)
    assert note.text.startswith("Resized images are kept on disk (0.0 MB)")
    for split, rows in splits.items():
        of_files, of_kept = (data.with_transform(BatchTransform(processor))[:] for data in (rows, kept[split]))
        assert torch.equal(of_files["pixel_values"], of_kept["pixel_values"])
        assert torch.equal(of_files["labels"], of_kept["labels"])
        assert rows["row"][:] == kept[split]["row"][:]
    monkeypatch.setattr("hfkit.data.resized.open_image", lambda cell: pytest.fail("decoded again"))
    again, _ = keep_resized(load(folder).splits, processor)
    assert again["train"][:] == kept["train"][:]


def test_what_changes_an_image_is_decoded_anew(tmp_path: Path, processor: ViTImageProcessor) -> None:
    """A photo that was replaced under its name, and another size, are other pixels."""
    folder = write_classes(tmp_path)

    def pixels(size: int = 16) -> list[bytes]:
        kept, _ = keep_resized(load(folder).splits, make_processor(Preprocessing("x", 16, MEAN, STD, "bicubic"), size))
        return list(kept["train"]["pixels"])

    before = pixels()
    assert len(pixels(24)[0]) == 3 * 24 * 24
    for photo in folder.glob("cat/*.png"):
        Image.new("RGB", (20, 20), "white").save(photo)
    assert pixels() != before


def test_rows_in_another_order_or_without_labels(tmp_path: Path, processor: ViTImageProcessor) -> None:
    splits = load(write_classes(tmp_path)).splits
    backwards = DatasetDict({split: rows.select(range(len(rows) - 1, -1, -1)) for split, rows in splits.items()})
    unlabelled = DatasetDict({split: rows.remove_columns("label") for split, rows in splits.items()})
    there, back, plain = (keep_resized(rows, processor)[0]["train"] for rows in (splits, backwards, unlabelled))
    assert back["pixels"][:] == there["pixels"][::-1]
    assert back["row"][:] == there["row"][::-1]
    assert plain["pixels"][:] == there["pixels"][:]
    assert "label" not in plain.column_names


def test_without_room_images_are_decoded_whenever_they_are_read(
    tmp_path: Path, processor: ViTImageProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = load(write_classes(tmp_path, number=11)).splits
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10_000))
    kept, note = keep_resized(splits, processor)
    assert kept is splits
    assert "decoded whenever they are read" in note.text
    assert "more than half of what is free" in note.text


# --- pixel values ---


@pytest.fixture
def processor() -> ViTImageProcessor:
    return make_processor(Preprocessing("x", 16, MEAN, STD, "bicubic"), 16)


def make_batch(number: int = 6) -> dict[str, list[Any]]:
    return {
        "image": [{"bytes": png(index), "path": None} for index in range(number)],
        "label": [index % 3 for index in range(number)],
    }


def test_pixel_values_are_resized_and_normalised(processor: ViTImageProcessor) -> None:
    white = io.BytesIO()
    Image.new("RGB", (5, 9), "white").save(white, format="png")
    pixels = BatchTransform(processor)({"image": [{"bytes": white.getvalue(), "path": None}]})["pixel_values"]
    assert pixels.shape == (1, 3, 16, 16)
    expected = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(pixels[0, :, 8, 8], expected)


def test_no_random_change_means_the_same_pixels(processor: ViTImageProcessor) -> None:
    """The way through an augmentation and the plain one differ by the augmentation alone."""
    plain = BatchTransform(processor)(make_batch())
    identity = BatchTransform(processor, augmentation=lambda image: image)(make_batch())
    torch.testing.assert_close(plain["pixel_values"], identity["pixel_values"], atol=0, rtol=0)
    assert plain["labels"].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_batch_equals_its_images(processor: ViTImageProcessor) -> None:
    whole = BatchTransform(processor)(make_batch())["pixel_values"]
    rows = Dataset.from_dict(make_batch()).with_transform(BatchTransform(processor))
    torch.testing.assert_close(torch.stack([rows[index]["pixel_values"] for index in range(6)]), whole)
    torch.testing.assert_close(torch.stack([row["pixel_values"] for row in rows.__getitems__(list(range(6)))]), whole)


def test_flip_mirrors_some_images_and_leaves_the_rest(processor: ViTImageProcessor) -> None:
    torch.manual_seed(0)
    plain = BatchTransform(processor)(make_batch(40))["pixel_values"]
    flipped = BatchTransform(processor, make_augmentation("flip"))(make_batch(40))["pixel_values"]
    same = [torch.equal(a, b) for a, b in zip(plain, flipped, strict=True)]
    mirrored = [torch.equal(a.flip(-1), b) for a, b in zip(plain, flipped, strict=True)]
    assert all(one != other for one, other in zip(same, mirrored, strict=True))
    assert 8 < sum(same) < 32


@pytest.mark.parametrize("name", ["report", "randaugment"])
def test_other_changes_are_random_and_seeded(name: str, processor: ViTImageProcessor) -> None:
    transform = BatchTransform(processor, make_augmentation(name))
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(transform(make_batch())["pixel_values"])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert results[0].shape == (6, 3, 16, 16)
    assert make_augmentation("none") is None


def test_changes_of_a_row_are_those_of_seed_epoch_and_row(processor: ViTImageProcessor) -> None:
    """Whatever batch it is read in, and whatever was drawn before; nothing else is drawn differently after it."""
    epoch = SharedEpoch()
    transform = copy.deepcopy(BatchTransform(processor, make_augmentation("randaugment"), None, 7, epoch))
    rows = {**make_batch(6), "row": [4, 1, 5, 9, 2, 6]}
    torch.manual_seed(0)
    state = torch.get_rng_state()
    whole = transform(rows)["pixel_values"]
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    part = transform({name: column[2:4] for name, column in rows.items()})["pixel_values"]
    assert torch.equal(whole[2:4], part)
    epoch.index = 1
    assert not torch.equal(transform(rows)["pixel_values"], whole)
    epoch.index = 0
    assert torch.equal(transform(rows)["pixel_values"], whole)
    other = BatchTransform(processor, make_augmentation("randaugment"), None, 8, epoch)
    assert not torch.equal(other(rows)["pixel_values"], whole)


def test_a_mix_is_that_of_seed_epoch_and_rows(processor: ViTImageProcessor) -> None:
    transform = BatchTransform(processor, mixing=make_mixing(0.2, 1.0, 3), seed=7)
    rows = {**make_batch(), "row": [4, 1, 5, 9, 2, 6]}
    first = transform(rows)
    torch.rand(3)
    again = transform(rows)
    assert all(torch.equal(first[name], again[name]) for name in first)
    transform.epoch = 1
    assert not torch.equal(transform(rows)["labels"], first["labels"])


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0.0), (0.0, 1.0), (0.2, 1.0)])
def test_mixed_labels_are_probabilities(mixup: float, cutmix: float, processor: ViTImageProcessor) -> None:
    torch.manual_seed(0)
    mixing = make_mixing(mixup, cutmix, num_classes=3)
    batch = BatchTransform(processor, mixing=mixing)(make_batch())
    assert batch["labels"].shape == (6, 3)
    torch.testing.assert_close(batch["labels"].sum(dim=1), torch.ones(6))
    assert make_mixing(0, 0, 3) is None


def test_changes_are_described() -> None:
    assert describe_changes(ImageDataArguments(augment="none")) == "Random changes of training images: none."
    line = describe_changes(ImageDataArguments(augment="report", mixup=0.2, cutmix=1))
    assert line.endswith("left-right flip, rotation of up to 15 degrees, MixUp 0.2, CutMix 1.")
