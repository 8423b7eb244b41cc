"""Disks that are full or can only be read: one sentence with the folder, and what was there is whole."""

import errno
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets.exceptions import DatasetGenerationError
from disks import no_room_for_more_than, read_only
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from hfkit.commands import main as command
from hfkit.data.sources import load_hub
from hfkit.errors import UserError, describe_disk, told
from hfkit.files import write_file
from hfkit.flags.paths import check_output_dir
from hfkit.run_folders.lock import LOCK_FILE, lock_folder
from hfkit.training.folder import work_in
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
MORE_SENTENCES = [
    (Exception("No space left on device (os error 28)"), r"^A disk cannot be written \(No space left"),
    (
        PermissionError(13, "Permission denied", "/a/b"),
        r"^/a/b may not be read or written \(Permission denied\): change",
    ),
    (
        PermissionError(1, "Operation not permitted", "/a"),
        r"^/a may not be read or written \(Operation not permitted\)",
    ),
    (SafetensorError("I/O error: Permission denied (os error 13)"), rf"^{os.getcwd()} may not be read or written"),
    (OSError("Not enough disk space. Needed: 12 GB (download: 3 GB)"), r"\(Not enough disk space. Needed: 12 GB \("),
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


@pytest.mark.parametrize(("error", "sentence"), MORE_SENTENCES)
def test_a_disk_is_told_whatever_the_error_is(error: Exception, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence), told():
        raise error


def test_other_errors_are_no_disk() -> None:
    assert describe_disk(FileNotFoundError(2, "No such file", "a")) is None
    assert describe_disk(PermissionError(13, "Permission denied")) is None, "of a port, or of another process"
    assert describe_disk(RuntimeError("PytorchStreamReader failed reading zip archive: not a ZIP archive")) is None
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


# --- libraries that write by themselves ---


def save_tokens(folder: Path) -> None:
    Tokenizer(WordLevel({f"word {number}": number for number in range(5000)}, "word 0")).save(str(folder / "a.json"))


WRITERS: dict[str, Callable[[Path], Any]] = {
    "torch": lambda folder: torch.save({"a": torch.zeros(100_000)}, folder / "optimizer.pt"),
    "torch, many small ones": lambda folder: torch.save([torch.zeros(9) for _ in range(500)], folder / "a.pt"),
    "torch, another name": lambda folder: torch.save({"a": torch.zeros(100_000)}, folder / "\u00e4.pt"),
    "safetensors": lambda folder: save_file({"a": torch.zeros(100_000)}, folder / "model.safetensors"),
    "tokenizers": save_tokens,
    "numpy": lambda folder: np.save(folder / "a.npy", np.zeros(100_000)),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_library_that_finds_no_room_is_told_with_the_folder(write: Callable[[Path], Any], tmp_path: Path) -> None:
    """In errors of many types, most of which name no file."""
    folder = rf"{tmp_path} has [\d,.]+ MB free"
    with pytest.raises(UserError, match=rf"^A disk cannot be written \(.+; the model takes 0.4 MB; {folder}"):  # noqa: SIM117
        with no_room_for_more_than(4096), told(tmp_path, "the model takes 0.4 MB"):
            write(tmp_path)


def test_a_dataset_of_the_hub_that_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hides behind an error of a library's own is told, and not that the dataset is not there."""

    def fail(*_: Any) -> None:
        raise DatasetGenerationError("An error occurred while generating the dataset") from OSError(28, "No space left")

    monkeypatch.setattr("hfkit.offline.use_cache_without_hub", lambda: None)
    monkeypatch.setattr("hfkit.data.hub_datasets.load_from_hub", fail)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(UserError, match=rf"A disk cannot be written \(No space left; {tmp_path} has"):
        load_hub("somebody/rows", None, None)


# --- a run's folder ---


def fail_in(folder: Path, error: Exception, *files: str, is_named: bool = True, is_closed: bool = False) -> None:
    """Let a new run fail after it has written some files, and perhaps its disk is closed by then."""
    training = SimpleNamespace(process_index=0, resume_from_checkpoint=None)
    arguments: Any = SimpleNamespace(training=training, given_output_dir=str(folder) if is_named else None)
    with ExitStack() as stack, work_in(folder, arguments):
        for name in files:
            write_file(folder / name, name)
        if is_closed:
            stack.enter_context(read_only(folder))
        raise error


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("error", [SafetensorError("I/O error: No space left on device (os error 28)"), MemoryError()])
def test_a_start_that_finds_no_room_leaves_no_folder(error: Exception, is_named: bool, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    if not is_named:
        folder.mkdir(parents=True)
    room = "The memory is full" if isinstance(error, MemoryError) else rf"\(No space left on device; {folder} has"
    with pytest.raises(UserError, match=room):
        fail_in(folder, error, "hfkit.yaml", is_named=is_named)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_finds_no_room_later_keeps_what_it_has(tmp_path: Path) -> None:
    files = ["hfkit.yaml", "checkpoint-1/model.safetensors"]
    with pytest.raises(UserError, match="A disk cannot be written"):
        fail_in(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), *files)
    assert [(tmp_path / file).read_text() for file in files] == files


def test_a_folder_that_cannot_be_locked_is_not_left(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with read_only(folder / LOCK_FILE), pytest.raises(OSError, match="Read-only"), lock_folder(folder):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_closed_meanwhile_does_not_hide_why_a_run_failed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="The loss is not finite"):
        fail_in(tmp_path / "a", UserError("The loss is not finite."), "hfkit.yaml", is_closed=True)
    assert (tmp_path / "a" / "hfkit.yaml").exists()


def test_a_folder_that_may_not_be_written_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"--output_dir {tmp_path / 'file'} is a file: name a folder"):
        check_output_dir(str(tmp_path / "file" / "run"))
    check_output_dir(str(tmp_path / "a" / "run"))
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(UserError, match=rf"cannot be written \({tmp_path} may only be read\): name another folder"):
        check_output_dir(str(tmp_path / "a" / "run"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
