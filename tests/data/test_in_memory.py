"""Values in Python become the rows that files with the same content become, and are left as they were."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from hfkit.data.images import load_image_data
from hfkit.data.in_memory import is_named, make_text_source
from hfkit.data.in_memory_images import make_image_source
from hfkit.data.sources import read_source
from hfkit.data.splits import LabelledData
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.image_arguments import ImageDataArguments

TEXTS = [f"{text} {number}" for number in range(20) for text in ("garlic", "hospital")]
LABELS = ["fake", "real"] * 20
PAIRS = list(zip(TEXTS, LABELS, strict=True))
TABLE = pd.DataFrame({"tweet": TEXTS, "label": LABELS, 3: range(40)}, index=range(100, 140))
TYPED = Dataset.from_dict(
    {"tweet": TEXTS, "label": [0, 1] * 20},
    features=Features({"tweet": Value("string"), "label": ClassLabel(names=["fake", "real"])}),
)


def load(data: Any, labels: Any = None, text: Any = None, label: str | None = None, **options: Any) -> LabelledData:
    source, name = make_text_source(data, labels, text, label, split_column=options.get("split_column"))
    texts = [text] if isinstance(text, str) else text
    return load_text_data(TextDataArguments(dataset=name, text_column=texts, label_column=label, **options), source)


def name_label(label: Any, names: list[str]) -> Any:
    """Return the name of a label id, or of any number of labels their names."""
    if isinstance(label, list):
        return [name for name, is_there in zip(names, label, strict=True) if is_there]
    return names[label]


def rows(data: LabelledData) -> dict[str, list[tuple[str, str]]]:
    return {
        split: [(row["text"], name_label(row["label"], data.label_names)) for row in part]
        for split, part in data.splits.items()
    }


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (TABLE, None),
        (TABLE.astype({"label": "category", "tweet": "string"}), None),
        (PAIRS, None),
        ([list(pair) for pair in PAIRS], None),
        ([{"text": text, "label": label} for text, label in PAIRS], None),
        (TEXTS, LABELS),
        (np.array(TEXTS), np.array(LABELS)),
        (TABLE["tweet"], TABLE["label"]),
        (tuple(TEXTS), tuple(LABELS)),
        (TYPED, None),
    ],
)
def test_all_forms_are_the_same_rows(data: Any, labels: Any, tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "in.csv", index=False)
    of_file = load_text_data(TextDataArguments(dataset=str(tmp_path / "in.csv")))
    loaded = load(data, labels)
    assert rows(loaded) == rows(of_file)
    assert [part["row"] for part in loaded.splits.values()] == [part["row"] for part in of_file.splits.values()]


def test_values_stay_as_they_are() -> None:
    table, dataset = TABLE.copy(deep=True), TYPED.with_format("numpy")
    before = dataset.format, dataset.features.copy()
    load({"train": table, "test": dataset}, label="label", text="tweet")
    pd.testing.assert_frame_equal(table, TABLE)
    assert (dataset.format, dataset.features) == before


@pytest.mark.parametrize(
    "cells",
    [
        [(1, True), (2.5, False), (None, True)],
        [("a", 1), ("b", 0), ("c", None)],
        [(True, "x"), ("a", "y"), ("", "x")],
        [("1", 2), ("2", "2"), ("3", 10)],
        [("a", 0.5), ("b", 1.5), ("c", 2)],
        [("a", [1, 2]), ("b", [1]), ("c", [2])],
    ],
)
def test_odd_cells_are_taken_or_refused_as_those_of_a_file(cells: list[tuple[Any, Any]], tmp_path: Path) -> None:
    whole = [*cells[:2] * 30, cells[2]]
    lines = [json.dumps({"text": text, "label": label}) for text, label in whole]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))

    def outcome(load_them: Any) -> Any:
        try:
            return rows(load_them())
        except UserError as error:
            return str(error)

    assert outcome(lambda: load(whole)) == outcome(
        lambda: load_text_data(TextDataArguments(dataset=str(tmp_path / "in.jsonl")))
    )


def test_missing_values_of_pandas_have_no_label() -> None:
    table = pd.DataFrame({"text": ["x", *TEXTS], "label": pd.array([pd.NA, *[0, 1] * 20], dtype="Int64")})
    data = load(table)
    assert data.label_names == ["0", "1"]
    assert data.dropped["reason"].tolist() == ["no label"]


def test_splits_of_a_dictionary_and_of_a_column(tmp_path: Path) -> None:
    TABLE[:10].to_csv(tmp_path / "dev.csv", index=False)
    data = load({"train": TABLE, "dev": str(tmp_path / "dev.csv"), "test": TYPED}, text="tweet")
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 40, "validation": 10, "test": 40}
    whole = DatasetDict({"train": TYPED, "test": TYPED})
    assert rows(load(whole, text="tweet"))["test"] == PAIRS
    split = load(TABLE.assign(split=["train"] * 20 + ["test"] * 20))
    assert len(split.splits["test"]) == 20
    unlabelled = load({"train": TABLE, "test": TABLE[["tweet"]]})
    assert "label" not in unlabelled.splits["test"].column_names


def test_a_column_of_the_split_that_is_given_wins() -> None:
    """Over others whose names say the same."""
    table = TABLE.assign(fold=["train"] * 30 + ["test"] * 10, use=["train"] * 20 + ["test"] * 20)
    data = load(table, split_column="use")
    assert len(data.splits["test"]) == 20
    assert [note.text for note in data.notes if note.code.startswith("split_column")] == [
        "Splits: by the column 'use' (20 train, 20 test)."
    ]
    with pytest.raises(UserError, match="no column 'usage' that says the split"):
        load(table, split_column="usage")
    ignored = load({"train": table, "test": table}, split_column="use")
    assert [len(ignored.splits["test"]), "split_column_ignored" in {note.code for note in ignored.notes}] == [40, True]


def test_the_name_is_of_the_content() -> None:
    assert make_text_source(PAIRS, None)[1] == make_text_source(list(PAIRS), None)[1]
    assert make_text_source(PAIRS, None)[1] != make_text_source(PAIRS[::-1], None)[1]


@pytest.mark.parametrize(
    ("data", "labels", "error", "message"),
    [
        (None, None, TypeError, "is a NoneType, which is not understood"),
        (7, None, TypeError, "is a int"),
        ({*TEXTS}, None, TypeError, "is a set"),
        (iter(TEXTS), None, TypeError, "which is not understood"),
        (TYPED.to_iterable_dataset(), None, TypeError, "IterableDataset"),
        (TEXTS, None, ValueError, r"has no label: give \(text, label\) pairs"),
        ([*PAIRS, 7], None, TypeError, "Row 40 of the list, counted from 0"),
        (TEXTS, LABELS[1:], ValueError, "40 texts and 39 labels"),
        (TEXTS, "fake", TypeError, "labels is a str"),
        (PAIRS, LABELS, TypeError, "give texts alone"),
        (TABLE, LABELS, ValueError, "name the column of a DataFrame by label"),
        (TABLE["tweet"], TABLE["label"].sort_index(ascending=False), ValueError, "different indexes"),
        ({"text": TEXTS, "label": LABELS}, None, ValueError, "'text', which is no split's name"),
        ({"test": TABLE}, None, ValueError, "no split train, only: test"),
        ({"train": TABLE, "training": TABLE}, None, ValueError, "two keys for train"),
        (TABLE[["label"]], None, UserError, "has no column named text"),
        (TABLE[:0], None, UserError, "has no rows"),
        ([], None, UserError, "has no rows"),
    ],
)
def test_what_is_not_understood(data: Any, labels: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(data, labels)


def test_names_and_values_are_told_apart() -> None:
    assert is_named("user/name")
    assert is_named(Path("in.csv"))
    assert not is_named(TEXTS)
    for text in ("two\nlines", "long " * 500, " "):
        with pytest.raises(TypeError, match="give a list of texts"):
            is_named(text)


def test_memory_of_another_process_cannot_be_read() -> None:
    name = make_text_source(PAIRS, None)[1]
    with pytest.raises(UserError, match=r"were in memory \(memory:.* give them again"):
        read_source(name)


# --- images ---


def load_images(
    data: Any, labels: Any = None, image: str | None = None, label: Any = None, split_column: str | None = None
) -> LabelledData:
    source, name = make_image_source(data, labels, image, label, split_column=split_column)
    return load_image_data(ImageDataArguments(dataset=name, image_column=image, label_column=label), source)


def digests(data: LabelledData) -> dict[str, list[tuple[str, str]]]:
    return {
        split: [(row["digest"], data.label_names[row["label"]]) for row in part.remove_columns("image")]
        for split, part in data.splits.items()
    }


def test_all_forms_are_the_same_images(photos: Path, tmp_path: Path) -> None:
    paths = sorted((photos / "train").rglob("*.png"))
    labels = [path.parent.name for path in paths]
    opened = [Image.open(path) for path in paths]
    forms: list[tuple[Any, Any]] = [
        (paths, labels),
        (opened, labels),
        ([np.asarray(image) for image in opened], labels),
        ([path.read_bytes() for path in paths], np.array(labels)),
        (list(zip(map(str, paths), labels, strict=True)), None),
        (pd.DataFrame({"photo": paths, "label": labels}), None),
        (
            Dataset.from_dict({"image": list(map(str, paths)), "label": labels}).cast_column("image", ImageFeature()),
            None,
        ),
    ]
    of_folder = digests(load_image_data(ImageDataArguments(dataset=str(photos / "train"))))
    for data, given in forms:
        assert digests(load_images(data, given)) == of_folder
    chosen = forms[-1][0].select([*range(0, 16, 2), *range(1, 16, 2)])
    assert sum(len(part) for part in load_images(chosen).splits.values()) == 16


def test_splits_of_images(photos: Path) -> None:
    test = pd.DataFrame({"image": sorted((photos / "test" / "dog").glob("*.png"))})
    data = load_images({"train": photos / "train", "validation": photos, "test": test})
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 16, "validation": 4, "test": 2}
    assert "label" not in data.splits["test"].column_names
    typed = Dataset.from_dict({"image": list(map(str, test["image"]))}).cast_column("image", ImageFeature())
    assert "label" not in load_images({"train": photos / "train", "test": typed}).splits["test"].column_names


@pytest.mark.parametrize("is_named", [True, False])
def test_images_with_columns_of_0_and_1(is_named: bool, photos: Path) -> None:
    """They are classes where they are found and each image has one; a test split may lack them."""
    paths = sorted(map(str, (photos / "train").rglob("*.png"))) * 3
    flags = {"red": [row % 2 for row in range(len(paths))], "big": [int(row % 3 == 0) for row in range(len(paths))]}
    table = pd.DataFrame({"image": paths, **flags})
    dataset = Dataset.from_pandas(table).cast_column("image", ImageFeature())
    label = ["red", "big"] if is_named else None
    read = []
    for data in (table, dataset, {"train": table, "test": table[["image"]]}, {"train": dataset, "test": dataset}):
        several = load_images(data, label=label)
        assert several.is_multi_label
        assert several.label_names == ["red", "big"]
        read.append(
            {
                split: [row["label"] for row in part]
                for split, part in several.splits.items()
                if "label" in part.column_names
            }
        )
    assert read[0] == read[1]
    assert [sorted(splits) for splits in read[2:]] == [["train", "validation"], ["test", "train", "validation"]]
    assert read[3]["test"] == [list(map(float, row)) for row in zip(*flags.values(), strict=True)]
    marked = table.assign(big=[1 - red for red in flags["red"]])
    assert load_images(marked, label=label).is_multi_label == is_named


@pytest.mark.parametrize("is_typed", [True, False])
def test_a_column_of_the_split_of_images_that_is_given_wins(is_typed: bool, photos: Path) -> None:
    paths = list(map(str, sorted((photos / "train").rglob("*.png"))))
    table = pd.DataFrame({"image": paths, "label": [Path(path).parent.name for path in paths]})
    table["set"], table["use"] = ["train", "train", "train", "test"] * 4, ["train", "test"] * 8
    data: Any = table
    if is_typed:
        data = Dataset.from_dict(table.to_dict("list")).cast_column("image", ImageFeature())
    assert len(load_images(data).splits["test"]) == 4
    assert len(load_images(data, split_column="use").splits["test"]) == 8
    with pytest.raises(UserError, match="no column 'usage' that says the split"):
        load_images(data, split_column="usage")
    ignored = load_images({"train": data, "test": data}, split_column="use")
    assert [len(ignored.splits["test"]), "split_column_ignored" in {note.code for note in ignored.notes}] == [16, True]


def test_images_that_are_none(photos: Path) -> None:
    paths: list[Any] = sorted((photos / "train").rglob("*.png"))
    labels = [path.parent.name for path in paths]
    with pytest.raises(TypeError, match="Row 1, counted from 0, is a int and no image"):
        load_images([paths[0], 7], labels[:2])
    with pytest.raises(TypeError, match=r"an array \(2, 2, 7\) of float64"):
        load_images([np.zeros((2, 2, 7))], ["cat"])
    with pytest.raises(UserError, match="rows of the train split have no image"):
        load_images([None, *paths], ["cat", *labels])
    with pytest.raises(UserError, match="an unreadable image"):
        load_images([b"no image", *paths], ["cat", *labels])


def test_a_turned_photo_is_turned_once(photos: Path) -> None:
    path = photos / "test" / "cat" / "turned.jpg"
    source, _ = make_image_source([(Image.open(path), "a"), (path, "b")], None)
    sizes = [Image.open(io.BytesIO(source.images["train"][0]["image"]["bytes"])).size]
    assert sizes == [Image.open(path).size[::-1]]
