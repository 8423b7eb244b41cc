"""The checkpoints of a run that has finished: they go, for its saved model is what they were written for."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..files import describe_bytes, flush_file
from .manifest import MANIFEST_FILE, MODEL_FILES, read_manifest
from .state import PARTIAL_FOLDER, STATE_FILE, SUMS_FILE, find_checkpoints, measure_folder

_TRAINER_FILES = (
    *("model.safetensors", "model-*-of-*.safetensors", "adapter_model.safetensors", "*.safetensors.index.json"),
    *(STATE_FILE, SUMS_FILE, "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state*.pth", "training_args.bin"),
)
"""What the Trainer alone writes into a checkpoint; files of a model in it stand in the run's folder, too."""


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
        foreign = _find_foreign(checkpoint.folder, run)
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


def _find_foreign(checkpoint: Path, run: Path) -> str | None:
    """Return the name of a file or folder in a checkpoint that the Trainer did not write, or None: it may be the user's."""
    for path in sorted(checkpoint.iterdir()):
        is_of_run = _matches(path.name, MODEL_FILES) and (run / path.name).is_file()
        is_known = _matches(path.name, _TRAINER_FILES) or is_of_run
        if not is_known or path.is_symlink() or not path.is_file():
            return path.name
    return None


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def delete_folder(folder: Path) -> None:
    """Delete a checkpoint, or a run that failed; cut off in between, it is no whole one.

    Raises:
        OSError: Something of it cannot be deleted.

    """
    (folder / STATE_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder)
    if folder.parent.name == PARTIAL_FOLDER:
        folder.parent.rmdir()
