"""What looks like another kind of table or label is said, or refused: combinations, twins, second texts and pixels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hfkit.data.combined_labels import note_combined
from hfkit.data.guessed_columns import find_columns
from hfkit.data.in_memory import make_text_source, plain_table
from hfkit.data.label_kinds import prepare_labels
from hfkit.data.label_reading import LabelForm, read_labels
from hfkit.data.tables import read_file
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments

LONG = [f"a text of some words {row}" for row in range(20)]


@pytest.mark.parametrize(
    ("values", "given"),
    [
        (["a", "b", "a/b"], "'/'"),
        (["a", "b", "a + b"], "'+'"),
        (["a&b", "b&c", "a&c"], "'&'"),
        (["#a", "#b", "#a #b"], "'#'"),
        (["<java>", "<java><spring>", "<c>", "<c><make>"], "'<>'"),
        (["new york", "rome", "new york\trome"], r"$'\t'"),
        (["a", "b", "a\nb"], r"$'\n'"),
        (["a", "b", "a b"], "' '"),
        (["a b", "b c", "a c"], "' '"),
    ],
)
def test_combinations_are_told_with_their_separator(values: list[str], given: str) -> None:
    (note,) = note_combined(values, "tags")
    assert f"write --label_separator {given} to give" in note.text


@pytest.mark.parametrize(
    "values", [["new york", "new jersey"], ["R&B", "rock"], ["and/or", "not"], ["C++", "C"], ["<b>", "<i>"]]
)
def test_names_are_no_combinations(values: list[str]) -> None:
    assert note_combined(values, "label") == []


@pytest.mark.parametrize(
    ("cells", "separator", "sets"),
    [
        (["<java><c>", "<c>"], "<>", [("java", "c"), ("c",)]),
        (["new york\trome", "rome"], "\t", [("new york", "rome"), ("rome",)]),
        (["a  b", "b"], " ", [("a", "b"), ("b",)]),
    ],
)
def test_separators_that_are_told_part_the_labels(
    cells: list[str], separator: str, sets: list[tuple[str, ...]]
) -> None:
    labels = read_labels("data", {"train": pd.DataFrame({"tags": cells})}, LabelForm(["tags"], separator))
    assert labels.cells["train"] == sets
    assert "stands in no cell" not in labels.all_notes()[0].text


def test_a_separator_that_stands_in_no_cell_is_told() -> None:
    labels = read_labels("data", {"train": pd.DataFrame({"tags": ["a;b", "b"]})}, LabelForm(["tags"], "|"))
    assert labels.all_notes()[0].text == "Labels: any number a row, separated by '|', which stands in no cell."


@pytest.mark.parametrize(
    "twins",
    [
        ("real", "real\u200b"),
        ("real", "real\ufe0f"),
        ("a", "a\u2800"),
        ("half-true", "half true"),
        ("half_true", "Half-True"),
        ("01", "1"),
        ("\ufeffa", "a"),
    ],
)
def test_twins_are_refused_or_told_where_both_are_named(twins: tuple[str, str]) -> None:
    table = pd.DataFrame({"label": [*twins, "other"] * 5})
    with pytest.raises(UserError, match="differ only in"):
        prepare_labels({"train": table}, "label", False, None)
    told = prepare_labels({"train": table}, "label", False, [*twins, "other"])
    assert "are two since both are named" in told[0].text


def test_numbers_with_a_sign_are_no_twins() -> None:
    assert not prepare_labels({"train": pd.DataFrame({"label": ["-1", "1"] * 5})}, "label", False, None)


@pytest.mark.parametrize(
    ("columns", "text", "pair"),
    [
        (("text", "text_pair"), "text", "text text_pair"),
        (("title", "text"), "text", "title text"),
        (("question", "context"), "question", "question context"),
        (("Title", "Review Text"), "Review Text", "Title 'Review Text'"),
        (("Title", "review-text"), "review-text", "Title review-text"),
    ],
)
def test_a_second_text_is_told(columns: tuple[str, str], text: str, pair: str) -> None:
    table = pd.DataFrame(
        {**dict.fromkeys(columns, LONG), "label": ["a", "b"] * 10, "url": [f"x{row}" for row in range(20)]}
    )
    texts, _, notes = find_columns("data", {"train": table}, None, None)
    assert texts == [text]
    assert [note.text.partition("write ")[2] for note in notes if note.code == "second_text"] == [
        f"--text_column {pair}."
    ]


@pytest.mark.parametrize(
    ("names", "used", "other"), [("label label", "label", "label.1"), ("Label label", "Label", "label")]
)
def test_a_doubled_column_is_told(names: str, used: str, other: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"text": LONG, "a": ["x", "y"] * 10, "b": ["u", "v", "v", "u"] * 5})
    table.columns = pd.Index(["text", *names.split()])
    table.to_csv(tmp_path / "a.csv", index=False)
    for rows in (read_file(tmp_path / "a.csv").table, plain_table(table)):
        _, labels, notes = find_columns("data", {"train": rows}, None, None)
        assert labels == [used]
        assert f"The column '{other}' is called like '{used}', and is not read." in [note.text for note in notes]


def test_small_slips() -> None:
    source, name = make_text_source(LONG, np.array([[0], [1]] * 10))
    assert source.tables["train"]["label"].tolist() == [0, 1] * 10
    with pytest.raises(UserError, match="--text_column names 'text' twice"):
        load_text_data(TextDataArguments(dataset=name, text_column=["text", "text"]), source)


def test_pixels_without_header_are_no_texts() -> None:
    table = pd.DataFrame([[5, *range(99)]] * 4, columns=[str(number) for number in range(1, 101)])
    with pytest.raises(UserError, match="holds 100 pixels a row"):
        find_columns("data", {"train": table}, None, None)
