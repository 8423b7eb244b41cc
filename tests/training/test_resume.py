"""A run that was killed in the middle of an epoch and is continued is the one that was left alone, to the bit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Run
from safetensors.torch import load_file

RunRecipe = Callable[..., Run]
# Four steps an epoch.
ARGV = (
    "--max_steps -1 --num_train_epochs 3 --per_device_train_batch_size 4 --eval_strategy epoch --save_strategy steps "
    "--save_total_limit 9 --head_learning_rate 1e-3"
)


def continue_from(step: int, run: Run, folder: Path) -> Path:
    """Copy a finished run as it was after a step, and return the copy."""
    shutil.copytree(run.folder, folder)
    for checkpoint in folder.glob("checkpoint-*"):
        if int(checkpoint.name.rpartition("-")[2]) > step:
            shutil.rmtree(checkpoint)
    for name in ("model.safetensors", "trainer_state.json", "all_results.json", "manifest.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "report")
    return folder


@pytest.mark.parametrize(
    ("argv", "save_steps", "step"),
    [
        pytest.param("--augment flip", 3, 6, marks=pytest.mark.slow),
        pytest.param("--augment report --head_dropout 0.1", 4, 8, marks=pytest.mark.slow),
        pytest.param(
            "--augment randaugment --mixup 0.2 --cutmix 1 --gradient_accumulation_steps 2",
            1,
            3,
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "--backbone test_vit --unfreeze_from blocks.1 --augment flip --feature_cache CACHE",
            3,
            6,
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "--backbone test_vit --unfreeze_from none --augment report --feature_cache CACHE --cache_views 2",
            3,
            6,
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "--augment flip --dataloader_num_workers 2 --dataloader_persistent_workers true",
            3,
            6,
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["flip", "at the end of an epoch", "mixed and accumulated", "cached flips", "cached changes", "workers"],
)
def test_a_killed_run_ends_as_one_that_was_left_alone(
    argv: str, save_steps: int, step: int, run_cifar10: RunRecipe, tmp_path: Path
) -> None:
    flags = [*ARGV.split(), "--save_steps", str(save_steps), *argv.replace("CACHE", str(tmp_path / "cache")).split()]
    whole = run_cifar10(*flags, folder=tmp_path / "whole")
    folder = continue_from(step, whole, tmp_path / "killed")
    torch.rand(7)  # the process of the second run has another past
    resumed = run_cifar10(*flags, "--resume_from_checkpoint", "true", folder=folder)
    weights, others = (load_file(run.folder / "model.safetensors") for run in (whole, resumed))
    assert all(torch.equal(weights[key], others[key]) for key in weights)
    for name in ("train_loss", "train_objective", "eval_loss", "test_loss", "total_flos"):
        assert whole.results.get(name) == resumed.results.get(name), name
    results = [run.json("train_results.json") for run in (whole, resumed)]
    assert results[0]["train_loss"] == results[1]["train_loss"]
    epochs = [run.rows("report/epochs.csv") for run in (whole, resumed)]
    assert len(epochs[0]) == 3
    for one, other in zip(*epochs, strict=True):
        assert float(other.pop("epoch_seconds")) > 0
        del one["epoch_seconds"]
        assert one == other


@pytest.mark.slow
def test_a_checkpoint_of_an_earlier_version_is_continued(run_cifar10: RunRecipe, tmp_path: Path) -> None:
    """It does not hold what our callbacks keep, and has no sums."""
    import json

    flags = [*ARGV.split(), "--save_steps", "3", "--num_train_epochs", "2"]
    folder = continue_from(3, run_cifar10(*flags, folder=tmp_path / "whole"), tmp_path / "killed")
    file = folder / "checkpoint-3" / "trainer_state.json"
    state = json.loads(file.read_text())
    for name in ("TrainingTotals", "EpochLog"):
        del state["stateful_callbacks"][name]
    file.write_text(json.dumps(state))
    for name in ("start.json", "checkpoint-3/checksums.json"):
        (folder / name).unlink()
    run = run_cifar10(*flags, "--resume_from_checkpoint", "true", folder=folder)
    assert len(run.rows("report/epochs.csv")) == 2


@pytest.mark.slow
def test_cached_and_uncached_runs_see_the_same_flips(run_cifar10: RunRecipe, tmp_path: Path) -> None:
    argv = "--backbone test_vit --unfreeze_from blocks.1 --augment flip --save_strategy no --eval_strategy epoch"
    flags = [*ARGV.split(), *argv.split(), "--train_sampling_strategy", "random"]
    cached, plain = (run_cifar10(*flags, "--feature_cache", cache) for cache in (str(tmp_path / "cache"), "off"))
    rows = [run.rows("report/epochs.csv") for run in (cached, plain)]
    for one, other in zip(*rows, strict=True):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), abs=1e-4)
