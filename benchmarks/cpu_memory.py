"""Training on a CPU with and without `hfkit.launch.keep_freed_memory`: milliseconds an image, and their ratio.

    python benchmarks/cpu_memory.py

EfficientNet-Lite0 with random weights, batches of 64 images, forward and backward, each way in a process of its own, three
times by turns; the median counts.
"""

import argparse
import statistics
import subprocess
import sys
import time

ROUNDS = 3
STEPS = 6


def measure(image_size: int, keeps: bool) -> float:
    """Return the milliseconds an image takes in training, in this process."""
    import timm
    import torch

    from hfkit.machine import keep_freed_memory

    if keeps:
        keep_freed_memory()
    model = timm.create_model("tf_efficientnet_lite0", num_classes=10).to(memory_format=torch.channels_last)
    pixels = torch.randn(64, 3, image_size, image_size).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (64,))
    start = 0.0
    for step in range(STEPS + 2):  # two to warm up
        if step == 2:
            start = time.perf_counter()
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(pixels), labels).backward()  # type: ignore[no-untyped-call]
    return (time.perf_counter() - start) / STEPS / len(labels) * 1000


def main() -> None:
    """Measure both ways by turns and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image_size", type=int, default=128, help="Height and width in pixels.")
    parser.add_argument("--way", choices=["plain", "keeps"], help="Measure one way, in this process.")
    options = parser.parse_args()
    if options.way:
        print(measure(options.image_size, options.way == "keeps"))
        return
    times: dict[str, list[float]] = {"plain": [], "keeps": []}
    for _ in range(ROUNDS):
        for way, milliseconds in times.items():
            command = [sys.executable, __file__, "--image_size", str(options.image_size), "--way", way]
            milliseconds.append(
                float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
            )
    plain, keeps = (statistics.median(times[way]) for way in ("plain", "keeps"))
    print(f"as it is: {plain:.1f} ms an image; freed memory kept: {keeps:.1f} ms; ratio {plain / keeps:.2f}")


if __name__ == "__main__":
    main()
