"""Tables that are not quite what they seem: each is read as it is meant, or refused in a sentence, and nothing is lost."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from written_tables import write_table

from hfkit.data.label_maps import note_label_map
from hfkit.data.sources import read_source
from hfkit.data.splits import LabelledData
from hfkit.data.text import load_text_data
from hfkit.data.typed_tables import ids_to_names
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.prediction_input import find_input_kind
from hfkit.flags.tables import TableFlags
from hfkit.prediction.sources import open_source


def read(path: Path, named: tuple[str, ...] = (), **given: Any) -> pd.DataFrame:
    return read_source(str(path), used=named, given=TableFlags(**given)).tables["train"]


def load(path: Path, **options: Any) -> LabelledData:
    return load_text_data(TextDataArguments(dataset=str(path), **options))


def predicted(path: Path, **given: Any) -> list[tuple[list[object], str]]:
    """Return the cells of each row that would be predicted, and what is wrong with it."""
    source, _ = open_source(str(path), find_input_kind(str(path)), TableFlags(**given))
    return [(row.cells, row.problem) for row in source.rows()]


# --- rows that are too long ---


@pytest.mark.parametrize(("separator", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab")])
@pytest.mark.parametrize("header", [True, False])
def test_a_row_with_too_many_fields_is_refused(header: bool, separator: str, name: str, tmp_path: Path) -> None:
    """Without a header the columns are as many as most rows have: the rest of a text is no column of its own."""
    path = tmp_path / "a.csv"
    lines = [f"{'pos' if row % 2 else 'neg'}{separator}a film {row}" for row in range(40)]
    lines[7] = f"neg{separator}bad{separator} really bad"
    path.write_text("\n".join([*([f"label{separator}text"] if header else []), *lines]))
    usual = r"its header names \(label, text\)" if header else r"most have \(2\)"
    place = 9 if header else 8
    with pytest.raises(
        UserError, match=rf"more fields than {usual}: 1 of 40, the first in line {place} with 3.*hold a {name} and"
    ):
        load(path)


def test_of_two_rows_the_longer_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("pos,good film\nneg,bad, really bad\n")
    with pytest.raises(UserError, match=r"more fields than most have \(2\): 1 of 2, the first in line 2 with 3"):
        read(path, header=False)


def test_a_row_with_too_many_fields_is_not_predicted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("pos,good film\n" * 20 + "neg,bad, really bad\n")
    problems = [problem for _, problem in predicted(path, header=False)]
    assert problems == [""] * 20 + ["3 fields in place of 2: quote texts that hold the separator"]


# --- JSON whose rows are lists ---

ROWS = [[f"a film {row}", "pos" if row % 2 else "neg"] for row in range(40)]


@pytest.mark.parametrize("header", [["text", "label"], ["what", "verdict of people"], None])
@pytest.mark.parametrize("given", [True, False])
def test_the_first_list_of_json_may_be_a_header(header: list[str] | None, given: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([*([header] if header else []), *ROWS]))
    options = {"header": header is not None} if given else {}
    table = read(path, **options)
    assert table.columns.tolist() == (header or ["1", "2"])
    assert table.to_numpy().tolist() == ROWS
    assert [cells for cells, _ in predicted(path, **options)] == ROWS


def test_rows_of_a_json_array_without_strings_are_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([[row % 2, text] for row, (text, _) in enumerate(ROWS)]))
    assert read(path).columns.tolist() == ["1", "2"]
    assert len(read(path)) == 40


@pytest.mark.parametrize("header", [True, False])
def test_a_list_of_json_with_too_many_cells_is_refused(header: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    wide = [*ROWS[:5], ["a film", "very long", "pos"], *ROWS[5:]]
    path.write_text(json.dumps([*([["text", "label"]] if header else []), *wide]))
    with pytest.raises(
        UserError, match=r"more cells than columns .*: the first is row 5, counted from 0, with 3, \[\"a film\""
    ):
        read(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [["a", "b"], ["a", "b", "c"]],
            r'has in row 1, counted from 0, of its data \["a", "b", "c"\]: it must hold',
        ),
        ([["a", "b"], ["a"]], r'has in row 1, counted from 0, of its data \["a"\]'),
        ([["a", "b"], {"text": "a", "label": "b"}], r"has in row 1, counted from 0, of its data {"),
        ([1, 2], "has in row 0, counted from 0, of its data 1: it must hold a list of 2 cells for each row"),
        ("ab", 'has "ab" for its data: it must'),
        (None, "has null for its data: it must"),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_of_pandas_whose_rows_do_not_fit_is_refused(
    data: Any, message: str, indent: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"columns": ["text", "label"], "data": data}, indent=indent))
    with pytest.raises(UserError, match=message):
        read(path)
    with pytest.raises(UserError, match=message):
        predicted(path)


def test_json_of_columns_beside_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    objects = [{"text": text, "label": label} for text, label in ROWS]
    path.write_text(json.dumps({"columns": ["label", "text"], "data": objects}))
    assert read(path)[["text", "label"]].to_numpy().tolist() == ROWS


# --- columns that are named by their numbers ---


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_the_number_of_a_column_is_no_name_in_a_header(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    rows = [["1" if row % 2 == 0 else "0", f"a film {row}"] for row in range(40)]
    path.write_text(json.dumps(rows) if suffix == ".json" else "".join(f"{label},{text}\n" for label, text in rows))
    data = load(path, label_column="1", text_column=["2"])
    assert sum(map(len, data.splits.values())) == 40
    assert data.label_names == ["0", "1"]


def test_a_first_row_that_stands_again_is_no_header(tmp_path: Path) -> None:
    """It has a label, which other rows have, too; those of a header stand alone."""
    path = tmp_path / "a.csv"
    lines = [f"{text},{label}" for text, label in ROWS]
    path.write_text("\n".join([*lines, *lines]))
    table = read(path)
    assert (table.columns.tolist(), len(table)) == (["1", "2"], 80)


def test_a_number_that_can_be_no_column_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("2019,2020\n" + "".join(f"a film {row},{row % 2}\n" for row in range(40)))
    assert read(path, named=("2019",)).columns.tolist() == ["2019", "2020"]


# --- files whose reading fails ---


def test_a_time_that_no_cell_can_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    times = pyarrow.array([2**40] * 2, pyarrow.timestamp("s"))
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": ["c", "d"], "time": times}), path)
    with pytest.raises(
        UserError, match=r"a\.parquet has in the column 'time' a date beyond the years 1 to 9999.*: take the column out"
    ):
        read(path)
    with pytest.raises(
        UserError, match=r"a\.parquet cannot be read as parquet: OverflowError: date value out of range"
    ):
        predicted(path)


def test_a_class_id_without_a_name_is_refused(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    schema = Dataset.from_dict({"text": ["a"], "label": [0]}, features=features).data.table.schema
    table = pyarrow.table({"text": ["a", "b", "c"], "label": [0, -1, 7]}, schema=schema)
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"the class id 7, but the data name 2 classes only \(no, yes\)"):
        read(tmp_path / "a.parquet")
    assert ids_to_names([0, None, -1, 1], ["no", "yes"]) == ["no", None, None, "yes"]
    with pytest.raises(UserError, match="the class id -2"):
        ids_to_names([0, -2], ["no", "yes"])


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"])
@pytest.mark.parametrize("content", [None, b"<broken", b"<a/>"])
def test_a_broken_excel_file_is_refused(part: str, content: bytes | None, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.xlsx", tmp_path / "a.xlsx"
    pd.DataFrame(ROWS, columns=["text", "label"]).to_excel(whole, index=False)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name != part or content is not None:
                new.writestr(name, content if name == part and content is not None else old.read(name))
    with pytest.raises(UserError, match=r"a\.xlsx (cannot be read|has no|is empty)"):
        load(path)


@pytest.mark.parametrize("begin", ["[", '[{"text":', '{"text":'])
def test_json_without_end_is_refused(begin: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(begin * 100_000)
    with pytest.raises(UserError, match=r"a\.json (cannot be read|has no row)"):
        read(path)
    with pytest.raises(UserError, match=r"a\.json (cannot be read|has no row)"):
        predicted(path)


def test_a_digit_that_is_no_number_is_no_number_of_a_label(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text(json.dumps({"1": "cat", "²": "dog"}))
    assert note_label_map(tmp_path, ["names.json"], {"1", "²"}) == []
    (tmp_path / "names.json").write_text("[" * 100_000)
    assert note_label_map(tmp_path, ["names.json"], {"1", "2"}) == []


# --- quotes in one column ---


@pytest.mark.parametrize("comma", ["", ", they say"])
@pytest.mark.parametrize("first", ['"Great" movie', '"So" they "say"', 'the "best" of all'])
def test_quotes_in_texts_of_one_column_stay(first: str, comma: str, tmp_path: Path) -> None:
    texts = [f"{first}{comma}", *(f"a film {row}{comma}" for row in range(20)), f"{first} again{comma}"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["text", *texts]))
    assert read(path)["text"].tolist() == texts
    assert [cells for cells, _ in predicted(path)] == [[text] for text in texts]


def test_quotes_that_hold_texts_of_one_column_together_are_no_part_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\n"one, two"\n"three\nfour"\n"five ""six"""\n"Great" movie\nplain\n')
    assert read(path)["text"].tolist() == ["one, two", "three\nfour", 'five "six"', "Great movie", "plain"]
    notes = [note.text for note in read_source(str(path)).notes if note.code == "table_format"]
    assert "1 rows have quotes inside that are not doubled (first in line 6)" in notes[0]


