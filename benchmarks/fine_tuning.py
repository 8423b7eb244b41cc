"""Accuracy against minutes: fine-tuning from a random head and from the solved head, LoRA, a BiGRU, and the solved head alone.

    python benchmarks/fine_tuning.py --texts FOLDER
    python benchmarks/fine_tuning.py --images FOLDER --flags "--weights none --max_train_samples 1000"

MiniLM on texts (LP-FT, Kumar et al. 2022, arXiv 2202.10054, beside plain fine-tuning; LoRA, Hu et al. 2021, arXiv 2106.09685), or
DeiT-tiny on images, with a linear head. Each seed of each way is a process of its own with empty caches. The minutes of an epoch
are those since its process began, the pass and the solving of the head included. Memory is the most that PyTorch held on a GPU at
once, or, without one, the largest of the whole process.
Accuracy after each epoch is on validation, that of the kept epoch on test. Results are printed, kept as JSON, and drawn; the same
command goes on where it was.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
SOLVED = "solved head alone"
WAYS = {
    "all layers, random head": "--head linear",
    "all layers, from the solved head": "--head linear --solver both",
    "LoRA, random head": "--head linear --peft lora",
    SOLVED: "--unfreeze_from none",
    "all layers, BiGRU": "--head bigru",
    "all layers, BiGRU, n-grams": "--head bigru --ngrams auto",
}
"""Flags of each way."""
MEASURED = """
import atexit, runpy, sys, torch
if torch.cuda.is_available():
    atexit.register(lambda: print("GPU memory:", torch.cuda.max_memory_allocated()))
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a recipe and tells what it took of a GPU."""


def train(way: str, seed: int, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Train once, and return a row for each epoch, with what the whole process took and reached in each row."""
    recipe, data, backbone = (
        ("cifar10.py", given.images, "deit_tiny_patch16_224")
        if given.images
        else ("fakenews.py", given.texts, "minilm")
    )
    with tempfile.TemporaryDirectory() as place:
        flags = f"--backbone {backbone} {WAYS[way]} {given.flags} --seed {seed} --baselines false --disable_tqdm true"
        folders = ["--dataset", data, "--feature_cache", f"{place}/features", "--output_dir", f"{place}/run"]
        command = [sys.executable, "-u", "-c", MEASURED, str(ROOT / "recipes" / recipe), *flags.split(), *folders]
        if way != SOLVED:  # solving has no epochs
            command += ["--num_train_epochs", str(given.epochs)]
        ends, memory = measure(command, {**os.environ, "HF_DATASETS_CACHE": f"{place}/datasets"})
        results = json.loads(Path(f"{place}/run/all_results.json").read_text())
        epochs = Path(f"{place}/run/report/epochs.csv")
        accuracies = list(pd.read_csv(epochs)["eval_accuracy"]) if len(ends) > 1 else [results["eval_accuracy"]]
    whole = {
        "trainable": results["trainable_parameters"] / results["total_parameters"],
        "memory_gb": memory / 1e9,
        "whole_minutes": ends.pop(),
        "test_accuracy": results["test_accuracy"],
    }
    minutes = ends or [whole["whole_minutes"]]
    return [
        {"way": way, "seed": seed, "epoch": epoch, "minutes": end, "accuracy": accuracy, **whole}
        for epoch, (end, accuracy) in enumerate(zip(minutes, accuracies, strict=True), start=1)
    ]


def measure(command: list[str], environment: dict[str, str]) -> tuple[list[float], int]:
    """Run a command, and return the minutes until the end of each epoch and of the whole, and the bytes of its memory at most."""
    ends: list[float] = []
    on_gpu = 0
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"Epoch {len(ends) + 1}: validation"):
            ends.append((time.perf_counter() - started) / 60)
        if line.startswith("GPU memory:"):
            on_gpu = int(line.split()[-1])
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"exit code {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return [*ends, (time.perf_counter() - started) / 60], on_gpu or usage.ru_maxrss * 1024


def draw(path: Path, table: pd.DataFrame, net: str) -> None:
    """Draw a line for each seed, and a colour for each way."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axis = figure.subplots()
    for number, (way, rows) in enumerate(table.groupby("way", sort=False)):
        for first, (_, run) in enumerate(rows.groupby("seed")):
            label = None if first else f"{way}, seeds {', '.join(map(str, sorted(rows['seed'].unique())))}"
            axis.plot(run["minutes"], run["accuracy"], "o-", color=f"C{number}", label=label)
    axis.set(xlabel="minutes", ylabel="accuracy on validation", title=f"{net}, a point for each epoch")
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=150)


def show(table: pd.DataFrame) -> None:
    """Print means over the seeds, with the lowest and the highest."""
    shown = Table("way", "trains", "memory", "minutes", "validation by epoch", "test accuracy of the kept epoch")
    for way, rows in table.groupby("way", sort=False):
        runs = rows.groupby("seed").first()
        shown.add_row(
            str(way),
            f"{runs['trainable'].mean():.1%}",
            f"{runs['memory_gb'].mean():.1f} GB",
            f"{runs['whole_minutes'].mean():.2f}",
            ", ".join(f"{each:.4f}" for each in rows.groupby("epoch")["accuracy"].mean()),
            _spread(runs["test_accuracy"]),
        )
    Console(width=140).print(shown)


def _spread(values: "pd.Series[float]") -> str:
    return f"{values.mean():.4f} ({values.min():.4f} to {values.max():.4f})"


def main() -> None:
    """Run every way with each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--images", default="", help="Folder of images, in place of texts.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS)[:4], help="Default: all without a BiGRU.")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--flags", default="", help="More flags of the recipe, for all ways.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/fine_tuning.json"))
    given = parser.parse_args()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = json.loads(given.output.read_text()) if given.output.exists() else []
    done = {(row["way"], row["seed"]) for row in rows}
    for seed, way in itertools.product(given.seeds, given.ways):
        if (way, seed) not in done:
            rows += train(way, seed, given)
            given.output.write_text(json.dumps(rows, indent=2))
    table = pd.DataFrame(rows)
    draw(given.output.with_suffix(".png"), table, "DeiT-tiny" if given.images else "MiniLM")
    show(table)


if __name__ == "__main__":
    main()
