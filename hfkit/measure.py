"""Seconds on a device, and what they say of it."""

import time
from collections.abc import Callable
from typing import Any

import torch


def seconds_of(action: Callable[[], Any], device: torch.device) -> float:
    """Do something, wait until `device` has done its part, and return how long it took."""
    started = time.perf_counter()
    action()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter() - started


def speed_of_precision(dtype: torch.dtype, device: torch.device) -> float:
    """Measure how many times as fast as in float32 a matrix product of an encoder's size is in `dtype` on a device.

    It is the best of five of each, some 50 ms on two cores.
    """

    def seconds(of: torch.dtype) -> float:
        """Return the time of a product of (512, 768) by (768, 1536)."""
        left, right = torch.ones(512, 768, dtype=of, device=device), torch.ones(768, 1536, dtype=of, device=device)
        times = [seconds_of(lambda: torch.mm(left, right), device) for _ in range(6)]
        return min(times[1:])  # the first one was the warm-up

    return seconds(torch.float32) / seconds(dtype)
