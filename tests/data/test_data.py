"""Sources, columns, labels, splits: what is read, what is cut, and each mistake's sentence."""

import functools
import hashlib
import http.server
import json
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import read_notes
from datasets import ClassLabel, Dataset, Features, Value
from transformers import PreTrainedTokenizerBase

from hfkit.data import sources
from hfkit.data.splits import LabelledData
from hfkit.data.stored_rows import read_column
from hfkit.data.text import load_text_data
from hfkit.data.tokens import Reading, tokenize
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.paths import DATA_SUFFIXES


def rows(number: int = 20, start: int = 0) -> list[dict[str, Any]]:
    """Return distinct labelled rows, half of each class."""
    return [{"tweet": f"text {start + row}", "label": "real" if row % 2 else "fake"} for row in range(number)]


def write(path: Path, content: list[dict[str, Any]]) -> Path:
    """Write rows in the format of the suffix."""
    table = pd.DataFrame(content)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".tsv":
        table.to_csv(path, index=False, sep="\t")
    elif path.suffix == ".json":
        path.write_text(json.dumps(content))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, content)))
    else:
        table.to_parquet(path)
    return path


def load(dataset: Path | str, **options: Any) -> LabelledData:
    return load_text_data(TextDataArguments(dataset=str(dataset), **options))


def label_names(data: LabelledData, split: str) -> list[str]:
    return [data.label_names[number] for number in data.splits[split]["label"]]


# --- sources ---


@pytest.mark.parametrize("suffix", DATA_SUFFIXES)
def test_folder_with_three_splits(suffix: str, tmp_path: Path) -> None:
    for start, name in ((0, "train"), (100, "my-val"), (200, "test")):
        write(tmp_path / f"{name}{suffix}", rows(start=start))
    data = load(tmp_path)
    assert list(data.splits) == ["train", "validation", "test"]
    assert data.label_names == ["fake", "real"]
    for split, start in (("train", 0), ("validation", 100), ("test", 200)):
        assert data.splits[split]["text"][:] == [f"text {start + row}" for row in range(20)]
        assert label_names(data, split) == [row["label"] for row in rows()]
        assert data.splits[split]["row"][:] == list(range(20))
    assert len(data.dropped) == 0
    assert read_notes(note for note in data.notes if note.code != "table_format") == [
        "Text column: tweet (found by its name).",
        "Label column: label (found by its name).",
        "No row that is held out stands in train, too.",
    ]


def test_rows_that_stand_in_train_too_are_counted(tmp_path: Path) -> None:
    for start, name in ((0, "train"), (18, "validation"), (15, "test")):
        write(tmp_path / f"{name}.csv", rows(start=start))
    assert (
        "Rows that stand in train, too, and make the metrics look better than they are: 2 of the 20 rows of validation, "
        "5 of the 20 rows of test."
    ) in read_notes(load(tmp_path).notes)


@pytest.mark.parametrize("suffix", DATA_SUFFIXES)
def test_single_file_is_cut_with_stratification(suffix: str, tmp_path: Path) -> None:
    data = load(write(tmp_path / f"tweets{suffix}", rows(100)))
    assert {split: len(table) for split, table in data.splits.items()} == {"train": 80, "validation": 10, "test": 10}
    texts = [text for split in data.splits.values() for text in split["text"]]
    assert sorted(texts) == sorted(row["tweet"] for row in rows(100))
    for split in data.splits:
        assert label_names(data, split).count("real") == len(data.splits[split]) / 2
    assert "No test split: 10 rows (10%) were cut from train, with stratification." in read_notes(data.notes)
    assert "No validation split: 10 rows (10%) were cut from train, with stratification." in read_notes(data.notes)
    again = load(tmp_path / f"tweets{suffix}")
    assert again.splits["test"]["text"][:] == data.splits["test"]["text"][:]


