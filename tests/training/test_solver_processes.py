"""A head solved by several processes: one solves, and all have the same head, or the same error."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from safetensors.torch import load_file


def run(
    processes: int, script: Path, backbone: Path, tweets: Path, folder: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run a script on a frozen backbone in so many processes, which share what the backbone computes."""
    flags = ["--backbone", backbone, "--dataset", tweets, "--max_length", "24", "--unfreeze_from", "none"]
    flags += ["--bf16", "false", "--use_cpu", "true", "--disable_tqdm", "true", "--output_dir", folder, *more]
    module = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)] * (processes > 1)
    argv = [sys.executable, *module, str(script), *map(str, flags)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300)


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the results and the weights of a run."""
    return json.loads((folder / "all_results.json").read_text()), load_file(folder / "model.safetensors")


@pytest.mark.nightly
@pytest.mark.parametrize("cache", ["off", "auto"], ids=["each computes its share", "what is stored is read"])
def test_two_processes_solve_what_one_solves(cache: str, tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    more = ("--ngrams", "1", "2", "--feature_cache", cache)
    for number in (1, 2):
        done = run(number, ROOT / "recipes" / "fakenews.py", tiny_backbone, tweets, tmp_path / str(number), *more)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("\nSolved head: ") == 1
    (one, weights), (two, others) = (read_run(tmp_path / number) for number in ("1", "2"))
    assert two["temperature"] == pytest.approx(one["temperature"], abs=1e-4)
    for name in ("test_loss", "test_accuracy", "eval_loss", "eval_accuracy"):
        assert two[name] == pytest.approx(one[name], abs=1e-5), name
    assert weights.keys() == others.keys()
    assert any("ngrams" in key for key in weights)
    for key, values in weights.items():
        np.testing.assert_allclose(values.numpy(), others[key].numpy(), rtol=1e-3, atol=1e-4, err_msg=key)


@pytest.mark.nightly
def test_what_stops_one_process_stops_all(tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    """The main process alone solves: where it cannot, the other one does not wait for its head."""
    worker = Path(__file__).parent / "solve_worker.py"
    done = run(2, worker, tiny_backbone, tweets, tmp_path / "run", "--feature_cache", "off")
    for number in (0, 1):
        assert f"Process {number}: There is no such head." in done.stdout, done.stderr[-3000:]
    assert not (tmp_path / "run" / "manifest.json").exists()
