"""From what was given to rows: a table by its suffix, lines on stdin, or photos."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from ..data.class_folders import list_files
from ..errors import UserError
from ..flags.paths import IMAGE_SUFFIXES, check_names
from ..flags.prediction_input import InputKind
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .rows import Counts, Row, RowSource
from .table_sources import open_table


def open_source(
    given: str, kind: InputKind, table_flags: TableFlags = FIND, named: Sequence[str] = ()
) -> tuple[RowSource, list[Note]]:
    """Return the rows of an input, and notes on how it was read and what was passed over.

    Args:
        given: A path, `-` for lines on stdin, or a text.
        kind: What it is.
        table_flags: What flags say of the format of a table.
        named: Columns that flags name.

    Raises:
        UserError: It cannot be read.

    """
    if kind is InputKind.LINES:
        return Lines("stdin", sys.stdin.buffer), []
    if kind is InputKind.TEXT:
        return Lines("the text", [given.encode("utf-8", "surrogatepass")], 1), []
    check_names([given])
    path = Path(given).expanduser()
    if kind is InputKind.FOLDER:
        return list_photos(path)
    if kind is InputKind.PHOTO:
        return Photos(given, path.parent, [path]), []
    return open_table(path, table_flags, named)


@dataclass
class Lines:
    """Lines that can be read once; an empty line is an empty text."""

    name: str
    lines: Iterable[bytes]
    total: int | None = None
    columns: list[str] = field(default_factory=lambda: ["text"])
    identity: str = ""
    has_photos: bool = False
    counts: Counts = "line"

    def rows(self) -> Iterator[Row]:
        """Yield a row for each line; one that is not UTF-8 cannot be read."""
        for number, line in enumerate(self.lines, 1):
            try:
                text = line.decode("utf-8", "surrogatepass")
            except UnicodeDecodeError as error:
                yield Row(number, [None], f"not UTF-8 (byte 0x{error.object[error.start]:02x})")
                continue
            yield Row(number, [text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text])


@dataclass
class Photos:
    """Files of photos; their only column is `file`, the path from the folder."""

    name: str
    folder: Path
    files: list[Path]
    columns: list[str] = field(default_factory=lambda: ["file"])
    has_photos: bool = True
    counts: Counts = "row"

    @property
    def total(self) -> int | None:
        """How many there are."""
        return len(self.files)

    @property
    def identity(self) -> str:
        """Names, sizes and times of the files: to read photos twice would take as long as to predict them."""
        digest = xxhash.xxh3_128()
        for path in self.files:
            status = path.stat()
            digest.update(f"{path.relative_to(self.folder)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def rows(self) -> Iterator[Row]:
        """Yield a row for each photo, which is not opened yet."""
        for number, path in enumerate(self.files):
            cells = [path.relative_to(self.folder).as_posix()]
            yield Row(number, cells, photo={"bytes": None, "path": str(path)})


def list_photos(folder: Path) -> tuple[Photos, list[Note]]:
    """Return all photos in a folder and below it, by name, and a note on files that are none.

    Raises:
        UserError: There are none, or a name is not UTF-8.

    """
    paths = list_files(folder)
    check_names(map(str, paths))
    files = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    others = sorted({*paths}.difference(files))
    if not files:
        raise UserError(
            f"{folder} has no photos ({', '.join(IMAGE_SUFFIXES[:4])}): name a folder of photos, or a file of texts."
        )
    notes = []
    if others:
        count = f"{len(others)}, such as {others[0].relative_to(folder).as_posix()}"
        notes.append(Note("files_passed_over", f"Files that are no photos were passed over: {count}."))
    return Photos(str(folder), folder, files), notes
