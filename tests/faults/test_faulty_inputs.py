"""Malformed tables are read rightly, read with a word on what is left out, or refused in one sentence; 500 of them, by seeds."""

from collections import Counter
from pathlib import Path

import pytest
from malformed_tables import MAKERS, Fault, make_fault

from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments

INPUTS = 500
LONGEST = 900
"""Characters of a refusal: a sentence or two, with at most some 200 of the data in it."""


def check(fault: Fault, folder: Path) -> str:
    """Read a malformed table as training does, and return what is wrong with how that went; nothing where it went well."""
    path = folder / fault.name
    path.write_bytes(fault.content)
    try:
        data = load_text_data(TextDataArguments(dataset=str(path), test_fraction=0.2, validation_fraction=0.2))
    except UserError as error:
        message = str(error)
        return (
            f"a refusal of {len(message)} characters: {message[:200]!r}"
            if "\n" in message or len(message) > LONGEST
            else ""
        )
    notes = " ".join(note.text for note in data.notes)
    names = data.label_names
    read = Counter((row["text"], names[row["label"]]) for split in data.splits.values() for row in split)
    if fault.rows is None:
        return f"read as {sum(read.values())} rows: {notes}" if not _says_loss(notes) else ""
    lost, more = Counter(fault.rows) - read, read - Counter(fault.rows)
    if more and not _says_loss(notes):
        return f"{sum(more.values())} rows that are not in it, such as {next(iter(more))!r:.200}: {notes}"
    if lost and not (fault.may_lose and _says_loss(notes)):
        return f"{sum(lost.values())} rows are lost, such as {next(iter(lost))!r:.200}: {notes}"
    return ""


def _says_loss(notes: str) -> bool:
    """Whether notes say that something was left out or is odd."""
    return any(
        word in notes for word in ("ropped rows", "left out", "not read", "ignored", "replaced", "without a name")
    )


def run(seeds: range, folder: Path) -> list[str]:
    wrong = []
    for seed in seeds:
        fault = make_fault(seed)
        (folder / str(seed)).mkdir()
        try:
            how = check(fault, folder / str(seed))
        except Exception as error:  # what a test is about: nothing but a refusal may be raised
            how = f"{type(error).__name__}: {error!s:.200}"
        if how:
            wrong.append(f"seed {seed}, {fault.kind}: {how}")
    return wrong


def test_some_of_each_kind(tmp_path: Path) -> None:
    assert run(range(2 * len(MAKERS)), tmp_path) == []


@pytest.mark.nightly
def test_all(tmp_path: Path) -> None:
    assert run(range(INPUTS), tmp_path) == []
