"""How a process ends: by a user's mistake, told in one sentence, by a run that the user stopped, and shortly."""

import atexit
import errno
import gc
import os
import pickle
import re
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType

from safetensors import SafetensorError

from .visible import hide_passwords, visible

LONGEST = 900
"""Characters of a message: two or three sentences of ours with some of the user's data in them."""
_END = 300


class UserError(Exception):
    """Something the user can mend: its message says what is wrong, where, and what to write instead.

    A recipe prints the message alone and ends with exit code 2; `--debug` shows the traceback too. The message is one line of at
    most `LONGEST` characters, whatever of the user's data is in it, and nothing in it steers a terminal.
    """

    def __init__(self, message: str) -> None:
        line = re.sub(r"[\n\r\t\f\v]+", " ", message)
        super().__init__(_shorten(visible(hide_passwords(line))))

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it: IPython asks for this method, and the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


def _shorten(text: str) -> str:
    """Return the begin of a text that is too long, and its end, which says what to write instead."""
    if len(text) <= LONGEST:
        return text
    begin = LONGEST - _END - len(" [...  characters ...] ") - len(f"{len(text):,}")
    return f"{text[:begin]} [... {len(text) - begin - _END:,} characters ...] {text[-_END:]}"


class Stopped(KeyboardInterrupt):
    """A run was stopped by Ctrl-C or SIGTERM.

    Args:
        number: Of the signal.
        folder: Of the run, where it has one already.

    """

    def __init__(self, number: int = signal.SIGINT, folder: Path | None = None) -> None:
        continued = f"; output_dir={str(folder)!r} and resume_from_checkpoint=True continue it, if it has a checkpoint"
        super().__init__(f"stopped by {signal.Signals(number).name}{continued if folder else ''}")
        self.number, self.folder = number, folder


def first_sentence(error: BaseException) -> str:
    """Return the first sentence of an error's message, or its type where it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:250]


def os_reason(error: OSError) -> str:
    """Return in a line why the system or a library cannot read or write a file."""
    return " ".join(str(error.strerror or error).split()).rstrip(".")


def describe_disk(error: BaseException) -> str | None:
    """Say in a sentence which disk is full or can only be read, and what to do, where that is what an error says; else None.

    Libraries that write by themselves, such as safetensors, say it in their words alone.
    """
    text = str(error)
    if "No usable temporary directory" in text:
        return "No folder for temporary files can be written: name one by the environment variable TMPDIR."
    code = next((code for code in _DISK if getattr(error, "errno", None) == code or os.strerror(code) in text), None)
    if code is None:
        return None
    named = getattr(error, "filename", None)
    folders = (
        [Path(os.fsdecode(named)).absolute().parent]
        if isinstance(named, str | bytes)
        else [Path.cwd(), *_temporary_folder()]
    )
    free = ", ".join(f"{folder} has {_free(folder) / 1e6:,.1f} MB free" for folder in folders)
    reason = getattr(error, "strerror", None) or os.strerror(code)
    return (
        f"A disk cannot be written ({reason}; {free}): make room or make it writable, or name another folder by "
        "--output_dir, for temporary files by the environment variable TMPDIR, or for caches by HF_HOME and HFKIT_CACHE."
    )


def _temporary_folder() -> list[Path]:
    try:
        return [Path(tempfile.gettempdir())]
    except OSError:
        return []


def _free(folder: Path) -> int:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(existing).free


def is_memory_full(error: BaseException) -> bool:
    """Tell whether an error says that there is not enough memory; torch.OutOfMemoryError is a RuntimeError."""
    text = str(error)
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback as Python does, for `sys.excepthook`; what it cites of files steers no terminal."""
    sys.stderr.write(visible("".join(traceback.format_exception(kind, error, trace))))


def end_shortly() -> None:
    """Leave out the last search for garbage, when Python ends.

    With torch and transformers it takes seconds, and the system takes the memory back anyway.
    """
    atexit.register(gc.freeze)


def is_of_import(error: BaseException) -> bool:
    """Tell whether an error ended an import: packages that do not fit each other raise errors of any type in it."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, ImportError) or any(frame.filename.startswith("<frozen importlib") for frame in frames)


# What transformers raises for files that are missing, broken, of another model, or want a package that is not there.
LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError, pickle.UnpicklingError)

# What a net raises that cannot be run so: shapes, types, numbers that do not fit, a layer that is not there.
FORWARD_ERRORS = (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError, AssertionError)

# What a system says of a disk that is full, by itself, by a quota or by a limit on files, or can only be read.
_DISK = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS") if hasattr(errno, name))

DISK_ERRORS = (OSError, SafetensorError)
"""What is raised, among others, where a disk is full or can only be read; `describe_disk` tells."""
