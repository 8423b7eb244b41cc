"""Ctrl-C and SIGTERM: a checkpoint at the next step, the command that continues, and nothing left of what never began."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from fake_runs import write_checkpoint, write_run, write_unfinished_run
from test_freezing import state, trainer_for
from transformers import TrainerCallback, TrainerControl, TrainerState

from hfkit.errors import Stopped, UserError
from hfkit.models.base import BackboneClassifier
from hfkit.run_folders.lock import LOCK_FILE, lock_folder
from hfkit.run_folders.state import find_checkpoints
from hfkit.training.folder import work_in
from hfkit.training.stopped import describe_stop, find_command
from hfkit.training.stopping import StopAtStep

Make = Callable[[str], BackboneClassifier]
OPTIONS = {"max_steps": 4, "save_total_limit": 2}


class Send(TrainerCallback):
    """Sends signals to this process within the first step."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def on_step_begin(self, *of: Any, **kwargs: Any) -> None:
        for number in self.numbers:
            os.kill(os.getpid(), number)
        self.numbers = ()


def train(trainer: Any, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
    """Train with an eye on signals, and return the weights."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with trainer.stop.listening():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    return state(trainer.model)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_that_goes_on_as_if_nothing_was(
    number: int, make_model: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also where no checkpoints are asked for."""
    name = "hfkit-text/bert-linear"
    torch.manual_seed(0)
    stopped = trainer_for(make_model(name), tmp_path / "run", callbacks=[Send(number)], **OPTIONS)
    with pytest.raises(Stopped) as end:
        train(stopped)
    assert end.value.number == number
    assert "Stopping: a checkpoint is written after this step. Ctrl-C again ends at once." in capfd.readouterr().err
    assert [(each.step, each.is_whole) for each in find_checkpoints(tmp_path / "run")] == [(1, True)]
    resumed = train(trainer_for(stopped.model, tmp_path / "run", **OPTIONS), tmp_path / "run" / "checkpoint-1")
    torch.manual_seed(0)
    whole = train(trainer_for(make_model(name), tmp_path / "whole", **OPTIONS))
    assert all(torch.equal(tensor, resumed[key]) for key, tensor in whole.items())


def test_a_second_signal_ends_at_once(make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the one that torchrun hands on: the terminal has sent it to all processes already."""
    twice = (signal.SIGINT, signal.SIGINT)
    with pytest.raises(Stopped):
        train(trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, callbacks=[Send(*twice)], **OPTIONS))
    assert not find_checkpoints(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.raises(Stopped):
        train(trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, callbacks=[Send(*twice)], **OPTIONS))
    assert [each.step for each in find_checkpoints(tmp_path)] == [1]


def set_parent(monkeypatch: pytest.MonkeyPatch, command: str, own: str) -> None:
    """Let this process have another command line, and another parent, whose id is 11."""
    parent = SimpleNamespace(pid=11, cmdline=lambda: command.split())
    monkeypatch.setattr(sys, "argv", own.split())
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(parent=lambda: parent))


@pytest.mark.parametrize(("parent", "steps"), [("python /bin/accelerate launch x.py --lr 1", [2]), ("bash", [])])
def test_the_end_of_a_launcher_of_one_process_is_a_signal(
    parent: str, steps: list[int], make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands none on; a process that a shell has started may outlive it."""
    set_parent(monkeypatch, parent, "x.py --lr 1")
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, **OPTIONS)
    parents = iter([11])
    monkeypatch.setattr(os, "getppid", lambda: next(parents, 1))
    with pytest.raises(Stopped) if steps else nullcontext():
        train(trainer)
    assert [each.step for each in find_checkpoints(tmp_path)] == steps


def test_a_signal_behind_the_last_step_is_told() -> None:
    stop = StopAtStep()
    with pytest.raises(Stopped), stop.listening():
        os.kill(os.getpid(), signal.SIGINT)


def test_processes_stop_after_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is ahead has ended the step in which the other one is told."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    store = torch.distributed.HashStore()
    monkeypatch.setattr(torch.distributed.distributed_c10d, "_get_default_store", lambda: store)
    told, other = StopAtStep(), StopAtStep()

    def ends(stop: StopAtStep, step: int) -> bool:
        control = TrainerControl()
        stop.on_step_end(SimpleNamespace(), TrainerState(global_step=step), control)
        return control.should_save

    assert not ends(told, 1)
    assert not ends(other, 1)
    told.receive(signal.SIGINT)
    assert [ends(other, 2), ends(told, 2)] == [False, False]
    other.receive(signal.SIGINT)
    assert [ends(told, 3), ends(other, 3)] == [True, True]
    with pytest.raises(Stopped):
        other.on_save(SimpleNamespace(), TrainerState(global_step=3), TrainerControl())


# --- what is said ---


@pytest.mark.parametrize(
    ("parent", "own", "command", "said"),
    [
        ("bash", "recipes/fakenews.py --dataset a.csv", None, "python recipes/fakenews.py"),
        ("bash", "hfkit train text --dataset a.csv", "hfkit train text", "hfkit train text"),
        ("python /bin/accelerate launch -q x.py --lr 1", "x.py --lr 1", None, "accelerate launch -q x.py"),
        (
            "python -m accelerate.commands.launch recipes/x.py --lr 1",
            "recipes/x.py --lr 1",
            None,
            "python -m accelerate.commands.launch recipes/x.py",
        ),
        (
            "/bin/python /bin/accelerate launch --num_processes 2 -m hfkit train text --lr 1",
            "hfkit/__main__.py train text --lr 1",
            "hfkit train text",
            "accelerate launch --num_processes 2 -m hfkit train text",
        ),
        (
            "/bin/torchrun --nproc-per-node 2 recipes/x.py",
            "recipes/x.py",
            None,
            "torchrun --nproc-per-node 2 recipes/x.py",
        ),
        ("python /bin/accelerate launch other.py", "recipes/x.py --lr 1", None, "python recipes/x.py"),
    ],
)
def test_the_command_that_continues_is_whole(
    parent: str, own: str, command: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_parent(monkeypatch, parent, own)
    run = write_unfinished_run(tmp_path / "my run", steps=(3, 7))
    write_checkpoint(run, 9, is_whole=False)
    text = describe_stop(Stopped(signal.SIGINT, run), find_command(command))
    ends = f"{said} --output_dir '{run}' --resume_from_checkpoint true"
    assert text == f"Stopped. The last checkpoint is that of step 7; continue by:\n\n{ends}"


def test_what_cannot_be_continued_is_said(tmp_path: Path) -> None:
    nothing = "Stopped before the first checkpoint: start again with the same flags."
    assert describe_stop(Stopped(), ["hfkit"]) == nothing
    assert describe_stop(Stopped(folder=write_unfinished_run(tmp_path / "begun")), ["hfkit"]) == nothing
    run = write_run(tmp_path / "run", steps=(3,))
    assert describe_stop(Stopped(folder=run), ["hfkit"]) == f"Stopped. The run in {run} is finished."


# --- what is left ---


def write_start(run: Path) -> None:
    """Write what a run writes before its first step."""
    for name in ("hfkit.yaml", "env.json", "start.json", "runs/now/events.out.tfevents.1.host"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).touch()


def work(folder: Path, given: bool, error: BaseException, write: Callable[[Path], Any], resumes: bool = False) -> None:
    """Work in a run's folder until an error."""
    training = SimpleNamespace(process_index=0, resume_from_checkpoint="true" if resumes else None)
    arguments: Any = SimpleNamespace(training=training, given_output_dir=str(folder) if given else None)
    if not given:
        folder.mkdir(parents=True)
    with work_in(folder, arguments):
        write(folder)
        raise error


@pytest.mark.parametrize("write", [lambda run: None, write_start])
@pytest.mark.parametrize("error", [UserError("no"), KeyboardInterrupt(), Stopped(signal.SIGTERM)])
@pytest.mark.parametrize("given", [True, False])
def test_a_failed_start_leaves_no_folder(
    given: bool, error: BaseException, write: Callable[[Path], None], tmp_path: Path
) -> None:
    with pytest.raises(type(error) if isinstance(error, UserError) else Stopped) as end:
        work(tmp_path / "runs" / "run", given, error, write)
    assert not (tmp_path / "runs").exists()
    if isinstance(end.value, Stopped):
        assert end.value.folder == tmp_path / "runs" / "run"
        assert f"output_dir='{end.value.folder}' and resume_from_checkpoint=True" in str(end.value)  # in a notebook
        assert end.value.number == (error.number if isinstance(error, Stopped) else signal.SIGINT)


def test_what_is_worth_keeping_stays(tmp_path: Path) -> None:
    """A checkpoint, what the user has put there, what may explain a bug, and a folder of others."""
    for name, error, write in (
        ("checkpoint", Stopped(), lambda run: (write_start(run), write_checkpoint(run, 3))),
        ("mine", UserError("no"), lambda run: (write_start(run), (run / "notes.txt").touch())),
        ("bug", ValueError("a bug"), write_start),
    ):
        with pytest.raises(type(error)):
            work(tmp_path / name, True, error, write)
        assert (tmp_path / name / "hfkit.yaml").exists(), name
    with pytest.raises(UserError, match="no"):
        work(tmp_path / "bug", True, UserError("no"), lambda run: None, resumes=True)
    assert (tmp_path / "bug" / "hfkit.yaml").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no"):
        work(tmp_path / "empty", True, UserError("no"), write_start)
    assert list((tmp_path / "empty").iterdir()) == []
    with lock_folder(tmp_path / "bug"), pytest.raises(UserError, match="Another process works"):
        work(tmp_path / "bug", True, UserError("no"), write_start)
    assert not (tmp_path / "bug" / LOCK_FILE).exists()
    assert (tmp_path / "bug" / "hfkit.yaml").exists()
