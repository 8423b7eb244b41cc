"""Tables as people have them: how a file is written is found, said in a line, and what is given wins."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from written_tables import write_table

from hfkit.data.encodings import find_encoding
from hfkit.data.image_sources import LabelFlags, read_images
from hfkit.data.modality import find_modality
from hfkit.data.sources import read_source
from hfkit.data.table_format import find_format
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.tables import TableFlags

TEXTS = (
    "Garlic cures it, they say",
    "Hospitals report fewer cases; good",
    "Masks | tests",
    'She said "no" to it',
    "Öl für £5",
)


def rows(number: int = 60) -> list[list[str]]:
    """Return rows of a text and one of two labels."""
    return [[f"{TEXTS[row % len(TEXTS)]} {row}", "fake" if row % 2 else "real"] for row in range(number)]


def as_text(
    content: Sequence[Sequence[str]],
    separator: str,
    header: Sequence[str] | None = ("text", "label"),
    quoting: bool = True,
) -> str:
    """Write rows; without quoting the separator must not be in a cell."""
    file = io.StringIO()
    lines = [*([header] if header else []), *content]
    if quoting:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows(lines)
        return file.getvalue()
    return "".join(f"{separator.join(line)}\n" for line in lines)


def read(path: Path, **given: Any) -> pd.DataFrame:
    return read_source(str(path), given=TableFlags(**given)).tables["train"]


def said(path: Path, **given: Any) -> list[str]:
    """Return what is said of how files were read."""
    return [
        note.text for note in read_source(str(path), given=TableFlags(**given)).notes if note.code == "table_format"
    ]


def load(path: Path, **options: Any) -> Any:
    return load_text_data(TextDataArguments(dataset=str(path), **options))


# --- separator, header, quotes ---


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a", "a.data"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_separator_is_found_whatever_the_name(separator: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(as_text(rows(), separator))
    assert read(tmp_path / name).to_numpy().tolist() == rows()


@pytest.mark.parametrize("separator", [";", "\t", "|", "~", ":"])
def test_a_separator_that_is_given_wins(separator: str, tmp_path: Path) -> None:
    content = [[cell.replace(":", "").replace("~", "") for cell in row] for row in rows()]
    (tmp_path / "a.csv").write_text(as_text(content, separator))
    assert read(tmp_path / "a.csv", separator=separator).to_numpy().tolist() == content


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("numbers", [False, True])
def test_a_file_without_header(separator: str, numbers: bool, tmp_path: Path) -> None:
    content = [[str(row % 2 + 1) if numbers else label, text] for row, (text, label) in enumerate(rows())]
    path = tmp_path / "a.csv"
    path.write_text(as_text(content, separator, header=None))
    assert read(path).columns.tolist() == ["1", "2"]
    assert read(path).to_numpy().tolist() == content
    data = load(path)
    assert data.label_names == (["1", "2"] if numbers else ["fake", "real"])
    assert sum(map(len, data.splits.values())) == len(content)
    notes = [note.text for note in data.notes]
    assert "Text column: 2 (the file has no header; it has the longest texts)." in notes
    assert "Label column: 1 (the file has no header; it has few different values)." in notes


def test_whether_there_is_a_header_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(as_text(rows(), ","))
    assert read(path, header=False).to_numpy().tolist() == [["text", "label"], *rows()]
    path.write_text(as_text(rows(), ",", header=None))
    assert read(path, header=True).columns.tolist() == rows()[0]
    assert load(path, text_column=["1"], label_column="2").label_names == ["fake", "real"]
    with pytest.raises(UserError, match=r"has no column '0', only: 1, 2"):
        load(path, text_column=["1"], label_column="0")


def test_a_header_of_names_nobody_knows_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(as_text(rows(), ",", header=("what", "verity")))
    assert read(path).columns.tolist() == ["what", "verity"]
    with pytest.raises(
        UserError, match=r"no column named text or tweet or sentence, only: what, verity.* are in 'what'"
    ):
        load(path)


def test_columns_that_are_not_clear_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(as_text([[label, text, label[0]] for text, label in rows()], ",", header=None))
    with pytest.raises(
        UserError, match=r"which column has the labels is not clear .1, 3 could be.: write --text_column"
    ):
        load(path)
    assert load(path, label_column="3").label_names == ["f", "r"]


@pytest.mark.parametrize("first", [1, 2, 7])
def test_quotes_that_mean_nothing_lose_no_row(first: int, tmp_path: Path) -> None:
    """However many texts begin with one: two would make a cell of all rows between them."""
    content = [[label, text.replace('"', "")] for text, label in rows()]
    for row in range(first):
        content[5 * row + 3][1] = f'"{content[5 * row + 3][1]}'
    path = tmp_path / "a.tsv"
    path.write_text(as_text(content, "\t", header=("label", "text"), quoting=False))
    assert read(path).to_numpy().tolist() == content
    assert said(path) == ["a.tsv: read as tab-separated, header, quotes kept, UTF-8; 61 lines: 1 header, 60 rows."]


def test_a_quote_that_a_later_row_closes_loses_no_row(tmp_path: Path) -> None:
    """Nothing is wrong with such quotes but that labels are inside of them."""
    content = [[label, text.replace('"', "")] for text, label in rows()]
    content[3][1], content[8][1] = '"an open quote', 'and a closed one"'
    path = tmp_path / "a.tsv"
    path.write_text(as_text(content, "\t", header=("label", "text"), quoting=False))
    assert read(path).to_numpy().tolist() == content


def test_texts_of_several_lines_stay_one_row(tmp_path: Path) -> None:
    """Also where each of their lines has as many separators as a row."""
    content = rows()
    content[3][0], content[4][0], content[5][0] = "one,\ntwo", 'first\n\nthird "quoted", line', "a\nb"
    path = tmp_path / "a.csv"
    path.write_text(as_text(content, ","))
    assert read(path).to_numpy().tolist() == content
    assert said(path) == [
        "a.csv: read as comma-separated, header, UTF-8; 65 lines: 1 header, 60 rows, 4 further lines inside of quotes."
    ]


def test_whether_quotes_mean_something_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"one"\treal\n"two"\tfake\n')
    assert read(path)["text"].tolist() == ["one", "two"]
    assert read(path, quoting=False)["text"].tolist() == ['"one"', '"two"']


def test_a_quote_that_swallows_rows_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = as_text(rows(), ",").splitlines()
    lines[20] = f'"{lines[20]}'
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"never closed: line 21 goes on over several lines.*--quoting false"):
        read(path)


def test_lines_and_rows_add_up(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n\na,fake\nshort\n\nb,real\n")
    assert said(path) == [
        "a.csv: read as comma-separated, header, UTF-8; 6 lines: 1 header, 3 rows, 2 blank. "
        "1 rows have fewer cells than columns (first in line 4): the last ones are empty."
    ]
    assert read(path).to_numpy().tolist() == [["a", "fake"], ["short", ""], ["b", "real"]]


@pytest.mark.parametrize("writer", ["pandas", "R"])
def test_numbers_of_rows_are_no_column(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    header = ["text", "label"] if writer == "R" else ["", "text", "label"]
    path.write_text(as_text([[str(number), *row] for number, row in enumerate(rows(), 1)], ",", header=header))
    assert read(path)[["text", "label"]].to_numpy().tolist() == rows()
    assert "first column numbers the rows" in said(path)[0]


def test_the_format_of_a_large_file_is_found_by_all_of_it(tmp_path: Path) -> None:
    """A quote behind what a sample would show counts, too."""
    content = [[label, text.replace('"', "")] for text, label in rows(30_000)]
    content[-2][1] = f'"{content[-2][1]}'
    path = tmp_path / "a.tsv"
    path.write_text(as_text(content, "\t", header=("label", "text"), quoting=False))
    table = find_format(path)
    assert (table.format.quoting, table.scan.total) == (False, 30_001)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"separator": '"'}, "write a character or several, or comma, semicolon, tab, pipe, space, or none"),
        ({"separator": ":\n:"}, "write a character or several"),
        ({"encoding": "utf-9"}, "--encoding utf-9: there is no such encoding; write utf-8"),
        ({"encoding": "zip"}, "there is no such encoding"),
        ({"encoding_errors": "maybe"}, "--encoding_errors maybe: write strict, replace, ignore"),
    ],
)
def test_flags_that_cannot_be(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TextDataArguments(dataset="sample", **given)


@pytest.mark.parametrize(
    ("name", "character"),
    [("tab", "\t"), ("\\t", "\t"), ("Semicolon", ";"), ("space", " "), ("#", "#"), ("none", ""), ("::", "::")],
)
def test_separators_have_names(name: str, character: str) -> None:
    assert TextDataArguments(dataset="sample", separator=name).table_flags().separator == character


@pytest.mark.parametrize("begin", ["<b>", "-", "(", "$", "#", "@", "/", "+", "~"])
def test_what_each_cell_begins_with_is_no_part_of_a_separator(begin: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    content = [[label, f"{begin}{text}"] for text, label in rows()]
    path.write_text(as_text(content, ",", header=("label", f"{begin}text")))
    assert read(path).to_numpy().tolist() == content
    assert "comma-separated" in said(path)[0]


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
@pytest.mark.parametrize("separator", ["::", "||", "|||", " ||| ", "\t\t", ";;", " +++$+++ ", "~|~", ", ", "; "])
@pytest.mark.parametrize("quoting", [True, False])
def test_a_separator_of_several_characters_is_found(separator: str, name: str, quoting: bool, tmp_path: Path) -> None:
    """Its characters may stand alone in texts; in quotes it may stand itself."""
    path = tmp_path / name
    content = [[label, text.replace('"', "")] for text, label in rows() if quoting or separator not in text]
    content = [[label, text.replace("|", "I") if separator != "::" else text] for label, text in content]
    cells = [[label, f'"{text}"' if quoting else text] for label, text in content]
    path.write_text(as_text(cells, separator, header=("label", "text"), quoting=False))
    assert read(path).to_numpy().tolist() == content
    assert read(path, separator=separator).to_numpy().tolist() == content
    assert f"read as '{separator}'-separated, header" in said(path)[0]


def test_single_separators_are_not_taken_for_several(tmp_path: Path) -> None:
    """Not where a column is empty, nor where a header has spaces."""
    path = tmp_path / "a.csv"
    content = [["x", "", text.replace('"', "").replace("|", ""), label] for text, label in rows()]
    path.write_text(as_text(content, "|", header=("id", "", "text", "label"), quoting=False))
    assert read(path)["label"].tolist() == [label for *_, label in content]
    path.write_text("label, text\n" + as_text([[label, text] for text, label in rows()], ",", header=None))
    assert read(path)["text"].tolist() == [text for text, _ in rows()]


@pytest.mark.parametrize("mark", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
def test_a_line_that_names_the_separator(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(mark + as_text(rows(), ";"), encoding="utf-8")
    assert read(path).to_numpy().tolist() == rows()
    assert (
        "read as semicolon-separated, header, UTF-8; 62 lines: 1 that names the separator, 1 header, 60 rows."
        in (said(path)[0])
    )
    path.write_text(mark + "text;label\na;b\nc;d;e\n", encoding="utf-8")
    with pytest.raises(UserError, match="the first in line 4 with 3"):
        read(path)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize(("header", "given"), [("text", {}), ("Full Text", {}), ("remark", {"separator": "none"})])
def test_one_column_whose_texts_have_commas(header: str, given: dict[str, str], name: str, tmp_path: Path) -> None:
    texts = ["one, two", "three", "four, five, six", '"seven, ""eight"""']
    with (gzip.open if name.endswith("gz") else open)(tmp_path / name, "wt") as file:
        file.write("\n".join([header, *texts]) + "\n")
    table = read(tmp_path / name, **given)
    assert table[header].tolist() == ["one, two", "three", "four, five, six", 'seven, "eight"']
    assert "read as one column, header" in said(tmp_path / name, **given)[0]


