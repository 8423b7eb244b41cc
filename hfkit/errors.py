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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from safetensors import SafetensorError

from .visible import hide_passwords, make_logs_visible, visible

LONGEST = 900
"""Characters of a message: two or three sentences of ours with some of the user's data in them."""
_END = 300
MEMORY_IS_FULL = (
    "The memory is full: lower --per_device_train_batch_size (and raise --gradient_accumulation_steps by as much), "
    "--per_device_eval_batch_size, or --max_length or --image_size."
)


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


@contextmanager
def told(folder: Path | None = None, needed: str = "") -> Iterator[None]:
    """Let what the machine lacks, memory or a disk to write to, end a block in a sentence.

    Args:
        folder: Where the block writes, for libraries that name no file.
        needed: What is said of the room, such as `a checkpoint takes 1.2 GB`.

    Raises:
        UserError: As above; what else the block raises goes on.

    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        is_memory = isinstance(error, MemoryError | RuntimeError) and is_memory_full(error)
        reason = MEMORY_IS_FULL if is_memory else describe_disk(error, folder, needed)
        if reason is None:
            raise
        raise UserError(reason) from error


def describe_disk(error: BaseException, folder: Path | None = None, needed: str = "") -> str | None:
    """Say in a sentence which disk is full or may not be written, and what to do, where that is what an error says; else None.

    Libraries that write by themselves, such as safetensors, tokenizers and torch, say it in their words alone, in errors of any
    type, and others hide it behind one of their own.

    Args:
        error: Any.
        folder: As for `told`.
        needed: As for `told`.

    """
    if "No usable temporary directory" in str(error):
        return "No folder for temporary files can be written: name one by the environment variable TMPDIR."
    code = _find_code(error)
    if code is None:
        return None if error.__cause__ in (None, error) else describe_disk(error.__cause__, folder, needed)
    cut, named = _CUT.search(str(error)), getattr(error, "filename", None)
    reason = cut[0] if cut else getattr(error, "strerror", None) or os.strerror(code)
    path = Path(os.fsdecode(named)).absolute() if isinstance(named, str | bytes) else None
    if code in _FORBIDDEN:
        return f"{path or folder or Path.cwd()} may not be read or written ({reason}): change who may, or {_ELSEWHERE}"
    folders = [path.parent] if path else [folder or Path.cwd(), *_temporary_folder()]
    room = "; ".join(
        [
            *([needed] if needed else []),
            ", ".join(f"{place} has {_free(place) / 1e6:,.1f} MB free" for place in folders),
        ]
    )
    return f"A disk cannot be written ({reason}; {room}): make room or make it writable, or {_ELSEWHERE}"


def _find_code(error: BaseException) -> int | None:
    """Return what an error says of a disk as a number of the system, or None where it says nothing of one."""
    text, number = str(error), getattr(error, "errno", None)
    written = _WRITTEN_CODE.search(text)
    if written:
        number = int(written[1])
    elif number in _FORBIDDEN and not isinstance(getattr(error, "filename", None), str | bytes):
        return None  # of a network or a process
    if isinstance(number, int) and number in (*_DISK, *_FORBIDDEN):
        return number
    if _CUT.search(text):
        return errno.ENOSPC
    return next((code for code in _DISK if isinstance(error, OSError) and os.strerror(code) in text), None)


def _temporary_folder() -> list[Path]:
    try:
        return [Path(tempfile.gettempdir())]
    except OSError:
        return []


def _free(folder: Path) -> int:
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if os.path.exists(parent))
    return shutil.disk_usage(existing).free


def is_memory_full(error: BaseException) -> bool:
    """Tell whether an error says that there is not enough memory; torch.OutOfMemoryError is a RuntimeError."""
    text = str(error)
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def guard_terminal() -> None:
    """Let neither tracebacks nor logs of this process steer the terminal; for a process that is ours alone."""
    sys.excepthook = show_traceback
    make_logs_visible()


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
LOADING_ERRORS = (
    *(OSError, ValueError, LookupError, RuntimeError, ImportError, SafetensorError, pickle.UnpicklingError),
    *(TypeError, AttributeError, ArithmeticError, AssertionError, EOFError),
)

# What a net raises that cannot be run so: shapes, types, numbers that do not fit, a layer that is not there.
FORWARD_ERRORS = (RuntimeError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError, AssertionError)

# What a system says of a disk that is full, by itself, by a quota or by a limit on files, or can only be read.
_DISK = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS") if hasattr(errno, name))
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_WRITTEN_CODE = re.compile(r"\(os error (\d+)\)")
"""How Rust, in which safetensors and tokenizers are written, puts the system's number into its messages."""
_CUT = re.compile(
    r"PytorchStreamWriter failed .*|unexpected pos \d+ vs \d+|\d+ requested and \d+ written|Not enough disk space\. .*[^.]"
)
"""What torch, NumPy and datasets say of a file for which there was not enough room; they know no more."""
_ELSEWHERE = (
    "name another folder by --output_dir, for temporary files by the environment variable TMPDIR, or for caches by HF_HOME and "
    "HFKIT_CACHE."
)
