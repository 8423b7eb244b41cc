"""From an image to pixel values by numpy: the whole numbers that torchvision's resize gives; it travels with exported models."""

import math
from collections.abc import Callable, Sequence

import numpy as np

BITS = 22
"""Most bits behind the point of a weight; fewer where it would not fit 16 bits."""


def _linear(x: float) -> float:
    return max(1 - abs(x), 0.0)


def _cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


def _lanczos(x: float) -> float:
    return float(np.sinc(x) * np.sinc(x / 3)) if abs(x) < 3 else 0.0


FILTERS: dict[str, tuple[Callable[[float], float], int]] = {
    "bilinear": (_linear, 1),
    "bicubic": (_cubic, 2),
    "lanczos": (_lanczos, 3),
}
"""Filters by name, each with how far it reaches; `nearest` needs none."""


def make_pixels(
    image: np.ndarray, size: tuple[int, int], interpolation: str, mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """Return what a model takes of an image: resized, scaled to 0-1 and normalised.

    Args:
        image: (height, width, 3) of uint8, in RGB.
        size: Height and width of the result.
        interpolation: A key of `FILTERS`, or `nearest`.
        mean: Of red, green and blue.
        std: The same.

    Returns:
        (3, *size) in float32.

    """
    for axis in (1, 0):
        image = resize_axis(image, axis, size[axis], interpolation)
    shift, scale = (255 * np.asarray(values, dtype=np.float32) for values in (mean, std))
    return ((image.astype(np.float32) - shift) / scale).transpose(2, 0, 1)


def resize_axis(image: np.ndarray, axis: int, size: int, interpolation: str) -> np.ndarray:
    """Resize an image along one axis in whole numbers, with antialiasing."""
    before = image.shape[axis]
    if before == size:
        return image
    if interpolation == "nearest":
        return image.take(np.floor((np.arange(size) + 0.5) * (before / size)).astype(int), axis)
    starts, weights, bits = make_weights(before, size, interpolation)
    shape = [1, 1, 1]
    shape[axis] = size
    total = np.int32(1 << bits >> 1)  # one half, to round
    for position in range(weights.shape[1]):
        rows = image.take((starts + position).clip(max=before - 1), axis).astype(np.int32)
        total = total + rows * weights[:, position].reshape(shape)
    return (total >> bits).clip(0, 255).astype(np.uint8)


def make_weights(before: int, size: int, interpolation: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return how each pixel of the new size is made of those before.

    Returns:
        The first of them (size,), the weights of it and those behind it (size, count) as whole numbers, and how many bits of
        these stand behind the point.

    """
    weigh, reach = FILTERS[interpolation]
    scale = before / size
    stretch = max(scale, 1.0)
    starts, rows = [], []
    for position in range(size):
        center = scale * (position + 0.5)
        first = max(int(center - reach * stretch + 0.5), 0)
        last = min(int(center + reach * stretch + 0.5), before)
        row = [weigh((index - center + 0.5) / stretch) for index in range(first, last)]
        starts.append(first)
        rows.append([weight / sum(row) for weight in row])
    largest = max(map(max, rows))
    bits = next((bits for bits in range(BITS) if int(0.5 + largest * 2 ** (bits + 1)) >= 2**15), BITS)
    weights = np.zeros((size, max(map(len, rows))), dtype=np.int32)
    for position, row in enumerate(rows):
        weights[position, : len(row)] = [math.trunc(weight * 2**bits + math.copysign(0.5, weight)) for weight in row]
    return np.array(starts), weights, bits