# --- encoding ---

LANGUAGES = {
    "german": "Die Maßnahmen gegen das Virus wurden gestern verschärft, hieß es für alle",
    "french": "Le gouvernement a annoncé des mesures supplémentaires à l'école après l'été",
    "english": "It costs £5, and the café is closed",
    "russian": "Правительство объявило вчера новые меры против вируса",
    "japanese": "政府は昨日、ウイルスに対する新しい措置を発表しました",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *((language, encoding) for language in LANGUAGES for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32")),
        *(
            (language, encoding)
            for language in ("german", "french", "english")
            for encoding in ("latin-1", "cp1252", "utf-16-le")
        ),
        ("russian", "cp1251"),
        ("russian", "koi8-r"),
        ("japanese", "shift-jis"),
    ],
)
def test_an_encoding_is_found(language: str, encoding: str, tmp_path: Path) -> None:
    content = [[f"{LANGUAGES[language]} {row}", "ab"[row % 2]] for row in range(40)]
    path = tmp_path / "a.csv"
    path.write_bytes(as_text(content, ",").encode(encoding))
    assert read(path).to_numpy().tolist() == content
    assert ("guessed" in said(path)[0]) == (not encoding.startswith("utf"))


def test_one_character_of_another_encoding_among_plain_ones(tmp_path: Path) -> None:
    """What charset-normalizer alone takes for Polish."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"plain words,a\n" * 50 + "this costs £5 now,b\n".encode("latin-1"))
    assert read(path)["text"].iloc[-1] == "this costs £5 now"
    assert "cp1252 (guessed)" in said(path)[0]
    assert "latin-1" in said(path, encoding="latin-1")[0]


def test_a_broken_character_in_utf_8(tmp_path: Path) -> None:
    """The advice must not break the others."""
    lines = [f"so much 😂 … {row}\t{'ab'[row % 2]}".encode() for row in range(40)]
    lines[12] = lines[12][:-12] + lines[12][-10:]
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\n".join([b"text\tlabel", *lines]))
    with pytest.raises(UserError) as error:
        read(path)
    assert "in line 14, character " in str(error.value)
    assert "--encoding_errors replace" in str(error.value)
    assert "iconv" not in str(error.value)
    assert max(map(len, str(error.value).split("'"))) < 600
    table = read(path, encoding_errors="replace")
    assert "😂" in table["text"].iloc[11]
    assert "\ufffd" in table["text"].iloc[12]
    assert len(table) == 40


def test_an_encoding_that_is_given_and_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nöl,a\n".encode("latin-1"))
    with pytest.raises(
        UserError, match=r"is UTF-8, but has bytes that are no character .first 0xf6 in line 2, character 1"
    ):
        find_encoding(path, "utf-8")


# --- other files ---


@pytest.mark.parametrize(
    "name",
    [
        *("a.csv", "a.tsv", "a.jsonl", "a.json", "a.parquet", "a.arrow", "a.xlsx"),
        *(f"a{suffix}{packed}" for suffix in (".csv", ".tsv", ".jsonl") for packed in (".gz", ".xz", ".zip", ".bz2")),
    ],
)
def test_files_of_all_kinds_packed_or_not(name: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / name, pd.DataFrame(rows(), columns=["text", "label"]))
    assert read(path).to_numpy().tolist() == rows()


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table", "lines"])
def test_json_of_pandas(orient: str, tmp_path: Path) -> None:
    table = pd.DataFrame(rows(), columns=["text", "label"])
    path = tmp_path / "a.json"
    if orient == "lines":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_json(path, orient=orient, indent=2)  # type: ignore[call-overload]
    assert read(path)[["text", "label"]].to_numpy().tolist() == rows()


@pytest.mark.parametrize("number", [2, 60])
def test_json_of_lists_and_of_rows_deep_inside(number: int, tmp_path: Path) -> None:
    texts, labels = zip(*rows(number), strict=True)
    objects = [{"text": text, "label": label} for text, label in rows(number)]
    path = tmp_path / "a.json"
    for content in (
        {"text": texts, "label": labels},
        {"data": objects},
        {"version": "1", "result": {"items": objects, "count": number}},
        {"features": ["text"], "rows": [{"row_idx": place, "row": row} for place, row in enumerate(objects)]},
    ):
        path.write_text(json.dumps(content))
        assert read(path)[["text", "label"]].to_numpy().tolist() == rows(number)


def test_json_of_splits(tmp_path: Path) -> None:
    objects = [{"text": text, "label": label} for text, label in rows()]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": objects[:40], "test": objects[40:]}))
    assert {split: len(table) for split, table in read_source(str(path)).tables.items()} == {"train": 40, "test": 20}


def test_json_of_objects_in_objects(tmp_path: Path) -> None:
    objects = [{"tweet": {"full_text": text, "user": {"id": 1}}, "label": label} for text, label in rows()]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, objects)))
    assert read(path).columns.tolist() == ["tweet.full_text", "tweet.user.id", "label"]
    assert sum(map(len, load(path).splits.values())) == 60


def test_a_line_of_json_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"text": "a", "label": 1}\n{"text": "b", "label"\n')
    with pytest.raises(UserError, match=r"one object a line: line 2 is none .*: '.\"text\": \"b\", \"label\"'"):
        read(path)


@pytest.mark.parametrize(
    ("name", "read_data"),
    [
        *((name, read_source) for name in ("a.csv", "a.jsonl", "a.parquet", "a.csv.gz")),
        ("a.parquet", find_modality),
        ("a.parquet", lambda name: read_images(name, None, None, LabelFlags())),
    ],
)
def test_a_file_that_git_has_elsewhere_is_said(name: str, read_data: Callable[[str], object], tmp_path: Path) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(UserError, match=rf"{name} is not the file itself .* Git LFS has it: write git lfs pull"):
        read_data(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a", "a.txt.gz"])
@pytest.mark.parametrize("is_array", [False, True])
def test_objects_of_json_are_read_as_such_whatever_the_suffix(name: str, is_array: bool, tmp_path: Path) -> None:
    objects = [{"text": text, "label": label} for text, label in rows()]
    content = json.dumps(objects, indent=1) if is_array else "\n".join(map(json.dumps, objects))
    with (gzip.open if name.endswith("gz") else open)(tmp_path / name, "wt") as file:
        file.write(content)
    assert read(tmp_path / name).to_numpy().tolist() == rows()


TWICE = '{"text": "a", "label": "x", "label": "y"}'


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{"text": "a", "label": "x"}\n' + TWICE, r", line 2"),
        (TWICE, ", line 1"),
        (f"[{TWICE}]", ""),
        (f'{{"data": [{TWICE}]}}', ""),
        ('{"text": ["a", "b"], "label": ["x", "y"], "label": ["y", "x"]}', ""),
    ],
)
def test_a_key_that_stands_twice_in_json_is_named(content: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(
        UserError, match=rf"a\.json{place}: the key 'label' stands more than once .*, with .* and .*; leave one"
    ):
        read(path)


def test_a_key_that_stands_twice_with_one_value_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "text": "a", "label": "x"}\n' * 2)
    assert read(path).to_numpy().tolist() == [["a", "x"]] * 2


@pytest.mark.parametrize(
    ("cells", "kind"),
    [([["a", "list"]] * 40, "lists"), ([{"a": 1}] * 40, "objects"), ([b"\xff\xfe"] * 40, "bytes that are not UTF-8")],
)
def test_cells_that_are_no_texts_are_refused(cells: list[Any], kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": cells, "label": ["a", "b"] * 20}).to_parquet(path)
    with pytest.raises(UserError, match=rf"The column 'text' of .* has no texts but {kind} \(row 0, .*--text_column"):
        load(path)


def test_texts_that_are_stored_as_bytes_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": [f"grün {row}".encode() for row in range(40)], "label": [b"a", b"b"] * 20}).to_parquet(path)
    data = load(path)
    assert data.label_names == ["a", "b"]
    assert data.splits["train"]["text"][0].startswith("grün ")


@pytest.mark.parametrize("separator", [",", "\t"])
def test_quotes_that_backslashes_escape(separator: str, tmp_path: Path) -> None:
    escaped = [['"' + text.replace('"', '\\"') + '"', label] for text, label in rows()]
    path = tmp_path / "a.csv"
    path.write_text(as_text(escaped, separator, quoting=False))
    assert read(path).to_numpy().tolist() == rows()
    assert "quotes escaped by backslashes" in said(path)[0]


def test_a_header_that_stands_among_the_rows_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(as_text(rows(), ",") * 2)
    assert read(path).to_numpy().tolist() == rows() * 2
    assert said(path)[0].endswith("122 lines: 1 header, 120 rows, 1 left out since they repeat the header.")


def test_labels_of_fasttext(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in rows()))
    assert read(path)[["text", "label"]].to_numpy().tolist() == rows()
    assert load(path).label_names == ["fake", "real"]
    path.write_text("".join(f"__label__a __label__b one {row}\n__label__a two {row}\n" for row in range(20)))
    several = load(path)
    assert several.is_multi_label
    assert several.label_names == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.pkl", b"\x80\x04\x95\x00\x00" * 100, "bytes"),
        ("a.csv", b"PK\x03\x04\x14\x00\xff" * 100, "zip or xlsx"),
        ("a.parquet.csv", b"PAR1\xff" * 100, "parquet"),
        ("a.tar.gz", gzip.compress(b"corpus/pos/1.txt\0\0"), "a tar archive"),
    ],
    ids=["pickle", "zip", "parquet", "tar"],
)
def test_what_is_no_text_is_refused(name: str, content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"is no text but {kind}: unpack it"):
        read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zip"])
def test_a_packed_file_that_is_broken_is_a_sentence(suffix: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / f"a.csv{suffix}", pd.DataFrame(rows(2000), columns=["text", "label"]))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"cannot be (unpacked|read)"):
        read(path)


def test_two_encodings_in_one_file_are_refused(tmp_path: Path) -> None:
    """Read as one of them, the lines of the other would be damaged."""
    path = tmp_path / "mixed.csv"
    lines = [
        f"caf\u00e9 {number},{'ab'[number % 2]}\n".encode(("utf-8", "latin-1")[number % 2]) for number in range(40)
    ]
    path.write_bytes(b"text,label\n" + b"".join(lines))
    with pytest.raises(UserError, match=r"is UTF-8, but has bytes that are no character \(first 0xe9 in line 3"):
        load_text_data(TextDataArguments(dataset=str(path)))


def test_an_encoding_of_macs_is_no_rare_one(tmp_path: Path) -> None:
    path = tmp_path / "mac.csv"
    lines = [f"{number} d\u00e9j\u00e0 vu \u00e0 l\u2019\u00e9t\u00e9,{'ab'[number % 2]}\r" for number in range(40)]
    path.write_bytes("".join(["text,label\r", *lines]).encode("mac_roman"))
    assert find_encoding(path).name == "mac_roman"


@pytest.mark.parametrize("row", ['"text {number}",{label}', '{label},"text {number}"', '"text {number}","{label}"'])
@pytest.mark.parametrize("at", [20, 39])
def test_a_quote_that_is_not_closed_among_quoted_cells_is_refused(row: str, at: int, tmp_path: Path) -> None:
    """Without quoting all the other texts would keep theirs."""
    path = tmp_path / "quoted.csv"
    lines = [row.format(number=number, label="ab"[number % 2]) for number in range(40)]
    lines[at] = lines[at].replace(f'text {at}"', f"text {at}")
    path.write_text("\n".join([",".join(["first", "second"]), *lines, ""]), encoding="utf-8")
    with pytest.raises(
        UserError, match=rf"never closed, in the record that begins in line {at + 2}: close it .*3[89] other"
    ):
        read(path)


@pytest.mark.parametrize("row", ['"{label}","a text of {number}, yes"', '{label},"a text of {number}, yes"'])
def test_a_comma_in_each_text_is_no_separator(row: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(row.format(label="ab"[number % 2], number=number) for number in range(20)))
    assert find_format(path).format.separator == ","


def test_lines_of_json_arrays_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps([f"text {number}", "ab"[number % 2]]) for number in range(8)))
    assert read(path)["2"].tolist() == ["a", "b"] * 4
