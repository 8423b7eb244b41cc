"""Starting and ending a recipe: cores, processes, the folder of the run, and errors as sentences."""

import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ..errors import Stopped, UserError, end_shortly, told
from ..files import write_file
from ..flags.early import check_early
from ..flags.help import show_help
from ..flags.names import RecipeFlags
from ..visible import make_logs_visible
from .stopped import describe_stop, find_command

_SAID = "hfkit_stop_said"
_LONGEST_WAIT = 10
"""Seconds, for a main process that says nothing."""


def run_recipe(
    main: Callable[[Sequence[str]], Any],
    flags: RecipeFlags | None = None,
    argv: Sequence[str] | None = None,
    command: str | None = None,
) -> NoReturn:
    """Run `main` with the command line and end the process.

    Nothing heavy is imported here: what the command line alone makes impossible is told before torch is.

    A user's mistake ends it with one sentence and exit code 2, and with the traceback too if `--debug` is given.

    Args:
        main: Runs the recipe, and imports what is heavy.
        flags: The recipe's flags, which are checked first and whose help is shown; default: `main` alone checks them.
        argv: The command line; default: that of the process.
        command: What the examples of the help begin with; default: the launcher and the recipe.

    """
    # Of pyarrow's, raised inside of datasets, which the user can do nothing about.
    warnings.filterwarnings("ignore", "Specifying null_placement in SortOptions", FutureWarning)
    _end_in_order()
    make_logs_visible()
    words = find_command(command)
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = _takes_bare_debug(argv)
    try:
        with told():
            if flags is not None:
                show_help(argv, flags, command)
                check_early(argv, flags)
            main(argv)
        _leave(0)
    except UserError as error:
        _fail(str(error), error, debug)
    except KeyboardInterrupt as error:
        _stop(error, words)


def _takes_bare_debug(argv: list[str]) -> bool:
    """Take `--debug` without a value out of `argv`; with a value it is the Trainer's own flag."""
    for index, item in enumerate(argv):
        if item == "--debug" and (index + 1 == len(argv) or argv[index + 1].startswith("--")):
            del argv[index]
            return True
    return False


def _end_in_order() -> None:
    """Let SIGTERM end this process as Ctrl-C does: locks and folders are put in order. Those that it starts end as ever."""
    end_shortly()
    is_main_thread = threading.current_thread() is threading.main_thread()  # Python has signals there alone
    if not is_main_thread or os.environ.get("RANK", "0") != "0":  # other processes have neither lock nor folder
        return
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:
            raise Stopped(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, stop)


def _stop(error: KeyboardInterrupt, command: Sequence[str]) -> NoReturn:
    """Say how the run is continued, and end with the exit code of a shell: 128 and the signal's number.

    A launcher of several processes ends all as soon as one has ended: the others wait until the main one has said it.
    """
    stopped = error if isinstance(error, Stopped) else Stopped()
    is_main = os.environ.get("RANK", "0") == "0"
    if is_main:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        print(f"\n{describe_stop(stopped, command)}", file=sys.stderr, flush=True)
    torch = _joined_torch()
    if torch is not None:
        store = torch.distributed.distributed_c10d._get_default_store()
        with suppress(RuntimeError):  # of torch, where the launcher or the main process is gone
            store.set(_SAID, "") if is_main else store.wait([_SAID], timedelta(seconds=_LONGEST_WAIT))
    _leave(128 + stopped.number)


def _fail(message: str, error: BaseException, debug: bool) -> NoReturn:
    if debug:
        raise error
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"error: {message}", file=sys.stderr, flush=True)
    _tell_launcher(f"error: {message}")
    _leave(2)


def _tell_launcher(message: str) -> None:
    """Have the launcher of several processes end its report with the sentence: it may end this one before it is printed."""
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file:
        with suppress(OSError):
            write_file(Path(file), json.dumps({"message": message, "timestamp": int(time.time())}))


def _leave(code: int) -> NoReturn:
    """End the process; with several, after all have come this far, since an early end makes the launcher report a failure."""
    torch = _joined_torch()
    if torch is not None:
        if code == 0:
            torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    sys.exit(code)


def _joined_torch() -> Any:
    """Return torch where this process has met others; else None."""
    torch = sys.modules.get("torch")
    has_met = torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch if has_met else None
