"""What became of a run, from the files of its folder alone."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError
from ..flags.configuration import CONFIGURATION_FILE
from .lock import LOCK_FILE, is_running
from .manifest import MANIFEST_FILE, RESULTS_FILE, checksums, read_manifest

Status = Literal["finished", "running", "unfinished", "failed", "damaged"]
READING_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError, UserError)
"""What reading a damaged file may raise."""
SUMMARY_FILE = "summary.json"
STATE_FILE = "trainer_state.json"
"""Of a checkpoint; in earlier versions it was written last."""
SUMS_FILE = "checksums.json"
"""Size and sum of each file of a checkpoint; it is written last."""
START_FILE = "start.json"
"""Of a run: what it was started with; earlier versions wrote none, and no sums in their checkpoints either."""
PARTIAL_FOLDER = "checkpoint.partial"
"""In which a checkpoint is written, until it is whole and gets its place in the run's folder."""
LARGEST_FILE = 20_000_000
"""Bytes of a JSON or YAML file of a run; a larger one is none."""
_CHECKED = (CONFIGURATION_FILE, RESULTS_FILE, SUMMARY_FILE)
_NAMED_BY_TIME = re.compile(r".+-\d{8}-\d{6}(-\d+)?")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of a run; one that is not whole was being written when the run ended."""

    folder: Path
    is_whole: bool

    @property
    def step(self) -> int:
        """The step after which it was written."""
        return int(self.folder.name.rpartition("-")[2])


@dataclass(frozen=True)
class RunState:
    """What became of a run.

    Attributes:
        status: `finished`; `running`, a process works in it; `unfinished`, with something worth keeping; `failed`, without;
            `damaged`: a file is broken, or is not what the run wrote.
        detail: Which file, or what can be done with it; may be empty.
        checkpoints: In the order of their steps.

    """

    status: Status
    detail: str = ""
    checkpoints: Sequence[Checkpoint] = field(default_factory=tuple)

    def describe(self) -> str:
        """Say it in a few words."""
        return self.status + (f": {self.detail}" if self.detail else "")

    @property
    def can_be_resumed(self) -> bool:
        """Whether there is something to go on from, and something left to do."""
        return self.status in ("unfinished", "damaged") and any(each.is_whole for each in self.checkpoints)


def is_run_folder(folder: Path) -> bool:
    """Whether a folder is one of a run, be it one that failed before it wrote anything."""
    if any((folder / name).is_file() for name in (CONFIGURATION_FILE, LOCK_FILE)):
        return True
    if (folder / MANIFEST_FILE).is_file() and (folder / RESULTS_FILE).is_file():  # a rung without a net
        return True
    return bool(_NAMED_BY_TIME.fullmatch(folder.name)) and not any(folder.iterdir())


def find_state(folder: Path) -> RunState:
    """Find out what became of a run; a file that cannot be read makes it a damaged one, and is no error."""
    checkpoints = find_checkpoints(folder)
    if is_running(folder):
        return RunState("running", "", checkpoints)
    last = max((each.step for each in checkpoints if each.is_whole), default=None)
    resume = "" if last is None else f"can be resumed from step {last}"
    try:
        fault = _find_fault(folder)
    except READING_ERRORS as error:
        fault = _describe(error)
    if fault:
        return RunState("damaged", "; ".join(filter(None, [fault, resume])), checkpoints)
    if (folder / MANIFEST_FILE).is_file():
        return RunState("finished", "", checkpoints)
    if resume:
        return RunState("unfinished", resume, checkpoints)
    if any(folder.glob("*.safetensors")) or (folder / RESULTS_FILE).exists():
        return RunState("unfinished", f"has no {MANIFEST_FILE} and no checkpoint", checkpoints)
    return RunState("failed", "has no checkpoint", checkpoints)


def find_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of a run, in the order of their steps; links to folders are none.

    Whole is one whose files are all there in their sizes; whether their content is what was written, `sums.find_damage` tells.
    """
    named = [*folder.glob("checkpoint-*"), *folder.glob(f"{PARTIAL_FOLDER}/checkpoint-*")]
    folders = [
        path
        for path in named
        if re.fullmatch(r"checkpoint-\d{1,18}", path.name) and path.is_dir() and not path.is_symlink()
    ]
    checkpoints = [Checkpoint(path, _is_whole(path, folder)) for path in folders]
    return tuple(sorted(checkpoints, key=lambda each: each.step))


