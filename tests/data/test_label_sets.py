"""Rows with any number of labels: columns of 0 and 1, lists and separators, and the splits that are cut from them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import read_notes
from datasets import Dataset, List, Value

from hfkit.data.in_memory import make_text_source
from hfkit.data.label_columns import LabelColumns
from hfkit.data.labelled import load_labelled_texts
from hfkit.data.multi_label import cut_label_sets
from hfkit.data.splits import LabelledData
from hfkit.data.stored_rows import read_column
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.notes import Note

FLAGS = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 1]] * 8)
NAMES = ["toxic", "threat", "insult"]
TEXTS = [f"text {row}" for row in range(len(FLAGS))]
SETS = [[name for name, is_there in zip(NAMES, row, strict=True) if is_there] for row in FLAGS]


def load(data: Any, labels: Any = None, **options: Any) -> LabelledData:
    source, name = make_text_source(data, labels, options.get("text_column"), options.get("label_column"))
    return load_text_data(TextDataArguments(dataset=name, **options), source)


def rows_by_text(data: LabelledData) -> dict[str, set[str]]:
    """Return the names of the labels of each text, of all splits."""
    return {
        row["text"]: {name for name, flag in zip(data.label_names, row["label"], strict=True) if flag}
        for rows in data.splits.values()
        for row in rows
    }


EXPECTED = {text: set(names) for text, names in zip(TEXTS, SETS, strict=True)}


def test_columns_of_0_and_1(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": TEXTS, **{name: FLAGS[:, index] for index, name in enumerate(NAMES)}})
    table.to_csv(tmp_path / "train.csv", index=False)
    data = load_text_data(TextDataArguments(dataset=str(tmp_path / "train.csv"), label_column=NAMES))
    assert data.is_multi_label
    assert data.label_names == NAMES
    assert rows_by_text(data) == EXPECTED
    assert read_column(data.splits["train"], "label").shape == (len(data.splits["train"]), 3)
    assert "Labels: any number of 3 a row, from columns of 0 and 1." in read_notes(data.notes)


def note_texts(data: LabelledData, *codes: str) -> list[str]:
    return [note.text for note in data.notes if note.code in codes]


@pytest.mark.parametrize("kind", ["csv", "parquet", "values"])
def test_columns_of_0_and_1_are_found(kind: str, tmp_path: Path) -> None:
    """Other columns, such as ids, counts and what is always 0, are no labels."""
    flags = {name: FLAGS[:, index] for index, name in enumerate(NAMES)}
    others = {"id": range(len(TEXTS)), "likes": [0, 1, 2, 0, 1] * 8, "cut": 0, "note": ["1", "", "x", "0", ""] * 8}
    table = pd.DataFrame({"id": others["id"], "text": TEXTS, **flags, **others})
    if kind == "csv":
        table.to_csv(tmp_path / "train.csv", index=False)
    elif kind == "parquet":
        table.astype(dict.fromkeys(NAMES, bool)).to_parquet(tmp_path / "train.parquet")
    file = str(tmp_path / f"train.{kind}")
    data = load(table) if kind == "values" else load_text_data(TextDataArguments(dataset=file))
    assert data.is_multi_label
    assert data.label_names == NAMES
    assert rows_by_text(data) == EXPECTED
    assert note_texts(data, "label_column", "constant_columns") == [
        "Label columns: toxic, threat, insult (each says 0 or 1, and no column has a usual name for labels).",
        "Columns of 0 and 1 that are the same in all rows of train, and no labels here: cut.",
    ]


def test_columns_of_0_and_1_of_which_each_row_has_one_are_classes() -> None:
    """Where they are found; columns that are named are labels of which a row has any number."""
    table = pd.DataFrame({"text": TEXTS, "real": [1, 0] * 20, "fake": [0, 1] * 20})
    data = load(table)
    assert not data.is_multi_label
    assert data.label_names == ["real", "fake"]
    assert {row["text"]: row["label"] for rows in data.splits.values() for row in rows} == {
        text: row % 2 for row, text in enumerate(TEXTS)
    }
    assert note_texts(data, "one_class") == [
        "Labels: one of 2 classes a row, from columns of 0 and 1, of which each row has one."
    ]
    assert load(table, label_column=["real", "fake"]).is_multi_label
    table.loc[3, "real"] = 1
    assert load(table).is_multi_label


def test_a_column_that_could_be_the_label_is_told() -> None:
    flags = {name: FLAGS[:, index] for index, name in enumerate(NAMES)}
    data = load(pd.DataFrame({"text": TEXTS, **flags, "origin": ["web", "press"] * 20}))
    assert data.label_names == NAMES
    assert note_texts(data, "other_label_columns") == [
        "Few different values are in origin, too; --label_column NAME takes one for the label."
    ]


def test_labels_that_differ_in_case_alone_are_refused() -> None:
    with pytest.raises(UserError, match=r"'Toxic' \(20 rows\) and 'toxic' \(20 rows\).*differ only in case"):
        load(
            {"train": list(zip(TEXTS, [["Toxic", "x"], ["toxic"]] * 20, strict=True)), "validation": [("a", ["x"])]},
            test_fraction=0.0,
        )


def test_a_label_column_wins_over_columns_of_0_and_1() -> None:
    flags = {name: FLAGS[:, index] for index, name in enumerate(NAMES)}
    data = load(pd.DataFrame({"text": TEXTS, "Label": ["a", "b"] * 20, **flags}))
    assert not data.is_multi_label
    assert data.label_names == ["a", "b"]
    assert note_texts(data, "flag_columns") == [
        "Columns of 0 and 1 beside it: toxic, threat, insult; to train on them, a row with any number of these labels, name "
        "them by --label_column."
    ]
    one = load(pd.DataFrame({"text": TEXTS, "label": ["a", "b"] * 20, "toxic": FLAGS[:, 0]}))
    assert not note_texts(one, "flag_columns")


@pytest.mark.parametrize("cells", [[["a"], ["b"]] * 20, ["['a']", "['b']"] * 20])
def test_lists_of_one_name_each_are_classes(cells: list[Any]) -> None:
    """As tools of annotation write one class; a separator says that there may be more."""
    table = pd.DataFrame({"text": TEXTS, "label": pd.Series(cells, dtype=object)})
    for given in ({}, {"label_column": ["label"]}):
        data = load(table, **given)
        assert (data.label_names, data.is_multi_label) == (["a", "b"], False)
        assert "from lists that have one name each" in note_texts(data, "one_class")[0]
    assert load(table, label_separator=",").is_multi_label


@pytest.mark.parametrize("other", [[], ["a", "b"]])
def test_lists_of_which_not_all_have_one_name_are_label_sets(other: list[str]) -> None:
    assert load(TEXTS, [["a"], ["b"]] * 19 + [["a"], other]).is_multi_label


@pytest.mark.parametrize("others", [{}, {"toxic": FLAGS[:, 0]}, {"toxic": FLAGS[:, 0], "likes": [1, 2, 3, 4, 5] * 8}])
def test_one_column_of_0_and_1_is_not_taken_for_labels(others: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no column named label or labels or class"):
        load(pd.DataFrame({"text": TEXTS, **others}))


def test_rows_that_nobody_labelled_do_not_hide_a_column() -> None:
    flags = {name: FLAGS[:, index].tolist() for index, name in enumerate(NAMES)}
    flags["threat"][7], flags["toxic"][7] = -1, None
    data = load(pd.DataFrame({"text": TEXTS, **flags}))
    assert data.label_names == NAMES
    assert set(TEXTS) - set(rows_by_text(data)) == {"text 7"}
    assert note_texts(data, "minus_one") == ["-1 in the labels says that nobody labelled the row."]


@pytest.mark.parametrize("options", [{}, {"label_column": NAMES}])
@pytest.mark.parametrize("no", [-1, -1.0, "-1"])
def test_minus_one_beside_one_alone_says_no(no: Any, options: dict[str, Any]) -> None:
    flags = {name: [1 if flag else no for flag in FLAGS[:, index]] for index, name in enumerate(NAMES)}
    data = load(pd.DataFrame({"text": TEXTS, **flags}, dtype=object), **options)
    assert rows_by_text(data) == EXPECTED
    says = "-1 in the labels says that a row has not the label, since 1 and never 0 stands beside it."
    assert note_texts(data, "minus_one") == [says]
    flags["toxic"][7] = 0
    with pytest.raises(UserError, match="have no label"):
        load(pd.DataFrame({"text": TEXTS, **flags}, dtype=object), label_column=NAMES)


def test_minus_one_in_lists_of_places() -> None:
    data = load(TEXTS, [[1 if flag else -1 for flag in row] for row in FLAGS], label_names=NAMES)
    assert rows_by_text(data) == EXPECTED
    assert len(note_texts(data, "minus_one")) == 1


@pytest.mark.parametrize(("yes", "no"), [("True", "false"), (True, False), (1.0, 0.0), ("yes", "no"), ("1.0", "0")])
def test_other_ways_to_write_0_and_1(yes: Any, no: Any) -> None:
    columns = {name: [yes if flag else no for flag in FLAGS[:, index]] for index, name in enumerate(NAMES)}
    data = load(pd.DataFrame({"text": TEXTS, **columns}), label_column=NAMES)
    assert rows_by_text(data) == EXPECTED


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["|".join(names) for names in SETS], "|"),
        ([" ".join(names) for names in SETS], " "),
        ([json.dumps(names) for names in SETS], ","),
        ([str(names) for names in SETS], ","),
        ([names or None for names in SETS], None),
        ([str([{"id": len(name), "name": name} for name in names]) for names in SETS], None),
        ([[{"id": len(name), "name": name} for name in names] for names in SETS], None),
        (SETS, None),
        ([np.array(names) for names in SETS], None),
    ],
    ids=["bar", "space", "json", "python", "none-is-empty", "objects-in-text", "objects", "lists", "arrays"],
)
def test_one_column_of_names(cells: list[Any], separator: str | None) -> None:
    data = load(TEXTS, cells, label_separator=separator)
    assert data.label_names == sorted(NAMES)
    assert rows_by_text(data) == EXPECTED


def test_lists_of_0_and_1_speak_of_places() -> None:
    named = load(TEXTS, FLAGS.tolist(), label_names=NAMES)
    assert rows_by_text(named) == EXPECTED
    as_text = load(TEXTS, [str(row.tolist()) for row in FLAGS], label_separator=",")
    assert as_text.label_names == ["0", "1", "2"]
    ids = load(TEXTS, [np.flatnonzero(row).tolist() for row in FLAGS], label_names=NAMES)
    assert rows_by_text(ids) == rows_by_text(named)


def test_lists_of_a_dataset_and_of_json_lines(tmp_path: Path) -> None:
    assert rows_by_text(load(Dataset.from_dict({"text": TEXTS, "labels": SETS}))) == EXPECTED
    lines = [json.dumps({"text": text, "labels": names}) for text, names in zip(TEXTS, SETS, strict=True)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    data = load_text_data(TextDataArguments(dataset=str(tmp_path / "rows.jsonl")))
    assert rows_by_text(data) == EXPECTED


def test_columns_are_read_as_arrays() -> None:
    """Labels of all rows are one array, and token ids are an array for each row, also where all have the same length."""
    labels = Dataset.from_dict({"labels": FLAGS.tolist()}).cast_column("labels", List(Value("float32"), length=3))
    assert (read_column(labels.select([3, 1]), "labels") == FLAGS[[3, 1]]).all()
    for ids in ([[5, 6], [7]], [[5, 6], [7, 8]]):
        column = read_column(Dataset.from_dict({"input_ids": ids}), "input_ids")
        assert column.shape == (2,)
        assert [row.tolist() for row in column] == ids


def test_rows_that_nobody_labelled() -> None:
    """An empty cell of a 0/1 column, or -1, is no label: of train it is dropped, and a test split of such rows is predicted."""
    table = pd.DataFrame({"text": TEXTS, **{name: FLAGS[:, index] for index, name in enumerate(NAMES)}}, dtype=object)
    test = table.head(4).assign(**dict.fromkeys(NAMES, -1), text=["a", "b", "c", "d"])
    table.loc[3, "threat"] = None
    data = load({"train": table, "test": test}, label_column=NAMES)
    assert data.dropped[["split", "row", "reason"]].to_numpy().tolist() == [["train", 3, "no label"]]
    assert "label" not in data.splits["test"].column_names
    assert "label" in data.splits["validation"].column_names
    columnless = load({"train": table, "test": test[["text"]]}, label_column=NAMES)
    assert "label" not in columnless.splits["test"].column_names


@pytest.mark.parametrize(
    ("table", "options", "problem"),
    [
        (
            {"a": ["1", "maybe"] * 20, "b": [0] * 40},
            {"label_column": ["a", "b"]},
            "'a' has 'maybe' in row 1, counted from 0",
        ),
        ({"a": [1, 0] * 20}, {"label_column": ["a", "b"]}, "no column 'b'"),
        ({"a": ["x|y"] * 40, "b": [0] * 40}, {"label_column": ["a", "b"], "label_separator": "|"}, "one label column"),
        ({"a": ["x"] * 40}, {"label_column": ["a"], "label_separator": "|"}, "two classes or more"),
        ({"a": ["0,27", "4,27"] * 20}, {"label_column": ["a"]}, "--label_separator , if each is several labels"),
    ],
)
def test_what_is_refused(table: dict[str, Any], options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as error:
        load(pd.DataFrame({"text": TEXTS, **table}), **options)
    assert problem in str(error.value)


def test_a_name_of_two_words_is_one_label() -> None:
    data = load(TEXTS, ["new york", "boston"] * 20)
    assert not data.is_multi_label


def test_a_label_that_train_does_not_have() -> None:
    train = list(zip(TEXTS, SETS, strict=True))
    with pytest.raises(UserError, match=r"The validation split has the label 'other' .*\(row 1, counted from 0\)"):
        load({"train": train, "validation": [("a", ["toxic"]), ("b", ["other", "toxic"])]})
    data = load({"train": train, "validation": [("a", ["toxic"]), ("b", [])]})
    notes = read_notes(data.notes)
    assert "Labels without a row in validation, which have an F1 of 0 there: insult, threat." in notes


def test_each_label_has_its_share_of_each_split() -> None:
    """Of 400 rows, 10 have the rare label: by chance a tenth of the rows would have none in a third of the draws."""
    generator = np.random.default_rng(0)
    flags = np.stack([generator.random(400) < 0.5, generator.random(400) < 0.2, np.arange(400) < 10], axis=1)
    data = load([f"text {row}" for row in range(400)], flags.astype(int).tolist())
    for rows in data.splits.values():
        counts, expected = read_column(rows, "label").sum(axis=0), flags.sum(axis=0) * len(rows) / 400
        assert (np.abs(counts - expected) <= 1.5).all()
    assert 36 <= len(data.splits["test"]) <= 44
    assert "cut from train, with iterative stratification" in " ".join(read_notes(data.notes))
    again = load([f"text {row}" for row in range(400)], flags.astype(int).tolist())
    assert again.splits["test"]["text"] == data.splits["test"]["text"]


def test_a_cut_of_rows_with_few_labels() -> None:
    table = pd.DataFrame({"label": pd.Series([("a",), (), ("a",), (), ()] * 4, dtype=object)})
    rest, taken = cut_label_sets(table, 5, 0)
    assert sorted([*rest.index, *taken.index]) == list(range(20))
    assert sum(map(len, taken["label"])) == 2


def test_a_training_sample_is_drawn_with_all_labels() -> None:
    data = load(TEXTS, SETS, max_train_samples=10)
    assert 8 <= len(data.splits["train"]) <= 12
    assert (read_column(data.splits["train"], "label").sum(axis=0) > 0).all()


@pytest.mark.parametrize("hidden", [[], None, [-1, -1, -1]])
def test_a_row_that_nobody_labelled_leaves_lists_of_places_what_they_are(hidden: Any) -> None:
    lists: list[Any] = [[int(flag) for flag in row] for row in FLAGS]
    lists[7] = hidden
    data = load(TEXTS, lists, label_names=NAMES)
    assert data.label_names == NAMES
    assert rows_by_text(data) == {text: names for text, names in EXPECTED.items() if text != TEXTS[7]}


def test_places_of_two_classes() -> None:
    """Of which each row has one, as of a net's targets."""
    data = load(TEXTS, [[1.0, 0.0], [0.0, 1.0]] * 20, label_names=["a", "b"])
    assert not data.is_multi_label
    assert {row["text"]: row["label"] for rows in data.splits.values() for row in rows} == {
        text: row % 2 for row, text in enumerate(TEXTS)
    }
    assert note_texts(data, "one_class") == [
        "Labels: one of 2 classes a row, from lists of 0 and 1, of which each row has one."
    ]


