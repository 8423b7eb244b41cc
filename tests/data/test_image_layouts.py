"""Images as people have them: labels in tables, in names and in folders; what is counted, guessed and refused."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT, read_notes, write_photo
from datasets import ClassLabel, Dataset, Features, Value
from datasets import Image as ImageFeature

from hfkit.data.image_folders import read_image_files
from hfkit.data.image_layouts import ImageLayout
from hfkit.data.image_sources import ImageSource, LabelFlags, read_images
from hfkit.data.images import load_image_data
from hfkit.data.labelled import LabelColumns, load_labelled_images
from hfkit.data.modality import find_modality
from hfkit.data.name_patterns import find_pattern, read_labels
from hfkit.errors import UserError
from hfkit.flags.image_arguments import ImageDataArguments
from hfkit.flags.tables import TableFlags
from hfkit.flags.values import check_name_pattern

CASES = Path(os.environ.get("HFKIT_TEST_CASES", ROOT.parent / "shared" / "cases"))


def write_files(folder: Path, names: Iterable[str]) -> Path:
    """Write empty files, which are images by their names: looking at folders opens none."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def write_table(path: Path, columns: str, rows: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path.parent


def kind(number: int) -> str:
    return ("cat", "dog")[number % 2]


def numbered(number: int = 8) -> list[str]:
    return [f"{index:03}" for index in range(number)]


def understand(path: Path, **flags: Any) -> ImageLayout:
    return read_image_files(path, LabelFlags(**flags))


def labels(layout: ImageLayout, split: str = "train") -> dict[str, object]:
    return {file.path: file.label for file in layout.files[split]}


def counts(layout: ImageLayout) -> dict[str, dict[object, int]]:
    return {split: dict(Counter(file.label for file in files)) for split, files in layout.files.items()}


def refuse(path: Path, match: str, **flags: Any) -> None:
    with pytest.raises(UserError, match=match) as refusal:
        understand(path, **flags)
    assert "\n" not in str(refusal.value)


# --- a table beside or above the images ---


@pytest.mark.parametrize("place", ["", "images/", "train/", "train_images/", "photos_of_all/", "part_1/"])
@pytest.mark.parametrize(
    ("cell", "how"),
    [
        ("{id}.jpg", "by file name"),
        ("{id}", "by file name (id without suffix)"),
        ("{id}.png", "by file name (with another suffix)"),
        ("/somewhere/else/{id}.jpg", "by file name"),
        ("C:\\data\\{id}.JPG", "by file name"),
    ],
)
def test_a_table_labels_flat_images(place: str, cell: str, how: str, tmp_path: Path) -> None:
    write_files(tmp_path, [f"{place}{name}.jpg" for name in numbered()])
    rows = [f"{cell.format(id=name)},{kind(int(name))}" for name in numbered()]
    write_table(tmp_path / "labels.csv", "id,breed", rows)
    layout = understand(tmp_path)
    assert labels(layout) == {f"{place}{name}.jpg": kind(int(name)) for name in numbered()}
    assert layout.describe() == f"Labels: column `breed` of labels.csv, {how}: 8 of 8 images."


def test_a_path_tells_images_of_the_same_name_apart(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{place}/{name}.jpg" for place in ("left", "right") for name in numbered(4)])
    rows = [f"data\\{place}\\{name}.jpg,{place}" for place in ("left", "right") for name in numbered(4)]
    layout = understand(write_table(tmp_path / "labels.csv", "path,side", rows), label_column="side")
    assert labels(layout) == {f"{place}/{name}.jpg": place for place in ("left", "right") for name in numbered(4)}
    assert "by path: 8 of 8 images" in layout.describe()


def records(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"file_name": f"{name}.jpg", "label": kind(int(name))} for name in names]


