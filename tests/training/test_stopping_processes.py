"""Signals to real processes that a launcher started: a checkpoint, and a command that goes on to the end as it is printed."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT

from hfkit.training.continued import choose_continuation

EPOCHS = 60
"""Of one step each: 24 rows."""
FLAGS = (
    f"--num_train_epochs {EPOCHS} --max_length 24 --use_cpu true --bf16 false "
    "--eval_strategy no --save_strategy no --load_best_model_at_end false --baselines false --disable_tqdm true"
)
LAUNCHER = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ROOT / "accelerate_config.yaml")]
TWO = ["--multi_gpu", "--num_processes", "2", "--main_process_port", "0"]

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")]


def find_worker(launcher: int, rank: str) -> int:
    """Return the id of the process of a rank."""
    children = psutil.Process(launcher).children()
    return next(each.pid for each in children if each.environ().get("RANK") == rank)


def stop_in_training(command: list[str], whom: str, folder: Path) -> tuple[int, str]:
    """Start a training, send SIGTERM while it takes steps, and return its exit code and what it said."""
    options: dict[str, Any] = {"cwd": folder, "env": {**os.environ, "PYTHONUNBUFFERED": "1"}, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Epoch 2: train"):
                break
        assert process.poll() is None, "".join(said)
        os.kill(process.pid if whom == "launcher" else find_worker(process.pid, whom), signal.SIGTERM)
        rest = process.stdout.read()  # until the last of them has ended
        return process.wait(), "".join(said) + rest


@pytest.mark.parametrize(
    ("processes", "whom"), [(2, "launcher"), (2, "0"), (2, "1"), (1, "launcher")], ids=lambda value: str(value)
)
def test_a_signal_leaves_a_checkpoint_and_the_command_that_goes_on(
    processes: int, whom: str, tiny_backbone: Path, tweets: Path, tmp_path: Path
) -> None:
    """To the launcher, which hands it on to both; to one of two, after whose end it ends the other; to that of a single one."""
    data = ["--backbone", str(tiny_backbone), "--dataset", str(tweets), "--output_dir", str(tmp_path / "a run")]
    launcher = [*LAUNCHER, *(TWO if processes == 2 else [])]
    command = [*launcher, str(ROOT / "recipes" / "fakenews.py"), *data, *FLAGS.split()]
    command += ["--per_device_train_batch_size", str(24 // processes)]
    code, said = stop_in_training(command, whom, tmp_path)
    assert code != 0
    found = choose_continuation(tmp_path / "a run", "true", processes)
    assert found.checkpoint is not None, said
    step = int(found.checkpoint.name.rpartition("-")[2])
    assert 2 <= step < EPOCHS
    lines = said.splitlines()
    place = lines.index(f"Stopped. The last checkpoint is that of step {step}; continue by:")
    words = shlex.split(lines[place + 2])
    assert words[0] == "python"
    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert f"Continues from {found.checkpoint.name}." in done.stdout
    assert json.loads((tmp_path / "a run" / "trainer_state.json").read_text())["global_step"] == EPOCHS
    assert (tmp_path / "a run" / "manifest.json").is_file()