def with_splits(name: str, values: tuple[str, ...], number: int = 40) -> list[dict[str, Any]]:
    """Return rows with a column of splits, the values in turn, each for two rows."""
    return [{**row, name: values[index // 2 % len(values)]} for index, row in enumerate(rows(number))]


@pytest.mark.parametrize("suffix", DATA_SUFFIXES)
@pytest.mark.parametrize(
    ("name", "values"),
    [("split", ("train", "train", "validation", "test")), ("Split", ("Training", "TRAIN", "dev", "my-test"))],
)
def test_a_column_says_the_split(suffix: str, name: str, values: tuple[str, ...], tmp_path: Path) -> None:
    """Rows keep the number that they have in the file."""
    content = with_splits(name, values)
    data = load(write(tmp_path / f"tweets{suffix}", content))
    assert read_notes(data.notes)[0] == f"Splits: by the column '{name}' (20 train, 10 validation, 10 test)."
    assert not any("cut from train" in note for note in read_notes(data.notes))
    expected = {"train": values[:2], "validation": values[2:3], "test": values[3:]}
    for split, rows in data.splits.items():
        numbers = [number for number, row in enumerate(content) if row[name] in expected[split]]
        assert rows["row"][:] == numbers
        assert rows["text"][:] == [content[number]["tweet"] for number in numbers]
        assert label_names(data, split) == [content[number]["label"] for number in numbers]


def test_a_split_that_the_column_does_not_have_is_cut(tmp_path: Path) -> None:
    data = load(write(tmp_path / "tweets.csv", with_splits("split", ("train", "train", "test"), 60)))
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 36, "validation": 4, "test": 20}
    assert read_notes(data.notes)[0] == "Splits: by the column 'split' (40 train, 20 test)."


def test_row_numbers_of_mistakes_are_those_of_the_file(tmp_path: Path) -> None:
    content = with_splits("split", ("train", "test"), 80)
    content[42]["label"] = "wolf"
    with pytest.raises(
        UserError, match=r"The test split has the label 'wolf' in column 'label' \(row 42, counted from 0\)"
    ):
        load(write(tmp_path / "tweets.csv", content))
    content[42]["label"] = ""
    dropped = load(write(tmp_path / "tweets.csv", content)).dropped
    assert dropped[["split", "row"]].to_dict("records") == [{"split": "test", "row": 42}]


@pytest.mark.parametrize("other", ["banana", "", "unlabelled", "train/test"])
def test_a_column_of_something_else_is_no_split(other: str, tmp_path: Path) -> None:
    data = load(write(tmp_path / "tweets.csv", with_splits("split", (other, "none"))))
    note = f"Splits are not read from the column 'split', which holds '{other}' (row 0, counted from 0): it is ignored."
    assert note in read_notes(data.notes)
    assert len(data.splits["train"]) == 32


@pytest.mark.parametrize("other", ["banana", "", "unlabeled", "train/test", None])
@pytest.mark.parametrize("name", ["tweets.csv", "train.json"])
def test_a_column_that_says_the_split_of_some_rows(other: str | None, name: str, tmp_path: Path) -> None:
    content = with_splits("split", ("train", "test"))
    if other is None:
        del content[4]["split"]
    else:
        content[4]["split"] = other
    shown = f"'{other}'" if other else "nothing"
    message = rf"column 'split' \(19 train, 20 test\), but row 4, counted from 0, has {shown} there: write train"
    with pytest.raises(UserError, match=message):
        load(write(tmp_path / name, content))


def test_a_column_of_splits_that_is_the_label(tmp_path: Path) -> None:
    data = load(write(tmp_path / "tweets.csv", with_splits("split", ("train", "test"))), label_column="split")
    assert data.label_names == ["test", "train"]
    assert not any("Splits" in note for note in read_notes(data.notes))


def test_a_column_of_splits_without_train(tmp_path: Path) -> None:
    path = write(tmp_path / "tweets.csv", with_splits("split", ("validation", "test")))
    with pytest.raises(UserError, match=r"no row for training by its column 'split' \(20 validation, 20 test\): write"):
        load(path)


@pytest.mark.parametrize("suffix", DATA_SUFFIXES)
def test_a_column_says_the_split_in_a_folder_with_one_file(suffix: str, tmp_path: Path) -> None:
    content = with_splits("split", ("train", "train", "validation", "test"))
    write(tmp_path / f"train{suffix}", content)
    data = load(tmp_path)
    assert read_notes(data.notes)[0] == "Splits: by the column 'split' (20 train, 10 validation, 10 test)."
    for split, rows in data.splits.items():
        assert rows["row"][:] == [number for number, row in enumerate(content) if row["split"] == split]


@pytest.mark.parametrize("others", [(), ("test",)])
def test_a_column_says_the_split_on_the_hub(
    others: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Dataset.from_list(with_splits("split", ("train", "train", "validation", "test")))
    monkeypatch.setattr(sources, "load_hub", lambda *_: dict.fromkeys(("train", *others), content))
    data = load("somebody/tweets")
    counts = {split: len(rows) for split, rows in data.splits.items()}
    if others:
        assert counts == {"train": 36, "validation": 4, "test": 40}
        assert read_notes(data.notes)[0].startswith("The column 'split' (in train, test) is ignored:")
    else:
        assert counts == {"train": 20, "validation": 10, "test": 10}


def test_names_of_files_win_over_a_column_of_splits(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", with_splits("split", ("train", "test")))
    write(tmp_path / "test.csv", rows(10, 100))
    data = load(tmp_path)
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 36, "validation": 4, "test": 10}
    assert read_notes(data.notes)[0] == (
        "The column 'split' (in train) is ignored: the names of the files or splits, train, test, say what rows are for."
    )


def test_test_split_can_be_left_out(tmp_path: Path) -> None:
    data = load(write(tmp_path / "t.csv", rows(100)), test_fraction=0.0)
    assert set(data.splits) == {"train", "validation"}


def test_embedded_sample() -> None:
    data = load("sample")
    assert set(data.splits) == {"train", "validation", "test"}
    assert 280 <= sum(map(len, data.splits.values())) <= 340
    texts = [text for split in data.splits.values() for text in split["text"]]
    assert len({text.lower() for text in texts}) == len(texts)
    for split in data.splits:
        assert label_names(data, split).count("real") == len(data.splits[split]) / 2


def test_sample_is_not_solved_by_words_and_has_no_twins() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    splits = load("sample").splits
    vectorizer = TfidfVectorizer()
    train = vectorizer.fit_transform(splits["train"]["text"][:])
    model = LogisticRegression(max_iter=1000).fit(train, splits["train"]["label"][:])
    assert model.score(vectorizer.transform(splits["test"]["text"][:]), splits["test"]["label"][:]) < 0.9
    everything = TfidfVectorizer().fit_transform([text for split in splits.values() for text in split["text"]])
    similarity = (everything @ everything.T).toarray()
    similarity[range(len(similarity)), range(len(similarity))] = 0
    assert similarity.max() < 0.6


@pytest.fixture
def public_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder on loopback in the place of the tweets' public copy, with checksums of its own."""
    folder = tmp_path / "public"
    folder.mkdir()
    files = {}
    for start, split in ((0, "train"), (100, "validation"), (200, "test")):
        path = write(folder / f"{split}.csv", rows(start=start))
        files[split] = (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(sources, "CONSTRAINT_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(sources, "CONSTRAINT_FILES", files)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.DOWNLOADED_DATASETS_PATH", tmp_path / "cache")
    yield folder
    server.shutdown()
    server.server_close()


def test_constraint_is_downloaded_and_checked(public_copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = load("constraint")
    assert {split: len(table) for split, table in data.splits.items()} == {"train": 20, "validation": 20, "test": 20}
    for file in (public_copy.parent / "cache").iterdir():
        if file.is_file() and file.suffix not in (".json", ".lock"):
            file.write_bytes(b"damaged")
    again = load("constraint")
    assert {split: rows.to_dict() for split, rows in again.splits.items()} == {
        split: rows.to_dict() for split, rows in data.splits.items()
    }
    assert sum("was damaged" in line for line in caplog.messages) == 3


def test_constraint_with_other_content_is_refused(public_copy: Path) -> None:
    (public_copy / "validation.csv").write_text("tweet,label\nother,fake\n")
    with pytest.raises(UserError, match=r"validation\.csv is not the file that is expected \(its SHA-256 differs\)"):
        load("constraint")


def test_constraint_that_cannot_be_reached(public_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CONSTRAINT_URL", "http://127.0.0.1:9/")
    with pytest.raises(
        UserError, match=r"cannot be downloaded from http://127\.0\.0\.1:9/.*check the network, or name"
    ):
        load("constraint")


def test_hub_data_set_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfkit.connection.time", SimpleNamespace(sleep=lambda _: None, time=time.time))  # asked 5 times
    with pytest.raises(
        UserError, match="nobody/nothing is neither a file or folder here nor one on the Hub that can be reached"
    ):
        load("nobody/nothing")


def test_class_label_gives_names_and_their_order(tmp_path: Path) -> None:
    """What a Hub dataset or its parquet export states: numbers with names, and -1 for a hidden label."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=["ham", "fraud"])})
    for split, labels in (("train", [0, 1] * 10), ("validation", [1, 0]), ("test", [-1, -1])):
        content = {"text": [f"{split} {row}" for row in range(len(labels))], "label": labels}
        Dataset.from_dict(content, features=features).to_parquet(tmp_path / f"{split}.parquet")
    data = load(tmp_path)
    assert data.label_names == ["ham", "fraud"]
    assert label_names(data, "validation") == ["fraud", "ham"]
    assert "label" not in data.splits["test"].column_names


# --- columns and labels ---


def test_columns_are_found_by_name_or_given(tmp_path: Path) -> None:
    content = [{"Headline": f"h {row}", "Text": f"t {row}", "CLASS": "ab"[row % 2]} for row in range(30)]
    path = write(tmp_path / "t.csv", content)
    data = load(path, test_fraction=0.0)
    assert all(text.startswith("t ") for text in data.splits["train"]["text"])
    data = load(path, text_column=["Headline", "Text"], label_column="CLASS", pair=False)
    assert data.splits["train"]["text"][0].split()[0::2] == ["h", "t"]
    with pytest.raises(UserError, match="has no column 'Body', only: Headline, Text, CLASS"):
        load(path, text_column=["Body"])
    with pytest.raises(UserError, match="takes one column or two, not 3"):
        load(path, text_column=["Headline", "Text", "CLASS"])
    other = write(tmp_path / "o.csv", [{"a": "x", "label": "y"}])
    with pytest.raises(
        UserError, match="has no column named text or tweet or sentence, only: a, label; write --text_column NAME"
    ):
        load(other)


def test_integer_labels_get_names(tmp_path: Path) -> None:
    content = [{"text": f"t {row}", "label": row % 3 * 5} for row in range(60)]
    for suffix in (".csv", ".json", ".parquet"):
        path = write(tmp_path / f"t{suffix}", content)
        assert load(path).label_names == ["0", "5", "10"]
        data = load(path, label_names=["low", "mid", "high"])
        assert data.label_names == ["low", "mid", "high"]
        for split in data.splits.values():
            for text, number in zip(split["text"], split["label"], strict=True):
                assert number == int(text.split()[1]) % 3
    with pytest.raises(UserError, match="--label_names wants 3 different names, one for each of 0, 5, 10"):
        load(path, label_names=["low", "high"])


def test_named_labels_can_be_put_in_order_but_not_renamed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", rows(40))
    assert load(path, label_names=["real", "fake"]).label_names == ["real", "fake"]
    with pytest.raises(UserError, match="must hold the labels of the data in the order you want: fake, real"):
        load(path, label_names=["true", "false"])


def test_whole_numbers_beside_an_empty_label_stay_whole(tmp_path: Path) -> None:
    content: list[dict[str, Any]] = [{"text": f"t {row}", "label": row % 2} for row in range(40)]
    content[7]["label"] = None
    data = load(write(tmp_path / "t.json", content))
    assert data.label_names == ["0", "1"]
    assert data.dropped.to_dict("records")[0]["row"] == 7


def test_unlabelled_test_split_is_only_predicted(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows(40))
    write(tmp_path / "test.csv", [{"tweet": "one"}, {"tweet": ""}])
    data = load(tmp_path)
    assert data.splits["test"].column_names == ["row", "text"]
    assert data.splits["test"]["text"][:] == ["one", ""]
    assert "The test split has no labels: it is predicted, not evaluated." in read_notes(data.notes)


def test_rows_without_text_or_label_are_dropped_and_listed(tmp_path: Path) -> None:
    content = rows(60)
    content[3]["tweet"], content[5]["label"], content[9]["tweet"] = "", "", "  "
    write(tmp_path / "train.csv", content)
    write(tmp_path / "validation.csv", rows(20, 100))
    write(tmp_path / "test.csv", [*rows(20, 200), {"tweet": "", "label": "fake"}])
    data = load(tmp_path)
    assert len(data.splits["train"]) == 57
    listed = data.dropped[["split", "row", "reason"]].to_dict("records")
    assert listed == [
        {"split": "train", "row": 3, "reason": "no text"},
        {"split": "train", "row": 5, "reason": "no label"},
        {"split": "train", "row": 9, "reason": "no text"},
    ]
    assert "Dropped rows, listed in dropped_rows.csv: 2 of train (no text), 1 of train (no label)." in read_notes(
        data.notes
    )
    assert len(data.splits["test"]) == 21  # at prediction an empty text is a row like any other


def test_too_many_dropped_rows_are_an_error(tmp_path: Path) -> None:
    content = rows(40)
    for row in content[4:8]:
        row["tweet"] = ""
    with pytest.raises(
        UserError,
        match=r"4 of 40 rows of the train split have no text \(the first is row 4, counted from 0\): more than 5%",
    ):
        load(write(tmp_path / "t.csv", content))


def test_words_that_look_like_nothing_are_texts(tmp_path: Path) -> None:
    content = rows(40)
    content[0]["tweet"], content[1]["tweet"] = "NA", "null"
    data = load(write(tmp_path / "t.csv", content), test_fraction=0.0)
    texts = [text for split in data.splits.values() for text in split["text"]]
    assert {"NA", "null"} <= set(texts)


def test_quoted_newlines_and_commas_are_one_row(tmp_path: Path) -> None:
    content = rows(40)
    content[0]["tweet"] = 'one,\ntwo "three"'
    data = load(write(tmp_path / "t.csv", content), test_fraction=0.0)
    assert 'one,\ntwo "three"' in [text for split in data.splits.values() for text in split["text"]]


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path: Path) -> None:
    content = rows(40)
    content[0]["tweet"] = "broken \ud83d emoji"
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, content)))
    data = load(tmp_path / "t.jsonl", test_fraction=0.0)
    assert "broken ? emoji" in [text for split in data.splits.values() for text in split["text"]]


def test_an_inch_mark_is_no_open_quote(tmp_path: Path) -> None:
    lines = ["tweet\tlabel", *(f'a 5" disk {row}\t{"ab"[row % 2]}' for row in range(41))]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    assert sum(map(len, load(tmp_path / "t.tsv").splits.values())) == 41


def test_a_text_of_many_lines_is_pointed_out(tmp_path: Path) -> None:
    content = rows(40)
    content[0]["tweet"] = "\n".join("abcdefghijkl")
    assert any(
        "The longest text has 12 lines" in note for note in read_notes(load(write(tmp_path / "t.csv", content)).notes)
    )


def test_fewer_training_rows(tmp_path: Path) -> None:
    data = load(write(tmp_path / "t.csv", rows(100)), max_train_samples=10)
    assert len(data.splits["train"]) == 10
    assert label_names(data, "train").count("real") == 5
    assert "Training on 10 of 80 rows, drawn with stratification." in read_notes(data.notes)
    for limit in (79, 80, 1000):
        assert len(load(tmp_path / "t.csv", max_train_samples=limit).splits["train"]) == 80
    with pytest.raises(UserError, match="Too few rows to be in each of 3 splits: the class 'real' has 2; add rows"):
        load(write(tmp_path / "few.csv", rows(5)))
    smallest = load(write(tmp_path / "six.csv", rows(6)))  # one of each class in each split
    assert [label_names(smallest, split).count("real") for split in smallest.splits] == [1, 1, 1]


# --- mistakes ---


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file or folder \S+nothing\.csv: check the path"):
        load(tmp_path / "nothing.csv")
    with pytest.raises(UserError, match=r"has no training file: name it train\.csv"):
        load(tmp_path)
    (tmp_path / "t.png").write_text("x")
    with pytest.raises(UserError, match=r"is an image: name a table of texts, one of \.csv"):
        load(tmp_path / "t.png")


def test_two_files_for_one_split(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows())
    write(tmp_path / "train_more.json", rows())
    with pytest.raises(UserError, match=r"2 files for train: train\.csv and train_more\.json; name one by --dataset"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "t.csv",
            "tweet,label\nä,fake\n".encode() + b"b\xe9,fake\n" + "ö,real\n".encode(),
            r"is UTF-8, but has bytes that are no character .first 0xe9 in line 3, character 2.*--encoding_errors replace",
        ),
        ("t.jsonl", "caf\xe9".encode("latin1"), "cannot be read as json"),
        (
            "t.csv",
            b"tweet,label\na,b,c,d\n1,2\n1,2,3,4,5\n",
            r"more fields than its header names .tweet, label.: 2 of 3, the first in line 2 with 4",
        ),
        ("t.csv", b"", "is empty: its first line must name the columns"),
        ("t.csv", b"tweet,label\n", "The train split of .* has no rows"),
        ("t.json", b"{not json", "cannot be read as json"),
        ("t.json", b'["a", "b"]', "it must hold one object with the columns for each row"),
        ("t.parquet", b"nonsense", "cannot be read as parquet"),
        (
            "t.csv",
            b"tweet,label\nw0, more,fake\nw1, more,real\n",
            "more fields than its header names .tweet, label.*comma",
        ),
        ("t.csv", b"tweet,label\nw,fake,\nx,real,\n", "more fields than its header names"),
        (
            "t.csv",
            b'tweet,label\n"a, x",fake\n"b, y,real\n"c, z",fake\n"d, w",real\n',
            "a double quote that is never closed: line 3 goes on over several lines",
        ),
        ("t.csv", b"tweet,label\na,0\nb,0.5\nc,1\n", r"are decimal numbers \(0\.5\)"),
        ("t.csv", b"tweet,label\na,fake\nb,fake\n", "has the class 'fake' only in column 'label'"),
        ("t.csv", b"tweet,label\na,0.5\nb,1.0\nc,0.25\n", r"are decimal numbers \(0\.25, 0\.5, 1\.0\)"),
        ("t.json", b'[{"text": "a", "label": 1.5}, {"text": "b", "label": 0.0}]', "are decimal numbers"),
        ("t.json", b'[{"text": "a", "label": ["x", "y"]}]', "From 1 rows of 1 sets of labels"),
        (
            "t.csv",
            b"tweet,label\na,fake\nb,real\nc,real\n",
            "Too few rows to be in each of 3 splits: the class 'real' has 2, 'fake' has 1; add rows",
        ),
    ],
)
def test_files_that_cannot_be_used(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_label_that_train_does_not_have(split: str, tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows(40))
    write(tmp_path / f"{split}.csv", [*rows(4), {"tweet": "x", "label": "satire"}])
    with pytest.raises(
        UserError,
        match=rf"The {split} split has the label 'satire' in column 'label' \(row 4, counted from 0\), which train",
    ):
        load(tmp_path)


def test_split_without_the_text_column(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows(40))
    write(tmp_path / "validation.csv", [{"text": "x", "label": "fake"}])
    with pytest.raises(UserError, match=r"The validation split of .* has no column 'tweet', only: text, label"):
        load(tmp_path)


# --- tokens ---


def test_tokens_are_cleaned_cut_and_counted(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    content = rows(40)
    content[0]["tweet"] = "virus " * 50
    content[1]["tweet"] = "virus " * 6  # exactly eight tokens with the two special ones
    write(tmp_path / "train.csv", content)
    write(tmp_path / "validation.csv", rows(4))
    write(tmp_path / "test.csv", [{"tweet": ""}])
    inputs, truncated = tokenize(load(tmp_path).splits, tokenizer, Reading(("lower",), 8))
    assert truncated == {"train": 1, "validation": 0, "test": 0}
    assert inputs["train"]["length"][:2] == [8, 8]
    assert inputs["test"]["input_ids"][0] == [tokenizer.cls_token_id, tokenizer.sep_token_id]
    assert set(inputs["train"].column_names) == {"input_ids", "attention_mask", "length", "labels"}
    assert "labels" not in inputs["test"].column_names
    expected = tokenizer("virus " * 50, truncation=True, max_length=8)["input_ids"]
    assert inputs["train"]["input_ids"][0] == expected


def test_rows_and_tokens_are_read_from_the_disk(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows are written once, the same tokens are made once; another cleaning code or length makes them again."""
    write(tmp_path / "train.csv", rows(20))

    def files(max_length: int = 8) -> list[str]:
        """Return where rows and tokens of train are."""
        data = load(tmp_path)
        inputs, _ = tokenize(data.splits, tokenizer, Reading(("lower",), max_length))
        return [entry["filename"] for split in (data.splits, inputs) for entry in split["train"].cache_files]

    first = files()
    assert len(first) == 2
    written = [Path(file).stat().st_mtime_ns for file in first]
    assert files() == first
    assert [Path(file).stat().st_mtime_ns for file in first] == written
    assert files(max_length=6)[1] != first[1]
    monkeypatch.setattr("hfkit.data.tokens.code_checksum", lambda: "another")
    assert files()[0] == first[0]
    assert files()[1] != first[1]


def test_texts_are_joined_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many at a time, also where a row has no text and is dropped."""
    table = [
        {"title": f"title {row}", "tweet": "" if row % 4 else f"text {row}", "label": "ab"[row % 2]}
        for row in range(40)
    ]
    table[20] |= {"title": "", "tweet": ""}
    write(tmp_path / "train.csv", table)
    columns = ["title", "tweet"]
    whole = load(tmp_path, text_column=columns, pair=False)
    monkeypatch.setattr("hfkit.data.cells._ROWS_AT_ONCE", 3)
    parts = load(tmp_path, text_column=columns, pair=False)
    for split in whole.splits:
        assert whole.splits[split].to_dict() == parts.splits[split].to_dict()
    assert whole.dropped.equals(parts.dropped)
    assert list(parts.dropped["row"]) == [20]
    texts = {text for split in parts.splits.values() for text in split["text"]}
    assert {"title 4 text 4", "title 5"} <= texts


def test_numbers_of_a_column_are_no_python_objects() -> None:
    """A list of them would hold 40 bytes a row: with a million rows, that is memory to be counted."""
    rows = Dataset.from_dict({"label": np.arange(50_000), "other": ["text"] * 50_000}).select(range(10, 50_000))
    changed = rows.with_transform(lambda batch: pytest.fail("another column was read"))
    read_column(rows, "label")  # what is imported or made once
    tracemalloc.start()
    for read in (rows, changed):
        numbers = read_column(read, "label")
        assert np.array_equal(numbers, np.arange(10, 50_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 50_000 * 8


def test_other_labels_or_another_order_are_other_rows(tmp_path: Path) -> None:
    """Rows on disk are told apart by all that is in them."""
    contents = [
        rows(20),
        rows(20)[::-1],
        [{**row, "label": "real" if row["label"] == "fake" else "fake"} for row in rows(20)],
    ]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).mkdir()
        write(tmp_path / str(number) / "train.csv", content)
    splits = [load(tmp_path / str(number)).splits["train"] for number in range(3)]
    assert len({split.cache_files[0]["filename"] for split in splits}) == 3


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else could be done with a million rows."""
    write(tmp_path / "train.csv", [{**row, "tweet": f"never seen {row['tweet']}"} for row in rows(20)])
    (tmp_path / "taken").write_text("a file where a folder should be")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "taken")
    with pytest.raises(UserError, match=r"taken.*HF_DATASETS_CACHE"):
        load(tmp_path)
