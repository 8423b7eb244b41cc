"""Progress bars, and lines that others print while one is open: each stands on lines of its own, and steers no terminal."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import Any, TextIO

from tqdm.auto import tqdm

from ..visible import visible


@contextmanager
def lines_above_bars() -> Iterator[None]:
    """Let warnings, and what loggers write to the terminal, stand above open bars of tqdm and not inside of them."""
    with ExitStack() as stack:
        for handler in _find_terminal_handlers():
            stack.callback(_move_above_bars(handler))
        stack.callback(_move_warnings_above_bars())
        yield


def _find_terminal_handlers() -> list["logging.StreamHandler[Any]"]:
    """Return the handlers of all loggers that write to stdout or stderr, and that of loggers without one, each once."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    handlers = {handler for logger in loggers if isinstance(logger, logging.Logger) for handler in logger.handlers}
    handlers |= {logging.lastResort} if logging.lastResort is not None else set()
    return [
        handler
        for handler in handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr)
    ]


def _move_above_bars(handler: "logging.StreamHandler[Any]") -> Callable[[], None]:
    """Let a handler write with the bars cleared, which are drawn again below; return what undoes that."""
    before, emit = vars(handler).get("emit"), handler.emit

    def emit_above_bars(record: logging.LogRecord) -> None:
        with tqdm.external_write_mode(file=handler.stream):
            emit(_make_visible(record))

    def undo() -> None:
        if before is None:
            del handler.emit
        else:
            handler.emit = before  # type: ignore[method-assign]

    handler.emit = emit_above_bars  # type: ignore[method-assign]
    return undo


def _make_visible(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record whose message steers no terminal; other handlers, which write to files, keep theirs."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # it does not fit its arguments, which the handler says
        return record
    shown = copy(record)
    shown.msg, shown.args = visible(message), None
    return shown


def _move_warnings_above_bars() -> Callable[[], None]:
    """Let warnings be shown as before, with the bars cleared; return what undoes that."""
    before = warnings.showwarning

    def show_above_bars(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Show a warning as `warnings.showwarning` does."""
        with tqdm.external_write_mode(file=file or sys.stderr):
            is_plain = visible(str(message)) == str(message)
            before(message if is_plain else visible(str(message)), category, filename, lineno, file, line)

    def undo() -> None:
        if warnings.showwarning is show_above_bars:  # otherwise somebody else's stands there now
            warnings.showwarning = before

    warnings.showwarning = show_above_bars
    return undo
