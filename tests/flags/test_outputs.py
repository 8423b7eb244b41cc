"""Where something is written: refused before any work where nothing can be, and `~` is the user's folder."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.flags.early import check_paths
from hfkit.run_folders.new_folder import make_new_folder

VERBS = [
    "predict user/model in.csv --output {}.csv",
    "evaluate user/model in.csv --output_dir {}",
    "export user/model --output_dir {}",
    "inspect in.csv --write {}.yaml",
    "compare runs/a runs/b --output {}.csv",
    "ladder in.csv --output_dir {}",
    "reproduce user/model --output_dir {}",
]


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("text,label\na,b\nc,d\n")


def refuse(command: str) -> str:
    error = CliRunner().invoke(app, command.split()).exception
    assert isinstance(error, UserError), error
    return str(error)


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_written_below_a_file(verb: str, tmp_path: Path) -> None:
    message = refuse(verb.format("in.csv/new/out"))
    assert message.endswith(f" {tmp_path / 'in.csv'} is a file: name a folder.")


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_that_may_only_be_read_is_told_first(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path / "closed")
    message = refuse(verb.format("closed/new/out"))
    assert f"({tmp_path / 'closed'} may only be read): name another folder" in message
    assert list((tmp_path / "closed").iterdir()) == []


@pytest.mark.parametrize("given", [{}, {"output_dir": "runs/new"}])
def test_the_folder_of_a_training(given: dict[str, Any]) -> None:
    check_paths(given)
    Path("runs").touch()
    with pytest.raises(UserError, match="runs is a file: name a folder"):
        check_paths(given)


def test_an_evaluation_without_a_folder_of_its_own() -> None:
    Path("runs").touch()
    assert refuse("evaluate user/model in.csv") == "--output_dir runs is a file: name a folder."


@pytest.mark.parametrize("verb", VERBS)
def test_a_tilde_behind_an_equals_sign_is_the_users_folder(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    flag, _, name = verb.rpartition(" ")
    assert "home is a file" in refuse(f"{flag}={name.format('~/out')}")
    assert not Path("~").exists()


def test_two_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    assert [make_new_folder(tmp_path / "runs" / "a").name for _ in range(3)] == ["a", "a-2", "a-3"]
