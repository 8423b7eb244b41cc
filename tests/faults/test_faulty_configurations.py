"""Malformed files of flags are read as they are spelled or refused in one sentence, as `--config` and as a run's `hfkit.yaml`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from faults.campaign import Outcome, Record, attempt, report
from malformed_configurations import MAKERS, Fault, make_fault

from hfkit.flags.early import check_early, whole_command_line
from hfkit.flags.names import TEXT_FLAGS, known_names
from hfkit.run_folders.record import read_record

INPUTS = 200


def check(fault: Fault, folder: Path) -> str:
    """Read a malformed file as `--config`, and return what is silently wrong with what was read, or nothing."""
    path = folder / "run.yaml"
    path.write_bytes(fault.content)
    argv = whole_command_line(["--config", str(path)], known_names(TEXT_FLAGS))
    if fault.flags is None:
        return f"it is read: {argv}"
    if not fault.flags:
        check_early(["--config", str(path)], TEXT_FLAGS)
    for name, value in fault.flags.items():
        rest = argv[argv.index(f"--{name}") + 1 :]
        values = value if isinstance(value, list) else [value]
        if rest[: len(values)] != values or (len(rest) > len(values) and not rest[len(values)].startswith("--")):
            return f"{name} is not {value}: {argv}"
    return ""


def check_run(fault: Fault, folder: Path) -> str:
    """Read a malformed file as the `hfkit.yaml` of a run, and return what is silently wrong, or nothing."""
    (folder / "hfkit.yaml").write_bytes(fault.content)
    record = read_record(folder)
    is_named = record.state.status == "damaged" and bool(record.state.detail)
    is_known = fault.flags is None and not fault.kind.startswith("smuggled")
    return f"it is {record.state.describe()}" if is_known and not is_named else ""


def try_configurations(seeds: range, folder: Path) -> Iterator[Outcome]:
    """Read the malformed files of seeds in both ways."""
    for seed in seeds:
        fault = make_fault(seed)
        for kind, way in (("--config", check), ("hfkit.yaml of a run", check_run)):
            yield attempt(kind, f"seed {seed}, {fault.kind}", partial(way, fault, folder))


def test_some_of_each_kind(tmp_path: Path, record_property: Record) -> None:
    assert report(try_configurations(range(len(MAKERS)), tmp_path), record_property) == []


@pytest.mark.nightly
def test_all(tmp_path: Path, record_property: Record) -> None:
    assert report(try_configurations(range(INPUTS), tmp_path), record_property) == []
