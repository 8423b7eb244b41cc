"""What this machine has: devices, fast number formats, threads, memory and disk."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import psutil
import torch

from ..machine import available_cores, bfloat16_is_fast, cpu_capabilities
from .finding import Finding

LITTLE_MEMORY = 4e9
LITTLE_DISK, TOO_LITTLE_DISK = 10e9, 1e9
"""Bytes free, below which training a usual backbone may fail, or will."""


def check_devices() -> list[Finding]:
    """Return what trains here, and whether there is a GPU that torch cannot use."""
    devices = (
        [_describe_gpu(number) for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    if torch.backends.mps.is_available():
        devices.append("Apple GPU (MPS)")
    cpu = f"CPU {cpu_capabilities().get('cpu_name', '')}".strip()
    if not devices and shutil.which("nvidia-smi"):
        remedy = "Install a torch for the driver that nvidia-smi names: https://pytorch.org/get-started/locally."
        detail = f"{cpu} alone, although nvidia-smi is there: torch {torch.__version__} finds no GPU"
        return [Finding("devices", "warning", detail, remedy)]
    return [Finding("devices", "ok", ", ".join([*devices, cpu]))]


def _describe_gpu(number: int) -> str:
    properties = torch.cuda.get_device_properties(number)
    return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB"


def check_precision() -> list[Finding]:
    """Return whether training in bfloat16 is faster here; where it is, it is what runs do without a flag."""
    is_fast = bfloat16_is_fast(use_cpu=not torch.accelerator.is_available())
    detail = "bfloat16, for which there are instructions" if is_fast else "float32: no instructions for bfloat16"
    return [Finding("precision", "ok", f"runs train in {detail}")]


def check_threads() -> list[Finding]:
    """Return how many threads torch uses of the cores that this process may use."""
    threads, cores = torch.get_num_threads(), available_cores()
    variable = os.environ.get("OMP_NUM_THREADS")
    detail = f"{threads} threads on {cores} core{'' if cores == 1 else 's'}"
    if variable and threads != cores:
        remedy = f"Unless you want that, unset OMP_NUM_THREADS or write OMP_NUM_THREADS={cores}."
        return [Finding("threads", "warning", f"{detail}, by OMP_NUM_THREADS={variable}", remedy)]
    return [Finding("threads", "ok", detail)]


def check_memory() -> list[Finding]:
    """Return how much memory is free."""
    memory = psutil.virtual_memory()
    detail = f"{memory.available / 1e9:.1f} GB of {memory.total / 1e9:.1f} GB free"
    if memory.available < LITTLE_MEMORY:
        remedy = "End other programs, or train small backbones with a small --per_device_train_batch_size."
        return [Finding("memory", "warning", detail, remedy)]
    return [Finding("memory", "ok", detail)]


def check_disk(folders: Iterable[Path]) -> list[Finding]:
    """Return how much of the disks is free that folders are on, or will be; each disk once."""
    places: dict[int, Path] = {}
    for folder in folders:
        place = find_existing(folder)
        places.setdefault(place.stat().st_dev, place)
    return [_check_disk(place) for place in places.values()]


def _check_disk(place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free in {place}"
    if free >= LITTLE_DISK:
        return Finding("disk", "ok", detail)
    remedy = "Make room: hfkit clean, hfkit cache clear, and hf cache prune list and delete what can go."
    return Finding("disk", "error" if free < TOO_LITTLE_DISK else "warning", detail, remedy)


def find_existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    folder = folder.expanduser().absolute()
    return next(place for place in (folder, *folder.parents) if place.is_dir())
