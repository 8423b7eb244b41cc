"""Malformed tables, made by seeds: what people's exports, editors and broken downloads leave under the name of a table."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Rows = list[tuple[str, str]]
Random = np.random.Generator
_WORDS = "garlic virus hospital the a news kills cures naïve café “quoted” 50% 🙂 it's über".split()
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"


@dataclass(frozen=True)
class Fault:
    """A file under the name of a table.

    Attributes:
        kind: What is wrong with it.
        name: Its name.
        content: Its bytes.
        rows: The texts and labels that somebody would read in it; None: it is no table at all.
        may_lose: Whether rows may be left out, if that is said.

    """

    kind: str
    name: str
    content: bytes
    rows: Rows | None
    may_lose: bool = False


def make_rows(random: Random, number: int = 40) -> Rows:
    """Return texts with labels, each text once."""
    return [(f"{' '.join(random.choice(_WORDS, 6))} {row}", "fake" if row % 2 else "real") for row in range(number)]


def _csv(rows: Rows, header: str = "text,label", end: str = "\n") -> str:
    lines = [header, *('"' + text.replace('"', '""') + f'",{label}' for text, label in rows)]
    return end.join(lines) + end


def _plain(rows: Rows) -> Rows:
    """Return texts without quotes and commas, which need no quotes around them."""
    return [(text.replace('"', "").replace(",", ""), label) for text, label in rows]


def _some(random: Random, rows: Rows, number: int = 1) -> list[int]:
    return sorted(int(place) for place in random.choice(len(rows), number, replace=False))


def byte_order_mark(random: Random) -> Fault:
    """A mark in front, and an encoding of two or four bytes."""
    rows = make_rows(random)
    encoding = str(random.choice(["utf-8-sig", "utf-16", "utf-32"]))
    return Fault(encoding, "a.csv", _csv(rows).encode(encoding), rows)


def two_marks(random: Random) -> Fault:
    """Two files with marks that were put together."""
    rows = make_rows(random)
    parts = [_csv(rows[:20]), _csv(rows[20:]).partition("\n")[2]]
    return Fault("two marks", "a.csv", b"".join(part.encode("utf-8-sig") for part in parts), rows)


def mixed_encodings(random: Random) -> Fault:
    """Most lines in UTF-8, some in another encoding."""
    rows = make_rows(random)
    lines = _csv(rows).split("\n")
    places = _some(random, rows, 3)
    content = [line.encode("cp1252" if place - 1 in places else "utf-8", "replace") for place, line in enumerate(lines)]
    return Fault("mixed encodings", "a.csv", b"\n".join(content), None)


def nul_bytes(random: Random) -> Fault:
    """Zeros between the bytes, as of a disk that failed."""
    rows = make_rows(random)
    content = bytearray(_csv(rows).encode())
    for place in sorted(random.integers(20, len(content), 3), reverse=True):
        content[place:place] = b"\0" * int(random.integers(1, 40))
    return Fault("NUL bytes", "a.csv", bytes(content), None)


def ragged_rows(random: Random) -> Fault:
    """Some rows have more cells than columns, or fewer."""
    rows = _plain(make_rows(random))
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    for place in _some(random, rows, int(random.integers(1, 4))):
        lines[place + 1] += str(random.choice([",", ",surplus", ",,,", ",a,b"]))
    return Fault("rows with more cells", "a.csv", "\n".join(lines).encode(), rows, may_lose=True)


def short_rows(random: Random) -> Fault:
    """Some rows end before the label."""
    rows = _plain(make_rows(random))
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    [place] = _some(random, rows)
    lines[place + 1] = rows[place][0]
    return Fault("rows with fewer cells", "a.csv", "\n".join(lines).encode(), rows, may_lose=True)


def unclosed_quote(random: Random) -> Fault:
    """A quote in front of a cell that nothing closes."""
    rows = _plain(make_rows(random))
    [place] = _some(random, rows)
    rows[place] = ('"' + rows[place][0], rows[place][1])
    separator = str(random.choice([",", "\t", ";"]))
    lines = [f"text{separator}label", *(f"{text}{separator}{label}" for text, label in rows)]
    return Fault("unclosed quote", "a.csv", "\n".join(lines).encode(), rows)


def quote_inside(random: Random) -> Fault:
    """Quotes inside of cells that are not doubled."""
    rows = _plain(make_rows(random))
    for place in _some(random, rows, 3):
        text, label = rows[place]
        rows[place] = (text.replace(" ", ' "', 1).replace(" ", '" ', 2), label)
    lines = ["text\tlabel", *(f"{text}\t{label}" for text, label in rows)]
    return Fault("quotes inside", "a.tsv", "\n".join(lines).encode(), rows)


def doubled_columns(random: Random) -> Fault:
    """Two columns of the same name, with other cells."""
    rows = make_rows(random)
    name = str(random.choice(["text", "label"]))
    lines = _csv(rows, f"text,label,{name}").split("\n")
    lines[1:-1] = [f"{line},other {number}" for number, line in enumerate(lines[1:-1])]
    return Fault("doubled columns", "a.csv", "\n".join(lines).encode(), rows)


def columns_by_case(random: Random) -> Fault:
    """`Label` beside `label`."""
    rows = make_rows(random)
    name = str(random.choice(["Label", "LABEL", " label", "label "]))
    lines = _csv(rows, f"text,label,{name}").split("\n")
    lines[1:-1] = [f"{line},{'xy'[number % 2]}" for number, line in enumerate(lines[1:-1])]
    return Fault("columns that differ in case", "a.csv", "\n".join(lines).encode(), rows)


def huge_field(random: Random) -> Fault:
    """A cell of megabytes."""
    rows = make_rows(random)
    [place] = _some(random, rows)
    rows[place] = ("long " * int(random.integers(100_000, 400_000)) + "end", rows[place][1])
    return Fault("huge field", "a.csv", _csv(rows).encode(), rows)


def line_ends(random: Random) -> Fault:
    """Lines that end otherwise, or in two ways, with empty ones in between."""
    rows = make_rows(random)
    end = str(random.choice(["\r\n", "\r", "\n\n", "\r\r\n"]))
    content = _csv(rows, end=end)
    if random.random() < 0.5:
        content = content.replace(end, "\n", 10)
    return Fault(f"line ends {end!r}", "a.csv", content.encode(), rows)


def separators_of_two_kinds(random: Random) -> Fault:
    """A header with commas above rows with another separator."""
    rows = _plain(make_rows(random))
    separator = str(random.choice(["\t", ";", "|"]))
    lines = ["text,label", *(f"{text}{separator}{label}" for text, label in rows)]
    return Fault("separators of two kinds", "a.csv", "\n".join(lines).encode(), rows)


def far_times(random: Random) -> Fault:
    """Times that pandas cannot hold."""
    rows = make_rows(random)
    table = [
        {"text": text, "label": label, "date": f"{int(random.integers(9_999, 90_000))}-13-45T99:00", "n": 10**30}
        for text, label in rows
    ]
    return Fault("far times", "a.json", json.dumps(table).encode(), rows)


def deep_json(random: Random) -> Fault:
    """Lists in lists without an end."""
    depth = int(random.integers(2_000, 200_000))
    opening = str(random.choice(["[", '{"a":', '[{"text":']))
    return Fault("deep JSON", "a.json", (opening * depth).encode(), None)


def cut_json(random: Random) -> Fault:
    """A download that broke off."""
    rows = make_rows(random)
    whole = json.dumps([{"text": text, "label": label} for text, label in rows], ensure_ascii=False).encode()
    return Fault("cut JSON", "a.json", whole[: int(random.integers(1, len(whole)))], None)


def broken_json_lines(random: Random) -> Fault:
    """JSON Lines of which one is none."""
    rows = make_rows(random)
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    [place] = _some(random, rows)
    lines[place] = str(random.choice([lines[place][:-3], "null", "[]", "NaN", "{}", '"text"', lines[place] + "]"]))
    return Fault("broken JSON Lines", "a.jsonl", "\n".join(lines).encode(), None)


def odd_json(random: Random) -> Fault:
    """Values that are no texts, or half characters."""
    rows = make_rows(random)
    odd = str(random.choice(["null", "[1, 2]", '{"a": 1}', "[]", "NaN"]))
    [place] = _some(random, rows)
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    lines[place] = f'{{"text": {odd}, "label": "real"}}'
    return Fault(f"JSON with {odd}", "a.jsonl", "\n".join(lines).encode(), None)


def foreign_file(random: Random) -> Fault:
    """Something else under a table's name."""
    name = str(random.choice(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet", "a.txt", "a.arrow"]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.bin", b"x" * 50)
    contents = {
        "image": _PNG,
        "zip": packed.getvalue(),
        "gzip": gzip.compress(b"\0" * 99),
        "page": b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Sign in, please</p></body></html>\n",
        "nothing": b"",
        "spaces": b" \n \n\t\n",
        "random": random.bytes(2_000),
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    }
    kind = str(random.choice(list(contents)))
    return Fault(f"{kind} as {name}", name, contents[kind], None)


def header_alone(random: Random) -> Fault:
    """A header without rows."""
    name, content = [("a.csv", b"text,label\n"), ("a.tsv", b"text\tlabel"), ("a.json", b"[]"), ("a.jsonl", b"")][
        int(random.integers(4))
    ]
    return Fault("no rows", name, content, None)


def broken_binary(random: Random) -> Fault:
    """Parquet that was cut, or has bytes that flipped."""
    rows = make_rows(random)
    buffer = io.BytesIO()
    pd.DataFrame(rows, columns=["text", "label"]).to_parquet(buffer)
    content = bytearray(buffer.getvalue())
    if random.random() < 0.5:
        return Fault("cut parquet", "a.parquet", bytes(content[: int(random.integers(0, len(content)))]), None)
    for place in random.integers(0, len(content), 20):
        content[place] ^= 0xFF
    return Fault("flipped parquet", "a.parquet", bytes(content), None)


def cut_gzip(random: Random) -> Fault:
    """A packed table that broke off."""
    whole = gzip.compress(_csv(make_rows(random, 400)).encode())
    return Fault("cut gzip", "a.csv.gz", whole[: int(random.integers(0, len(whole) - 1))], None)


def odd_labels(random: Random) -> Fault:
    """Labels with spaces, other cases, or a mark inside."""
    rows = make_rows(random)
    odd = str(random.choice(["real ", "Real", "\ufeffreal", "REAL", "re\u0301al"]))
    [place] = _some(random, rows)
    place -= place % 2  # one that is real
    content = _csv([*rows[:place], (rows[place][0], odd), *rows[place + 1 :]]).encode()
    # Spaces around a label are none of it.
    return Fault(f"label {odd!r}", "a.csv", content, rows if odd.strip() == "real" else None)


MAKERS: tuple[Callable[[Random], Fault], ...] = (
    byte_order_mark,
    two_marks,
    mixed_encodings,
    nul_bytes,
    ragged_rows,
    short_rows,
    unclosed_quote,
    quote_inside,
    doubled_columns,
    columns_by_case,
    huge_field,
    line_ends,
    separators_of_two_kinds,
    far_times,
    deep_json,
    cut_json,
    broken_json_lines,
    odd_json,
    foreign_file,
    header_alone,
    broken_binary,
    cut_gzip,
    odd_labels,
)


def make_fault(seed: int) -> Fault:
    """Return the malformed table of a seed."""
    return MAKERS[seed % len(MAKERS)](np.random.default_rng(seed))
