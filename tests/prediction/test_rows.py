"""Rows of files: every cell as it stands there, and what cannot be read by its line."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from written_tables import write_table

from hfkit.errors import UserError
from hfkit.flags.prediction_input import find_input_kind
from hfkit.flags.tables import TableFlags
from hfkit.prediction.output import format_rows
from hfkit.prediction.rows import Row
from hfkit.prediction.sources import open_source


def read(path: Path, **given: Any) -> tuple[list[str], list[tuple[int, list[object], str]]]:
    """Return columns and rows of a file, whose count must be true."""
    source, _ = open_source(str(path), find_input_kind(str(path)), TableFlags(**given))
    rows = list(source.rows())
    assert rows == list(source.rows())  # it can be read again
    assert source.total == len(rows)
    return source.columns, [(row.number, row.cells, row.problem) for row in rows]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "cell",
    ["", "NA", "nan", "=1+1", "a,b", 'say "no"', "two\nlines", "two\r\nlines", "a\rb", "👍 ö", " x ", "\t", "a;b"],
)
@pytest.mark.parametrize("other", ["1", ""])
def test_a_cell_of_csv_comes_back_as_it_was(tmp_path: Path, cell: str, other: str) -> None:
    path = write(tmp_path / "a.csv", format_rows([["text", "id"], [cell, other], ["next", "2"]]))
    columns, rows = read(path)
    assert columns == ["text", "id"]
    assert [cells for _, cells, _ in rows] == [[cell, other], ["next", "2"]]


def test_lines_of_csv_are_those_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text,id\n"two\nlines",1\n\na,2,3\nshort\n\nlast,4', "utf-8-sig")
    columns, rows = read(path)
    assert columns == ["text", "id"]
    surplus = "3 fields in place of 2: quote texts that hold the separator"
    assert rows == [
        (2, ["two\nlines", "1"], ""),
        (5, ["a", "2", "3"], surplus),
        (6, ["short", None], ""),
        (8, ["last", "4"], ""),
    ]


def test_tsv(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.tsv", "text\tid\na,b\t1\n")) == (["text", "id"], [(2, ["a,b", "1"], "")])


def test_lines_of_json_that_cannot_be_read(tmp_path: Path) -> None:
    lines = ['{"text": "a", "id": 1}', "", '{"text": ', '["a"]', '{"more": [1], "text": null}', '{"text": NaN}']
    columns, rows = read(write(tmp_path / "a.jsonl", "\n".join(lines)))
    assert columns == ["text", "id", "more"]
    assert [line for line, _, _ in rows] == [1, 3, 4, 5, 6]
    assert [problem for _, _, problem in rows] == [
        "",
        "not JSON (Expecting value, column 9)",
        "no object with columns",
        "",
        "",
    ]
    assert rows[0][1] == ["a", 1, None]
    assert rows[3][1] == [None, None, [1]]


def test_a_text_in_an_object_of_a_json_line(tmp_path: Path) -> None:
    """Objects are columns of their own where the text is in one, as in training; otherwise they stay as they are."""
    path = write(
        tmp_path / "a.jsonl", '{"tweet": {"full_text": "a", "user": {"id": 1}}}\n{"tweet": {"full_text": "b"}}'
    )
    assert read(path) == (["tweet.full_text", "tweet.user.id"], [(1, ["a", 1], ""), (2, ["b", None], "")])
    path = write(tmp_path / "b.jsonl", '{"text": "a", "user": {"id": 1}}')
    assert read(path) == (["text", "user"], [(1, ["a", {"id": 1}], "")])


def test_bytes_of_one_json_line_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "grüße"}\n'.encode() + b'{"text": "\xff"}\n')
    assert [problem for _, _, problem in read(path)[1]] == ["", "not UTF-8 (byte 0xff)"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_array_of_json(tmp_path: Path, name: str) -> None:
    content = json.dumps([{"text": "a"}, 3, {"text": "b", "id": 7}], indent=1)
    assert read(write(tmp_path / name, content)) == (
        ["text", "id"],
        [(0, ["a", None], ""), (1, [], "no object with columns"), (2, ["b", 7], "")],
    )


def test_parquet_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pyarrow.table(
        {"id": list(range(1500)), "text": [None if row == 700 else f"row {row}" for row in range(1500)]}
    )
    pyarrow.parquet.write_table(table, path, row_group_size=600)
    columns, rows = read(path)
    assert columns == ["id", "text"]
    assert rows[700] == (700, [700, None], "")
    assert rows[-1] == (1499, [1499, "row 1499"], "")


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_packed_parquet(suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(1200))}), path, row_group_size=500)
    packed = path.with_name(f"a.parquet.{suffix}")
    packed.write_bytes(pack(path.read_bytes()))
    assert read(packed) == read(path)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"a.parquet.{suffix} cannot be read as parquet"):
        read(packed)


@pytest.mark.parametrize("encoding", ["latin1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_csv_of_another_encoding(tmp_path: Path, encoding: str) -> None:
    columns, rows = read(write(tmp_path / "a.csv", "text;id\nöl für alle;1\ngrüße;2\n", encoding))
    assert (columns, rows) == (["text", "id"], [(2, ["öl für alle", "1"], ""), (3, ["grüße", "2"], "")])


@pytest.mark.parametrize("encoding", ["latin1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("form", ["lines", "array", "arrays", "document"])
def test_json_of_another_encoding(tmp_path: Path, form: str, encoding: str) -> None:
    """It is found as in training, whatever the shape."""
    texts = ["öl für alle", "grüße", "straße"]
    rows = [{"text": text, "id": number} for number, text in enumerate(texts)]
    contents: dict[str, Any] = {
        "array": rows,
        "arrays": [["text", "id"], *([row["text"], row["id"]] for row in rows)],
        "document": {"data": rows},
    }
    content = "\n".join(
        json.dumps(part, ensure_ascii=False) for part in (rows if form == "lines" else [contents[form]])
    )
    path = write(tmp_path / ("a.jsonl" if form == "lines" else "a.json"), content, encoding)
    assert [cells for _, cells, _ in read(path)[1]] == [[text, number] for number, text in enumerate(texts)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_an_encoding_that_is_given_is_that_of_json(tmp_path: Path, name: str) -> None:
    """The bytes are letters in many encodings."""
    text = json.dumps({"text": "правительство"}, ensure_ascii=False)
    path = write(tmp_path / name, text if name == "a.jsonl" else f"[{text}]", "koi8-r")
    assert read(path, encoding="koi8-r")[1][0][1] == ["правительство"]
    assert read(path, encoding="cp1251")[1][0][1] != ["правительство"]
    _, notes = open_source(str(path), find_input_kind(str(path)), TableFlags(encoding="koi8-r"))
    assert [note.text for note in notes] == [f"{name}: read as JSON, koi8-r."]


@pytest.mark.parametrize(("errors", "text"), [("replace", "so\ufffd gut"), ("ignore", "so gut")])
def test_broken_characters_of_json(tmp_path: Path, errors: str, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('[{"text": "größe 😂"}, {"text": "so'.encode() + b'\xff gut"}]')
    with pytest.raises(UserError, match=r"is UTF-8, but has bytes that are no character .first 0xff in line 1"):
        read(path)
    assert [cells for _, cells, _ in read(path, encoding_errors=errors)[1]] == [["größe 😂"], [text]]


def test_lines_of_a_text_file_are_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", 'One, two; "three\n\nfour\tfive six seven\nand eight, nine\n')
    assert read(path) == (
        ["text"],
        [(1, ['One, two; "three'], ""), (3, ["four\tfive six seven"], ""), (4, ["and eight, nine"], "")],
    )


@pytest.mark.parametrize("name", ["a.json", "a.xlsx", "a.arrow", "a.csv.gz", "a.jsonl.xz", "a.tsv.zip"])
def test_the_same_rows_of_other_files(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"text": ["one", "two, three"], "id": ["a", "b"]})
    write_table(tmp_path / name, table)
    columns, rows = read(tmp_path / name)
    assert columns == ["text", "id"]
    assert [cells for _, cells, _ in rows] == [["one", "a"], ["two, three", "b"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty: its first line must name the columns"),
        ("a.csv", b'text\n"a\nb\nc\n', "a double quote that is never closed: line 2 goes on over several lines"),
        (
            "a.csv",
            "text\näöü\nä\n".encode() + b"so\xc3 \n",
            "is UTF-8, but has bytes that are no character (first 0xc3 in line 4, character 3: 'so\ufffd'): write "
            "--encoding_errors replace",
        ),
        ("a.jsonl", b"\n\n", "has no row"),
        ("a.json", b"[1,", "cannot be read as JSON"),
        ("a.parquet", b"nothing", "cannot be read as parquet"),
    ],
)
def test_files_that_are_refused_as_a_whole(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_folder_without_photos(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", "none")
    with pytest.raises(UserError, match="has no photos"):
        read(tmp_path)


def test_photos_are_listed_by_name(photos: Path) -> None:
    columns, rows = read(photos / "validation")
    assert columns == ["file"]
    assert [cells for _, cells, _ in rows] == [["cat/0.png"], ["cat/1.png"], ["dog/0.png"], ["dog/1.png"]]
    source, _ = open_source(str(photos / "validation"), find_input_kind(str(photos / "validation")))
    assert all(isinstance(row, Row) and row.photo is not None for row in source.rows())
