"""Tables that are made once and kept on disk for later runs, under sums: one that was damaged is made again."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
from datasets import Dataset, Features, Split, config
from filelock import FileLock

from ..errors import UserError, os_reason
from ..files import checksum, describe_room

logger = logging.getLogger(__name__)


class NotKeptError(UserError):
    """A table could not be written, which no run can go on without that has no other way to its rows.

    Attributes:
        reason: Why, without a full stop.

    """

    def __init__(self, folder: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The rows cannot be kept in {folder} ({reason}): make room or make it writable, or name another folder by the "
            "environment variable HF_DATASETS_CACHE."
        )


def keep(
    split: str, tables: Callable[[], Iterator[pyarrow.Table]], features: Features, fingerprint: str, rows: int
) -> Dataset:
    """Return a table from the disk, where it is written unless it is there under its fingerprint.

    A file has its own sum in its name, and is read only where it has that sum. Nothing is written where all is there, so the
    folder may be one that can only be read. Of several processes the first one writes, and the others wait for it.

    Args:
        split: Name of the split.
        tables: Yields the table in parts; called only if it is not there.
        features: Types by column.
        fingerprint: Hash of all that the table depends on.
        rows: How many rows it has.

    Raises:
        NotKeptError: The folder cannot be written or is full, or `tables` raised an OSError or a ValueError.

    """
    folder = Path(config.HF_DATASETS_CACHE).expanduser() / "hfkit"
    damaged: list[Path] = []
    try:
        file, damaged = _find(folder, fingerprint)
        if file is None:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{fingerprint[:2]}.lock"):
                file, damaged = _find(folder, fingerprint)  # perhaps another process was faster
                if file is None:
                    for path in damaged:
                        logger.warning(f"{path} was damaged: its rows are made again.")
                    file = _write(folder / fingerprint, tables, features, rows)
                    for path in damaged:
                        if path != file:
                            path.unlink(missing_ok=True)
    except OSError as error:
        reason = os_reason(error) if not damaged else f"{damaged[0].name} is damaged; {os_reason(error)}"
        raise NotKeptError(folder, reason) from error
    return Dataset.from_file(str(file), split=Split(split))


def _find(folder: Path, fingerprint: str) -> tuple[Path | None, list[Path]]:
    """Return the whole file of a fingerprint, or None, and those that are damaged."""
    damaged: list[Path] = []
    for file in sorted(folder.glob(f"{fingerprint}-*.arrow")):
        try:
            if file.stem == f"{fingerprint}-{checksum(file)}":
                return file, damaged
        except FileNotFoundError:  # another process has made it again, with other bytes
            continue
        damaged.append(file)
    return None, damaged


def _write(place: Path, tables: Callable[[], Iterator[pyarrow.Table]], features: Features, rows: int) -> Path:
    """Write a table beside its place, put its sum into its name, and return where it is."""
    partial, done, size = place.with_suffix(".partial"), 0, 0
    try:
        with partial.open("wb") as file, pyarrow.ipc.new_stream(file, features.arrow_schema) as writer:
            for table in tables():
                done, size = done + len(table), size + table.nbytes
                writer.write_table(table)
        whole = place.with_name(f"{place.name}-{checksum(partial)}.arrow")
        os.replace(partial, whole)
        return whole
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if not isinstance(error, OSError | ValueError | pyarrow.ArrowException) or isinstance(error, UserError):
            raise
        reason = os_reason(error) if isinstance(error, OSError) else " ".join(str(error).split())
        needed = f"; they take about {describe_room(size / done * rows)}" if done else ""
        raise NotKeptError(place.parent, reason + needed) from error
