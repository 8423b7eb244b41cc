"""The `hfkit` command: its door, and what it refuses before anything heavy is imported."""

import gc
import shlex
import signal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from fake_runs import write_checkpoint
from processes import run_command
from typer.main import get_command
from typer.testing import CliRunner

import hfkit
from hfkit.commands.main import app, main
from hfkit.errors import Stopped


@pytest.mark.parametrize(
    "line", ["--help", "-h", "--version", "cache -h", "hub check --help", "predict -h", "train -h", "train text --help"]
)
def test_asking_is_light(line: str) -> None:
    assert run_command(*line.split()) == (0, "", "[]")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("profile vgg19 --imagesize 96", "Unknown flag 'imagesize': did you mean 'image_size'?"),
        ("profile ./nothing", "The backbone ./nothing cannot be loaded: there is no such folder"),
        ("doctor ./nothing", "The backbone ./nothing cannot be loaded: there is no such folder"),
        ("train text --lrr 3", "Unknown flag 'lrr': --help all lists them all."),
        ("train image --dataset ./nothing", "There is no file or folder ./nothing"),
        ("train text --name a/b", "--name 'a/b': write letters, digits, dots, dashes or underscores"),
        ("train text --name=x --output-dir y", "--name is for a new folder in runs/"),
        ("train text --epochs 1 --name", "--name wants the run's name: write --name reviews."),
    ],
)
def test_refusals_are_light(line: str, message: str) -> None:
    code, said, imported = run_command(*line.split())
    assert (code, imported) == (2, "[]")
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_a_verb_ends_shortly_after_its_last_line(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for garbage, which takes seconds with torch, is left out when Python ends."""
    at_end: list[object] = []
    monkeypatch.setattr("atexit.register", lambda call, *_, **__: at_end.append(call) or call)
    monkeypatch.setattr("sys.argv", ["hfkit", verb, "--help"])
    monkeypatch.setattr("hfkit.commands.main.guard_terminal", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert gc.freeze in at_end


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"hfkit {hfkit.__version__}\n"


@pytest.mark.parametrize("option", ["--output_dir", "--output-dir"])
def test_dashes_are_underscores(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    monkeypatch.setattr("hfkit.reproduce.reproduce", lambda _, folder, *__: folders.append(str(folder)) or {})
    assert CliRunner().invoke(app, ["reproduce", "user/name", option, "my-run"]).exit_code == 0
    assert folders == ["my-run"]


@pytest.mark.parametrize("option", ["--trust_remote_code", "--trust-remote-code"])
def test_dashes_are_underscores_of_switches(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("hfkit.hub.check.check_repository", lambda _, __, trust: asked.append(trust) or [])
    assert CliRunner().invoke(app, ["hub", "check", "user/name", option]).exit_code == 0
    assert asked == [True]


def test_every_verb_explains_itself() -> None:
    def commands(command: Any) -> list[Any]:
        below = getattr(command, "commands", {}).values()
        return [command, *(inner for each in below for inner in commands(each))]

    for command in commands(get_command(app)):
        assert command.help, command.name


def test_ctrl_c_tells_the_command_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it takes, so that it can be copied."""
    run = tmp_path / "again"

    def stop(*_: object) -> None:
        write_checkpoint(run, 3)
        (run / "hfkit.yaml").write_text("max_length: 32")
        raise Stopped(signal.SIGTERM, run)

    monkeypatch.setattr("hfkit.reproduce.reproduce", stop)
    given = ["reproduce", "user/x", "--dataset", "my tweets.csv", "--output_dir", str(run)]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 143
    assert result.stderr.strip().splitlines()[-1] == shlex.join(["hfkit", *given])
    monkeypatch.setattr("hfkit.reproduce.reproduce", lambda *_: {})
    assert CliRunner().invoke(app, given).exit_code == 0  # the folder is not refused now
    monkeypatch.setattr("hfkit.ladder.climb.climb", Mock(side_effect=KeyboardInterrupt))
    (tmp_path / "my tweets.csv").write_text("text,label\n" + "a text,a\nother text,b\n" * 30)
    monkeypatch.chdir(tmp_path)
    given = ["ladder", "my tweets.csv", "--seed", "3", "--budget", "9m"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 130
    command = result.stderr.strip().splitlines()[-1]
    assert command.startswith("hfkit ladder 'my tweets.csv' --seed 3 --budget 9m --output_dir runs/ladder-")
