"""`--json`: every verb that prints a table has it, and prints JSON and nothing else on standard output."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pandas as pd
import pytest
from fake_runs import write_run
from typer.main import get_command
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.hub.check import Finding
from hfkit.profile import Profile

WITHOUT_TABLE = {"export", "demo", "push", "reproduce", "cache clear"}
"""Verbs that make something, and say in sentences what."""


def walk(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield all verbs with their names."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
    for word, each in (below or {}).items():
        yield from walk(each, f"{name} {word}".strip())


def test_every_verb_that_prints_a_table_has_it() -> None:
    verbs = dict(walk(get_command(app)))
    without = {name for name, verb in verbs.items() if not any("--json" in parameter.opts for parameter in verb.params)}
    assert without == WITHOUT_TABLE


def ask(*argv: str) -> Any:
    result = CliRunner().invoke(app, [*argv, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_cache(tmp_path: Path) -> None:
    folder = tmp_path / "abcdef0123456789"
    folder.mkdir()
    (folder / "record.json").write_text(json.dumps({"of": "12 rows", "bytes": 7, "checksum": "0"}))
    (folder / "states.bin").write_bytes(bytes(7))
    listed = ask("cache", "list", "--folder", str(tmp_path))
    assert (listed["bytes"], listed["folder"]) == (7, str(tmp_path))
    [item] = listed["items"]
    assert (item["key"], item["what"], item["bytes"]) == (folder.name, "12 rows", 7)


def test_a_check_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfkit.hub.check.check_repository", lambda *_: [Finding("weights", True, "a.safetensors")])
    assert ask("hub", "check", "USER/NAME") == [{"what": "weights", "well": True, "detail": "a.safetensors"}]


def test_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = Profile("128 tokens", 1, 2, 3, 4, 5, {1: 0.5, 32: 0.25})
    monkeypatch.setattr("hfkit.backbones.find.find_model", lambda *_: None)
    monkeypatch.setattr("hfkit.profile.profile_model", lambda _: cost)
    content = ask("profile", "vgg19")
    assert (content["model"], content["macs"], content["milliseconds"]) == ("vgg19", 3, {"1": 0.5, "32": 0.25})


@pytest.mark.parametrize("verb", ["text", "image"])
def test_a_training(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says on its way goes to standard error, and its flags are handed on without this one."""
    flags: list[str] = []

    def train(argv: list[str], name: str | None) -> Any:
        print("an epoch")
        flags.extend(argv)
        return Path("runs/one"), {"test_accuracy": 0.5, "test_loss": float("nan")}

    monkeypatch.setattr(f"hfkit.tasks.{verb}.train_{verb}s", train)
    told = ask("train", verb, "--json", "--seed", "3")
    assert told == {"output_dir": "runs/one", "test_accuracy": 0.5, "test_loss": None}
    assert flags == ["--seed", "3"]


def test_a_ladder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it says on its way goes to standard error."""

    def climb(settings: Any, console: Any) -> Any:
        console.print("a rung")
        pd.DataFrame({"name": ["one", "two"], "seconds": [1.5, None]}).to_csv(settings.folder / "table.csv")
        return SimpleNamespace(rung=SimpleNamespace(name="one"))

    monkeypatch.setattr("hfkit.ladder.climb.climb", climb)
    data = tmp_path / "in.csv"
    data.write_text("text,label\na,b\nc,d\n")
    content = ask("ladder", str(data), "--task", "text", "--output_dir", str(tmp_path / "ladder"))
    assert (content["recommended"], content["folder"]) == ("one", str(tmp_path / "ladder"))
    assert [row["seconds"] for row in content["rungs"]] == [1.5, None]


def test_an_evaluation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is no number is null, which every program reads."""
    results = {"test_loss": float("nan"), "test_accuracy": 0.5}
    monkeypatch.setattr("hfkit.evaluate.evaluate_model", lambda *_: (Path("report"), results))
    data = tmp_path / "in.csv"
    data.write_text("text,label\na,b\n")
    told = ask("evaluate", "user/model", str(data))
    assert told == {"output_dir": "report", "test_loss": None, "test_accuracy": 0.5}


def test_runs(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    assert [run["run"] for run in ask("runs", str(tmp_path))] == ["run"]
    assert ask("clean", str(tmp_path))["removals"] == []
