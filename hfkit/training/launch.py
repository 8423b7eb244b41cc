"""Starting and ending a recipe: cores, processes, the folder of the run, and errors as sentences."""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..errors import DISK_ERRORS, UserError, describe_disk, is_memory_full
from ..flags.early import check_early
from ..flags.help import show_help
from ..flags.names import RecipeFlags

MEMORY_IS_FULL = (
    "The memory is full: lower --per_device_train_batch_size (and raise --gradient_accumulation_steps by as much), "
    "--per_device_eval_batch_size, or --max_length or --image_size."
)


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
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = _takes_bare_debug(argv)
    try:
        if flags is not None:
            show_help(argv, flags, command)
            check_early(argv, flags)
        main(argv)
        _leave(0)
    except UserError as error:
        _fail(str(error), error, debug)
    except (MemoryError, RuntimeError) as error:
        if not is_memory_full(error):
            raise
        _fail(MEMORY_IS_FULL, error, debug)
    except DISK_ERRORS as error:
        reason = describe_disk(error)
        if reason is None:
            raise
        _fail(reason, error, debug)
    except KeyboardInterrupt:
        print(
            "\nStopped. Continue with the same flags, --output_dir and --resume_from_checkpoint true.", file=sys.stderr
        )
        _leave(130)


def _takes_bare_debug(argv: list[str]) -> bool:
    """Take `--debug` without a value out of `argv`; with a value it is the Trainer's own flag."""
    for index, item in enumerate(argv):
        if item == "--debug" and (index + 1 == len(argv) or argv[index + 1].startswith("--")):
            del argv[index]
            return True
    return False


def _fail(message: str, error: BaseException, debug: bool) -> NoReturn:
    if debug:
        raise error
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"error: {message}", file=sys.stderr, flush=True)
    _leave(2)


def _leave(code: int) -> NoReturn:
    """End the process; with several, after all have come this far, since an early end makes the launcher report a failure."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
        if code == 0:
            torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    sys.exit(code)
