"""Malformed tables are read rightly, read with a word on what is left out, or refused in one sentence; 500 of them, by seeds."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from faults.campaign import Outcome, Record, attempt, report
from malformed_tables import MAKERS, Fault, make_fault

from hfkit.data.text import load_text_data
from hfkit.flags.arguments import TextDataArguments

INPUTS = 500


def check(fault: Fault, folder: Path) -> str:
    """Read a malformed table as training does, and return what is silently wrong with what was read, or nothing."""
    path = folder / fault.name
    path.write_bytes(fault.content)
    data = load_text_data(TextDataArguments(dataset=str(path), test_fraction=0.2, validation_fraction=0.2))
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


def try_tables(seeds: range, folder: Path) -> Iterator[Outcome]:
    """Read the malformed tables of seeds."""
    for seed in seeds:
        fault = make_fault(seed)
        (folder / str(seed)).mkdir()
        yield attempt("tables", f"seed {seed}, {fault.kind}", partial(check, fault, folder / str(seed)))


def test_some_of_each_kind(tmp_path: Path, record_property: Record) -> None:
    assert report(try_tables(range(2 * len(MAKERS)), tmp_path), record_property) == []


@pytest.mark.nightly
def test_all(tmp_path: Path, record_property: Record) -> None:
    assert report(try_tables(range(INPUTS), tmp_path), record_property) == []
