"""The checkpoints of a run that has finished: they go, for its saved model is what they were written for."""

import shutil
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..files import flush_file
from .manifest import MANIFEST_FILE, MODEL_FILES, read_manifest
from .state import STATE_FILE, describe_bytes, find_checkpoints, measure_folder

_TRAINER_FILES = (
    *MODEL_FILES,
    *(STATE_FILE, "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state*.pth", "training_args.bin"),
)
"""What the Trainer writes into a checkpoint; one with anything else may hold something of the user's."""


@dataclass(frozen=True)
class Deletion:
    """What became of the checkpoints of a finished run.

    Attributes:
        bytes: How much was freed.
        kept: A sentence for each checkpoint that is still there.

    """

    bytes: int
    kept: tuple[str, ...] = ()

    def describe(self) -> str:
        """Say it in sentences; nothing where there were no checkpoints."""
        deleted = (
            f"The run is finished, and its checkpoints ({describe_bytes(self.bytes)}) were deleted; --keep_checkpoints true "
            "keeps them."
        )
        return " ".join([*([deleted] if self.bytes else []), *self.kept])


def delete_spent_checkpoints(run: Path) -> Deletion:
    """Delete the checkpoints of a run that has its manifest, which is written last; the caller has the run's lock.

    The saved model is on the disk before, so that not even a power cut loses both. No link is followed.

    Raises:
        OSError: The run has no manifest, or a file that it names cannot be read.

    """
    checkpoints = find_checkpoints(run)
    if not checkpoints:
        return Deletion(0)
    for name in [*read_manifest(run), MANIFEST_FILE]:
        flush_file(run / name)
    freed, kept = 0, []
    for checkpoint in checkpoints:
        foreign = _find_foreign(checkpoint.folder)
        if foreign is not None:
            kept.append(f"{checkpoint.folder} is kept: {foreign} may be yours.")
            continue
        size = measure_folder(checkpoint.folder).bytes
        try:
            delete_folder(checkpoint.folder)
        except OSError as error:
            kept.append(f"{checkpoint.folder} cannot be deleted: {error.strerror}.")
        else:
            freed += size
    return Deletion(freed, tuple(kept))


def _find_foreign(checkpoint: Path) -> str | None:
    """Return the name of a file or folder in a checkpoint that the Trainer did not write, or None."""
    for path in sorted(checkpoint.iterdir()):
        is_file = path.is_file() and not path.is_symlink()
        if not is_file or not any(fnmatch(path.name, pattern) for pattern in _TRAINER_FILES):
            return path.name
    return None


def delete_folder(folder: Path) -> None:
    """Delete a checkpoint, or a run that failed; cut off in between, it is no whole one.

    Raises:
        OSError: Something of it cannot be deleted.

    """
    (folder / STATE_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder)
