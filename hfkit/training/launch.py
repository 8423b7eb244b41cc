"""Starting and ending a recipe: cores, processes, the folder of the run, and errors as sentences."""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import torch
import transformers
import yaml

from ..errors import UserError
from ..flags.arguments import Arguments
from ..flags.configuration import CONFIGURATION_FILE
from ..machine import keep_freed_memory

FILLED_IN = ("learning_rate", "head_learning_rate", "train_sampling_strategy", "bf16")
"""Flags that the run fills in where they are not given."""


def run_recipe(main: Callable[[Sequence[str]], Any]) -> NoReturn:
    """Run `main` with the words of the command line and end the process.

    A user's mistake ends it with one sentence and exit code 2, and with the traceback too if `--debug` is given.
    """
    # Of pyarrow's, raised inside of datasets, which the user can do nothing about.
    warnings.filterwarnings("ignore", "Specifying null_placement in SortOptions", FutureWarning)
    transformers.utils.logging.disable_progress_bar()  # bars for loading and saving weights; training keeps its own
    words = sys.argv[1:]
    debug = _takes_bare_debug(words)
    try:
        main(words)
        _leave(0)
    except UserError as error:
        _fail(str(error), error, debug)
    except (torch.OutOfMemoryError, MemoryError) as error:
        _fail_for_memory(error, debug)
    except RuntimeError as error:
        if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        _fail_for_memory(error, debug)
    except KeyboardInterrupt:
        print(
            "\nStopped. Continue with the same flags, --output_dir and --resume_from_checkpoint true.", file=sys.stderr
        )
        _leave(130)


def _takes_bare_debug(words: list[str]) -> bool:
    """Take `--debug` without a value out of `words`; with a value it is the Trainer's own flag."""
    for index, word in enumerate(words):
        if word == "--debug" and (index + 1 == len(words) or words[index + 1].startswith("--")):
            del words[index]
            return True
    return False


def _fail_for_memory(error: BaseException, debug: bool) -> NoReturn:
    _fail(
        "The memory is full: lower --per_device_train_batch_size (and raise --gradient_accumulation_steps by as much), "
        "--per_device_eval_batch_size, or --max_length or --image_size.",
        error,
        debug,
    )


def _fail(message: str, error: BaseException, debug: bool) -> NoReturn:
    if debug:
        raise error
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"error: {message}", file=sys.stderr, flush=True)
    _leave(2)


def _leave(code: int) -> NoReturn:
    """End the process; with several, after all have come this far, since an early end makes the launcher report a failure."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        if code == 0:
            torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    sys.exit(code)


def start_run(arguments: Arguments[Any, Any], first_line: str, recipe: str) -> Path:
    """Say what runs, check the processes, prepare memory, make the run's folder, and set the seed; return the folder.

    Raises:
        UserError: As `check_processes` and `prepare_folder`.

    """
    if arguments.training.process_index == 0:
        print(first_line, flush=True)
    check_processes(arguments.training.world_size)
    if arguments.training.device.type == "cpu":
        keep_freed_memory()
    folder = prepare_folder(arguments, recipe)
    transformers.set_seed(arguments.training.seed)
    return folder


def check_processes(world_size: int) -> None:
    """Refuse to run as independent copies that all think they are the only one.

    Raises:
        UserError: The launcher started more processes than found each other.

    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != world_size:
        raise UserError(
            f"The launcher started {started} processes that do not work together (each sees {world_size}): on a CPU add "
            "--use_cpu true, or start one process."
        )


def prepare_folder(arguments: Arguments[Any, Any], recipe: str) -> Path:
    """Choose the run's folder, the same one for all processes, and make it where none was named.

    Raises:
        UserError: The folder holds a run already and is not to be resumed, or is not the run that is resumed.

    """
    training = arguments.training
    given = arguments.given_output_dir
    resumed = training.resume_from_checkpoint not in (None, "false", "False")
    if given is None:
        if resumed:
            raise UserError("--resume_from_checkpoint needs the run's folder: add --output_dir runs/NAME.")
        is_main = training.process_index == 0
        name = f"{recipe}-{datetime.now():%Y%m%d-%H%M%S}"
        given = _shared(_make_new_folder(Path("runs") / name) if is_main else "")
    folder = Path(given).expanduser()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output_dir {folder} is a file: name a folder.")
    if resumed:
        _check_same_run(folder, arguments)
    elif training.process_index == 0 and folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"The folder {folder} is not empty: name another --output_dir, or continue the run that it holds by "
            "--resume_from_checkpoint true."
        )
    training.output_dir = str(folder)
    return folder


def _make_new_folder(folder: Path) -> str:
    """Make a folder that no other run has, be it started in the same second."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    number, new = 2, folder
    while True:
        try:
            new.mkdir()
            return str(new)
        except FileExistsError:
            new, number = folder.with_name(f"{folder.name}-{number}"), number + 1


def _shared(value: str) -> str:
    """Return the main process's `value` on all processes."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    values = [value]
    torch.distributed.broadcast_object_list(values)
    return values[0]


def _check_same_run(folder: Path, arguments: Arguments[Any, Any]) -> None:
    """Refuse to resume with other flags than the run was started with, and find its last whole checkpoint."""
    try:
        started = yaml.safe_load((folder / CONFIGURATION_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"There is no run to continue in {folder}: it has no {CONFIGURATION_FILE}.") from error
    for name in sorted(set(started) | set(arguments.flags)):
        before, now = started.get(name), arguments.flags.get(name)
        if before != now and not (now is None and name in FILLED_IN):
            raise UserError(
                f"The run in {folder} was started with {name} {before}, not {now}: continue it by "
                f"--config {folder / CONFIGURATION_FILE} --output_dir {folder} --resume_from_checkpoint true."
            )
    training = arguments.training
    # An earlier version may have filled in another order, in which the rest of an epoch would read some rows twice.
    training.train_sampling_strategy = started.get("train_sampling_strategy", training.train_sampling_strategy)
    if training.resume_from_checkpoint in ("true", "True", True):
        # A checkpoint is whole when it holds the Trainer's state, which is written last.
        whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
        if not whole:
            raise UserError(
                f"The run in {folder} has no whole checkpoint to continue from: start it anew with another --output_dir."
            )
        training.resume_from_checkpoint = str(max(whole, key=lambda path: int(path.name.rpartition("-")[2])))
    elif not Path(str(training.resume_from_checkpoint)).is_dir():
        raise UserError(f"There is no checkpoint {training.resume_from_checkpoint}: write true for the last one.")