@pytest.mark.parametrize(
    "write",
    [
        lambda names: str(np.array(names, dtype=object)),
        lambda names: str(np.array(names, dtype=object)).replace("' '", "'\n '"),
        lambda names: repr(np.array(names, dtype=object)),
        lambda names: repr(tuple(names)),
        lambda names: repr(set(names)),
        lambda names: repr(frozenset(names)),
        lambda names: json.dumps({name: int(name in names) for name in NAMES}),
        lambda names: repr({name: name in names for name in NAMES}),
    ],
)
def test_lists_that_are_written_in_cells(write: Any) -> None:
    data = load(pd.DataFrame({"text": TEXTS, "label": list(map(write, SETS))}))
    assert rows_by_text(data) == EXPECTED
    assert data.label_names == sorted(NAMES)


@pytest.mark.parametrize("kind", [int, float, bool])
def test_places_that_numpy_prints(kind: type) -> None:
    data = load(pd.DataFrame({"text": TEXTS, "label": [str(row.astype(kind)) for row in FLAGS]}), label_names=NAMES)
    assert rows_by_text(data) == EXPECTED


@pytest.mark.parametrize(
    ("cell", "problem"),
    [("['a' ... 'b']", "was cut where it was printed"), ('{"a": 0.3, "b": 0.7}', "values are not 0 and 1")],
)
def test_what_is_no_list_of_labels(cell: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        load(pd.DataFrame({"text": TEXTS, "label": [cell, "['a' 'b']"] * 20}))


def test_names_in_parentheses_are_no_lists() -> None:
    assert load(TEXTS, ["real (sure)", "(fake)"] * 20).label_names == ["(fake)", "real (sure)"]


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (
            [[0, 1, 1], [1, 0, 0], [0, 0]] * 13 + [[1, 1, 1]],
            r"lists of 0 and 1 in column 'label' have different lengths \(2, 3\)",
        ),
        ([[0.25, 0.75], [0.5, 0.5]] * 20, "are decimal numbers"),
    ],
)
def test_lists_that_are_no_labels(labels: list[Any], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        load(TEXTS, labels)


def test_labels_of_one_row_each_do_not_empty_a_split() -> None:
    data = load(TEXTS, [["news" if row % 2 else "sport", f"id{row}"] for row in range(len(TEXTS))])
    assert [len(data.splits[split]) for split in ("train", "validation", "test")] == [32, 4, 4]


def test_one_class_in_brackets_is_a_class() -> None:
    data = load(TEXTS, ["news", "meme", "[deleted]", "news"] * 10)
    assert not data.is_multi_label
    assert data.label_names == ["[deleted]", "meme", "news"]


def test_decimal_numbers_with_a_comma_may_be_negative(tmp_path: Path) -> None:
    values = ["-1,5", "-1,0", "-0,5", "0,0", "0,5", "1,0", "1,5", "2,5"] * 5
    table = pd.DataFrame({"text": TEXTS, "label": values})
    table.to_csv(tmp_path / "a.csv", sep=";", index=False)
    with pytest.raises(UserError, match="are decimal numbers"):
        load_text_data(TextDataArguments(dataset=str(tmp_path / "a.csv")))


def test_a_column_that_says_the_split_is_no_label(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": TEXTS, **{name: FLAGS[:, index] for index, name in enumerate(NAMES)}})
    table["is_valid"] = [0, 0, 0, 1] * 10
    table.to_csv(tmp_path / "a.csv", index=False)
    assert load_text_data(TextDataArguments(dataset=str(tmp_path / "a.csv"))).label_names == NAMES


@pytest.mark.parametrize("columns", [["toxic", "threat"], NAMES])
def test_a_model_wants_a_column_for_each_of_its_labels(columns: list[str]) -> None:
    """A label without a column would count as one that no row has; one that all rows have is there."""
    table = pd.DataFrame({"text": TEXTS, **{name: FLAGS[:, index] for index, name in enumerate(NAMES)}})
    table["threat"] = 1
    known = LabelColumns(is_multi_label=True, names=NAMES)

    def choose(source: str, names: list[str]) -> tuple[list[int], list[Note]]:
        return [names.index("text")], []

    source, name = make_text_source(table[["text", *columns]], None, needs_train=False)
    if columns != NAMES:
        with pytest.raises(UserError, match=r"has no column named label|of insult in the columns"):
            load_labelled_texts(name, None, choose, known, NAMES, source)
        with pytest.raises(UserError, match="says nothing of insult in the columns toxic, threat"):
            load_labelled_texts(name, None, choose, LabelColumns(columns, [], None, True, NAMES), NAMES, source)
        return
    rows = load_labelled_texts(name, None, choose, known, NAMES, source).rows
    assert np.array(rows["label"])[:, 1].all()
