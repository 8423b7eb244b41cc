"""Folders of texts, columns that say the split, and labels that need a word."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import read_notes

from hfkit.data.columns import TEXT_COLUMNS, find_usual
from hfkit.data.documents import read_documents
from hfkit.data.in_memory import make_text_source
from hfkit.data.label_columns import LabelColumns
from hfkit.data.labelled import LabelledRows, load_labelled_texts
from hfkit.data.modality import find_modality
from hfkit.data.sources import read_source
from hfkit.data.splits import LabelledData
from hfkit.data.text import load_text_data
from hfkit.data.text_folders import read_folder
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.tables import FIND
from hfkit.notes import Note


def load(path: Path, **options: Any) -> LabelledData:
    return load_text_data(TextDataArguments(dataset=str(path), **options))


def sizes(data: LabelledData) -> dict[str, int]:
    return {split: len(rows) for split, rows in data.splits.items()}


def notes(data: LabelledData, code: str) -> list[str]:
    return [note.text for note in data.notes if note.code == code]


def write_labels(path: Path, labels: list[Any], column: str = "label") -> Path:
    pd.DataFrame({"text": [f"text {row}" for row in range(len(labels))], column: labels}).to_csv(path, index=False)
    return path


def write_documents(folder: Path, classes: tuple[str, ...], number: int = 20, suffix: str = ".txt") -> None:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for row in range(number):
            (folder / name / f"{row}_{row % 10}{suffix}").write_text(f"{folder.name} {name} {row}\n\nsecond line")


# --- folders ---


@pytest.mark.parametrize("suffix", [".txt", ""])
@pytest.mark.parametrize("inside", ["", "corpus"])
def test_a_folder_of_texts_for_each_class(inside: str, suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / inside
    write_documents(folder / "train", ("neg", "pos", "unsup"), suffix=suffix)
    write_documents(folder / "test", ("neg", "pos"), suffix=suffix)
    (folder / "README.md").write_text("about")
    data = load(tmp_path)
    assert data.label_names == ["neg", "pos"]
    assert sizes(data) == {"train": 36, "validation": 4, "test": 40}
    assert data.splits["test"]["text"][0].endswith("0\n\nsecond line")
    assert any("unsup 20" in text for text in notes(data, "files_passed_over"))
    assert find_modality(str(tmp_path)) == "text"


def test_a_folder_of_texts_without_splits(tmp_path: Path) -> None:
    write_documents(tmp_path, ("business", "sport", "tech"))
    data = load(tmp_path)
    assert data.label_names == ["business", "sport", "tech"]
    assert sum(sizes(data).values()) == 60


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("pos.txt", "neg.txt")])
def test_a_file_for_each_class(names: tuple[str, str], tmp_path: Path) -> None:
    for name in names:
        lines = [f"{name} says, {row}" if name.endswith("txt") else f'"{name} says, {row}",x' for row in range(30)]
        header = [] if name.endswith("txt") else ["text,subject"]
        (tmp_path / name).write_text("\n".join([*header, *lines]))
    data = load(tmp_path)
    assert data.label_names == sorted(name.split(".")[0] for name in names)
    assert sum(sizes(data).values()) == 60
    for split in data.splits.values():
        for text, label in zip(split["text"], split["label"], strict=True):
            assert text.startswith(data.label_names[label])


def test_a_file_with_labels_beside_those_of_classes_is_left_out(tmp_path: Path) -> None:
    for name in ("Fake", "True"):
        pd.DataFrame({"text": [f"{name} {row}" for row in range(30)]}).to_csv(tmp_path / f"{name}.csv", index=False)
    write_labels(tmp_path / "merged.csv", ["a", "b"] * 20)
    data = load(tmp_path)
    assert data.label_names == ["Fake", "True"]
    assert notes(data, "files_passed_over") == [
        "Files with labels of their own are not used beside files of one class each: merged.csv."
    ]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Constraint_Train.csv", "english_test_with_labels.csv"),
        ("trainingData.csv", "testData.csv"),
        ("trainset.csv", "testset.csv"),
        ("olid-training-v1.0.csv", "olid-test.csv"),
        ("train-00000-of-00001.csv", "test-00000-of-00001.csv"),
    ],
)
def test_files_of_splits_have_many_names(train: str, test: str, tmp_path: Path) -> None:
    write_labels(tmp_path / train, ["a", "b"] * 20)
    write_labels(tmp_path / test, ["a", "b"] * 5)
    (tmp_path / "sample_submission.csv").write_text("id,label\n1,a\n")
    data = load(tmp_path)
    assert sizes(data) == {"train": 36, "validation": 4, "test": 10}
    assert notes(data, "files_passed_over") == ["Files that are no split's are not used: sample_submission.csv."]


def test_numbered_parts_of_a_split_are_one(tmp_path: Path) -> None:
    for part in range(3):
        write_labels(tmp_path / f"train-0000{part}-of-00003.csv", ["a", "b"] * 10)
    assert sum(sizes(load(tmp_path)).values()) == 60


def test_the_only_table_of_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_labels(tmp_path / "data" / "reviews.csv", ["a", "b"] * 20)
    assert sum(sizes(load(tmp_path)).values()) == 40


def test_several_tables_with_labels_are_not_put_together(tmp_path: Path) -> None:
    for name in ("amazon", "imdb"):
        write_labels(tmp_path / f"{name}.csv", ["a", "b"] * 20)
    with pytest.raises(
        UserError, match=r"no training file: .*name one file by --dataset.*It has amazon\.csv, imdb\.csv"
    ):
        load(tmp_path)


# --- columns ---


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("comment_text", "target"),
        ("full_text", "class"),
        ("headline", "is_sarcastic"),
        ("v2", "v1"),
        ("review", "stars"),
        ("Tweet ", " Sentiment"),
        ("tweet", "true_label"),
    ],
)
def test_columns_have_many_names(text: str, label: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"id": range(40), text: [f"t {row}" for row in range(40)], label: ["a", "b"] * 20})
    table.to_csv(tmp_path / "a.csv", index=False)
    assert load(tmp_path / "a.csv").label_names == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["user.text", "full_text"], "full_text"),
        (["text", "data.text"], "text"),
        (["quoted.tweet.text", "tweet.text"], "tweet.text"),
        (["tweet.full_text", "tweet.title"], "tweet.full_text"),
        (["tweet.full_text", "user.name"], "tweet.full_text"),
    ],
)
def test_names_without_objects_around_them_come_first(columns: list[str], found: str) -> None:
    assert find_usual(columns, TEXT_COLUMNS) == found


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("split", ("train", "val", "test")),
        ("Usage", ("Training", "PublicTest", "PrivateTest")),
        ("subset", ("train", "dev", "test")),
        ("fold", ("train", "valid", "test")),
    ],
)
def test_a_column_says_the_split(column: str, values: tuple[str, ...], tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.csv", ["a", "b"] * 45)
    pd.read_csv(path).assign(**{column: [values[row // 2 % 3] for row in range(90)]}).to_csv(path, index=False)
    assert sizes(load(path)) == {"train": 30, "validation": 30, "test": 30}


def test_a_column_that_says_the_split_is_named(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.csv", ["a", "b"] * 45)
    table = pd.read_csv(path).assign(
        part=[("train rows", "dev rows", "test rows")[row // 2 % 3] for row in range(90)], other="x"
    )
    table.to_csv(path, index=False)
    assert sizes(load(path))["train"] == 72
    assert sizes(load(path, split_column="part")) == {"train": 30, "validation": 30, "test": 30}
    with pytest.raises(UserError, match="There is no column 'nothing' that says the split, only: text, label, part"):
        load(path, split_column="nothing")
    with pytest.raises(UserError, match=r"--split_column other: .* holds 'x' .row 0.* Write train, validation or test"):
        load(path, split_column="other")


# --- labels ---


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((True, False), ["False", "True"]),
        ((0.0, 1.0), ["0", "1"]),
        ((-1, 1), ["-1", "1"]),
        ((1, 2, 3, 4, 5), ["1", "2", "3", "4", "5"]),
        ((1.0, 5.0, 10.0), ["1", "5", "10"]),
        (("nan", "real"), ["nan", "real"]),
    ],
)
def test_labels_that_are_classes(values: tuple[Any, ...], expected: list[str], tmp_path: Path) -> None:
    data = load(write_labels(tmp_path / "a.csv", list(values) * 30))
    assert data.label_names == expected
    assert sum(sizes(data).values()) == 30 * len(values)


def test_what_is_said_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert (
        "The labels in column 'stars' are 5 whole numbers (1 to 5): they are trained as classes, whose order does not count."
        in (notes(load(write_labels(path, [1, 2, 3, 4, 5] * 20, "stars")), "labels"))
    )
    for name in ("nan", "-", "#N/A"):
        assert notes(load(write_labels(path, [name, "real"] * 20)), "labels") == [
            f"A class is called '{name}' (20 rows): leave these cells empty if they mean that there is no label."
        ]
    assert notes(load(write_labels(path, [0.0, 1.0] * 20)), "labels") == [
        "The labels in column 'label' are whole numbers, and 0.0, 1.0 are written so."
    ]


def test_missing_labels_are_left_out(tmp_path: Path) -> None:
    data = load(write_labels(tmp_path / "a.csv", ["a", "b", None, "a", "b"] * 20))
    assert sum(sizes(data).values()) == 80
    assert notes(data, "rows_dropped") == ["Dropped rows, listed in dropped_rows.csv: 20 of train (no label)."]
    with pytest.raises(UserError, match=r"60 of 100 rows of the train split have no label .* more than 50%"):
        load(write_labels(tmp_path / "b.csv", ["a", "b", None, None, None] * 20))


@pytest.mark.parametrize("twin", ["Real", "REAL", "re al"])
def test_labels_that_differ_in_case_or_spaces_alone(twin: str, tmp_path: Path) -> None:
    own = "re  al" if " " in twin else "real"
    path = write_labels(tmp_path / "a.csv", [own, "fake", own, twin] * 20)
    message = rf"labels '{own}' \(40 rows\) and '{twin}' \(20 rows\) in column 'label' differ only in case, spaces"
    with pytest.raises(UserError, match=message):
        load(path)
    assert len(load(path, label_names=["fake", own, twin]).label_names) == 3


def test_amounts_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"are 60 different whole numbers .0 to 59.*regression is not supported.*--label_names"
    ):
        load(write_labels(tmp_path / "a.csv", list(range(60)) * 4))
    for values in ([0.25, 1.5, 2.0], ["0,25", "1,5", "2,75"]):
        with pytest.raises(UserError, match=r"are decimal numbers .*regression is not supported"):
            load(write_labels(tmp_path / "b.csv", values * 20))


@pytest.mark.parametrize(
    "values",
    [
        ("a|b", "a", "b"),
        ("0,4,27", "4,27", "0"),
        ("x;y", "y;z", "x"),
        ("[0, 1]", "[1, 0]", "[1, 1]"),
        ("['p', 'q']", "['q']"),
        ("a,b", "b,c", "c,a"),
    ],
)
def test_several_labels_in_a_cell_are_found(values: tuple[str, ...], tmp_path: Path) -> None:
    """Where they are not meant, a flag says so, or the names of the classes do."""
    path = write_labels(tmp_path / "a.csv", list(values) * 20)
    data = load(path)
    assert data.is_multi_label
    assert max(map(len, data.label_names)) < max(map(len, values))
    assert any("(found; --label_separator none: each cell is one label)" in text for text in read_notes(data.notes))
    for options in ({"label_separator": "none"}, {"label_names": sorted(set(values))}):
        one = load_text_data(TextDataArguments(dataset=str(path), **options))
        assert not one.is_multi_label
        assert one.label_names == sorted(set(values))


def test_a_few_rows_with_several_labels_are_refused(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.csv", [*["fake", "real"] * 100, "fake|real"])
    with pytest.raises(
        UserError, match=r"1 of 201 rows have several labels .* such as 'fake\|real': .*--label_separator '\|'"
    ):
        load(path)
    assert load(path, label_separator="|").is_multi_label


def test_numbers_of_labels_are_no_decimal_numbers(tmp_path: Path) -> None:
    data = load(write_labels(tmp_path / "a.csv", ["0,27", "4,27", "0", "4", "1"] * 20))
    assert data.is_multi_label
    assert data.label_names == ["0", "1", "4", "27"]


@pytest.mark.parametrize(
    "values",
    [("1,5", "2,5", "3", "2", "1", "5"), ("0,25", "1,5", "2,75"), ("1,3", "1,7", "2", "3,3"), ("12,99", "8,49")],
)
def test_decimal_numbers_with_a_comma_are_not_several_labels(values: tuple[str, ...], tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.csv", list(values) * 20)
    with pytest.raises(UserError, match=r"are decimal numbers .*; --label_separator , if each is several labels"):
        load(path)
    assert load_text_data(TextDataArguments(dataset=str(path), label_separator=",")).is_multi_label


@pytest.mark.parametrize(
    "values",
    [("Arts, Culture", "Health, Science", "Sport"), ("very good", "good", "bad", "very bad"), ("not real", "real")],
)
def test_names_of_several_words_are_one_label(values: tuple[str, ...], tmp_path: Path) -> None:
    data = load(write_labels(tmp_path / "a.csv", list(values) * 20))
    assert data.label_names == sorted(values)
    assert notes(data, "labels_combined") == []


def test_classes_that_are_put_together_of_others_are_told(tmp_path: Path) -> None:
    data = load(write_labels(tmp_path / "a.csv", ["haze", "primary", "haze primary", "clear", "clear primary"] * 20))
    assert notes(data, "labels_combined")[0].startswith(
        "2 of the 5 classes in column 'label' are put together of others ('clear primary', 'haze primary'):"
    )


def test_a_folder_of_datasets_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    splits = {
        split: Dataset.from_dict({"text": [f"{split} {row}" for row in range(40)], "label": ["a", "b"] * 20})
        for split in ("train", "test")
    }
    DatasetDict(splits).save_to_disk(tmp_path / "saved")
    assert sizes(load(tmp_path / "saved")) == {"train": 36, "validation": 4, "test": 40}


@pytest.mark.parametrize("packed", [".csv.zip", ".csv.gz", ".zip"])
def test_packed_files_of_splits(packed: str, tmp_path: Path) -> None:
    for split, number in (("train", 20), ("test", 5)):
        table = pd.DataFrame({"text": [f"{split} {row}" for row in range(2 * number)], "label": ["a", "b"] * number})
        archive = {"method": "zip", "archive_name": f"{split}.csv"} if packed.endswith("zip") else "infer"
        table.to_csv(tmp_path / f"{split}{packed}", index=False, compression=archive)
    assert sizes(load(tmp_path)) == {"train": 36, "validation": 4, "test": 10}


def test_cells_without_a_column_are_told(tmp_path: Path) -> None:
    """A few rows whose texts go on in columns without a name; an index without a name is no such thing."""
    rows = [f"{'ham' if row % 2 else 'spam'},text {row},," for row in range(40)]
    rows[7] = "ham,text 7, and more,"
    file = tmp_path / "spam.csv"
    file.write_text("\n".join(["v1,v2,,", *rows]))
    [said] = notes(load(file), "spilled")
    assert said.startswith(
        "Rows with cells in columns without a name, which are not read: 1 of train, such as 'and more'"
    )
    file.write_text(
        "\n".join([",v1,v2", *(f"{row},{cells.rstrip(',')}" for row, cells in enumerate(rows) if row != 7)])
    )
    assert notes(load(file), "spilled") == []


@pytest.mark.parametrize(("header", "number"), [("v1,v2,", 30), ("v1,v2,Unnamed: 2", 3)])
def test_all_rows_with_cells_without_a_column_are_told(header: str, number: int, tmp_path: Path) -> None:
    """Also where most rows have some, and where pandas gave a name to the column."""
    rows = [f"{'ham' if row % 2 else 'spam'},text {row},{'and more' if row < number else ''}" for row in range(40)]
    (tmp_path / "spam.csv").write_text("\n".join([header, *rows]))
    [said] = notes(load(tmp_path / "spam.csv"), "spilled")
    assert f"not read: {number} of train, such as 'and more'" in said


def test_rows_that_a_person_rejected_are_told(tmp_path: Path) -> None:
    answers = ["accept", "reject", "accept", "ignore"] * 10
    table = pd.DataFrame({"text": [f"text {row}" for row in range(40)], "label": ["a", "a", "b", "b"] * 10})
    table.assign(answer=answers).to_csv(tmp_path / "a.csv", index=False)
    [said] = notes(load(tmp_path / "a.csv"), "rejected")
    assert said.endswith("with their label all the same: 20 of train; take them out.")
    table.assign(answer=["accept", "yes"] * 20).to_csv(tmp_path / "a.csv", index=False)
    assert notes(load(tmp_path / "a.csv"), "rejected") == []


# --- tables beside documents ---


@pytest.mark.parametrize("options", [{}, {"label_column": "label"}])
@pytest.mark.parametrize("classes", [("neg", "pos"), ("notes",)])
def test_a_table_with_labels_beside_documents_is_read(
    classes: tuple[str, ...], options: dict[str, str], tmp_path: Path
) -> None:
    write_documents(tmp_path, classes)
    write_labels(tmp_path / "reviews.csv", ["a", "b"] * 20)
    (tmp_path / "names.csv").write_text("id,name\n1,a\n2,b\n")
    data = load(tmp_path, **options)
    assert data.label_names == ["a", "b"]
    assert sum(sizes(data).values()) == 40
    assert notes(data, "files_passed_over") == [
        "Files that have no labels are not used: names.csv.",
        f"Folders of documents beside tables are not used: {', '.join(classes)}.",
    ]


def test_a_table_without_labels_beside_documents_is_said(tmp_path: Path) -> None:
    write_documents(tmp_path, ("neg", "pos"))
    (tmp_path / "names.csv").write_text("id,name\n1,a\n2,b\n")
    data = load(tmp_path)
    assert data.label_names == ["neg", "pos"]
    assert notes(data, "files_passed_over") == ["Files that are beside folders of documents are not used: names.csv."]


def test_documents_beside_files_of_splits_are_said(tmp_path: Path) -> None:
    write_documents(tmp_path, ("neg", "pos"))
    write_labels(tmp_path / "train.csv", ["a", "b"] * 20)
    data = load(tmp_path)
    assert data.label_names == ["a", "b"]
    assert notes(data, "files_passed_over") == ["Folders of documents beside tables are not used: neg, pos."]


@pytest.mark.parametrize(
    ("data", "beside", "said"),
    [
        (["train/a.csv", "test/a.csv"], ["more/b.csv"], ["Folders beside the data are not used: more."]),
        (
            ["train/a.csv", "test/a.csv"],
            ["names.csv"],
            ["Files that are beside folders of splits are not used: names.csv."],
        ),
        (["train.csv", "test.csv"], ["more/b.csv", "old/c.json"], ["Folders beside the data are not used: more, old."]),
        (["reviews.csv"], ["raw/b/c.csv"], ["Folders beside the data are not used: raw."]),
        (["train/a.csv", "test/a.csv"], ["train/raw/b.csv"], ["Train: Folders beside the data are not used: raw."]),
        (["reviews.csv"], [".old/b.csv", "photos/1.png"], []),
    ],
)
def test_tables_beside_the_data_are_said(data: list[str], beside: list[str], said: list[str], tmp_path: Path) -> None:
    read = read_folder(write_all(tmp_path, dict.fromkeys([*data, *beside], LABELLED)))
    assert [note.text for note in read.notes if note.code == "files_passed_over"] == said


# --- how documents are stored ---


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_documents_are_read_as_they_are_stored(encoding: str, tmp_path: Path) -> None:
    for label in ("neg", "pos"):
        (tmp_path / label).mkdir()
        for row in range(20):
            content = f"Ein schöner Film für alle, sagt {label} {row}"
            (tmp_path / label / f"{row}.txt").write_bytes(content.encode(encoding))
    data = load(tmp_path)
    texts = {text for rows in data.splits.values() for text in rows["text"]}
    assert texts == {f"Ein schöner Film für alle, sagt {label} {row}" for label in ("neg", "pos") for row in range(20)}
    shown = {"cp1252": "cp1252", "utf-16": "UTF-16", "utf-16-le": "UTF-16-LE"}.get(encoding)
    said = [f"Files that are not UTF-8 were read otherwise: 40 as {shown} (--encoding says which)."] if shown else []
    assert notes(data, "encoding") == said


def test_a_broken_byte_does_not_spoil_the_rest_of_a_document(tmp_path: Path) -> None:
    write_documents(tmp_path, ("neg", "pos"))
    (tmp_path / "pos" / "3.txt").write_bytes("größer 😂 …\nund so\n".encode() + b"we\xffiter")
    with pytest.raises(
        UserError, match=r"pos/3\.txt is UTF-8, but has bytes .*0xff in line 3.*--encoding_errors replace"
    ):
        load(tmp_path)
    data = load(tmp_path, encoding_errors="replace")
    assert "größer 😂 …\nund so\nwe\ufffditer" in [text for rows in data.splits.values() for text in rows["text"]]


def test_a_file_among_documents_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write_documents(tmp_path, ("neg", "pos"))
    (tmp_path / "pos" / "model").write_bytes(bytes(range(256)) * 8)
    with pytest.raises(UserError, match=r"pos/model is no text: it has zero bytes. Take it out"):
        load(tmp_path)


# --- for a model that there is already ---


def read_labelled(path: Path, text: str, label: str | None, split: str | None, names: list[str]) -> LabelledRows:
    def choose(source: str, columns: list[str]) -> tuple[list[int], list[Note]]:
        return [columns.index(text)], []

    labels = LabelColumns(given=[] if label is None else [label])
    return load_labelled_texts(str(path), split, choose, labels, names, named=[text])


def test_what_is_said_of_a_folder_is_said_at_evaluation_too(tmp_path: Path) -> None:
    write_documents(tmp_path / "train", ("neg", "pos", "unsup"))
    write_documents(tmp_path / "test", ("neg", "pos", "unsup"))
    (tmp_path / "test" / "pos" / "0_0.txt").write_bytes("schöne Grüße an alle".encode("cp1252"))
    rows = read_labelled(tmp_path, "text", None, None, ["neg", "pos"])
    assert len(rows.rows) == 40
    assert {"split", "labels_by_folder", "files_passed_over", "encoding"} <= {note.code for note in rows.notes}
    assert {note.split for note in rows.notes} <= {None, "test"}


@pytest.mark.parametrize("split", ["train", None])
def test_columns_that_are_named_tell_a_header_at_evaluation_too(split: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("2019,2020\n" + "".join(f"a film {row},{row % 2}\n" for row in range(40)))
    rows = read_labelled(path, "2019", "2020", split, ["0", "1"])
    assert len(rows.rows) == 40


def test_folders_of_texts_that_are_no_classes_are_said_to_have_texts(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"part_{number}").mkdir()
        for row in range(5):
            (tmp_path / f"part_{number}" / f"{row}.txt").write_text(f"text {row}")
    with pytest.raises(
        UserError, match=r"has texts in the folders part_1, part_2, named like splits or parts"
    ) as error:
        load(tmp_path)
    assert "image" not in str(error.value)


def test_two_levels_of_folders_that_may_both_be_classes_are_refused(tmp_path: Path) -> None:
    for place in ("books", "dvd"):
        for name in ("neg", "pos"):
            (tmp_path / place / name).mkdir(parents=True)
            for number in range(4):
                (tmp_path / place / name / f"{number}.txt").write_text(f"text {number} of {name}")
    with pytest.raises(UserError, match=r"the same folders, neg, pos, in each of books, dvd"):
        load_text_data(TextDataArguments(dataset=str(tmp_path)))


def test_the_texts_of_a_folder_are_of_one_encoding(tmp_path: Path) -> None:
    """Each by itself has too few letters to tell it."""
    words = [
        "caf\u00e9",
        "gar\u00e7on",
        "d\u00e9j\u00e0 vu",
        "fa\u00e7ade na\u00efve",
        "\u00fcber",
        "l\u2019\u00e9t\u00e9",
    ]
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        for number in range(12):
            text = f"the people of the city say {words[number % len(words)]} again"
            (tmp_path / name / f"{number}.txt").write_bytes(text.encode("cp1252"))
    documents = read_documents(tmp_path, FIND)
    assert documents is not None
    assert {text.split("say ")[1].removesuffix(" again") for text in documents.table["text"]} == {*words}
    assert "otherwise: 24 as cp1252 " in documents.notes[1].text


ONE_CLASS = "text\n" + "".join(f"a text {number}\n" for number in range(4))
LABELLED = "text,label\n" + "".join(f"a text {number},{'ab'[number % 2]}\n" for number in range(8))


def write_all(folder: Path, contents: dict[str, str]) -> Path:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_files_of_one_split_that_are_parts_are_put_together(tmp_path: Path) -> None:
    write_all(tmp_path, {"train1.csv": LABELLED, "train2.csv": LABELLED, "test.csv": LABELLED})
    read = read_folder(tmp_path)
    assert {split: len(table) for split, table in read.tables.items()} == {"train": 16, "test": 8}
    assert "Parts of one split, put one behind another: train1.csv, train2.csv." in read_notes(read.notes)
    write_all(tmp_path, {"train2.csv": LABELLED.replace("label", "verdict")})
    with pytest.raises(UserError, match=r"other columns \(text, label; text, verdict\)"):
        read_folder(tmp_path)


def test_files_of_one_split_that_are_classes_are_read_as_such(tmp_path: Path) -> None:
    files = {f"{split}_{name}.csv": ONE_CLASS for split in ("train", "test") for name in ("fake", "real")}
    read = read_folder(write_all(tmp_path, files))
    assert {split: dict(table["label"].value_counts()) for split, table in read.tables.items()} == {
        "train": {"fake": 4, "real": 4},
        "test": {"fake": 4, "real": 4},
    }


def test_files_of_classes_beside_one_for_testing_are_for_training(tmp_path: Path) -> None:
    read = read_folder(write_all(tmp_path, {"neg.csv": ONE_CLASS, "pos.csv": ONE_CLASS, "test.csv": "text\na\n"}))
    assert {split: len(table) for split, table in read.tables.items()} == {"test": 1, "train": 8}
    assert {*read.tables["train"]["label"]} == {"neg", "pos"}


@pytest.mark.parametrize(
    ("files", "match"),
    [
        (
            {"train_text.txt": "a\nb\n", "train_labels.txt": "0\n1\n"},
            r"texts for train in train_text.txt .* labels in train_labels.txt.* paste \S*train_labels.txt \S*train_text.txt > ",
        ),
        (
            {"x_train.csv": ONE_CLASS, "y_train.csv": "label\na\nb\nb\na\n"},
            r"in x_train.csv and their labels in y_train.csv",
        ),
        (
            {"texts.txt": "a\nb\n", "labels.txt": "0\n1\n"},
            r"seems to have the texts in texts.txt and their labels in labels.txt.* > \S*train.tsv",
        ),
        (
            {"True.csv": ONE_CLASS, "Fake.csv": ONE_CLASS.replace("text\n", "body\n")},
            r"have no column of labels and not the same columns \(Fake.csv: body; True.csv: text\)",
        ),
        ({"a.csv": LABELLED, "b.csv": LABELLED}, r"name one file by --dataset, such as \S*a.csv"),
        (
            {
                "labels.csv": "file,label\n1.txt,a\n2.txt,b\n",
                "texts/1.txt": "a",
                "texts/2.txt": "b",
                "texts/3.txt": "c",
            },
            r"in one folder, texts, and labels.csv beside it.*put each text into a folder of its label",
        ),
    ],
)
def test_files_that_go_together_otherwise_are_said(files: dict[str, str], match: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=match):
        read_folder(write_all(tmp_path, files))


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (
            [f"a text of {number}^{'ab'[number % 2]}" for number in range(40)],
            r"if '\^' parts cells, write --separator '\^'",
        ),
        (
            [f"{'ab'[number % 2]} a text of {number}" for number in range(40)],
            r"seem to begin with a label: put a tab .* --separator X",
        ),
    ],
)
def test_a_table_of_one_column_is_told_of_separators(lines: list[str], match: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(lines))
    with pytest.raises(UserError, match=match):
        load_text_data(TextDataArguments(dataset=str(tmp_path / "a.txt")))


def test_columns_that_are_counted_are_no_row() -> None:
    source, name = make_text_source(pd.DataFrame({0: ["a text"] * 4, 1: ["a", "b"] * 2}), None)
    with pytest.raises(UserError, match=r"only: 0, 1; write --text_column") as error:
        load_text_data(TextDataArguments(dataset=name), source)
    assert "--header" not in str(error.value)


def test_bytes_of_texts_are_no_images_and_arrays_are_said(tmp_path: Path) -> None:
    for name, cells in {"texts": [b"a text"] * 4, "images": [b"\x89PNG\r\n"] * 4}.items():
        pd.DataFrame({"content": cells, "label": ["a", "b"] * 2}).to_parquet(tmp_path / f"{name}.parquet")
    assert find_modality(str(tmp_path / "texts.parquet")) == "text"
    assert find_modality(str(tmp_path / "images.parquet")) == "image"
    assert read_notes(read_source(str(tmp_path / "texts.parquet")).notes) == ["texts.parquet: read as parquet; 4 rows."]
    (tmp_path / "arrays").mkdir()
    (tmp_path / "arrays" / "train.npz").write_bytes(b"PK")
    for path in (tmp_path / "arrays", tmp_path / "arrays" / "train.npz"):
        with pytest.raises(UserError, match=r"holds arrays.*train_image_classifier\(list\(images\)"):
            find_modality(str(path))
