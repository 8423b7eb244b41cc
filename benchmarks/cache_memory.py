"""Memory of a run with the feature cache: the peaks of its anonymous memory with few rows and with many.

    python benchmarks/cache_memory.py --texts FOLDER --images train.parquet

Texts: a BERT of one layer (width 128) under a BiGRU head is frozen, so that the tokens of all rows are stored; the training
tweets are repeated (--times 1 156 for a million). Images: a VGG19 of random weights trains from `features.28`, at 32 pixels, on
the first 5,000 and on all 50,000 of CIFAR-10.

Rows are read, checked and encoded first, which takes memory for each row; then it is given back, and the frozen part runs and
the rest trains. A second run finds rows and states. What a run maps from disk is not anonymous; the system takes it back when it
needs the room.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet
from rich.console import Console
from rich.table import Table

IMAGES = (5_000, 50_000)
ROOT = Path(__file__).parent.parent
SHORT_RUN = "--max_steps 200 --disable_tqdm true --eval_strategy no --save_strategy no --load_best_model_at_end false"


def anonymous_megabytes() -> float:
    """Return the anonymous memory of this process now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1000


def run(recipe: str, argv: list[str]) -> None:
    """Run a recipe in this process, and print the peaks of its memory while it reads, while it trains, and after that."""
    sys.path.insert(0, str(ROOT / "recipes"))
    module = import_module(recipe)
    peaks, phases = {"reading": 0.0, "training": 0.0, "evaluating": 0.0}, ["reading"]

    def begin(phase: str, of: Any, name: str) -> None:
        """Let a phase begin when a function of a module has been called."""
        function: Callable[..., Any] = getattr(of, name)

        def announced(*arguments: Any) -> Any:
            """Call the function, then note the phase."""
            result = function(*arguments)
            phases.append(phase)
            return result

        setattr(of, name, announced)

    def watch() -> None:
        """Look every 20 ms."""
        while True:
            peaks[phases[-1]] = max(peaks[phases[-1]], anonymous_megabytes())
            time.sleep(0.02)

    begin("training", import_module("hfkit.features.inputs"), "give_back_memory")
    begin("evaluating", import_module("hfkit.training.finish"), "_save")
    threading.Thread(target=watch, daemon=True).start()
    module.main(argv)
    print(json.dumps(peaks))


def measure(recipe: str, argv: str, rows: int, folder: Path) -> list[dict[str, Any]]:
    """Run a recipe on so many rows, twice, in processes of their own, with caches below `folder` that are empty at first."""
    environment = {**os.environ, "HF_DATASETS_CACHE": f"{folder}/datasets"}
    results = []
    for turn in ("first", "second"):
        where = f"--feature_cache {folder}/cache --output_dir {folder}/{turn} {SHORT_RUN}"
        command = [sys.executable, __file__, "--run", recipe, *argv.split(), *where.split()]
        finished = subprocess.run(command, capture_output=True, text=True, env=environment)
        if finished.returncode != 0:
            raise SystemExit(finished.stderr[-2000:])
        stored = sum(file.stat().st_size for file in (folder / "cache").rglob("states.bin")) / 1e6
        peaks = json.loads(finished.stdout.splitlines()[-1])
        results.append({"rows": rows, "run": turn, "stored_mb": stored, "peak_mb": peaks})
    return results


def measure_texts(texts: Path, times: int) -> list[dict[str, Any]]:
    """Measure with the training tweets repeated so many times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_backbone(folder / "backbone")
        (folder / "texts").mkdir()
        for split in ("validation", "test"):
            shutil.copy(texts / f"{split}.csv", folder / "texts")
        train = pd.concat([pd.read_csv(texts / "train.csv")] * times)
        train.to_csv(folder / "texts" / "train.csv", index=False)
        argv = f"--backbone {folder}/backbone --dataset {folder}/texts --unfreeze_from none --head bigru"
        return measure("fakenews", argv, len(train), folder)


def write_backbone(folder: Path) -> None:
    """Write a small BERT with MiniLM's tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    from hfkit.backbones.packaged import locate_backbone

    tokenizer = AutoTokenizer.from_pretrained(locate_backbone("minilm"))
    sizes = {"hidden_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 128}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def measure_images(images: Path, rows: int) -> list[dict[str, Any]]:
    """Measure with the first rows of a file."""
    flags = "--backbone vgg19 --weights none --image_size 32 --unfreeze_from features.28 --augment none"
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "train.parquet"
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(images).slice(0, rows), file)
        return measure("cifar10", f"{flags} --dataset {file}", rows, Path(name))


def show(results: dict[str, Any]) -> None:
    """Print one table; each kind of rows is compared with the first run of its kind."""
    table = Table("rows", "run", "stored MB", *(f"peak MB, {phase}" for phase in ("reading", "training", "evaluating")))
    for kind, sizes in results.items():
        for result in sizes:
            peaks = [
                f"{peak:,.0f} ({peak / sizes[0]['peak_mb'][phase]:.2f})" for phase, peak in result["peak_mb"].items()
            ]
            table.add_row(f"{result['rows']:,} {kind}", result["run"], f"{result['stored_mb']:,.0f}", *peaks)
    Console(width=120).print(table)


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="Folder with train.csv, validation.csv and test.csv of the tweets.")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16], help="How often the tweets are repeated.")
    parser.add_argument("--images", type=Path, help="Parquet file of CIFAR-10's training images.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/cache_memory.json"))
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(given.run[0], given.run[1:])
        return
    if not (given.texts or given.images):
        parser.error("name --texts, --images or both")
    results = json.loads(given.output.read_text()) if given.output.exists() else {}
    if given.texts:
        results["tweets"] = [result for times in given.times for result in measure_texts(given.texts, times)]
    if given.images:
        results["images"] = [result for rows in IMAGES for result in measure_images(given.images, rows)]
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(results, indent=2))
    show(results)


if __name__ == "__main__":
    main()
