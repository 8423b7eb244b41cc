"""Why a rung has no result: it was left out, or it failed, which ends no ladder."""

import time
import traceback
from pathlib import Path

from ..errors import UserError, is_memory_full

_LONGEST = 300
"""Characters of an error that a line of the ladder has; all of it is in the log."""


class LeftOutError(Exception):
    """A rung is not run, since the budget does not hold it or the backbone has no place for it; the message says why."""


class ChangedDataError(UserError):
    """The data are not those that the ladder was started with: that is a matter of all rungs, and ends it."""


def concerns_all(error: Exception, is_first: bool) -> bool:
    """Tell whether an error of a rung ends the ladder: other data, and what a user has to mend for the first one to be read."""
    return isinstance(error, ChangedDataError) or (is_first and isinstance(error, UserError))


def describe_failure(error: Exception) -> str:
    """Return in one sentence, without a full stop, why a rung failed: a user's mistake in its words, others by their kind."""
    text = " ".join(str(error).split()).rstrip(".")
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    if isinstance(error, UserError):
        return text
    if is_memory_full(error):
        return "the memory is full; lower --per_device_train_batch_size"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def write_traceback(error: Exception, log: Path) -> None:
    """Add an error to the end of a log, with the lines of code that raised it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        file.writelines(traceback.format_exception(error))
