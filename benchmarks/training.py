"""Training with hfkit against the plain `transformers.Trainer`: seconds, their ratio, and the accuracy of both.

    python benchmarks/training.py --rows linear bigru --texts FOLDER --images train.parquet

Three sides train the same model on the same rows with the same head, optimizer, batch, learning rate and number of epochs:

- default: `transformers.Trainer` as its text-classification example runs it (texts padded to 128 tokens, float32), the same
  layers frozen by `requires_grad = False`;
- tuned: the same with dynamic padding, and with bfloat16 where this machine has instructions for it;
- hfkit: the recipe, with an empty feature cache.

Each side runs in a process of its own, by turns, twice. hfkit trains to the end, and its pass through the frozen layers is
part of its time, as is resizing the training images, which it keeps; the other sides run 50 steps each turn, from which their
time follows, and decode and resize images in each step. Imports, tokenising and the check of the images count for none.
With --accuracy the default side and hfkit train to the end once and are tested, without being timed. Results are printed and kept
as JSON; what is there of other rows, and of the other kind, stays.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

TURNS = 2
STEPS = 50
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Row:
    """One comparison: a recipe, its flags, and the ratios that it aims at (default side, tuned side)."""

    recipe: str
    flags: str
    aims: tuple[float, float]


HEAD = "--backbone minilm --unfreeze_from none --head_learning_rate 1e-3 --num_train_epochs 10"
TEXT = "--backbone minilm --head linear --learning_rate 1e-4 --head_learning_rate 1e-4 --num_train_epochs"
RATES = "--learning_rate 1e-4 --head_learning_rate 1e-4"
IMAGES = "--augment none --weights none --validation_fraction 0.02 --test_fraction 0.02 --num_train_epochs"
IMAGE = f"{RATES} {IMAGES}"
POOLER = "--pooling pooler"  # what heads stood on when the accuracies of the page were measured
ROWS = {
    "linear": Row("fakenews", f"{HEAD} --head linear {POOLER}", (45, 15)),
    "bigru": Row("fakenews", f"{HEAD} --head bigru", (13, 5)),
    "layer": Row("fakenews", f"{TEXT} 5 --unfreeze_from encoder.layer.5 {POOLER}", (5, 2.5)),
    "full": Row("fakenews", f"{TEXT} 1 --unfreeze_from all --max_train_samples 1280 {POOLER}", (4.5, 2.5)),
    "deit": Row(
        "cifar10",
        f"{IMAGE} 5 --backbone deit_tiny_distilled_patch16_224 --unfreeze_from blocks.11 --max_train_samples 1000",
        (4, 2.5),
    ),
    "vgg19": Row(
        "cifar10",
        f"{IMAGE} 10 --backbone vgg19 --image_size 32 --unfreeze_from features.28 --max_train_samples 5000",
        (3.5, 2.7),
    ),
    "densenet201": Row(
        "cifar10",
        f"{IMAGE} 10 --backbone densenet201 --image_size 64 --unfreeze_from features.denseblock4 --max_train_samples 1000",
        (2, 1.7),
    ),
    "efficientnet": Row(
        "cifar10",
        f"{IMAGES} 10 --backbone efficientnet_lite0 --weights default --image_size 128 --head mlp "
        "--unfreeze_from none "
        "--max_train_samples 2000 --head_learning_rate 1e-3",
        (8, 6),
    ),
}


def import_recipe(row: Row) -> Any:
    """Import the recipe of a row."""
    sys.path.insert(0, str(ROOT / "recipes"))
    return __import__(row.recipe)


def time_calls(module: Any, name: str) -> list[float]:
    """Return a list to which the named function of a module adds the seconds of each of its calls."""
    function, seconds = getattr(module, name), []

    def timed(*arguments: Any) -> Any:
        """Call the function, and note the time."""
        started = time.perf_counter()
        result = function(*arguments)
        seconds.append(time.perf_counter() - started)
        return result

    setattr(module, name, timed)
    return seconds


def run_hfkit(row: Row, argv: list[str], test: bool) -> dict[str, Any]:
    """Run the recipe with an empty cache; it tests the whole test split only if asked."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        os.environ["HF_DATASETS_CACHE"] = f"{folder}/datasets"  # read when the recipe imports `datasets`
        recipe = import_recipe(row)
        resizing = time_calls(import_module("hfkit.data.resized"), "_resized")  # train is the first split
        more = f"--feature_cache {folder}/cache --output_dir {run} --eval_strategy no --save_strategy no --seed 1"
        more += " --load_best_model_at_end false --disable_tqdm true"
        recipe.main([*argv, *more.split()])
        results = json.loads((run / "all_results.json").read_text())
        trained = json.loads((run / "trainer_state.json").read_text())
    feature_seconds = results.get("train_feature_seconds", 0.0) + sum(resizing[:1])
    return {
        "seconds": results["train_runtime"] + feature_seconds,
        "feature_seconds": feature_seconds,
        "steps": trained["global_step"],
        "accuracy": results["test_accuracy"] if test else None,
    }


