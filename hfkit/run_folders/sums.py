"""The sums of a checkpoint's files: written when all of them are there, and checked before any of them is read."""

import json
import zipfile
import zlib
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ..errors import UserError
from ..files import checksum, write_file
from .start import read_start_record
from .state import READING_ERRORS, STATE_FILE, SUMS_FILE, find_checkpoints, find_cut_file, read_json, read_sums

_READ_BY_TRAINER = (".pt", ".pth", ".bin", ".safetensors", ".json", ".pkl")
"""How files end that the Trainer may read from a checkpoint."""
_STATES = ("optimizer.pt", "scheduler.pt", "rng_state*.pth")
"""Files without which the Trainer would begin with new ones, and say nothing."""


def write_sums(checkpoint: Path, run_id: str) -> None:
    """Write size and sum of all files of a checkpoint, and the id of the run that wrote them; after that nothing is written."""
    files = {
        path.relative_to(checkpoint).as_posix(): {"bytes": path.stat().st_size, "xxh3": checksum(path)}
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != SUMS_FILE
    }
    write_file(checkpoint / SUMS_FILE, json.dumps({"run": run_id, "files": files}, indent=2))


def find_damage(checkpoint: Path, run_id: str) -> str:
    """Say what is damaged in a checkpoint, without its name and a full stop; nothing where it is whole.

    Each file is read once; nothing in them is unpickled or run. Of a checkpoint without sums, as earlier versions wrote them,
    changed bytes of the weights are not found, but that they are cut is.

    Args:
        checkpoint: Its folder, in that of the run.
        run_id: Of the run, see `read_start_record`; empty for one that an earlier version started, whose checkpoints may have
            no sums.

    """
    try:
        if not run_id and not (checkpoint / SUMS_FILE).is_file():
            return _find_damage_without_sums(checkpoint)  # of an earlier version
        return find_cut_file(checkpoint) or _compare(checkpoint, run_id)
    except READING_ERRORS as error:
        return f"{' '.join(str(error).split()).rstrip('.') or type(error).__name__}"


def _compare(checkpoint: Path, run_id: str) -> str:
    """Compare all files with their sums, and those that the Trainer may read with what the run wrote."""
    content, files = read_json(checkpoint / SUMS_FILE), read_sums(checkpoint)
    if run_id and content.get("run") != run_id:
        return "it was written by another run"
    for path in sorted(checkpoint.rglob("*")):
        name = path.relative_to(checkpoint).as_posix()
        if path.is_symlink() or (name not in files and name != SUMS_FILE and path.suffix in _READ_BY_TRAINER):
            return f"{name} was not written by the run"
    changed = [name for name, of_file in files.items() if checksum(checkpoint / name) != of_file["xxh3"]]
    return f"{changed[0]} is not what the run wrote" if changed else ""


def _find_damage_without_sums(checkpoint: Path) -> str:
    """Read the state, and look whether the other files are whole by what stands in themselves."""
    if not read_json(checkpoint / STATE_FILE):
        return f"{STATE_FILE} is missing"
    for path in sorted(checkpoint.iterdir()):
        is_whole = _OWN_CHECKS.get(path.suffix)
        if is_whole is not None and not is_whole(path):
            return f"{path.name} is damaged"
    return "" if any(checkpoint.glob("*.safetensors")) else "it has no weights"


def _is_whole_zip(path: Path) -> bool:
    """Whether a file of `torch.save` has all its parts, with the sums that stand beside them; nothing is unpickled."""
    try:
        with zipfile.ZipFile(path) as content:
            return content.testzip() is None
    except (*READING_ERRORS, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        return False


def _has_all_tensors(path: Path) -> bool:
    """Whether a file of safetensors has the length that its head says; a changed weight is not found."""
    try:
        with safe_open(path, "numpy"):
            return True
    except (OSError, SafetensorError):
        return False


_OWN_CHECKS = {".pt": _is_whole_zip, ".pth": _is_whole_zip, ".safetensors": _has_all_tensors}
"""By suffix: whether a file that stands under no sums is whole."""


def find_gap(checkpoint: Path) -> str:
    """Say which state that training goes on with is not in a whole checkpoint, as `find_damage`."""
    if (checkpoint / SUMS_FILE).is_file():  # under sums nothing is missing, but what was not written
        is_there = any(checkpoint.glob("rng_state*.pth"))
        return "" if is_there else "it holds the weights alone (--save_only_model)"
    missing = [pattern for pattern in _STATES if not any(checkpoint.glob(pattern))]
    return f"{missing[0].replace('*', '')} is missing" if missing else ""


def has_whole_checkpoint(run: Path) -> bool:
    """Whether a run has a checkpoint to continue from, all files of which are those that it wrote."""
    try:
        run_id, _ = read_start_record(run)
    except UserError:
        return False
    whole = [each.folder for each in find_checkpoints(run) if each.is_whole]
    return any(not (find_damage(folder, run_id) or find_gap(folder)) for folder in whole)


def count_processes(checkpoint: Path) -> int:
    """Return how many processes wrote a checkpoint: each has a file with the states of its random generators."""
    return max(len(list(checkpoint.glob("rng_state_*.pth"))), 1)