FORMS: dict[str, Callable[[list[dict[str, str]]], str]] = {
    "labels.json": json.dumps,
    "wrapped.json": lambda rows: json.dumps({"version": 1, "data": rows}),
    "lines.json": lambda rows: "\n".join(map(json.dumps, rows)),
    "metadata.jsonl": lambda rows: "\n".join(map(json.dumps, rows)),
    "by_file.json": lambda rows: json.dumps({row["file_name"]: row["label"] for row in rows}),
    "by_id.json": lambda rows: json.dumps({row["file_name"][:-4]: {"label": row["label"], "width": 3} for row in rows}),
    "by_label.json": lambda rows: json.dumps(
        {label: [row["file_name"] for row in rows if row["label"] == label] for label in ("cat", "dog")}
    ),
    "pairs.json": lambda rows: json.dumps([list(row.values()) for row in rows]),
    "pandas.json": lambda rows: pd.DataFrame(rows).to_json(),
    "metadata.csv": lambda rows: pd.DataFrame(rows).to_csv(),
    "labels.tsv": lambda rows: pd.DataFrame(rows).to_csv(sep="\t", index=False),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_tables(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, [f"{number}.jpg" for number in numbered()])
    (tmp_path / name).write_text(FORMS[name](records(numbered())))
    layout = understand(tmp_path)
    assert labels(layout) == {f"{number}.jpg": kind(int(number)) for number in numbered()}
    assert f"of {name}, by file name" in layout.describe()
    assert understand(tmp_path / name).files == layout.files


def test_tables_in_folders_of_splits(tmp_path: Path) -> None:
    """The form of the library datasets; images of all splits may have the same names."""
    for split, number in (("train", 6), ("validation", 4), ("test", 2)):
        write_files(tmp_path / split, [f"{name}.png" for name in numbered(number)])
        rows = [f"{name}.png,{split}-{kind(int(name))}" for name in numbered(number)]
        write_table(tmp_path / split / "metadata.csv", "file_name,label", rows)
    layout = understand(tmp_path)
    assert counts(layout) == {
        split: {f"{split}-cat": number, f"{split}-dog": number}
        for split, number in (("train", 3), ("validation", 2), ("test", 1))
    }
    assert "train/metadata.csv" in layout.describe()
    assert "12 of 12 images" in layout.describe()


@pytest.mark.parametrize("names", [("train", "val", "test"), ("trainLabels", "validation_labels", "Test")])
def test_a_table_for_each_split(names: tuple[str, str, str], tmp_path: Path) -> None:
    write_files(tmp_path, [f"images/{name}.jpg" for name in numbered(12)])
    for table, chosen in zip(names, (numbered(12)[:6], numbered(12)[6:10], numbered(12)[10:]), strict=True):
        write_table(tmp_path / f"{table}.csv", "id,label", [f"{name},{kind(int(name))}" for name in chosen])
    expected = {"train": 3, "validation": 2, "test": 1}
    assert counts(understand(tmp_path)) == {split: {"cat": number, "dog": number} for split, number in expected.items()}


def test_a_table_of_test_without_labels_is_predicted(tmp_path: Path) -> None:
    write_files(tmp_path, [f"images/{name}.jpg" for name in numbered(10)])
    write_table(tmp_path / "train.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered(8)])
    write_table(tmp_path / "test.csv", "id", numbered(10)[8:])
    assert counts(understand(tmp_path)) == {"train": {"cat": 4, "dog": 4}, "test": {None: 2}}


@pytest.mark.parametrize("others", ["extra", "masks", "images/train images/test masks/train masks/test"])
def test_folders_beside_those_of_splits_leave_the_table_to_say(others: str, tmp_path: Path) -> None:
    train = "images/train" if "images/train" in others else "train"
    for place in {train, train.replace("train", "test"), *others.split()}:
        write_files(tmp_path / place, [f"{place[0]}{name}.jpg" for name in numbered(4)])
    write_table(tmp_path / "labels.csv", "id,label", [f"{train[0]}{name},{kind(int(name))}" for name in numbered(4)])
    assert counts(understand(tmp_path)) == {"train": {"cat": 2, "dog": 2}, "test": {None: 4}}


def test_a_column_says_the_split(tmp_path: Path) -> None:
    write_files(tmp_path, [f"images/{name}.jpg" for name in numbered(8)])
    splits = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    rows = [f"{name},{kind(int(name))},{split}" for name, split in zip(numbered(8), splits, strict=True)]
    layout = understand(write_table(tmp_path / "data.csv", "id,label,split", rows))
    assert {split: len(files) for split, files in layout.files.items()} == {"train": 4, "validation": 2, "test": 2}
    assert "Splits: by the column 'split' (4 train, 2 validation, 2 test)." in read_notes(layout.notes)


@pytest.mark.parametrize("test", ["test", "test1", "test_images", "testSet"])
def test_a_folder_for_test_without_labels_is_predicted(test: str, tmp_path: Path) -> None:
    """Also where it has images of the same names as train; an example of what is handed in has no labels."""
    write_files(
        tmp_path, [f"train/{name}.jpg" for name in numbered(6)] + [f"{test}/{name}.jpg" for name in numbered(4)]
    )
    write_table(tmp_path / "train.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered(6)])
    write_table(tmp_path / "sample_submission.csv", "id,label", [f"{name},0" for name in numbered(4)])
    layout = understand(tmp_path)
    assert counts(layout) == {"train": {"cat": 3, "dog": 3}, "test": {None: 4}}
    assert (
        "6 of 6 images; 4 of test have no label; 4 names are those of images in other folders, too."
        in layout.describe()
    )
    assert any("are not read: sample_submission.csv" in note for note in read_notes(layout.notes))


def test_what_does_not_go_together_is_counted(tmp_path: Path) -> None:
    """And taken where the table is named."""
    write_files(tmp_path, [f"{name}.jpg" for name in numbered(10)])
    rows = [f"{name},{kind(int(name))}" for name in [*numbered(10)[:7], *numbered(10)[:2], "800", "801", "802"]]
    refuse(
        write_table(tmp_path / "labels.csv", "id,label", rows),
        r"3 of 12 rows of labels.csv have no image, more than 5%",
    )
    layout = understand(tmp_path / "labels.csv")
    assert layout.describe() == (
        "Labels: column `label` of labels.csv, by file name (id without suffix): 7 of 10 images; "
        "3 rows of the table have no image; 3 images have no row; 2 rows repeat another."
    )


def test_images_without_a_row_are_left_out_and_said(tmp_path: Path) -> None:
    """The table is the list of the data, also where several tables are."""
    images = [f"{split}/{split[0]}{name}.jpg" for split in ("train", "validation") for name in numbered(40)]
    write_files(tmp_path, images)
    for split, number in (("train", 8), ("validation", 40)):
        rows = [f"{split[0]}{name}.jpg,{kind(int(name))}" for name in numbered(number)]
        write_table(tmp_path / split / "metadata.csv", "file_name,label", rows)
    layout = understand(tmp_path)
    assert {split: len(files) for split, files in layout.files.items()} == {"train": 8, "validation": 40}
    assert (
        "Images without a row in train/metadata.csv and validation/metadata.csv are not used: 32 of 80, such as train/t008.jpg."
        in read_notes(layout.notes)
    )
    rows = [f"v{name}.jpg,{kind(int(name))}" for name in numbered(43)]
    write_table(tmp_path / "validation" / "metadata.csv", "file_name,label", rows)
    refuse(
        tmp_path,
        r"3 of 43 rows of validation/metadata.csv have no image, more than 5%: bring .*, or take the rows out\.$",
    )


def test_rows_without_a_label_are_dropped_and_said(tmp_path: Path) -> None:
    names = numbered(60)
    for name in names:
        write_photo(tmp_path / "images" / f"{name}.png", kind(int(name)), int(name), size=(8, 8))
    rows = [f"{name},{kind(int(name)) if int(name) else ''}" for name in names]
    write_table(tmp_path / "labels.csv", "id,label", rows)
    data = load_image_data(ImageDataArguments(dataset=str(tmp_path)))
    assert sum(map(len, data.splits.values())) == 59
    assert data.dropped["file"].tolist() == ["images/000.png"]
    assert data.label_names == ["cat", "dog"]
    assert any("59 of 60 images" in note for note in read_notes(data.notes))
    write_table(tmp_path / "labels.csv", "id,label", [f"{name}," for name in names])
    with pytest.raises(UserError, match="60 of 60 rows of the train split have no label"):
        load_image_data(ImageDataArguments(dataset=str(tmp_path)))


def test_the_column_of_labels(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    rows = [f"{name},{kind(int(name))},{int(name) % 3},x" for name in numbered()]
    write_table(tmp_path / "about.csv", "id,fur,age,note", rows)
    refuse(tmp_path, r"about.csv names images.*columns id, fur, age, note: write --label_column NAME")
    refuse(tmp_path, r"has no column 'nothing', only: id, fur, age, note", label_column="nothing")
    assert counts(understand(tmp_path, label_column="fur")) == {"train": {"cat": 4, "dog": 4}}
    assert labels(understand(tmp_path, label_column="age"))["005.jpg"] == "2"
    refuse(tmp_path, "no column of its tables names them", image_column="note")
    write_table(tmp_path / "about.csv", "id,fur,diagnosis", [f"{name},x,{kind(int(name))}" for name in numbered()])
    assert counts(understand(tmp_path)) == {"train": {"cat": 4, "dog": 4}}


@pytest.mark.parametrize("first", ["000.jpg,cat,3", "000.jpg,wolf,3"])
def test_a_table_without_a_header_is_read(first: str, tmp_path: Path) -> None:
    """Also where nothing but the name of an image tells that the first line is a row."""
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    rows = [f"{name}.jpg,{kind(int(name))},{int(name)}" for name in numbered()[1:]]
    layout = understand(write_table(tmp_path / "labels.csv", first, rows))
    assert counts(layout)["train"] == Counter(first.split(",")[1:2] + [kind(int(name)) for name in numbered()[1:]])
    assert any("comma-separated, no header" in note for note in read_notes(layout.notes))
    assert any("Label column: 2 (the table has no header" in note for note in read_notes(layout.notes))


def test_flags_say_how_a_table_beside_images_is_written(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    rows = [
        f"{name}|{('Hündchen', 'Kätzchen')[int(name) % 2]}|{('train', 'val')[int(name) > 5]}" for name in numbered()
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["id|label|use", *rows]), encoding="cp437")
    flags = LabelFlags(split_column="use", table=TableFlags(separator="pipe", encoding="cp437"))
    layout = read_image_files(tmp_path, flags)
    assert counts(layout) == {
        "train": {"Hündchen": 3, "Kätzchen": 3},
        "validation": {"Hündchen": 1, "Kätzchen": 1},
    }
    assert any("pipe-separated, header, cp437" in note for note in read_notes(layout.notes))


def test_columns_of_files_and_labels_in_json(tmp_path: Path) -> None:
    """Lists of columns are no files by label."""
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    columns = {"file_name": [f"{name}.jpg" for name in numbered()], "label": [kind(int(name)) for name in numbered()]}
    (tmp_path / "labels.json").write_text(json.dumps(columns))
    assert counts(understand(tmp_path)) == {"train": {"cat": 4, "dog": 4}}


@pytest.mark.parametrize("labels", ["labels", "class", "targets"])
@pytest.mark.parametrize("files", ["images", "files", "image"])
def test_lists_of_files_and_of_labels_are_columns_of_json(files: str, labels: str, tmp_path: Path) -> None:
    """And not the files of two classes that are called so."""
    names = [f"{name}.jpg" for name in numbered()]
    write_files(tmp_path, names)
    content = {files: names, labels: [kind(int(name)) for name in numbered()]}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    assert counts(understand(tmp_path)) == {"train": dict(Counter(kind(int(name)) for name in numbered()))}


@pytest.mark.parametrize("header", [("file", "label"), ("label", "image")])
def test_pairs_of_json_may_have_a_header(header: tuple[str, str], tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    pairs = [[f"{name}.jpg", kind(int(name))][:: -1 if header[0] == "label" else 1] for name in numbered()]
    (tmp_path / "labels.json").write_text(json.dumps([header, *pairs]))
    layout = understand(tmp_path)
    assert counts(layout) == {"train": dict(Counter(kind(int(name)) for name in numbered()))}
    assert not layout.remarks


def test_names_of_labels_beside_a_table_are_pointed_at(tmp_path: Path) -> None:
    write_files(tmp_path, [f"images/{name}.jpg" for name in numbered()])
    write_table(tmp_path / "train.csv", "id,label", [f"{name},{int(name) % 2}" for name in numbered()])
    (tmp_path / "names.json").write_text(json.dumps({"1": "big dog", "0": "cat"}))
    notes = read_notes(understand(tmp_path).notes)
    assert "names.json has names for the labels: --label_names cat 'big dog' takes them over." in notes


def test_names_as_macs_write_them(tmp_path: Path) -> None:
    """A letter and its accent are one character in the table and two in the name of the file."""
    write_files(tmp_path, [f"cafe\u0301 {name}.JPG" for name in numbered()])
    write_table(tmp_path / "labels.csv", "id,label", [f"CAF\u00c9 {name}.jpg,{kind(int(name))}" for name in numbered()])
    assert counts(understand(tmp_path)) == {"train": {"cat": 4, "dog": 4}}


def test_tables_that_are_not_looked_at_are_pointed_at(tmp_path: Path) -> None:
    write_files(tmp_path / "images", [f"{name}.jpg" for name in numbered()])
    write_table(tmp_path / "labels.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered()])
    (tmp_path / "images" / "labels.xlsx").write_bytes(b"")
    refuse(
        tmp_path / "images",
        r"if .*labels.csv has the labels, name its folder, .*; labels.xlsx is not read: .*labels.csv",
    )


def test_numbered_folders_are_no_classes_beside_a_table(tmp_path: Path) -> None:
    names = [f"{number % 4}/{number:03}.jpg" for number in range(16)]
    write_files(tmp_path, names)
    write_table(tmp_path / "train.csv", "id,landmark", [f"{name[2:-4]},{name[4] in '01'}" for name in names])
    refuse(tmp_path, "write --label_column landmark for those of the table")
    assert set(labels(understand(tmp_path, label_column="landmark")).values()) == {"True", "False"}


def test_a_column_of_0_and_1_for_each_class(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    rows = [f"{name},{float(int(name) % 2 == 0)},{float(int(name) % 2)}" for name in numbered()]
    write_table(tmp_path / "truth.csv", "image,cat,dog", rows)
    layout = understand(tmp_path)
    assert counts(layout) == {"train": {"cat": 4, "dog": 4}}
    assert "Labels: the columns of 0 and 1 (cat, dog) of truth.csv" in layout.describe()
    write_table(tmp_path / "truth.csv", "image,cat,dog", [*rows[:-1], "007,1,1"])
    both = understand(tmp_path)
    assert both.label_places == ["cat", "dog"]
    assert labels(both)["007.jpg"] == ("cat", "dog")
    assert labels(both)["006.jpg"] == ("cat",)
    assert labels(understand(tmp_path, label_column="dog"))["007.jpg"] == "1"
    write_table(tmp_path / "truth.csv", "image,cat,dog", [*rows[:-1], "007,0,0"])
    assert labels(understand(tmp_path))["007.jpg"] == ()
    write_table(
        tmp_path / "truth.csv", "image,cat,dog", [row.replace("0.0", "-1") for row in rows[:-1]] + ["007,-1,-1"]
    )
    signed = understand(tmp_path)
    assert labels(signed)["007.jpg"] == ()
    assert labels(signed)["006.jpg"] == ("cat",)
    assert any(note.text.startswith("-1 in the labels says that a row has not") for note in signed.all_notes())


@pytest.mark.parametrize("is_one_class", [True, False])
def test_tables_of_splits_have_the_same_columns_of_0_and_1(is_one_class: bool, tmp_path: Path) -> None:
    """Also where one of them is the same in all rows of a table, which by itself would leave it out."""
    names = numbered(12)
    for split in ("train", "valid", "test"):
        write_files(tmp_path, [f"{split}/{name}.jpg" for name in names])
        kinds = {name: int(name) % (3 if split == "train" else 2) for name in names}
        rows = [f"{name},{int(kind == 0)},{int(kind == 1)},{int(kind == 2)}" for name, kind in kinds.items()]
        if not is_one_class and split == "train":
            rows[0] = f"{names[0]},1,1,0"
        write_table(tmp_path / split / "_classes.csv", "filename,cat,dog,fox", rows)
    layout = understand(tmp_path)
    assert {split: len(files) for split, files in layout.files.items()} == {"train": 12, "validation": 12, "test": 12}
    assert layout.label_places == (None if is_one_class else ["cat", "dog", "fox"])
    read = {file.label for file in layout.files["validation"]}
    assert read == ({"cat", "dog"} if is_one_class else {("cat",), ("dog",)})


def test_several_labels_of_images_in_a_table(tmp_path: Path) -> None:
    """In columns of 0 and 1, in lists of JSON, or in one cell; they train as the same."""
    names = numbered(24)
    for name in names:
        write_photo(tmp_path / f"{name}.png", "cat", int(name), size=(8, 8))
    sets = {name: [label for label, step in (("red", 2), ("big", 3)) if int(name) % step == 0] for name in names}
    flags = [f"{name},{int('red' in own)},{int('big' in own)}" for name, own in sets.items()]
    cells = [f"{name},{'|'.join(own)}" for name, own in sets.items()]
    lists = [{"file_name": f"{name}.png", "labels": own} for name, own in sets.items()]
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("a.csv", "\n".join(["id,red,big", *flags]), {}),
        ("a.csv", "\n".join(["id,red,big,breed", *(f"{row},x" for row in flags)]), {"label_column": ["red", "big"]}),
        ("a.csv", "\n".join(["id,tags", *cells]), {"label_separator": "|"}),
        ("a.json", json.dumps(lists), {}),
    ]
    for name, content, options in ways:
        (tmp_path / name).write_text(content)
        data = load_image_data(
            ImageDataArguments(dataset=str(tmp_path), **options, test_fraction=0.2, validation_fraction=0.2)
        )
        assert data.is_multi_label
        read = {
            row["file"][:3]: {label for label, flag in zip(data.label_names, row["label"], strict=True) if flag}
            for rows in data.splits.values()
            for row in rows
        }
        assert read == {name: set(own) for name, own in sets.items()}
        (tmp_path / name).unlink()
    for name in ("red", "big"):
        write_photo(tmp_path / "folders" / name / "a.png", "cat", 1, size=(8, 8))
    refuse(tmp_path / "folders", "has no table beside its images", label_column=["red", "big"])


def test_ids_that_stand_for_several_images_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()] + ["003.png"])
    write_table(tmp_path / "labels.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered()])
    refuse(
        tmp_path,
        r"labels.csv, row 3, counted from 0: '003' in column 'id' stands for 2 images, 003.jpg, 003.png: write its path",
    )


def test_ids_without_their_leading_zeros(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered(20)])
    rows = [f"{int(name)},{int(name) % 10},{kind(int(name))}" for name in numbered(20)]
    layout = understand(write_table(tmp_path / "labels.csv", "id,age,label", rows))
    assert labels(layout) == {f"{name}.jpg": kind(int(name)) for name in numbered(20)}
    assert "by file name (id without suffix and leading zeros)" in layout.describe()


def test_images_beside_a_table_come_before_those_below(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{place}{name}.jpg" for place in ("", "small/") for name in numbered()])
    write_table(tmp_path / "labels.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered()])
    assert set(labels(understand(tmp_path))) == {f"{name}.jpg" for name in numbered()}


def test_two_labels_of_an_image_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    rows = [f"{name},{kind(int(name))}" for name in numbered()]
    write_table(tmp_path / "labels.csv", "id,label", [*rows, "002,dog"])
    refuse(
        tmp_path,
        r"002.jpg has two labels, 'cat' \(labels.csv, row 2, .* and 'dog' \(labels.csv, row 8, .*: leave one",
    )


def test_tables_that_do_not_fit_are_refused_with_what_was_seen(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    write_table(tmp_path / "labels.csv", "id,label", [f"img{name},cat" for name in numbered()])
    refuse(
        tmp_path,
        r"images such as 000.jpg, 001.jpg, and no column .* names them \(labels.csv has img000, cat\).*--image_column",
    )
    write_table(
        tmp_path / "labels.csv", "id,label", [f"{'' if name == '003' else 'x'}{name},cat" for name in numbered()]
    )
    refuse(
        tmp_path,
        r"Only 1 of 8 rows of labels.csv have an image, and 8 images are there: column 'id' has 'x000', 'x001'",
    )


def test_two_tables_with_labels_of_other_kinds_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    write_table(tmp_path / "breeds.csv", "id,breed", [f"{name},{kind(int(name))}" for name in numbered()])
    write_table(tmp_path / "ages.csv", "id,age", [f"{name},{int(name) % 3}" for name in numbered()])
    refuse(tmp_path, r"Several tables label the images, .*breeds.csv.*: write --label_column NAME")
    assert counts(understand(tmp_path, label_column="breed")) == {"train": {"cat": 4, "dog": 4}}


def test_a_table_for_test_alone_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, [f"images/{name}.jpg" for name in numbered()])
    write_table(tmp_path / "test.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered()])
    refuse(tmp_path, "the images that test.csv labels are all for test")
    assert counts(understand(tmp_path / "test.csv")) == {"train": {"cat": 4, "dog": 4}}


def test_a_table_without_images_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "labels.csv", "id,label", ["1,cat"])
    refuse(tmp_path / "labels.csv", "is a table, and no images lie in .* or below: put them beside it")


def test_masks_beside_images_are_not_used(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{place}/{name}.png" for place in ("images", "annotations/trimaps") for name in numbered()])
    refuse(tmp_path, "images in the folders annotations, images, named like splits .*masks are for segmentation")
    write_table(tmp_path / "labels.csv", "id,label", [f"{name},{kind(int(name))}" for name in numbered()])
    layout = understand(tmp_path)
    assert counts(layout) == {"train": {"cat": 4, "dog": 4}}
    assert any("not used: 8, such as annotations/trimaps/000.png" in note for note in read_notes(layout.notes))


def test_what_is_evaluated_is_read_as_in_training(tmp_path: Path) -> None:
    for name in numbered():
        write_photo(tmp_path / f"{kind(int(name))}_{name}.png", kind(int(name)), int(name), size=(8, 8))
    by_name = load_labelled_images(
        str(tmp_path), None, LabelFlags(label_from_name="{label}_{number}"), LabelColumns(), ["dog", "cat"]
    )
    rows = [f"{kind(int(name))}_{name},{kind(int(name))}" for name in numbered()]
    write_table(tmp_path / "labels.csv", "id,label", rows)
    by_table = load_labelled_images(str(tmp_path), None, LabelFlags(), LabelColumns(), ["dog", "cat"])
    for data in (by_name, by_table):
        assert data.rows["label"][:] == [int(file.startswith("cat")) for file in data.rows["file"]]
        assert any("8 of 8 images" in note for note in read_notes(data.notes))


# --- folders of classes beside a table ---


def write_classes(folder: Path, number: int = 4) -> list[str]:
    names = [f"{label}/{index}.png" for label in ("cat", "dog") for index in range(number)]
    write_files(folder, names)
    return names


def test_a_table_that_contradicts_the_folders_is_refused(tmp_path: Path) -> None:
    names = write_classes(tmp_path)
    rows = [f"{name},{('red', 'blue', 'green')[index % 3]}" for index, name in enumerate(names)]
    write_table(tmp_path / "metadata.csv", "file_name,label", rows)
    refuse(tmp_path, r"folders of classes, such as 'cat', and a table with other labels .*--label_column label for")
    assert counts(understand(tmp_path, label_column="label")) == {"train": {"red": 3, "blue": 3, "green": 2}}
    assert counts(understand(tmp_path, label_from_name="{label}/{any}")) == {"train": {"cat": 4, "dog": 4}}


@pytest.mark.parametrize("column", ["label", "age"])
def test_another_table_beside_folders_is_said(column: str, tmp_path: Path) -> None:
    names = write_classes(tmp_path)
    write_table(tmp_path / "about.csv", f"file,{column}", [f"{name},is {name[:3]}" for name in names])
    layout = understand(tmp_path)
    assert counts(layout) == {"train": {"cat": 4, "dog": 4}}
    assert any("are not read: about.csv" in note for note in read_notes(layout.notes))
    (tmp_path / "about.csv").write_bytes(b"\xff\xfe broken")
    assert counts(understand(tmp_path)) == counts(layout)


def test_flags_say_how_a_table_beside_folders_is_written(tmp_path: Path) -> None:
    names = write_classes(tmp_path)
    rows = [f"{name}~{('Hündin', 'Rüde', 'Welpe')[index % 3]}" for index, name in enumerate(names)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name~label", *rows]), encoding="cp437")
    with pytest.raises(UserError, match=r"and a table with other labels .*by which .* is 'Hündin'"):
        read_image_files(tmp_path, LabelFlags(table=TableFlags(separator="~", encoding="cp437")))


def test_a_table_that_agrees_with_the_folders_labels_the_test_images(tmp_path: Path) -> None:
    names = write_classes(tmp_path / "Train")
    write_files(tmp_path / "Test", ["0.png", "1.png"])
    write_table(tmp_path / "Train.csv", "ClassId,Path", [f"{int('dog' in name)},Train/{name}" for name in names])
    write_table(tmp_path / "Test.csv", "ClassId,Path", ["0,Test/0.png", "1,Test/1.png"])
    assert counts(understand(tmp_path)) == {"train": {"0": 4, "1": 4}, "test": {"0": 1, "1": 1}}


def test_a_named_column_without_a_table_is_said(tmp_path: Path) -> None:
    write_classes(tmp_path)
    assert any(
        "--label_column is not used" in note for note in read_notes(understand(tmp_path, label_column="breed").notes)
    )


# --- doubled folders, and folders of splits ---


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training_set/training_set", "test_set/test_set"),
        ("archive/train", "archive/test"),
        ("photos/Training", "photos/Testing"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("trainSet", "testSet"),
        ("TrainImages", "testimages"),
        ("train/images", "test/images"),
        ("a/b/c/train/c", "a/b/c/test/c"),
    ],
)
def test_folders_around_the_classes(train: str, test: str, tmp_path: Path) -> None:
    write_classes(tmp_path / train)
    write_classes(tmp_path / test, number=2)
    (tmp_path / "__MACOSX").mkdir()
    layout = understand(tmp_path)
    assert counts(layout) == {"train": {"cat": 4, "dog": 4}, "test": {"cat": 2, "dog": 2}}
    assert f"{train}/cat/0.png" in labels(layout)
    assert "Labels: the folder of each image (cat, dog): 12 of 12 images." in read_notes(layout.all_notes())


@pytest.mark.parametrize("around", ["images", "flowers/flowers", "data/photos", "CUB_200"])
def test_folders_around_classes_without_splits_are_said(around: str, tmp_path: Path) -> None:
    write_classes(tmp_path / around)
    layout = understand(tmp_path)
    assert counts(layout) == {"train": {"cat": 4, "dog": 4}}
    assert f"The folders of the classes lie in {around}." in read_notes(layout.notes)


def test_a_doubled_folder_of_test_images(tmp_path: Path) -> None:
    write_classes(tmp_path / "letters_train" / "letters_train")
    write_files(tmp_path / "letters_test" / "letters_test", ["A.png", "B.png"])
    assert counts(understand(tmp_path)) == {"train": {"cat": 4, "dog": 4}, "test": {None: 2}}


# --- labels in names ---


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{label}_{number}", "american_bulldog_{}.jpg"),
        ("{label}.{number}", "american_bulldog.{}.jpg"),
        ("{label}-{number}", "american_bulldog-{}.png"),
        ("{label} ({number})", "american_bulldog ({}).png"),
        ("{label}{number}", "american_bulldog{}.png"),
        ("{number}_{label}", "{}_american_bulldog.png"),
        ("{any}__{label}__{number}", "x1__american_bulldog__{}.png"),
        ("{any}/{label}_{number}", "any/american_bulldog_{}.png"),
        ("{label}/{any}", "american_bulldog/{}.png"),
        ("[{label}] {any}", "[american_bulldog] {}.jpg"),
    ],
)
def test_patterns_read_labels(pattern: str, name: str) -> None:
    check_name_pattern(pattern)
    assert read_labels(pattern, [f"deep/train/{name.format(number)}" for number in (1, 22)]) == ["american_bulldog"] * 2


@pytest.mark.parametrize(
    "pattern", ["cat", "{number}", "{label}_{label}", "{label}_{id}", "{label", "label}", "{}_{label}"]
)
def test_patterns_without_a_label_are_refused_at_once(pattern: str) -> None:
    with pytest.raises(UserError, match=r"write the form of the names with \{label\} once"):
        ImageDataArguments(label_from_name=pattern)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ("cat.{} dog.{}", "{label}.{number}"),
        ("Abyssinian_{} american_bulldog_{}", "{label}_{number}"),
        ("cat{} dog{}", "{label}{number}"),
        ("{}_cat {}_dog", "{number}_{label}"),
        ("IMG_{} DSC_{}", None),
        ("image_{} mask_{}", None),
        ("train_{} test_{}", None),
        ("cat_{}", None),
        ("{}_1 {}_2", None),
        ("patient_1_{} patient_2_{}", None),
        ("a{} b{}", None),
        ("猫{} 犬{}", "{label}{number}"),
    ],
)
def test_a_form_of_names_is_found_where_it_parts_into_classes(names: str, pattern: str | None) -> None:
    paths = [f"images/{name.format(number)}.jpg" for name in names.split() for number in range(10, 16)]
    assert find_pattern(paths) == pattern
    assert find_pattern([*paths, "images/other.jpg", "images/others.jpg"]) is None


def write_names(folder: Path, number: int = 10) -> Path:
    return write_files(folder, [f"{label}.{index}.jpg" for label in ("cat", "dog") for index in range(number)])


def test_labels_from_names(tmp_path: Path) -> None:
    write_names(tmp_path / "train")
    write_files(tmp_path / "test1", ["1.jpg", "2.jpg"])
    expected = {"train": {"cat": 10, "dog": 10}, "test": {None: 2}}
    guessed, given = understand(tmp_path), understand(tmp_path, label_from_name="{label}.{number}")
    assert counts(guessed) == counts(given) == expected
    line = 'Labels: the name of each file, "{label}.{number}" (cat, dog): 20 of 20 images; 2 of test have no label.'
    assert guessed.describe() == given.describe() == line
    assert any("Labels are taken from the names" in note for note in read_notes(guessed.notes))
    assert not read_notes(given.notes)


def test_names_of_another_form_are_counted_or_refused(tmp_path: Path) -> None:
    write_names(tmp_path, number=30)
    write_files(tmp_path, ["odd.jpg"])
    layout = understand(tmp_path, label_from_name="{label}.{number}")
    assert "60 of 61 images; 1 name is of another form" in layout.describe()
    refuse(
        tmp_path,
        r'61 of 61 images of train are not called so, such as cat.0.jpg: --label_from_name "{label}.{number}" fits',
        label_from_name="{label}_{number}",
    )


# --- what is no data of this kind ---


def test_pixels_in_a_table_are_refused(tmp_path: Path) -> None:
    columns = ",".join(["label", *(f"pixel{index}" for index in range(784))])
    write_table(tmp_path / "train.csv", columns, [",".join(["1"] * 785)])
    refuse(tmp_path, r"train.csv holds 784 pixels a row \(pixel0, pixel1, ...\): .*PNG|Save each row as an image")
    refuse(tmp_path / "train.csv", "holds 784 pixels a row")
    write_table(tmp_path / "train.csv", ",".join(["5"] * 785), [",".join(["1"] * 785)])
    refuse(tmp_path, "holds 785 pixels a row")
    write_table(tmp_path / "train.csv", "emotion,pixels,Usage", ["0,70 80 82,Training"])
    refuse(tmp_path, "holds the pixels of images in its column pixels: .*in a folder of its class")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("data.npz", r"data.npz holds arrays.*train_image_classifier\(list\(images\), labels=list\(labels\)\)"),
        ("train-images-idx3-ubyte", "holds arrays"),
        ("x.h5", "holds arrays"),
        ("photos.zip", "holds an archive.*unpack it"),
        ("train.tfrecord", "records of TensorFlow"),
        ("data-00000-of-00001.arrow", "load_from_disk"),
    ],
)
def test_other_forms_are_refused_with_what_works(name: str, match: str, tmp_path: Path) -> None:
    write_files(tmp_path, [name])
    refuse(tmp_path, match)
    refuse(tmp_path / name, match)


def test_objects_in_images_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path, [f"train2017/{name}.jpg" for name in numbered()])
    coco: dict[str, Any] = {"info": {}, "images": [{"id": 1}], "annotations": [{"image_id": 1}], "categories": []}
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances.json").write_text(json.dumps(coco))
    refuse(tmp_path, r"instances.json is of the form of COCO .*labels.csv with the columns file_name,label")