# --- flags that count for other files ---


def said(path: Path, code: str, **given: Any) -> list[str]:
    notes = read_source(str(path), given=TableFlags(**given)).notes
    _, at_prediction = open_source(str(path), find_input_kind(str(path)), TableFlags(**given))
    texts = [note.text for note in notes if note.code == code]
    assert texts == [note.text for note in at_prediction if note.code == code]
    return texts


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.xlsx", "a.json", "a.jsonl"])
def test_flags_that_change_nothing_are_said(name: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / name, pd.DataFrame(ROWS, columns=["text", "label"]))
    given = {"separator": ";", "quoting": False, "header": True, "encoding": "cp1252"}
    used = {".xlsx": {"header"}, ".json": {"encoding"}, ".jsonl": {"encoding"}}.get(path.suffix, set())
    flags = ", ".join(f"--{flag}" for flag in ("separator", "header", "quoting", "encoding") if flag not in used)
    assert said(path, "flags_unused", **given) == [f"{name}: {flags} are for files of another kind and change nothing."]
    assert said(path, "flags_unused") == []


def test_flags_that_count_are_not_said(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", pd.DataFrame(ROWS, columns=["text", "label"]))
    assert said(path, "flags_unused", separator=",", header=True, quoting=True, encoding="utf-8") == []
    path = tmp_path / "b.json"
    path.write_text(json.dumps(ROWS))
    assert said(path, "flags_unused", header=False) == []


def test_an_excel_file_without_header_keeps_its_first_row(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    pd.DataFrame(ROWS).to_excel(path, index=False, header=False)
    table = read(path, header=False)
    assert (table.columns.tolist(), table.to_numpy().tolist()) == (["1", "2"], ROWS)
    assert [cells for cells, _ in predicted(path, header=False)] == ROWS
    assert sum(map(len, load(path, header=False).splits.values())) == 40