def _is_whole(checkpoint: Path, run: Path) -> bool:
    if checkpoint.parent != run or not (checkpoint / STATE_FILE).is_file():
        return False
    if not (checkpoint / SUMS_FILE).is_file():
        return not (run / START_FILE).is_file()
    try:
        return not find_cut_file(checkpoint)
    except READING_ERRORS:
        return False


def find_cut_file(checkpoint: Path) -> str:
    """Say which file of a checkpoint is missing or has another size than it was written with; nothing where all is well.

    Raises:
        OSError: A file cannot be read.
        ValueError: The file of the sums holds none.

    """
    for name, of_file in read_sums(checkpoint).items():
        if not (checkpoint / name).is_file():
            return f"{name} is missing"
        if (checkpoint / name).stat().st_size != of_file["bytes"]:
            return f"{name} is not what the run wrote"
    return ""


def read_sums(checkpoint: Path) -> dict[str, dict[str, Any]]:
    """Return `bytes` and `xxh3` of each file of a checkpoint by its name.

    Raises:
        OSError: The file of the sums cannot be read.
        ValueError: It is missing, or holds none.

    """
    if not (checkpoint / SUMS_FILE).is_file():
        raise ValueError(f"{SUMS_FILE} is missing")
    files = read_json(checkpoint / SUMS_FILE).get("files")
    if not isinstance(files, dict) or not all(
        isinstance(each, dict) and {"bytes", "xxh3"} <= each.keys() for each in files.values()
    ):
        raise ValueError(f"{SUMS_FILE} holds no sums")
    return files


def _find_fault(folder: Path) -> str:
    """Say which file of a run is broken or is not what the run wrote; nothing where all is well."""
    if (folder / MANIFEST_FILE).is_file():
        manifest = read_manifest(folder)
        missing = [name for name in manifest if not (folder / name).is_file()]
        if missing:
            return f"{missing[0]} is missing"
        here = [name for name in _CHECKED if (folder / name).is_file()]
        sums = checksums(folder, [folder / name for name in here])
        changed = [name for name in here if name in manifest and sums[name] != manifest[name]]
        if changed:
            return f"{changed[0]} is not what the run wrote"
        read_json(folder / RESULTS_FILE)
        if RESULTS_FILE not in manifest:
            return f"{MANIFEST_FILE} does not name {RESULTS_FILE}"
    return ""


def check_own_file(folder: Path, name: str) -> None:
    """Compare a file of a finished run with the sum that the run wrote; one that its manifest does not name is not checked.

    Args:
        folder: Of the run.
        name: Of the file, as the manifest has it.

    Raises:
        UserError: The file is another one, or the manifest cannot be read.

    """
    if not (folder / MANIFEST_FILE).is_file():
        return
    try:
        manifest = read_manifest(folder)
        now = checksums(folder, [folder / name])[name] if (folder / name).is_file() else ""
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder} is damaged ({MANIFEST_FILE} cannot be read): take it from a copy.") from error
    if manifest.get(name, now) != now:
        raise UserError(
            f"{folder} is damaged ({name} is not what the run wrote): take the file from a copy, or delete {MANIFEST_FILE} if "
            "you changed it yourself."
        )


def read_finished(folder: Path) -> dict[str, Any] | None:
    """Return the results of a finished run; None of one that is not finished.

    Raises:
        UserError: Its files are not those that it wrote.

    """
    if not (folder / MANIFEST_FILE).is_file():
        return None
    check_own_file(folder, RESULTS_FILE)
    check_own_file(folder, SUMMARY_FILE)
    return read_json(folder / RESULTS_FILE)


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON file of a run; nothing where it is not there.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON object, or is too large to be one of a run.

    """
    if not file.is_file():
        return {}
    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{file.name} has {file.stat().st_size / 1e6:,.0f} MB")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} is not JSON") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is no JSON object")
    return content


def _describe(error: BaseException) -> str:
    """Say in a few words what is wrong with a file."""
    if isinstance(error, OSError):
        return f"{Path(str(error.filename or 'a file')).name} cannot be read: {error.strerror}"
    if isinstance(error, json.JSONDecodeError):
        return f"{MANIFEST_FILE} is not JSON"
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


@dataclass(frozen=True)
class FolderSize:
    """Bytes of all files in a folder, and when the newest of them was written, in seconds since 1970."""

    bytes: int
    written: float


def measure_folder(folder: Path) -> FolderSize:
    """Add up the files of a folder and of those below it; links count as themselves, and what cannot be read as nothing."""
    size, written = 0, folder.lstat().st_mtime
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(place, name))
            except OSError:  # gone by now
                continue
            size += status.st_size
            written = max(written, status.st_mtime)
    return FolderSize(size, written)