def run_plain(row: Row, argv: list[str], tuned: bool, steps: int, test: bool) -> dict[str, Any]:
    """Train with the plain Trainer for so many steps, or with -1 to the end, and return the seconds of the whole training."""
    import torch
    from transformers import Trainer, TrainingArguments, set_seed

    from hfkit.flags.parsing import parse_recipe
    from hfkit.models import encoders

    text = row.recipe == "fakenews"
    task = import_module("hfkit.tasks.text" if text else "hfkit.tasks.image")
    arguments = parse_recipe(argv, task.TEXT if text else task.IMAGE, task.DEMO, task.DEFAULTS)[0]
    set_seed(1)
    model, inputs, collator = (text_task if text else image_task)(arguments, tuned)
    encoders.part_size = lambda device: sys.maxsize  # other encoders compute a batch as a whole
    freeze(model, arguments.model.unfreeze_from)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=arguments.training.num_train_epochs,
                max_steps=steps,
                per_device_train_batch_size=arguments.training.per_device_train_batch_size,
                learning_rate=arguments.training.head_learning_rate,  # that of the backbone too
                weight_decay=0.01,
                warmup_steps=0.1,
                bf16=bool(tuned and arguments.training.bf16),
                use_cpu=not torch.accelerator.is_available(),
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                remove_unused_columns=text,
                seed=1,
            ),
            train_dataset=inputs["train"],
            data_collator=collator,
        )
        whole = len(trainer.get_train_dataloader()) * arguments.training.num_train_epochs
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        accuracy = None
        if test:
            outcome = trainer.predict(inputs["test"])
            accuracy = float((outcome.predictions.argmax(-1) == outcome.label_ids).mean())
    return {"seconds": seconds * (whole / steps if steps > 0 else 1), "steps": int(whole), "accuracy": accuracy}


def text_task(arguments: Any, tuned: bool) -> tuple[Any, Any, Any]:
    """Return model, tokenised splits and collator of the plain sides."""
    from transformers import DataCollatorWithPadding

    from hfkit.backbones.text import build_text_classifier
    from hfkit.data.text import load_text_data
    from hfkit.data.tokens import Reading, tokenize

    data = load_text_data(arguments.data)
    model, tokenizer, _ = build_text_classifier(arguments.model, arguments.data, data.label_names)
    inputs, _ = tokenize(data.splits, tokenizer, Reading.of(model.config))
    padding = {"padding": True} if tuned else {"padding": "max_length", "max_length": arguments.data.max_length}
    return model, inputs.remove_columns("length"), DataCollatorWithPadding(tokenizer, **padding)


def image_task(arguments: Any, tuned: bool) -> tuple[Any, Any, Any]:
    """Return model, images and collator of the plain sides; both have the default order of channels."""
    import torch
    from transformers import default_data_collator

    from hfkit.backbones.image import build_image_classifier
    from hfkit.data.images import load_image_data
    from hfkit.data.transforms import BatchTransform

    data = load_image_data(arguments.data)
    model, processor, _ = build_image_classifier(arguments.model, arguments.data.image_size, data.label_names)
    model.to(memory_format=torch.contiguous_format)
    return model, data.splits.with_transform(BatchTransform(processor)), default_data_collator


