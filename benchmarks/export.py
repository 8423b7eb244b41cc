"""One text at a time: PyTorch in float32, and the same model exported to ONNX, in float32 and in int8.

    python benchmarks/export.py --texts FOLDER

MiniLM with a linear head, solved on the tweets as by `hfkit train text`, then exported as by `hfkit export`; the 2,140 test
tweets one by one, the three ways by turns in one process, three times; the median counts. Each way starts from the text as it
is, cleaning and tokenising included, and PyTorch runs without anything around the net.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hfkit.data.text import load_text_data
from hfkit.evaluation.intervals import accuracy_interval, with_interval
from hfkit.export.request import ExportRequest
from hfkit.export.run import export_model
from hfkit.flags.arguments import TextDataArguments
from hfkit.models.cleaning import clean
from hfkit.prediction.loading import open_pipeline
from hfkit.prediction.onnx_predictor import OnnxPredictor
from hfkit.tasks.text import train_texts

TURNS = 3
NAMES = {"onnx": "float32", "int8": "int8"}
FLAGS = "--backbone minilm --head linear --unfreeze_from none --solver convex --ngrams none --baselines false".split()


def main() -> None:
    """Train, export, measure and print the three ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--run", type=Path, help="A finished run to export; default: one is trained.")
    parser.add_argument("--rows", type=int, default=2140, help="How many of the test tweets.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/export.json"))
    given = parser.parse_args()
    test = load_text_data(TextDataArguments(dataset=given.texts)).splits["test"]
    rows = test.select(range(min(given.rows, len(test))))
    texts, labels = list(rows["text"]), np.array(rows["label"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = given.run or _train(given.texts, folder / "run")
        export_model(ExportRequest(str(run), folder / "onnx"), Console())
        export_model(ExportRequest(str(run), folder / "int8", int8=True), Console())
        by_torch = _make_torch_way(str(run))
        models = {kind: OnnxPredictor.open(folder / kind, batch_size=1).scorer.model for kind in NAMES}
        megabytes = {"PyTorch float32": (run / "model.safetensors").stat().st_size / 1e6}
        megabytes |= {f"ONNX {NAMES[kind]}": (folder / kind / "model.onnx").stat().st_size / 1e6 for kind in NAMES}
    ways: dict[str, Callable[[str], np.ndarray]] = {
        "PyTorch float32": by_torch,
        "ONNX float32": lambda text: np.asarray(models["onnx"].run([models["onnx"].prepare(text)])),
        "ONNX int8": lambda text: np.asarray(models["int8"].run([models["int8"].prepare(text)])),
    }
    seconds, logits = _measure(ways, texts)
    _report(seconds, logits, labels, megabytes, given.output)


def _train(texts: str, folder: Path) -> Path:
    """Solve a linear head on the frozen MiniLM, and return the run's folder."""
    train_texts([*FLAGS, "--dataset", texts, "--output_dir", str(folder)], None)
    return folder


def _make_torch_way(run: str) -> Callable[[str], np.ndarray]:
    """Return what maps a text to its logits (1, classes) by PyTorch on the CPU."""
    pipeline = open_pipeline(run)
    model, tokenizer = pipeline.model.to("cpu").eval(), pipeline.tokenizer
    options = {"truncation": True, "max_length": model.config.max_length, "return_token_type_ids": False}

    @torch.inference_mode()
    def classify(text: str) -> np.ndarray:
        """Clean, tokenise and classify."""
        encoded = tokenizer([clean(text, model.config.cleaning)], return_tensors="pt", **options)
        return np.asarray(model(**encoded).logits.numpy())

    return classify


def _measure(
    ways: dict[str, Callable[[str], np.ndarray]], texts: list[str]
) -> tuple[dict[str, list[float]], dict[str, np.ndarray]]:
    """Return the seconds of each turn, and the logits (texts, classes), of each way."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    logits: dict[str, np.ndarray] = {}
    for way in ways.values():
        way(texts[0])  # the first one is slower
    for _ in range(TURNS):
        for name, way in ways.items():
            start = time.perf_counter()
            logits[name] = np.concatenate([way(text) for text in texts])
            seconds[name].append(time.perf_counter() - start)
    return seconds, logits


def _report(
    seconds: dict[str, list[float]],
    logits: dict[str, np.ndarray],
    labels: np.ndarray,
    megabytes: dict[str, float],
    output: Path,
) -> None:
    """Write the measured values, and print them as a table."""
    median = {name: statistics.median(values) / len(labels) * 1000 for name, values in seconds.items()}
    own = next(iter(median))
    table = Table("way", "ms a text", "times as fast", "MB", "accuracy", "same label")
    results: dict[str, dict[str, object]] = {}
    for name, milliseconds in median.items():
        right = int((logits[name].argmax(axis=1) == labels).sum())
        interval = accuracy_interval(right, len(labels))
        same = float((logits[name].argmax(axis=1) == logits[own].argmax(axis=1)).mean())
        accuracy = with_interval(right / len(labels), *interval)
        speed = median[own] / milliseconds
        table.add_row(name, f"{milliseconds:.2f}", f"{speed:.2f}", f"{megabytes[name]:.1f}", accuracy, f"{same:.2%}")
        results[name] = {"milliseconds": milliseconds, "seconds": seconds[name], "megabytes": megabytes[name]}
        results[name] |= {"accuracy": right / len(labels), "interval": interval, "same_label": same}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"threads": torch.get_num_threads(), "rows": len(labels), "ways": results}, indent=2))
    Console(width=120).print(f"{len(labels)} tweets, one at a time, {torch.get_num_threads()} threads", table)


if __name__ == "__main__":
    main()
