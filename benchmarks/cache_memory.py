"""Memory of a run with the feature cache: the peaks of its anonymous memory with 1, 4 and 16 times the rows.

    python benchmarks/cache_memory.py --texts FOLDER

A BERT of one layer (width 128) under a BiGRU head is frozen, so that the tokens of all rows are stored; the training tweets are
repeated. Rows are read, checked and tokenised first, which takes memory for each row; then it is given back, and the frozen part
runs and the head trains. What a run maps from disk is not anonymous; the system takes it back when it needs the room.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

TIMES = (1, 4, 16)
ROOT = Path(__file__).parent.parent


def anonymous_megabytes() -> float:
    """Return the anonymous memory of this process now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1000


def run(words: list[str]) -> None:
    """Run the recipe in this process, and print the peaks of its memory while it reads and while it trains."""
    sys.path.insert(0, str(ROOT / "recipes"))
    import fakenews

    training: Any = import_module("hfkit.training")

    peaks, phase = {"reading": 0.0, "training": 0.0}, ["reading"]
    give_back = training.give_back_memory

    def begin_training() -> None:
        """Note that the data is read."""
        give_back()
        phase[0] = "training"

    def watch() -> None:
        """Look every 20 ms."""
        while True:
            peaks[phase[0]] = max(peaks[phase[0]], anonymous_megabytes())
            time.sleep(0.02)

    training.give_back_memory = begin_training
    threading.Thread(target=watch, daemon=True).start()
    fakenews.main(words)
    print(json.dumps(peaks))


def write_backbone(folder: Path) -> None:
    """Write a small BERT with MiniLM's tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    from hfkit.backbones import locate_backbone

    tokenizer = AutoTokenizer.from_pretrained(locate_backbone("minilm"))
    sizes = {"hidden_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 128}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", required=True, help="Folder with train.csv, validation.csv and test.csv.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/cache_memory.json"))
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(given.run)
        return
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_backbone(folder / "backbone")
        (folder / "texts").mkdir()
        for split in ("validation", "test"):
            pd.read_csv(Path(given.texts) / f"{split}.csv").to_csv(folder / "texts" / f"{split}.csv", index=False)
        train = pd.read_csv(Path(given.texts) / "train.csv")
        for times in TIMES:
            pd.concat([train] * times).to_csv(folder / "texts" / "train.csv", index=False)
            words = f"--backbone {folder}/backbone --dataset {folder}/texts --unfreeze_from none --head bigru --max_steps 200 "
            words += f"--feature_cache {folder}/cache{times} --output_dir {folder}/run{times} --disable_tqdm true "
            words += "--eval_strategy no --save_strategy no --load_best_model_at_end false"
            command = [sys.executable, __file__, "--texts", given.texts, "--run", *words.split()]
            finished = subprocess.run(command, capture_output=True, text=True)
            if finished.returncode != 0:
                raise SystemExit(finished.stderr[-2000:])
            stored = sum(file.stat().st_size for file in (folder / f"cache{times}").rglob("states.bin")) / 1e6
            results[times] = {"peak_mb": json.loads(finished.stdout.splitlines()[-1]), "stored_mb": stored}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(results, indent=2))
    table = Table(
        "rows", "stored MB", "peak MB, reading", "against the first", "peak MB, training", "against the first"
    )
    for times, result in results.items():
        cells = [f"{len(train) * times:,}", f"{result['stored_mb']:,.0f}"]
        for phase, peak in result["peak_mb"].items():
            cells += [f"{peak:,.0f}", f"{peak / results[1]['peak_mb'][phase]:.2f}"]
        table.add_row(*cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
