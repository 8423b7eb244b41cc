"""One kind of error for all that a stranger's files cause: a `ValueError` that says what of them does not do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_AS_THEY_ARE = (OSError, ValueError, ImportError)
"""Files that are not there, refusals, and packages that are not installed."""
_CONNECTION = ("httpx", "requests", "urllib3")
"""Modules of errors of the connection to the Hub, after which it is asked again."""
_LONGEST = 300


@contextmanager
def refusing(what: str, as_they_are: tuple[type[Exception], ...] = _AS_THEY_ARE) -> Iterator[None]:
    """Turn what odd fields and broken files raise, into a refusal; full memory, Ctrl-C and the network are none.

    Args:
        what: Begin of its sentence, such as `its tokenizer cannot be loaded`.
        as_they_are: Errors that say enough by themselves.

    Raises:
        ValueError: In the place of any other error.

    """
    try:
        yield
    except as_they_are:
        raise
    except BaseException as error:
        if not _is_of_files(error):
            raise
        raise ValueError(f"{what} ({_describe(error)})") from error


def _is_of_files(error: BaseException) -> bool:
    """Whether odd files can be the cause of an error; a panic of the library tokenizers is one, and no `Exception`."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return False
    if type(error).__module__.startswith(_CONNECTION):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _describe(error: BaseException) -> str:
    """Return an error's message in a line; that of a type of Python's own says little without its type."""
    text = " ".join(str(error).split())[:_LONGEST]
    kind = type(error).__name__
    if not text:
        return kind
    return text if isinstance(error, ValueError) or type(error).__module__ != "builtins" else f"{kind}: {text}"
