"""Lines of others while a bar is open, and that nothing of it stays when all is over."""

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator

import pytest
from terminal import COLUMNS, show, torn_lines
from tqdm.auto import tqdm

from hfkit.data.bars import lines_above_bars

MESSAGE = "the folder has no times"


def warn() -> None:
    warnings.warn(MESSAGE, UserWarning, stacklevel=1)


def print_warning(message: Warning | str, *_: object) -> None:
    print(f"UserWarning: {message}", file=sys.stderr)


def log_by_handler() -> None:
    logging.getLogger("hfkit-test").warning(MESSAGE)


def log_without_handler() -> None:
    logging.getLogger("hfkit-test-without").warning(MESSAGE)


@contextlib.contextmanager
def open_screen() -> Iterator[io.StringIO]:
    """Let stderr be a text for a block, to which one logger writes, and another without a handler; pytest has handlers, too."""
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        patch.setattr(logging.getLogger(), "handlers", [])
        for name, handlers in (("hfkit-test", [logging.StreamHandler(written)]), ("hfkit-test-without", [])):
            patch.setattr(logging.getLogger(name), "handlers", handlers)
            patch.setattr(logging.getLogger(name), "propagate", not handlers)
        yield written


@pytest.mark.parametrize("tell", [warn, log_by_handler, log_without_handler])
@pytest.mark.parametrize("apart", [False, True])
def test_lines_stand_above_an_open_bar(apart: bool, tell: Callable[[], None]) -> None:
    with open_screen() as screen, warnings.catch_warnings():
        warnings.showwarning = print_warning  # pytest would collect it
        warnings.simplefilter("always")
        bar = tqdm(total=10, ncols=COLUMNS - 40)
        bar.update(5)
        with contextlib.ExitStack() as stack:
            for _ in range(2 * apart):  # nobody minds if it is done twice
                stack.enter_context(lines_above_bars())
            tell()
        bar.close()
    lines = show(screen.getvalue().replace("\n", "\r\n"))
    assert any(MESSAGE in line for line in lines)
    assert bool(torn_lines(lines)) != apart  # without it they are torn


def test_nothing_of_it_stays() -> None:
    with open_screen():
        [handler] = logging.getLogger("hfkit-test").handlers
        before = warnings.showwarning
        with contextlib.suppress(RuntimeError), lines_above_bars():
            assert "emit" in vars(handler)
            raise RuntimeError
        assert "emit" not in vars(handler)
        assert warnings.showwarning is before


def test_warnings_are_recorded_as_before() -> None:
    with pytest.warns(UserWarning, match=MESSAGE), lines_above_bars():
        warn()


@pytest.mark.parametrize("tell", [warn, log_by_handler, log_without_handler])
def test_lines_of_others_steer_no_terminal(tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may cite the data; a message that does not fit its arguments ends nothing."""
    monkeypatch.setattr(sys.modules[__name__], "MESSAGE", "the label \x1b[2J\u202e is rare")
    with open_screen() as screen, warnings.catch_warnings():
        warnings.showwarning = print_warning
        warnings.simplefilter("always")
        with lines_above_bars():
            tell()
            logging.getLogger("hfkit-test").warning("%d", "x")
    assert r"the label \u001b[2J\u202e is rare" in screen.getvalue()
    assert not {"\x1b", "\u202e"} & set(screen.getvalue())
