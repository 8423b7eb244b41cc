"""Predicting texts: `.predict` of what `load_pipeline` returns, the code of `hfkit predict`, against `pipeline()`.

    python benchmarks/prediction.py --texts FOLDER

MiniLM with a linear head on the 2,140 test tweets, by turns in one process, three times; the median counts. Each way starts from
the texts as they are, cleaning and tokenising included, and all give the same scores. `pipeline()` is called with one text at a
time, and with batch_size=32.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hfkit import load_pipeline
from hfkit.backbones.text import build_text_classifier
from hfkit.data.text import load_text_data
from hfkit.flags.arguments import TextDataArguments, TextModelArguments

TURNS = 3
HFKIT = "hfkit, predict"


def main() -> None:
    """Measure and print the three ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/prediction.json"))
    given = parser.parse_args()
    options = TextDataArguments(dataset=given.texts)
    data = load_text_data(options)
    texts = list(data.splits["test"]["text"])
    model, tokenizer, _ = build_text_classifier(TextModelArguments(backbone="minilm"), options, data.label_names)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        classify = load_pipeline(folder)
    second = model.config.id2label[1]

    def read_score(result: list[dict[str, float | str]]) -> float:
        """Return the score of the second label."""
        return next(float(entry["score"]) for entry in result if entry["label"] == second)

    ways: dict[str, Callable[[], np.ndarray]] = {
        HFKIT: lambda: classify.predict(texts)[f"score_{second}"].to_numpy(),
        "pipeline, one text at a time": lambda: np.array([read_score(classify(text, top_k=None)) for text in texts]),
        "pipeline, batch_size=32": lambda: np.array(
            [read_score(result) for result in classify(texts, batch_size=32, top_k=None)]
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    scores = {}
    for _ in range(TURNS):
        for name, way in ways.items():
            start = time.perf_counter()
            scores[name] = way()
            seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    own = median[HFKIT]
    differences = {name: float(np.abs(scores[name] - scores[HFKIT]).max()) for name in ways}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps({"seconds": seconds, "median": median, "differences": differences}, indent=2))
    table = Table("way", "seconds", "ratio to hfkit", "largest difference of a score")
    for name in ways:
        table.add_row(name, f"{median[name]:.1f}", f"{median[name] / own:.2f}", f"{differences[name]:.1e}")
    Console(width=120).print(f"{len(texts)} tweets", table)


if __name__ == "__main__":
    main()
