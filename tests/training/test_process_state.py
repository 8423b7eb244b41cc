"""A second run of a process is as one in a process of its own, and the process is afterwards as it was before."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from conftest import ROOT
from transformers import TrainerCallback, ViTConfig
from transformers.utils import logging

from hfkit.backbones.checkpoints import read_checkpoint
from hfkit.errors import UserError
from hfkit.offline import use_cache_without_hub
from hfkit.tasks.from_python import train_text_classifier
from hfkit.training.callbacks import EpochLog
from hfkit.training.process_state import own_process_state

# Other backbone, precision, threads, switches, cache; the second one is compared with the same run alone.
_SCRIPT = """
import hashlib, json, sys
import hfkit
backbone, other, tweets, folder, first = sys.argv[1:]
same = {"max_length": 24, "use_cpu": True, "per_device_train_batch_size": 8, "disable_tqdm": True}
if first == "true":
    hfkit.train_text_classifier(
        tweets, backbone=other, bf16=True, seed=7, num_train_epochs=1, full_determinism=True, output_dir=folder + "-first",
        unfreeze_from="none", gradient_accumulation_steps=2, head="bigru", **same
    )
run = hfkit.train_text_classifier(tweets, backbone=backbone, bf16=False, num_train_epochs=2, output_dir=folder, **same)
weights = hashlib.sha256((run.folder / "model.safetensors").read_bytes()).hexdigest()
kept = {name: value for name, value in run.results.items() if "runtime" not in name and "second" not in name}
print(json.dumps([weights, kept], sort_keys=True))
"""


def run_alone(*argv: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *map(str, argv)], capture_output=True, text=True, env=environment, check=True
    )
    return process.stdout.splitlines()[-1]


@pytest.mark.nightly
def test_a_second_run_is_as_one_alone(tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    alone = run_alone(tiny_backbone, tiny_backbone, tweets, tmp_path / "alone", "false")
    second = run_alone(tiny_backbone, tiny_backbone, tweets, tmp_path / "second", "true")
    assert second == alone


SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
OPTIONS: dict[str, Any] = {
    "max_length": 24,
    "use_cpu": True,
    "bf16": False,
    "num_train_epochs": 2,
    "per_device_train_batch_size": 8,
    "disable_tqdm": True,
}


@pytest.mark.slow
def test_a_run_that_was_stopped_leaves_nothing(
    tiny_backbone: Path, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            assert GradientState().in_dataloader
            raise KeyboardInterrupt

    def train(name: str, **options: Any) -> dict[str, Any]:
        run = train_text_classifier(tweets, backbone=tiny_backbone, output_dir=tmp_path / name, **OPTIONS, **options)
        return {key: value for key, value in run.results.items() if "runtime" not in key and "second" not in key}

    before = train("before")
    with monkeypatch.context() as patched:
        patched.setattr(EpochLog, "on_step_end", Stop.on_step_end)
        with pytest.raises(KeyboardInterrupt):
            train("stopped", gradient_accumulation_steps=2)
    assert not GradientState().in_dataloader
    assert not torch.are_deterministic_algorithms_enabled()
    assert train("after") == before


def test_the_process_is_as_before() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)  # of other tests
    accelerator = Accelerator(mixed_precision="bf16", cpu=True)
    use_cache_without_hub()
    was_offline = huggingface_hub.constants.HF_HUB_OFFLINE
    logging.enable_progress_bar()
    torch.manual_seed(5)
    state = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())  # type: ignore[index]
    settings = (torch.get_num_threads(), torch.get_default_dtype(), logging.get_verbosity())
    with pytest.raises(ValueError, match="of the block"), own_process_state():  # noqa: PT012 (what is raised is passed on)
        assert not AcceleratorState._shared_state
        assert not PartialState._shared_state
        Accelerator(mixed_precision="no", cpu=True)
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        torch.set_num_threads(settings[0] + 1)
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = True
        os.environ["ACCELERATE_DYNAMO_BACKEND"] = "inductor"
        logging.set_verbosity_debug()
        logging.disable_progress_bar()
        huggingface_hub.constants.HF_HUB_OFFLINE = False
        raise ValueError("of the block")
    assert accelerator.mixed_precision == "bf16"
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])  # type: ignore[index]
    assert random.getstate() == state[2]
    assert (torch.get_num_threads(), torch.get_default_dtype(), logging.get_verbosity()) == settings
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert "ACCELERATE_DYNAMO_BACKEND" not in os.environ
    assert logging.is_progress_bar_enabled()
    assert huggingface_hub.constants.HF_HUB_OFFLINE is was_offline
    assert use_cache_without_hub.cache_info().currsize == 0
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory. Tried"), torch.OutOfMemoryError("out of memory")]
)
def test_full_memory_is_told_in_a_sentence(error: Exception) -> None:
    with pytest.raises(UserError, match="The memory is full: lower --per_device_train_batch_size"), own_process_state():
        raise error
    with pytest.raises(RuntimeError, match="another one"), own_process_state():
        raise RuntimeError("another one")


def test_a_checkpoint_is_read_again_and_not_shared(tmp_path: Path) -> None:
    ViTConfig(**SIZES, image_size=32, patch_size=8).save_pretrained(tmp_path)
    first = read_checkpoint(str(tmp_path)).config
    first.image_size = 8
    assert read_checkpoint(str(tmp_path)).config.image_size == 32
    ViTConfig(**SIZES, image_size=16, patch_size=8).save_pretrained(tmp_path)
    with own_process_state():
        assert read_checkpoint(str(tmp_path)).config.image_size == 16
