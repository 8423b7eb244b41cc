"""A process of its own for what loads a stranger's model: on the CPU, offline, with limits of memory and time."""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from ..connection import redact
from ..errors import UserError, first_sentence, is_memory_full
from ..visible import make_logs_visible

START_SECONDS = 300.0
"""For importing torch, also on a machine that is busy."""
SECONDS = 30.0
BYTES_A_SECOND = 50e6
"""Of weights, by which there is more time."""
TIMES_THE_WEIGHTS = 4
SPARE_BYTES = 2**30
"""Memory besides what importing torch maps and twice the weights, for a model of which four times the weights are less.

Small weights tell too little. With four times them no tiny model of images loads: what torch and threads map takes about
60 MiB where memory is short, and up to 220 where it is not. And what a convolutional net computes grows with its images:
EfficientNet-Lite0, with weights of 14 MB, takes 310 MiB at 512 pixels, and 640 at 1,024. MiniLM takes 290 of its 350.
"""
_LONGEST_ANSWER = 1_000_000


def time_limit(weight_bytes: int) -> float:
    """Return the seconds that a model with so many bytes of weights may take to load and predict."""
    return SECONDS + weight_bytes / BYTES_A_SECOND


def memory_limit(weight_bytes: int) -> int:
    """Return the bytes that a model with so many bytes of weights may take, besides what importing torch maps."""
    return max(TIMES_THE_WEIGHTS * weight_bytes, 2 * weight_bytes + SPARE_BYTES)


def memory_remark() -> str:
    """Return what is to be said where no process can be given a limit of memory: Linux alone holds one to it."""
    is_limited = sys.platform == "linux" and Path("/proc/self/statm").is_file()
    return "" if is_limited else "; memory is not limited on this system"


@contextmanager
def _without_script() -> Iterator[None]:
    """Hide from multiprocessing which script runs.

    A new process would run it again, which needs nothing of it: one without `if __name__ == "__main__"` would do all that it does
    twice, and end in an error.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def run_limited(function: Callable[..., Any], arguments: tuple[Any, ...], weight_bytes: int) -> Any:
    """Call a function in a process that has no GPU, no network, and memory and time by the size of the weights.

    Args:
        function: Of a module, `hfkit.hub.look`.
        arguments: Its arguments.
        weight_bytes: Of the model that it loads.

    Returns:
        What it returns, which JSON can hold.

    Raises:
        UserError: It failed, or needed more memory or time.

    """
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["hfkit.hub.look"])  # torch is imported once for several calls
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, arguments, weight_bytes), daemon=True)
    with _without_script():
        process.start()
    theirs.close()
    seconds = time_limit(weight_bytes)
    try:
        if not ours.poll(START_SECONDS):
            raise UserError(f"no process could be started in {START_SECONDS:g} s")
        ours.recv_bytes(_LONGEST_ANSWER)
        if not ours.poll(seconds):
            raise UserError(f"it was stopped after {seconds:.0f} s")
        answer = json.loads(ours.recv_bytes(_LONGEST_ANSWER))
    except EOFError as error:
        process.join()
        raise UserError(f"the process that loaded it ended with code {process.exitcode}") from error
    finally:
        process.kill()
        process.join()
        ours.close()
    if "error" in answer:
        raise UserError(answer["error"])
    return answer["value"]


def _answer(
    connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], weight_bytes: int
) -> None:
    """Call the function under its limits, and send what it returns, or why it failed."""
    silence()
    prepare()
    limit_memory(weight_bytes)
    connection.send_bytes(b"ready")
    try:
        answer = {"value": function(*arguments)}
    except BaseException as error:  # whatever a stranger's files may cause; a panic of tokenizers is no Exception
        answer = {"error": "it needs more memory than four times its weights"}
        if not is_memory_full(error):
            answer = {"error": first_sentence(ValueError(redact(error)))}
    connection.send_bytes(json.dumps(answer).encode())


def silence() -> None:
    """Let nothing that is written here reach a terminal: warnings, panics of Rust and lines of C++ have a stranger's text."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())


def prepare() -> None:
    """Leave out the GPU, the network and Ctrl-C, which is the parent's, and compute with one thread."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    make_logs_visible()
    import huggingface_hub
    import torch
    from transformers.utils import logging

    huggingface_hub.constants.HF_HUB_OFFLINE = True
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)


def limit_memory(weight_bytes: int) -> None:
    """Let this process map what it has, and what `memory_limit` says; nothing where the system has no limits."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
        most = mapped + memory_limit(weight_bytes)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
