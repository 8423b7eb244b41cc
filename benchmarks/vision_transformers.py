"""What TokenLearner and FDViT buy on CIFAR-10 at 32 pixels, and learned tokens in DeiT-small at 224 pixels.

    python benchmarks/vision_transformers.py --speed
    python benchmarks/vision_transformers.py --accuracy --images FOLDER

Small nets of about as many multiply-accumulates: a plain ViT of 8 blocks, the same with 8 or 16 learned tokens in front of block
2, 4 or 6, a net with FDViT's downsampling by the root of two, and one with convolutions of stride 2. The last two are a pair:
they have the same kind of blocks (with a convolution beside the attention), overlapping patches and start, which the ViT does
not have, but not as many parameters. With --accuracy each trains from random weights on 10,000 training images with three seeds,
a run on each core, and is tested on the 10,000 test images; with --speed, which wants the machine for itself, images a second are
measured, by turns. Both keep their results in one JSON file and print one table.
"""

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from scipy import stats
from torch.nn import functional

from hfkit.backbones.image import build_image_classifier
from hfkit.data.images import load_image_data, open_image
from hfkit.flags.image_arguments import ImageDataArguments, ImageModelArguments
from hfkit.machine import available_cores, keep_freed_memory
from hfkit.models.fdvit import FdVitClassifier, FdVitClassifierConfig
from hfkit.models.fdvit_layers import FlexibleDownsampling
from hfkit.models.image import ImageClassifier
from hfkit.models.timm_backbone import TimmClassifier, TimmClassifierConfig
from hfkit.models.token_learner import TokenLearnerClassifier, TokenLearnerClassifierConfig
from hfkit.profile import count_macs, milliseconds_a_row

SEEDS = (1, 2, 3)
TRAIN_ROWS = 10_000
EPOCHS = 2
BATCH_SIZE = 64
TURNS = 3
MEAN, STD = 0.47, 0.25
COMMON: dict[str, Any] = {"image_size": 32, "head": "linear", "head_dropout": 0.0, "num_labels": 10}
VIT = {"patch_size": 4, "embed_dim": 96, "depth": 8, "num_heads": 3}
PYRAMID: dict[str, Any] = {"patch_size": 4, "patch_stride": 2, "drop_path": 0.0, **COMMON}


class StridedConvolution(FlexibleDownsampling):
    """The downsampling of a usual pyramid: a 3x3 convolution of stride 2."""

    def convolve(self, grid: torch.Tensor) -> torch.Tensor:
        """Map (batch, width_in, side_in, side_in) to (batch, width_out, side_out, side_out)."""
        return functional.conv2d(grid, self.conv.weight, self.conv.bias, stride=2, padding=1)


def plain_vit() -> ImageClassifier:
    """Return a ViT without a class token; its features are the mean over the tokens."""
    options = {**VIT, "class_token": False, "global_pool": "avg", "fc_norm": False}
    return TimmClassifier(
        TimmClassifierConfig(backbone_name="vit_tiny_patch16_224", backbone_options=options, **COMMON)
    )


def token_learner(tokens: int, at: int) -> ImageClassifier:
    """Return the same ViT with learned tokens."""
    config = TokenLearnerClassifierConfig(
        backbone_name="vit_tiny_patch16_224",
        backbone_options=VIT,
        class_token=False,
        token_learner_tokens=tokens,
        token_learner_at=at,
        **COMMON,
    )
    return TokenLearnerClassifier(config)


def fdvit(reconstruction_weight: float = 0.03) -> ImageClassifier:
    """Return three stages of 15, 11 and 8 tokens a side, with masked training."""
    sizes = {"heads": (2, 3, 4), "head_sizes": (24, 24, 24), "depths": (2, 2, 2)}
    return FdVitClassifier(FdVitClassifierConfig(reconstruction_weight=reconstruction_weight, **sizes, **PYRAMID))


