"""Accuracy against minutes: fine-tuning that starts from a solved head, and fine-tuning that starts from a random one.

    python benchmarks/solved_start.py --texts FOLDER

MiniLM with a linear head on all layers that train (LP-FT, Kumar et al. 2022, arXiv 2202.10054, beside plain fine-tuning), each
seed a process of its own with empty caches. The minutes of an epoch are those since its process began, the pass and the solving
of the head included. Accuracy after each epoch is on validation, that of the kept epoch on test. Results are printed, kept as
JSON, and drawn.
"""

import argparse
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
WAYS = {"random head": "", "solved head": "--solver both"}
FLAGS = "--backbone minilm --head linear --baselines false --disable_tqdm true"


def train(way: str, seed: int, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Train once, and return a row for each epoch: minutes since the start, accuracy on validation, and at the end on test."""
    with tempfile.TemporaryDirectory() as place:
        flags = f"{FLAGS} {WAYS[way]} --num_train_epochs {given.epochs} --seed {seed} --output_dir {place}/run"
        more = ["--dataset", given.texts, "--feature_cache", f"{place}/features", *given.flags.split()]
        command = [sys.executable, "-u", str(ROOT / "recipes" / "fakenews.py"), *flags.split(), *more]
        environment = {**os.environ, "HF_DATASETS_CACHE": f"{place}/datasets"}
        ends: list[float] = []
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(f"Epoch {len(ends) + 1}: validation"):
                    ends.append((time.perf_counter() - started) / 60)
        if process.returncode != 0:
            raise SystemExit(f"{way}, seed {seed}: exit code {process.returncode}")
        epochs = pd.read_csv(f"{place}/run/report/epochs.csv")
        results = json.loads(Path(f"{place}/run/all_results.json").read_text())
    return [
        {"way": way, "seed": seed, "epoch": epoch, "minutes": end, "accuracy": accuracy}
        | {"test_accuracy": results["test_accuracy"]}
        for epoch, (end, accuracy) in enumerate(zip(ends, epochs["eval_accuracy"], strict=True), start=1)
    ]


def draw(path: Path, table: pd.DataFrame) -> None:
    """Draw a line for each seed, and a colour for each way."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axis = figure.subplots()
    for number, (way, rows) in enumerate(table.groupby("way", sort=False)):
        for first, (_, run) in enumerate(rows.groupby("seed")):
            label = None if first else f"{way}, seeds {', '.join(map(str, sorted(rows['seed'].unique())))}"
            axis.plot(run["minutes"], run["accuracy"], "o-", color=f"C{number}", label=label)
    axis.set(xlabel="minutes", ylabel="accuracy on validation", title="MiniLM fine-tuned, a point for each epoch")
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=150)


def show(table: pd.DataFrame) -> None:
    """Print means over the seeds, with the lowest and the highest."""
    shown = Table("head at the start", "epoch", "minutes", "validation accuracy", "test accuracy of the kept epoch")
    for (way, epoch), rows in table.groupby(["way", "epoch"], sort=False):
        test = _spread(rows["test_accuracy"]) if epoch == table["epoch"].max() else ""
        shown.add_row(str(way), str(epoch), f"{rows['minutes'].mean():.1f}", _spread(rows["accuracy"]), test)
    Console(width=120).print(shown)


def _spread(values: "pd.Series[float]") -> str:
    return f"{values.mean():.4f} ({values.min():.4f} to {values.max():.4f})"


def main() -> None:
    """Run both ways with each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--flags", default="", help="More flags of the recipe, for both.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/solved_start.json"))
    given = parser.parse_args()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed in given.seeds:
        for way in WAYS:
            rows += train(way, seed, given)
            table = pd.DataFrame(rows)
            given.output.write_text(table.to_json(orient="records", indent=2))
            draw(given.output.with_suffix(".png"), table)
    show(table)


if __name__ == "__main__":
    main()
