"""What a run changes of its process, put back: a second run is then as in a process of its own, and a notebook goes on."""

import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import datasets
import huggingface_hub
import numpy as np
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState
from transformers.utils import logging

from ..backbones.checkpoints import forget_checkpoints
from ..data.bars import lines_above_bars
from ..errors import told
from ..machine import give_back_memory
from ..offline import use_cache_without_hub

# What transformers and accelerate set for a run, such as by --torch_compile or --full_determinism, and read in the next one.
_VARIABLES = (
    "ACCELERATE_",
    "FSDP_",
    "CUDA_LAUNCH_BLOCKING",
    "CUBLAS_WORKSPACE_CONFIG",
    "ASCEND_",
    "HCCL_",
    "FLASH_ATTENTION_",
)


_STATES = (AcceleratorState, PartialState, GradientState)


@contextmanager
def own_process_state() -> Iterator[None]:
    """Let a block begin as if it were the first of its process, and put back afterwards what it changed.

    That is: accelerate's states with their precision, random generators, torch's threads and switches, environment variables
    of the launcher, what transformers prints, and whether the Hub is left out.

    Raises:
        UserError: The memory or a disk is full, or a disk may not be written; what else the block raises goes on.

    """
    forget_checkpoints()
    put_back = [
        keep() for keep in (_keep_states, _keep_randomness, _keep_torch, _keep_variables, _keep_printing, _keep_hub)
    ]
    try:
        with told(), lines_above_bars(), warnings.catch_warnings():
            # Of pyarrow's, raised inside of datasets, which the user can do nothing about.
            warnings.filterwarnings("ignore", "Specifying null_placement in SortOptions", FutureWarning)
            yield
    finally:
        for action in put_back:
            action()
        give_back_memory()


def _uses_gpu() -> bool:
    return torch.cuda.is_available() and bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _keep_states() -> Callable[[], None]:
    """Empty accelerate's states, which all objects of a class share: of a run that was stopped, the data it was reading."""
    before = [dict(state._shared_state) for state in _STATES]

    def put_back() -> None:
        for state, content in zip(_STATES, before, strict=True):
            state._shared_state.clear()
            state._shared_state.update(content)

    for state in _STATES:
        state._shared_state.clear()
    return put_back


def _keep_randomness() -> Callable[[], None]:
    """Keep the states of all random generators; those of a GPU that nothing has used are not touched."""
    on_gpu = torch.cuda.get_rng_state_all() if _uses_gpu() else None
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def put_back() -> None:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if on_gpu is not None:
            torch.cuda.set_rng_state_all(on_gpu)

    return put_back


def _keep_torch() -> Callable[[], None]:
    """Keep torch's threads and switches."""
    switches = [
        (place, name, getattr(place, name))
        for place, name in (
            (torch.backends.cudnn, "deterministic"),
            (torch.backends.cudnn, "benchmark"),
            (torch.backends, "fp32_precision"),  # in front of its parts, which it sets
            (torch.backends.cuda.matmul, "fp32_precision"),
            (torch.backends.cudnn, "fp32_precision"),
        )
        if hasattr(place, name)
    ]
    threads, dtype, grad = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()

    def put_back() -> None:
        """Set what has changed."""
        for place, name, value in switches:
            if getattr(place, name) != value:  # torch minds settings by its old names behind those by the new ones
                setattr(place, name, value)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        torch.use_deterministic_algorithms(deterministic, warn_only=warns)

    return put_back


def _keep_variables() -> Callable[[], None]:
    """Keep the environment variables that a run may set."""
    before = _variables()

    def put_back() -> None:
        for name in _variables():
            if name not in before:
                del os.environ[name]
        os.environ.update(before)

    return put_back


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}


def _keep_printing() -> Callable[[], None]:
    """Keep what transformers prints."""
    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()

    def put_back() -> None:
        logging.set_verbosity(verbosity)
        (logging.enable_progress_bar if had_bars else logging.disable_progress_bar)()

    return put_back


def _keep_hub() -> Callable[[], None]:
    """Keep whether the Hub is left out: a run that could not reach it says nothing of the next one."""
    of_hub, of_datasets = huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE

    def put_back() -> None:
        huggingface_hub.constants.HF_HUB_OFFLINE = of_hub
        datasets.config.HF_HUB_OFFLINE = of_datasets
        use_cache_without_hub.cache_clear()

    return put_back