@pytest.mark.parametrize("content", ["3", "[1, 2]", "{}", '{"a": 1, "b": [1]}', '{"a": {"x"'])
def test_other_json_is_refused(content: str, tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}.jpg" for name in numbered()])
    (tmp_path / "labels.json").write_text(content)
    refuse(tmp_path, "labels.json")


def test_many_files_are_no_many_seconds(tmp_path: Path) -> None:
    """Each name is looked up, and none is compared with all others."""
    names = [f"{index:05}" for index in range(2000)]
    write_files(tmp_path, [f"images/{name}.jpg" for name in names])
    write_table(tmp_path / "labels.csv", "id,label", [f"{name},{kind(int(name))}" for name in names])
    assert counts(understand(tmp_path)) == {"train": {"cat": 1000, "dog": 1000}}


# --- columns of parquet files ---


def write_parquet(path: Path, label: Any, image: Any, **others: Any) -> Path:
    cells = [{"bytes": b"x", "path": None}] * 4
    features = Features({"foto": image, "kind": label, **{name: Value("int64") for name in others}})
    columns = {"foto": cells if not isinstance(image, Value) else [b"x"] * 4, "kind": [0, 1, 0, 1], **others}
    Dataset.from_dict(columns, features=features).to_parquet(path)
    return path


