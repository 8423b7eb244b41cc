"""A user's mistake, told in one sentence."""

import pickle
import traceback

from safetensors import SafetensorError


class UserError(Exception):
    """Something the user can mend: its message says what is wrong, where, and what to write instead.

    A recipe prints the message alone and ends with exit code 2; `--debug` shows the traceback too.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it: IPython asks for this method, and the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


def first_sentence(error: Exception) -> str:
    """Return the first sentence of an error's message, or its type where it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:250]


def os_reason(error: OSError) -> str:
    """Return in a line why the system or a library cannot read or write a file."""
    return " ".join(str(error.strerror or error).split()).rstrip(".")


def is_memory_full(error: BaseException) -> bool:
    """Tell whether an error says that there is not enough memory; torch.OutOfMemoryError is a RuntimeError."""
    text = str(error)
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def is_of_import(error: BaseException) -> bool:
    """Tell whether an error ended an import: packages that do not fit each other raise errors of any type in it."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, ImportError) or any(frame.filename.startswith("<frozen importlib") for frame in frames)


# What transformers raises for files that are missing, broken, of another model, or want a package that is not there.
LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError, pickle.UnpicklingError)

# What a net raises that cannot be run so: shapes, types, numbers that do not fit, a layer that is not there.
FORWARD_ERRORS = (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError, AssertionError)