def freeze(model: Any, unfreeze_from: str) -> None:
    """Freeze as people do by hand: `requires_grad = False` in front of a layer."""
    names = [name for name, _ in model.backbone.named_parameters()]
    first = {"none": len(names), "all": 0}.get(unfreeze_from)
    if first is None:
        first = next(index for index, name in enumerate(names) if name.startswith(f"{unfreeze_from}."))
    for name in names[:first]:
        model.backbone.get_parameter(name).requires_grad = False


def measure(name: str, side: str, argv: list[str], steps: int, test: bool) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--rows", name, "--steps", str(steps), *(["--test"] * test)]
    finished = subprocess.run([*command, "--", *argv], capture_output=True, text=True)
    if finished.returncode != 0:
        raise SystemExit(f"{side} side of {name}: {finished.stderr[-2000:]}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def compare(name: str, argv: list[str]) -> dict[str, Any]:
    """Time all sides of a row by turns."""
    seconds: dict[str, list[float]] = {"default": [], "tuned": [], "hfkit": []}
    result: dict[str, Any] = {"flags": ROWS[name].flags, "aims": ROWS[name].aims}
    for _ in range(TURNS):
        for side in seconds:
            measured = measure(name, side, argv, STEPS, test=False)
            seconds[side].append(measured["seconds"])
            result["steps"] = measured["steps"]
            if side == "hfkit":
                result["feature_seconds"] = measured["feature_seconds"]
    result["seconds"] = seconds
    result["median"] = {side: statistics.median(values) for side, values in seconds.items()}
    result["ratio"] = {side: result["median"][side] / result["median"]["hfkit"] for side in ("default", "tuned")}
    return result


def test_both(name: str, argv: list[str]) -> dict[str, Any]:
    """Train the default side and hfkit to the end, and return the accuracy of each on the test split."""
    return {"accuracy": {side: measure(name, side, argv, -1, test=True)["accuracy"] for side in ("default", "hfkit")}}


def show(results: dict[str, Any]) -> None:
    """Print one table."""
    table = Table(
        "row", "default s", "tuned s", "hfkit s", "default / hfkit", "tuned / hfkit", "accuracy default, hfkit"
    )
    for name, result in results.items():
        accuracies = [result.get("accuracy", {}).get(side) for side in ("default", "hfkit")]
        times = ["-"] * 5
        if "median" in result:
            times = [f"{result['median'][side]:.1f}" for side in ("default", "tuned", "hfkit")]
            aims = zip(result["ratio"].values(), result["aims"], strict=True)
            times += [f"{ratio:.1f} (aim {aim:g})" for ratio, aim in aims]
        table.add_row(name, *times, ", ".join("-" if value is None else f"{value:.4f}" for value in accuracies))
    Console(width=130).print(table)


def main() -> None:
    """Compare the rows, or run one side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument(
        "--images", default="cifar10", help="Parquet file of CIFAR-10's training images; default: the Hub's."
    )
    parser.add_argument("--accuracy", action="store_true", help="Train to the end and test, in place of timing.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/training.json"))
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--test", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("argv", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        row = ROWS[given.rows[0]]
        result = (
            run_hfkit(row, given.argv, given.test)
            if given.side == "hfkit"
            else run_plain(row, given.argv, given.side == "tuned", given.steps, given.test)
        )
        print(json.dumps(result))
        return
    results = json.loads(given.output.read_text()) if given.output.exists() else {}
    for name in given.rows:
        dataset = given.texts if ROWS[name].recipe == "fakenews" else given.images
        argv = [*ROWS[name].flags.split(), "--dataset", dataset]
        results[name] = results.get(name, {}) | (test_both if given.accuracy else compare)(name, argv)
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(results, indent=2))
        show({name: results[name]})
    show(results)


if __name__ == "__main__":
    main()