def read(path: Path) -> ImageSource:
    return read_images(str(path), None, None, LabelFlags())


@pytest.mark.parametrize(
    "image", [ImageFeature(), Value("binary"), {"bytes": Value("binary"), "path": Value("string")}]
)
def test_columns_of_any_name_are_found_by_their_type(image: Any, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    source = read(write_parquet(path, Value("int64"), image))
    assert source.tables["train"]["label"].tolist() == [0, 1, 0, 1]
    assert read_notes(source.notes) == [
        "Image column: foto (found by its type).",
        "Label column: kind (the only one beside the images).",
        "train.parquet: read as parquet.",
    ]
    source = read(write_parquet(path, ClassLabel(names=["a", "b"]), image, age=[1, 2, 3, 4]))
    assert source.tables["train"]["label"].tolist() == ["a", "b", "a", "b"]
    with pytest.raises(UserError, match="only: foto, kind, age; write --label_column NAME"):
        read(write_parquet(path, Value("int64"), image, age=[1, 2, 3, 4]))


# --- whole folders as people hand them in ---

EXPECTED: dict[str, tuple[dict[str, str], dict[str, int] | str]] = {
    "dogbreed": ({}, {"train": 80, "test": 20}),
    "metadata": ({}, {"train": 80}),
    "dogsvscats": ({"label_from_name": "{label}.{number}"}, {"train": 80, "test": 14}),
    "oxford": ({"label_from_name": "{label}_{number}"}, {"train": 80}),
    "cassava": ({}, {"train": 80}),
    "parquet-image": ({}, {"train": 80}),
    "pixelscsv": ({}, r"train.csv holds 64 pixels a row .*in a folder of its class"),
    "ham10000": ({"label_column": "dx"}, {"train": 100}),
    "tworoots": ({}, "images, masks, named like splits or parts of a dataset and not like classes"),
    "trainingset": ({}, {"train": 80, "test": 24}),
}
CLASSES = {
    "dogbreed": {"beagle", "pug"},
    "metadata": {"ok", "defect"},
    "dogsvscats": {"cat", "dog"},
    "oxford": {"Abyssinian", "american_bulldog"},
    "cassava": {"0", "1", "2", "3"},
    "parquet-image": {"ok", "bad"},
    "ham10000": {"nv", "mel", "bkl", "bcc"},
    "trainingset": {"cats", "dogs"},
}


@pytest.mark.skipif(not CASES.is_dir(), reason=f"needs data as people have them in HFKIT_TEST_CASES ({CASES})")
@pytest.mark.parametrize("has_flags", [True, False])
@pytest.mark.parametrize("name", EXPECTED)
def test_data_as_people_have_them(name: str, has_flags: bool) -> None:
    """Also without the flags that could be given."""
    flags, expected = EXPECTED[name]
    flags = flags if has_flags else {}
    [folder] = [path for path in CASES.iterdir() if path.name.partition("-")[2] == name]
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected):
            read_images(str(folder), None, None, LabelFlags(**flags))
        return
    source = read_images(str(folder), None, None, LabelFlags(**flags))
    assert {split: len(table) for split, table in source.tables.items()} == expected
    assert set(source.tables["train"]["label"]) == CLASSES[name]
    assert "test" not in expected or name == "trainingset" or source.tables["test"]["label"].isna().all()


