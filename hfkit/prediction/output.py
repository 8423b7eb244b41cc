"""A CSV file that is written block by block, and gone on with after a kill, to the same bytes."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import UserError, os_reason
from ..files import attach, csv_quoting, read_attached, try_lock, write_file
from ..flags.prediction import BUSY, lock_file, part_file, unreadable_file

_ATTACHED = "hfkit.prediction"
"""What a finished output carries: the digest of what it is of, and its size."""


@dataclass
class Progress:
    """How far a prediction is, as its progress file says it.

    Attributes:
        digest: Of model, input and flags: a file is gone on with by the same alone.
        rows: Rows of the input that were read.
        bytes_written: Size of the part of the output that holds them.
        unreadable_bytes: Size of the part of the list of rows that cannot be read.
        unreadable: Rows that cannot be read.
        truncated: Texts that were cut.

    """

    digest: str
    rows: int = 0
    bytes_written: int = 0
    unreadable_bytes: int = 0
    unreadable: int = 0
    truncated: int = 0


@contextmanager
def lock_output(path: Path) -> Iterator[None]:
    """Keep other processes from writing an output; what a killed process leaves of the lock is free.

    Raises:
        UserError: Another process writes it.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_file(path)
    with lock.open("ab") as file:
        # Who ended since the file was opened has deleted it, and whoever begins then locks another one.
        if try_lock(file, exclusive=True) is False or not _is_at(file, lock):
            raise UserError(BUSY.format(path))
        try:
            yield
        finally:
            if os.name != "nt":  # which deletes no file that is open
                lock.unlink(missing_ok=True)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Tell whether an open file is the one that has this path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def read_finished_digest(path: Path) -> str | None:
    """Return of which model, input and flags a finished output is, or None where it does not say so, or was changed since."""
    digest, _, size = (read_attached(path, _ATTACHED) or "").partition(" ")
    return digest if digest and size == str(path.stat().st_size) else None


def check_finished(path: Path, digest: str) -> None:
    """Refuse a finished output of another model, input or command line.

    Raises:
        UserError: It is.

    """
    if read_finished_digest(path) != digest:
        raise UserError(
            f"{path} is finished, and was predicted with another model, input, version of hfkit or other flags: name another "
            "--output, or write --overwrite to predict all rows anew."
        )


class Output:
    """A table in the making: a part that grows, beside it the rows that cannot be read, and how far it is.

    A block is appended and synced before the progress file says so; what a kill leaves behind it is cut off.

    Args:
        path: Where the whole file will be.
        progress: Where it begins.

    """

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self.part = part_file(path)
        self.unreadable = unreadable_file(path)
        self.unreadable_part = part_file(self.unreadable)
        self.progress = progress

    @classmethod
    def begin(cls, path: Path, digest: str) -> "Output":
        """Begin a new output; what an earlier command left unfinished is dropped."""
        output = cls(path, Progress(digest))
        path.parent.mkdir(parents=True, exist_ok=True)
        output.unreadable_part.unlink(missing_ok=True)
        output.part.unlink(missing_ok=True)
        output._write_progress()
        output.part.touch()
        return output

    @classmethod
    def resume(cls, path: Path, digest: str) -> "Output":
        """Go on with an output of an earlier command, or begin where there is none.

        Raises:
            UserError: It is of another model, input or command line, or its files are not those that it wrote.

        """
        if not part_file(path).exists():
            return cls.begin(path, digest)
        output = cls(path, _read_progress(path))
        if output.progress.digest != digest:
            raise UserError(
                f"{output.part} was begun with another model, input, version of hfkit or other flags: repeat the same command "
                "with --resume, or write --overwrite to begin again."
            )
        if output.progress.unreadable_bytes and not output.unreadable_part.exists() and output.unreadable.exists():
            os.replace(output.unreadable, output.unreadable_part)  # it was killed at its very end
        _cut(output.part, output.progress.bytes_written)
        _cut(output.unreadable_part, output.progress.unreadable_bytes)
        return output

    def append(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[Any]],
        bad_header: Sequence[str],
        bad: Sequence[Sequence[Any]],
    ) -> None:
        """Append rows, and rows that cannot be read, with the header where they are the first; progress is not saved yet.

        Raises:
            UserError: They cannot be written.

        """
        progress = self.progress
        try:
            progress.bytes_written = _append(self.part, progress.bytes_written, header, rows)
            if bad or progress.unreadable_bytes:
                progress.unreadable_bytes = _append(self.unreadable_part, progress.unreadable_bytes, bad_header, bad)
        except OSError as error:
            raise UserError(f"{self.part} cannot be written: {os_reason(error)}; --resume goes on then.") from error

    def commit(self, rows: int, unreadable: int, truncated: int) -> None:
        """Save that so many more rows were read, so many of them were not readable, and so many texts were cut."""
        self.progress.rows += rows
        self.progress.unreadable += unreadable
        self.progress.truncated += truncated
        self._write_progress()

    def finish(self) -> None:
        """Rename the parts to the whole files."""
        if self.progress.unreadable_bytes:
            os.replace(self.unreadable_part, self.unreadable)
        else:
            self.unreadable.unlink(missing_ok=True)  # of an output that is overwritten
        attach(self.part, _ATTACHED, f"{self.progress.digest} {self.progress.bytes_written}")
        os.replace(self.part, self.path)
        _progress_file(self.path).unlink()

    def _write_progress(self) -> None:
        write_file(_progress_file(self.path), json.dumps(asdict(self.progress), indent=2) + "\n")


def _progress_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.progress.json")


def _read_progress(path: Path) -> Progress:
    try:
        return Progress(**json.loads(_progress_file(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{_progress_file(path)} cannot be read, so that nobody knows how far {part_file(path).name} is: write "
            "--overwrite to begin again."
        ) from error


def _cut(path: Path, size: int) -> None:
    """Cut off what a kill left behind the last block.

    Raises:
        UserError: The file is shorter than that.

    """
    actual = path.stat().st_size if path.exists() else 0
    if actual < size:
        raise UserError(
            f"{path} has {actual:,} of the {size:,} bytes that were written: write --overwrite to begin again."
        )
    if path.exists():
        os.truncate(path, size)


def _append(path: Path, position: int, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Append rows at a position, behind the header where it is the start, and return the new size."""
    content = format_rows([*([] if position else [header]), *rows]).encode("utf-8", "replace")
    with path.open("ab") as file:
        file.truncate(position)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return position + len(content)


def format_rows(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; a row with a carriage return is quoted (`csv_quoting`)."""
    text = io.StringIO()
    writers = {
        csv.QUOTE_MINIMAL: csv.writer(text, lineterminator="\n"),
        csv.QUOTE_ALL: csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL),
    }
    for row in rows:
        writers[csv_quoting(row)].writerow(row)
    return text.getvalue()