def strided_pyramid() -> ImageClassifier:
    """Return three stages of 15, 8 and 4 tokens a side, between them convolutions of stride 2."""
    sizes = {"heads": (2, 4, 8), "head_sizes": (24, 24, 24), "depths": (2, 3, 2), "reduction": 2.0}
    model = FdVitClassifier(FdVitClassifierConfig(reconstruction_weight=0.0, **sizes, **PYRAMID))
    for stage in model.backbone.stages[1:]:
        layer = stage.downsample
        stage.downsample = StridedConvolution(
            layer.conv.in_channels, layer.conv.out_channels, layer.side_in, layer.side_out, layer.sampling, None
        )
    return model


MODELS: dict[str, Callable[[], ImageClassifier]] = {
    "ViT, 8 blocks": plain_vit,
    **{
        f"TokenLearner, {tokens} tokens at block {at}": lambda tokens=tokens, at=at: token_learner(tokens, at)  # type: ignore[misc]
        for tokens in (8, 16)
        for at in (2, 4, 6)
    },
    "FDViT, masked training": fdvit,
    "FDViT, no masked training": lambda: fdvit(0.0),
    "stride-2 pyramid": strided_pyramid,
}


@functools.cache
def read_images(folder: str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return train and test as normalised images (rows, 3, 32, 32) and labels."""
    data = load_image_data(ImageDataArguments(dataset=folder, max_train_samples=TRAIN_ROWS))
    images = {}
    for split in ("train", "test"):
        rows = data.splits[split]
        pixels = torch.stack([_pixels(image) for image in rows["image"]])
        images[split] = ((pixels.float() / 255 - MEAN) / STD, torch.tensor(rows["label"]))
    return images


def _pixels(image: Any) -> torch.Tensor:
    opened = open_image(image)
    return torch.frombuffer(bytearray(opened.tobytes()), dtype=torch.uint8).view(32, 32, 3).permute(2, 0, 1)


def train(model: ImageClassifier, images: torch.Tensor, labels: torch.Tensor, epochs: float, seed: int) -> float:
    """Train with AdamW, a one-cycle schedule and random flips; return the images a second."""
    torch.manual_seed(seed)
    steps = int(epochs * (len(images) // BATCH_SIZE))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.1)
    model.train()
    order = torch.cat([torch.randperm(len(images)) for _ in range(int(epochs) + 1)])
    started = time.perf_counter()
    for step in range(steps):
        rows = order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
        batch = torch.where(torch.rand(len(rows), 1, 1, 1) < 0.5, images[rows].flip(-1), images[rows])
        model(batch, labels=labels[rows]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return steps * BATCH_SIZE / (time.perf_counter() - started)


def accuracy(model: ImageClassifier, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of images whose class is predicted."""
    model.eval()
    with torch.inference_mode():
        predictions = torch.cat([model(batch).logits.argmax(-1) for batch in torch.split(images, 256)])
    return float((predictions == labels).float().mean())


def measure_run(name: str, seed: int, folder: str) -> tuple[float, float]:
    """Train a net from a seed, and return its accuracy on the test images, and the seconds that it took."""
    images = read_images(folder)
    torch.manual_seed(seed)
    model, started = MODELS[name](), time.perf_counter()
    train(model, *images["train"], epochs=EPOCHS, seed=seed)
    return accuracy(model, *images["test"]), time.perf_counter() - started


def begin_process() -> None:
    """Give a process one core, and let it keep the memory that it frees."""
    torch.set_num_threads(1)
    keep_freed_memory()


def measure_accuracy(folder: str, results: dict[str, Any], output: Path) -> None:
    """Train all nets with each seed, a run on each core, and keep what is found of each net when it is there."""
    with ProcessPoolExecutor(available_cores(), get_context("spawn"), begin_process) as pool:
        runs = {name: [pool.submit(measure_run, name, seed, folder) for seed in SEEDS] for name in MODELS}
        for name, futures in runs.items():
            accuracies, seconds = zip(*(run.result() for run in futures), strict=True)
            results.setdefault(name, {}).update(accuracy=list(accuracies), seconds=list(seconds))
            output.write_text(json.dumps(results, indent=2))


def measure_speed(results: dict[str, Any]) -> None:
    """Count multiply-accumulates, and measure images a second of all nets by turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in MODELS}
    pixels, labels = torch.randn(20 * BATCH_SIZE, 3, 32, 32), torch.randint(0, 10, (20 * BATCH_SIZE,))
    for _ in range(TURNS):
        for name, rates in times.items():
            model = MODELS[name]()
            rates.append((train(model, pixels, labels, 1, 1), 1000 / milliseconds_a_row(model, BATCH_SIZE)))
    for name, rates in times.items():
        model = MODELS[name]()
        model.drop_training_parts()
        macs, attention = count_macs(model)
        results.setdefault(name, {}).update(
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            macs=macs,
            macs_without_attention=macs - attention,
            training=statistics.median(pair[0] for pair in rates),
            prediction=statistics.median(pair[1] for pair in rates),
        )


def compare_deit(results: dict[str, Any]) -> None:
    """Compare DeiT-small at 224 pixels in batches of 32 with the same net with 8 learned tokens at half its depth."""
    models = {}
    for kind, tokens, at in (("plain", None, None), ("learned", 8, 6)):
        flags = ImageModelArguments(
            "deit_small_patch16_224", "linear", token_learner_tokens=tokens, token_learner_at=at
        )
        flags.weights = "none"
        models[kind] = build_image_classifier(flags, 224, list("ab"))[0]
    rates: dict[str, list[float]] = {kind: [] for kind in models}
    for _ in range(TURNS):
        for kind, model in models.items():
            rates[kind].append(1000 / milliseconds_a_row(model, 32))
    medians = {kind: statistics.median(values) for kind, values in rates.items()}
    results["DeiT-small at 224 pixels"] = {**medians, "ratio": medians["learned"] / medians["plain"], "rates": rates}


def show(results: dict[str, Any]) -> None:
    """Print the table as Markdown, and the comparison of DeiT-small."""
    table = Table(
        "net",
        "parameters",
        "MACs",
        "without attention products",
        "training, images/s",
        "prediction, images/s",
        "accuracy (95 % interval)",
        box=box.MARKDOWN,
    )
    for name in MODELS:
        row = results.get(name, {})
        cells = ["-"] * 6
        if "macs" in row:
            counts = [
                f"{row['parameters']:,}",
                f"{row['macs'] / 1e6:.1f} M",
                f"{row['macs_without_attention'] / 1e6:.1f} M",
            ]
            cells[:5] = [*counts, f"{row['training']:.0f}", f"{row['prediction']:.0f}"]
        if "accuracy" in row:
            mean = statistics.mean(row["accuracy"])
            low, high = stats.t.interval(0.95, len(SEEDS) - 1, loc=mean, scale=stats.sem(row["accuracy"]))
            cells[5] = f"{mean:.3f} ({low:.3f} to {high:.3f})"
        table.add_row(name, *cells)
    Console(width=160).print(table)
    longest = max((seconds for row in results.values() for seconds in row.get("seconds", [])), default=0.0)
    if longest:
        print(f"The longest run took {longest:.0f} s, with its test.")
    deit = results.get("DeiT-small at 224 pixels")
    if deit:
        print(
            f"DeiT-small, 224 pixels, batches of 32: {deit['plain']:.1f} images/s; with 8 learned tokens at block 6 "
            f"{deit['learned']:.1f}, {deit['ratio']:.2f} times as many."
        )


def main() -> None:
    """Measure what is asked for, keep it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true", help="Count operations and measure images a second.")
    parser.add_argument("--accuracy", action="store_true", help="Train and test all nets with three seeds.")
    parser.add_argument(
        "--images", default="cifar10", help="Folder with CIFAR-10 in parquet files; default: the Hub's."
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/vision_transformers.json"))
    given = parser.parse_args()
    results: dict[str, Any] = json.loads(given.output.read_text()) if given.output.exists() else {}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    if given.speed:
        measure_speed(results)
        compare_deit(results)
        given.output.write_text(json.dumps(results, indent=2))
    if given.accuracy:
        measure_accuracy(given.images, results, given.output)
    show(results)


if __name__ == "__main__":
    main()
