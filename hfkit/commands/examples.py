"""The examples that a verb's `--help` shows below its first sentence; a test runs each of them."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Verb = TypeVar("Verb", bound=Callable[..., Any])


def examples(*commands: str) -> Callable[[Verb], Verb]:
    """Return a decorator that adds command lines to what a verb's help says.

    Args:
        commands: Each as a user types it, of 78 characters at most, so that a terminal of 80 columns shows it in one line.

    Raises:
        ValueError: There is none, or one is longer.

    """
    if not commands or any(len(command) > 78 for command in commands):
        raise ValueError("a verb wants one example or more, of 78 characters at most")

    def add(verb: Verb) -> Verb:
        """Add the examples, each a paragraph of its own: typer joins the lines of one."""
        verb.__doc__ = "\n\n".join([inspect.cleandoc(verb.__doc__ or ""), "Examples:", *commands])
        return verb

    return add
