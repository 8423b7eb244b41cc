"""Seconds of a pass through frozen layers by the rows of a batch, in bfloat16 where this machine has instructions for it.

    python benchmarks/batch_size.py --texts FOLDER

MiniLM reads 1,280 of the training tweets, sorted by length as a pass does it; the nets read made-up images, 256 of them, or 512
below 100 pixels. Each size is tried three times by turns, and its best time counts.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from rich.console import Console
from rich.table import Table
from transformers import DataCollatorWithPadding, default_data_collator

from hfkit.backbones.image import build_image_classifier
from hfkit.backbones.text import build_text_classifier
from hfkit.data.batching import iter_batches
from hfkit.data.text import load_text_data
from hfkit.data.tokens import Reading, tokenize
from hfkit.flags.arguments import TextDataArguments, TextModelArguments
from hfkit.flags.kinds import IMAGE
from hfkit.flags.parsing import parse_recipe
from hfkit.machine import bfloat16_is_fast, use_all_cores
from hfkit.models.base import BackboneClassifier
from hfkit.tasks.image import DEFAULTS, DEMO

SIZES = (8, 16, 32, 64, 128, 256)
TURNS = 3
NETS = {  # size of the images, and the stage that a pass ends at
    "deit_tiny_distilled_patch16_224": (224, "blocks.11"),
    "vgg19": (32, "features.28"),
    "densenet201": (64, "features.denseblock4"),
    "efficientnet_lite0": (128, "classifier"),
}
Task = tuple[BackboneClassifier, str, Dataset, Callable[..., dict[str, torch.Tensor]]]


def text_task(folder: str) -> Task:
    """Return MiniLM, the stage in front of its head, and tweets."""
    options = TextDataArguments(dataset=folder, max_train_samples=1_280)
    data = load_text_data(options)
    model, tokenizer, _ = build_text_classifier(TextModelArguments(backbone="minilm"), options, data.label_names)
    inputs, _ = tokenize(data.splits, tokenizer, Reading.of(model.config))
    return model, "classifier", inputs["train"], DataCollatorWithPadding(tokenizer)


def image_task(backbone: str) -> Task:
    """Return a net without weights, the stage that it is cut at, and noise."""
    pixels, stage = NETS[backbone]
    argv = ["--backbone", backbone, "--weights", "none", "--image_size", str(pixels), "--dataset", "noise"]
    arguments = parse_recipe(argv, IMAGE, DEMO, DEFAULTS)[0]
    model, _, _ = build_image_classifier(arguments.model, pixels, ["a", "b"])
    noise = np.random.default_rng(0).random((512 if pixels < 100 else 256, 3, pixels, pixels), np.float32)
    return model, stage, Dataset.from_dict({"pixel_values": noise}).with_format("numpy"), default_data_collator


def seconds_by_size(task: Task) -> dict[int, float]:
    """Time a pass with batches of each size, reading them excluded."""
    model, stage, rows, collator = task
    model.to(memory_format=torch.channels_last).eval()
    best = dict.fromkeys(SIZES, float("inf"))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_fast(use_cpu=True)):
        for size in SIZES * TURNS:
            batches = [batch for _, batch in iter_batches(rows, collator, size, torch.device("cpu"))]
            started = time.perf_counter()
            for batch in batches:
                model.forward_to(stage, **batch)
            best[size] = min(best[size], time.perf_counter() - started)
    return best


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/batch_size.json"))
    given = parser.parse_args()
    use_all_cores()
    results = {"minilm": seconds_by_size(text_task(given.texts))}
    results |= {backbone: seconds_by_size(image_task(backbone)) for backbone in NETS}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(results, indent=2))
    table = Table("seconds of a pass", *map(str, SIZES))
    for name, best in results.items():
        table.add_row(name, *(f"{seconds:.2f}" for seconds in best.values()))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
