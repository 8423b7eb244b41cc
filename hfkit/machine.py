"""The machine: cores, memory, precision, versions of packages, and our own code."""

import ctypes
import gc
import hashlib
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow
import torch


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    packages = (
        "hfkit torch torchvision timm transformers tokenizers datasets accelerate evaluate scikit-learn emoji pillow"
    )
    return {package: version(package) for package in packages.split()}


def code_checksum() -> str:
    """Return a sum over the files that say how a model computes, how rows get to it, and how its states are stored."""
    digest, folder = hashlib.sha256(), Path(__file__).parent
    others = (
        "data/images.py",
        "data/image_files.py",
        "data/resized.py",
        "data/transforms.py",
        "data/augmented.py",
        "data/tokens.py",
        "features/hidden_states.py",
    )
    for file in [*sorted((folder / "models").glob("*.py")), *(folder / name for name in others)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def use_all_cores() -> int:
    """Give torch all the cores of this process where the launcher, and not the user, chose one; return their number.

    `accelerate launch` and `torchrun` set OMP_NUM_THREADS=1 where it is not set. A value above 1 is the user's and stays.
    """
    launched = "ACCELERATE_MIXED_PRECISION" in os.environ or "TORCHELASTIC_RUN_ID" in os.environ
    if launched and os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(max(available_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1))
    return torch.get_num_threads()


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where the C library is glibc and can be told so.

    glibc gives large blocks back to the system at once, and the system clears each page that is taken again: two fifths of
    the time of training a convolutional net on a CPU (`benchmarks/cpu_memory.py`). The numbers stay the same.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return
    mmap_max, trim_threshold = -4, -1  # M_MMAP_MAX and M_TRIM_THRESHOLD of malloc.h
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)


def give_back_memory() -> None:
    """Give the memory that is free now back to the system, after work that needed more than what follows, such as reading."""
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
    pyarrow.default_memory_pool().release_unused()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # as above
        return


def describe_environment(training: Any, threads: int) -> dict[str, Any]:
    """Describe what the run ran on: machine, device, versions; no environment variables, no paths."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": device_name(training),
        "processes": training.world_size,
        "threads": threads,
        "precision": precision_name(training),
        "packages": package_versions(),
    }


def precision_name(training: Any) -> str:
    """Return the name of the numbers that training computes in; the launcher may have chosen them."""
    return {"bf16": "bfloat16", "fp16": "float16"}.get(training.mixed_precision, "float32")


def device_name(training: Any) -> str:
    """Return the name of the device that trains."""
    if training.device.type == "cuda":
        return torch.cuda.get_device_name(training.device)
    if training.device.type == "cpu":
        return f"CPU ({cpu_capabilities().get('cpu_name', platform.machine())})"
    return str(training.device)


def measure_seconds(action: Callable[[], Any], device: torch.device) -> float:
    """Do something, wait until `device` has done its part, and return how long it took."""
    started = time.perf_counter()
    action()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter() - started


def is_in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", {})


def hides_bars() -> bool | None:
    """Return what tqdm's `disable` is: None, which hides a bar where output goes to a file, and False in a notebook."""
    return False if is_in_notebook() else None


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_capabilities() -> dict[str, Any]:
    """Return what torch says of the CPU's instructions; nothing before torch knew (2.9 on aarch64 does not)."""
    return dict(torch.cpu.get_capabilities()) if hasattr(torch.cpu, "get_capabilities") else {}


def bfloat16_is_fast(use_cpu: bool) -> bool:
    """Whether the device that is used has bfloat16 instructions (a CPU's AVX512-BF16 or AMX, an NVIDIA GPU's from Ampere on)."""
    if use_cpu:
        capabilities = cpu_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
