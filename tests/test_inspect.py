"""`hfkit inspect`: what is told of tables and photos, what would stop a training, and the configuration that is written."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import write_photo
from datasets import Dataset
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.data.image_labels import list_rows
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.inspection.columns import describe_columns
from hfkit.inspection.heads import read_heads
from hfkit.inspection.run import inspect_data

REVIEWS = pd.DataFrame(
    {
        "id": range(100, 140),
        "review": [f"review {number}, {'good' if number % 2 else 'bad'}" for number in range(40)],
        "stars": [5 if number % 2 else 1 for number in range(40)],
        "usage": ["train"] * 30 + ["test"] * 10,
        "note": [""] * 39 + ["late"],
    }
)


@pytest.fixture
def inspect() -> Callable[..., dict[str, Any]]:
    """Return a function that inspects by the command and returns what it prints as JSON."""

    def run(*argv: object) -> dict[str, Any]:
        result = CliRunner().invoke(app, ["inspect", *map(str, argv), "--json"], catch_exceptions=False)
        return json.loads(result.stdout)

    return run


def write(folder: Path, table: pd.DataFrame, **options: Any) -> Path:
    """Write a table as CSV."""
    table.to_csv(folder / "reviews.csv", index=False, **options)
    return folder / "reviews.csv"


def test_columns_are_told_with_what_they_are_used_as(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    told = inspect(write(tmp_path, REVIEWS, sep=";"))
    columns = {column["name"]: column for column in told["columns"]}
    assert {name: column["role"] for name, column in columns.items()} == {
        "id": "id",
        "review": "text",
        "stars": "label",
        "usage": "split",
        "note": "",
    }
    assert columns["review"]["why"] == "found by its name"
    assert (columns["note"]["missing"], columns["note"]["example"]) == (39, "late")
    assert (columns["stars"]["kind"], columns["stars"]["different"]) == ("whole number", 2)
    assert {label: counts["test"] for label, counts in told["classes"].items()} == {"1": 5, "5": 5}
    assert [sum(counts.values()) for counts in told["classes"].values()] == [20, 20]
    assert list(told["classes"]["1"]) == ["train", "validation", "test"]
    words = next(spread for spread in told["spreads"] if spread["what"] == "words")
    assert (words["least"], words["most"]) == (3, 3)
    assert any("semicolon-separated" in note["text"] for note in told["notes"])
    assert (
        told["command"]
        == f"hfkit train text --dataset {tmp_path / 'reviews.csv'} --backbone minilm --unfreeze_from none"
    )


def test_what_was_given_is_in_the_command(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    table = REVIEWS.rename(columns={"review": "What did they say?", "stars": "how many"})
    file = write(tmp_path, table)
    refused = inspect(file)
    assert "write --text_column NAME. The longest texts are in 'What did they say?'" in refused["refusal"]
    assert refused["command"] is None
    assert [column["role"] for column in refused["columns"]] == ["id", "", "", "split", ""]
    told = inspect(file, "--text_column", "What did they say?", "--label_column", "how many")
    assert told["refusal"] is None
    assert "--text_column 'What did they say?'" in told["command"]
    assert "--label_column 'how many'" in told["command"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.assign(stars=["Good", "good"] * 20), "differ only in case, spaces"),
        (lambda table: table.assign(stars=["caf\u00e9", "cafe\u0301"] * 20), "how a letter is encoded"),
        (
            lambda table: table.assign(stars=[f"row {number}" for number in range(40)], usage=""),
            "looks like names or numbers of rows",
        ),
        (lambda table: table.assign(stars=["a", "NULL"] * 20), "A class is called 'NULL'"),
        (lambda table: table.assign(review=["same"] * 4 + list(table.review[4:])), "stand again with another label"),
        (
            lambda table: table.assign(review=["same", "other"] * 5 + list(table.review[10:])),
            "Rows that stand in their split before",
        ),
    ],
)
def test_what_looks_wrong_is_told(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str, tmp_path: Path, inspect: Callable[..., dict[str, Any]]
) -> None:
    told = inspect(write(tmp_path, change(REVIEWS)))
    assert said in "\n".join([*(note["text"] for note in told["notes"]), told["refusal"] or ""])


def test_photos_are_told_by_their_heads(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    for number in range(12):
        for label in ("cat", "dog"):
            write_photo(tmp_path / label / f"{number}.png", label, number + 100 * (label == "cat"), (20 + number, 10))
    (tmp_path / "cat" / "copy.png").write_bytes((tmp_path / "cat" / "0.png").read_bytes())
    (tmp_path / "dog" / "copy.png").write_bytes((tmp_path / "cat" / "0.png").read_bytes())
    told = inspect(tmp_path)
    assert told["task"] == "image"
    assert sum(sum(counts.values()) for counts in told["classes"].values()) == 26
    assert (told["spreads"][0]["what"], told["spreads"][0]["least"], told["spreads"][0]["most"]) == (
        "width in pixels",
        20,
        31,
    )
    text = "\n".join(note["text"] for note in told["notes"])
    assert "26 PNG RGB" in text
    assert "another label" in text


def write_flat_photos(folder: Path, table: pd.DataFrame) -> Path:
    """Write photos that lie flat, with a table of their labels beside them."""
    for number, name in enumerate(table.iloc[:, 0]):
        write_photo(folder / name, "cat", number)
    table.to_csv(folder / "labels.csv", index=False)
    return folder


PHOTOS = pd.DataFrame(
    {
        "photo name": [f"{number}.png" for number in range(24)],
        "kind": ["cat", "dog"] * 12,
        "taken by": ["me", "you", ""] * 8,
        "subset": ["train"] * 16 + ["test"] * 8,
    }
)


def test_the_table_beside_photos_is_told_as_any_other(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    folder = write_flat_photos(tmp_path / "photos", PHOTOS)
    told = inspect(folder, "--label_column", "kind")
    assert {column["name"]: column["role"] for column in told["columns"]} == {
        "photo name": "image",
        "kind": "label",
        "taken by": "",
        "subset": "split",
    }
    assert told["columns"][0]["why"] == "its cells name the files"
    assert (told["columns"][2]["missing"], told["columns"][2]["different"]) == (8, 2)
    assert told["refusal"] is None
    CliRunner().invoke(
        app,
        ["inspect", str(folder), "--label_column", "kind", "--write", str(tmp_path / "a.yaml")],
        catch_exceptions=False,
    )
    arguments = parse_arguments(["--config", str(tmp_path / "a.yaml")], (), IMAGE)
    assert (arguments.data.image_column, arguments.data.label_column, arguments.data.split_column) == (
        "photo name",
        ["kind"],
        "subset",
    )


def test_columns_of_marks_are_no_label_column(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    table = PHOTOS.iloc[:, :1].assign(cat=[1, 0] * 12, dog=[0, 1] * 12)
    told = inspect(write_flat_photos(tmp_path, table))
    assert [(column["name"], column["role"]) for column in told["columns"]] == [
        ("photo name", "image"),
        ("cat", "a class"),
        ("dog", "a class"),
    ]


def test_columns_of_photos_in_parquet_are_told(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    photos = [write_photo(tmp_path / f"{number}.png", "cat", number).read_bytes() for number in range(24)]
    table = pd.DataFrame({"photo": photos, "label": ["cat", "dog"] * 12, "note": ["a"] * 24})
    (tmp_path / "data").mkdir()
    table.to_parquet(tmp_path / "data" / "train.parquet")
    told = inspect(tmp_path / "data", "--task", "image", "--image_column", "photo")
    assert [(column["name"], column["kind"], column["role"]) for column in told["columns"]] == [
        ("photo", "image", "image"),
        ("label", "text", "label"),
        ("note", "text", ""),
    ]
    assert told["columns"][0]["why"] == "given"


def test_labels_of_photos_look_wrong_as_those_of_texts_do(
    tmp_path: Path, inspect: Callable[..., dict[str, Any]]
) -> None:
    twins = inspect(
        write_flat_photos(tmp_path / "a", PHOTOS.assign(kind=["Cat", "cat"] * 12)), "--label_column", "kind"
    )
    assert "differ only in case, spaces" in twins["refusal"]
    named = inspect(
        write_flat_photos(tmp_path / "b", PHOTOS.assign(kind=["NULL", "cat"] * 12)), "--label_column", "kind"
    )
    assert any("A class is called 'NULL'" in note["text"] for note in named["notes"])


def test_a_split_without_photos_stops_a_training(tmp_path: Path) -> None:
    assert list(read_heads(Dataset.from_dict({"image": []})).columns) == [
        *("width", "height", "mode", "format", "reason", "content"),
    ]
    with pytest.raises(UserError, match="The test split has no images"):
        list_rows("test", pd.DataFrame({"file": []}), [])


def test_names_of_columns_may_have_brackets(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    table = REVIEWS.rename(columns={"review": "news.text", "stars": "a (b).label"})
    told = inspect(write(tmp_path, table))
    why = {column["role"]: column["why"] for column in told["columns"]}
    assert (why["text"], why["label"]) == ("found by its name", "found by its name")


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "column 1", "Index"])
def test_an_index_is_told_as_an_id(name: str) -> None:
    [column] = describe_columns({"train": pd.DataFrame({name: ["3", "4", "5"]})}, {})
    assert (column.role, column.why) == ("id", "called so, and none stands twice")


def test_kinds_are_told_by_all_cells() -> None:
    cells = [*("yes", "no", "Yes", "No", "YES", "NO", "true", "false", "True", "False", "1", "0"), "maybe"]
    table = pd.DataFrame({"a": cells, "b": [*cells[:-1], "yes"]})
    assert [column.kind for column in describe_columns({"train": table}, {})] == ["text", "yes or no"]


def test_empty_texts_have_no_length(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    some = REVIEWS.assign(review=[None, "", " ", *REVIEWS.review[3:]])
    words = next(spread for spread in inspect(write(tmp_path, some))["spreads"] if spread["what"] == "words")
    assert words["least"] == 3
    told = inspect(write(tmp_path, REVIEWS.assign(review="")))
    assert told["spreads"] == []


def test_a_configuration_is_written_once_and_trains(tmp_path: Path) -> None:
    data, file = write(tmp_path, REVIEWS), tmp_path / "run.yaml"
    command = ["inspect", str(data), "--write", str(file)]
    shown = CliRunner().invoke(app, command, catch_exceptions=False)
    assert f"hfkit train text --config {file}" in " ".join(shown.output.split())
    content = file.read_text()
    assert "# Column of the text." in content
    arguments = parse_arguments(["--config", str(file)], (), TEXT)
    assert (arguments.data.dataset, arguments.data.text_column, arguments.data.label_column) == (
        str(data),
        ["review"],
        ["stars"],
    )
    assert (arguments.model.backbone, arguments.model.unfreeze_from) == ("minilm", "none")
    with pytest.raises(UserError, match="is there already"):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert file.read_text() == content


@pytest.mark.parametrize("kind", ["columns", "cells", "classes"])
def test_several_labels_a_row(kind: str, tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    """They are told as a training reads them, and the configuration trains on the same."""
    flags = {"toxic": [1, 0, 0, 1] * 10, "threat": [0, 1, 0, 1] * 10}
    if kind == "classes":
        flags = {"toxic": [1, 0] * 20, "threat": [0, 1] * 20}
    table = pd.DataFrame({"text": [f"text {row}" for row in range(40)], **flags})
    if kind == "cells":
        table = table.assign(tags=["toxic", "threat", "", "toxic|threat"] * 10).drop(columns=list(flags))
    data = write(tmp_path, table)
    told = inspect(data)
    assert told["refusal"] is None
    assert told["is_multi_label"] == (kind != "classes")
    assert {name: sum(counts.values()) for name, counts in told["classes"].items()} == {"toxic": 20, "threat": 20}
    labels = [column["name"] for column in told["columns"] if column["role"] == "label"]
    assert labels == (["tags"] if kind == "cells" else ["toxic", "threat"])
    file = tmp_path / "run.yaml"
    CliRunner().invoke(app, ["inspect", str(data), "--write", str(file)], catch_exceptions=False)
    arguments = parse_arguments(["--config", str(file)], (), TEXT).data
    assert arguments.label_column == (None if kind == "classes" else labels)
    assert load_text_data(arguments).is_multi_label == told["is_multi_label"]


def test_several_labels_of_photos(tmp_path: Path, inspect: Callable[..., dict[str, Any]]) -> None:
    for row in range(20):
        write_photo(tmp_path / f"{row}.png", "cat", row)
    rows = [f"{row},{row % 2},{int(row % 3 == 0)}" for row in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["id,red,big", *rows]))
    told = inspect(tmp_path)
    assert told["is_multi_label"]
    assert {name: sum(counts.values()) for name, counts in told["classes"].items()} == {"red": 10, "big": 7}
    assert told["command"].startswith("hfkit train image --dataset")


@pytest.mark.parametrize("given", [(), ("--label_column", "1", "--text_column", "2")])
def test_a_configuration_of_a_table_without_header_reads_it_again(given: tuple[str, ...], tmp_path: Path) -> None:
    data, file = tmp_path / "a.csv", tmp_path / "run.yaml"
    data.write_text("".join(f"{number % 2},a review {number}\n" for number in range(1, 41)))
    CliRunner().invoke(app, ["inspect", str(data), *given, "--write", str(file)], catch_exceptions=False)
    arguments = parse_arguments(["--config", str(file)], (), TEXT).data
    assert arguments.header is False
    assert sum(map(len, load_text_data(arguments).splits.values())) == 40


def test_what_was_given_is_written_as_it_was(tmp_path: Path) -> None:
    """Columns in the order that was given, which is not that of the table."""
    data, file = write(tmp_path, REVIEWS.assign(title="a title")), tmp_path / "run.yaml"
    given = ["--text_column", "title", "--text_column", "review", "--split_column", "usage"]
    CliRunner().invoke(app, ["inspect", str(data), *given, "--write", str(file)], catch_exceptions=False)
    arguments = parse_arguments(["--config", str(file)], (), TEXT).data
    assert arguments.text_column == ["title", "review"]
    assert (arguments.label_column, arguments.split_column, arguments.header) == (["stars"], "usage", None)


def test_flags_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--image_column is for images, and .* holds texts"):
        inspect_data(str(write(tmp_path, REVIEWS)), None, {}, {}, {"image_column": "x"})


def test_nothing_steers_the_terminal(tmp_path: Path) -> None:
    table = REVIEWS.rename(columns={"note": "n\x1b[31mote"}).assign(
        review=[f"\x1b[2J[red]{text}" for text in REVIEWS.review]
    )
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["inspect", str(write(tmp_path, table))], catch_exceptions=False
    )
    assert "\x1b" not in shown.output
    assert "[red]" in shown.output


@pytest.mark.slow
def test_nothing_is_imported_that_takes_seconds(tmp_path: Path) -> None:
    program = (
        "import sys; from hfkit.commands.main import app; app(sys.argv[1:], standalone_mode=False); "
        "assert not {'torch', 'sklearn'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", program, "inspect", str(write(tmp_path, REVIEWS))], check=True)
    for number in range(9):
        for label in ("cat", "dog"):
            write_photo(tmp_path / "photos" / label / f"{number}.png", label, number)
    subprocess.run([sys.executable, "-c", program, "inspect", str(tmp_path / "photos")], check=True)
