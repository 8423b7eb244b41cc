"""What looks like another kind of table or label is said, or refused: combinations, twins, second texts and pixels."""

import pandas as pd
import pytest

from hfkit.data.combined_labels import note_combined
from hfkit.data.guessed_columns import find_columns
from hfkit.data.label_kinds import prepare_labels
from hfkit.data.label_reading import LabelForm, read_labels
from hfkit.errors import UserError

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
    [("real", "real\u200b"), ("half-true", "half true"), ("half_true", "Half-True"), ("01", "1"), ("\ufeffa", "a")],
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


def test_pixels_without_header_are_no_texts() -> None:
    table = pd.DataFrame([[5, *range(99)]] * 4, columns=[str(number) for number in range(1, 101)])
    with pytest.raises(UserError, match="holds 100 pixels a row"):
        find_columns("data", {"train": table}, None, None)
