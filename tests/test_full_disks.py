"""Disks that are full or can only be read: one sentence with the folder, and what was there is whole."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from disks import no_room_for_more_than, read_only
from safetensors import SafetensorError

from hfkit.commands import main as command
from hfkit.errors import UserError, describe_disk
from hfkit.files import write_file
from hfkit.training.launch import run_recipe
from hfkit.training.process_state import own_process_state

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/run/results.json")
SENTENCES = [
    (FULL, r"^A disk cannot be written \(No space left on device; /somewhere/run has [\d,.]+ MB free\): make room"),
    (
        OSError(errno.ENOSPC, "No space left on device"),
        rf"; {os.getcwd()} has [\d,.]+ MB free, {tempfile.gettempdir()} has ",
    ),
    (
        SafetensorError("Error: I/O error: No space left on device (os error 28)"),
        r"^A disk cannot be written \(No space",
    ),
    (OSError(errno.EROFS, os.strerror(errno.EROFS), "/a/b"), r"\(Read-only file system; /a has"),
    (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "variable TMPDIR"),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES)
def test_a_disk_is_told_in_a_sentence_however_it_is_left(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    with pytest.raises(UserError, match=sentence), own_process_state():
        fail()
    with pytest.raises(SystemExit) as end:
        run_recipe(fail, argv=[])
    assert end.value.code == 2
    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 2
    of_recipe, of_command = capsys.readouterr().err.splitlines()
    assert of_recipe.startswith("error: ")
    assert of_recipe.split(" MB")[0] == of_command.split(" MB")[0]  # others write at the same time


def test_other_errors_are_no_disk() -> None:
    assert describe_disk(FileNotFoundError(2, "No such file", "a")) is None
    assert describe_disk(PermissionError(13, "Permission denied", "a")) is None
    with pytest.raises(FileNotFoundError), own_process_state():
        raise FileNotFoundError("a")


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write_file(file, "old")
    with no_room_for_more_than(4096), pytest.raises(OSError) as error:
        write_file(file, "new" * 5000)
    assert f"(File too large, results.json takes 0.1 MB; {tmp_path} has" in str(describe_disk(error.value))
    with read_only(tmp_path), pytest.raises(OSError, match="Read-only"):
        write_file(file, "new")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "old"