@pytest.mark.skipif(not CASES.is_dir(), reason=f"needs data as people have them in HFKIT_TEST_CASES ({CASES})")
def test_several_labels_of_an_image_are_read() -> None:
    [folder] = [path for path in CASES.iterdir() if path.name.endswith("multilabel-img")]
    data = load_image_data(ImageDataArguments(dataset=str(folder)))
    assert data.is_multi_label
    assert data.label_names == ["a", "b", "c", "d"]
    assert sum(map(len, data.splits.values())) == 60


@pytest.mark.skipif(not CASES.is_dir(), reason=f"needs data as people have them in HFKIT_TEST_CASES ({CASES})")
@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "pixelscsv"])
def test_data_of_images_are_known_as_such(name: str) -> None:
    """Also where a table is called like a split."""
    [folder] = [path for path in CASES.iterdir() if path.name.partition("-")[2] == name]
    assert find_modality(str(folder)) == "image"


def test_two_levels_of_folders_that_may_both_be_classes_are_refused(tmp_path: Path) -> None:
    for number, outer in enumerate((("amazon", "webcam"), ("first", "second", "third"))):
        folder = tmp_path / str(number)
        write_files(folder, [f"{place}/{kind(index)}/{index}.jpg" for place in outer for index in range(8)])
        with pytest.raises(UserError, match=r"the same folders, cat, dog, in each of .*which of them are the classes"):
            understand(folder)
    write_files(
        tmp_path / "raw", [f"{place}/{kind(index)}/{index}.jpg" for place in ("raw", "resized") for index in range(8)]
    )
    refuse(
        tmp_path / "raw",
        r'same folders, cat, dog, in each of raw, resized.* train on cat, dog, write --label_from_name "{any}/{label}/{any}", '
        r'or name one of the others, such as --dataset .*to train on raw, resized, write --label_from_name "{label}/{any}/{any}"',
    )
    for pattern, classes in (("{any}/{label}/{any}", {"cat", "dog"}), ("{label}/{any}/{any}", {"raw", "resized"})):
        assert {*labels(understand(tmp_path / "raw", label_from_name=pattern)).values()} == classes
    write_files(
        tmp_path / "trn-tst", [f"{split}/{kind(index)}/{index}.jpg" for split in ("trn", "tst") for index in range(8)]
    )
    assert {split: {*labels(understand(tmp_path / "trn-tst"), split).values()} for split in ("train", "test")} == {
        "train": {"cat", "dog"},
        "test": {"cat", "dog"},
    }
    write_files(tmp_path / "folds", [f"{kind(index)}/fold{index % 4}/{index}.jpg" for index in range(16)])
    assert {*labels(understand(tmp_path / "folds")).values()} == {"cat", "dog"}


@pytest.mark.parametrize("inner", ["subject{}", "session_{}", "P0{}", "fold {}"])
@pytest.mark.parametrize("number", [3, 6])
def test_numbered_folders_inside_of_classes_are_read(inner: str, number: int, tmp_path: Path) -> None:
    """Also where each class has all of them."""
    paths = [f"{kind(index)}/{inner.format(index // 2 % number)}/{index}.jpg" for index in range(12)]
    assert {*labels(understand(write_files(tmp_path, paths))).values()} == {"cat", "dog"}


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("amazon", "webcam"), ("bike", "mug", "pen")),  # one class is missing in one of them
        (("mnist", "svhn"), ("0", "1", "2")),
        (("left", "right"), ("grade1", "grade2", "grade3")),
        (("p1", "p2"), ("c0", "c1", "c2")),
        (("subject1", "subject2"), ("happy", "sad", "calm")),
    ],
)
def test_levels_that_may_both_be_classes(outer: tuple[str, ...], inner: tuple[str, ...], tmp_path: Path) -> None:
    paths = [f"{first}/{second}/{number}.jpg" for first in outer for second in inner for number in range(2)]
    refuse(write_files(tmp_path, paths[:-2]), r"mostly the same folders, .*which of them are the classes is not clear")


@pytest.mark.parametrize(
    "names",
    [
        ("imagesTr", "imagesTs"),
        ("img", "gt"),
        ("original", "segmentation"),
        ("original", "augmented"),
        ("100x100", "200x200"),
    ],
)
def test_parts_and_versions_of_images_are_no_classes(names: tuple[str, ...], tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}/{index}.jpg" for name in names for index in range(8)])
    with pytest.raises(UserError, match=r"put the images of each class into a folder of its name"):
        understand(tmp_path)


def test_a_folder_for_testing_beside_classes_is_no_class(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{name}/{index}.jpg" for name in ("cat", "dog", "test_set_images") for index in range(8)])
    with pytest.raises(UserError, match=r"cat, dog, test_set_images, named like splits or parts"):
        understand(tmp_path)


def test_masks_beside_their_pictures_are_left_out(tmp_path: Path) -> None:
    write_files(tmp_path, [f"{kind(index)}/{index}{end}.png" for index in range(8) for end in ("", "_mask", "_mask_1")])
    write_files(tmp_path, ["cat/my_mask.png"])  # a mask of nothing
    layout = understand(tmp_path)
    assert len(layout.files["train"]) == 9
    assert "Files that are no images of a class were passed over: 16, such as" in " ".join(read_notes(layout.notes))
