"""A table of one file, whatever its format; its suffix says which it is."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..errors import UserError, os_reason
from ..flags.paths import DATA_SUFFIXES, IMAGE_SUFFIXES
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .delimited_tables import read_delimited
from .encodings import is_wide
from .fasttext_tables import is_fasttext, read_fasttext
from .json_tables import read_json
from .table_files import (
    ARROW_SUFFIXES,
    JSON_SUFFIXES,
    PARSING_ERRORS,
    UNPACKING_ERRORS,
    check_is_no_pointer,
    describe_parsing_error,
    kind_of_table,
    note_unused_flags,
    open_table,
)
from .typed_tables import ClassNames as ClassNames  # for those who read tables
from .typed_tables import read_arrow, read_excel, read_parquet

_BINARY = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"FEA1": "feather",
    b"PK": "zip or xlsx",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gz",
}


@dataclass
class Table:
    """What was read of a file.

    Attributes:
        table: The rows; their index is the position in the file.
        class_names: Names of the classes, by column, where the file states them.
        notes: How it was read.

    """

    table: pd.DataFrame
    class_names: ClassNames = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_file(path: Path, given: TableFlags = FIND, named: Collection[str] = ()) -> Table:
    """Read one file by its suffix; without one that is known it is read as lines with separators.

    Args:
        path: The file.
        given: What flags say of its format.
        named: Columns that flags name.

    Raises:
        UserError: It cannot be read.

    """
    kind = kind_of_table(path)
    try:
        check_is_no_pointer(path)
        if kind in JSON_SUFFIXES:
            return Table(*_with_notes(read_json(path, given, named)))
        if kind == ".parquet":
            return _typed(path, "parquet", *read_parquet(path), given)
        if kind in ARROW_SUFFIXES:
            return _typed(path, "Arrow", *read_arrow(path), given)
        if kind == ".xlsx":
            return Table(*_with_notes(read_excel(path, given)))
        check_is_text(path)
        if is_fasttext(path, given):
            return Table(*_with_notes(read_fasttext(path, given)))
        return Table(*_with_notes(read_delimited(path, given, named)))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
    except UNPACKING_ERRORS as error:
        raise UserError(f"{path} cannot be unpacked: {error}.") from error
    except PARSING_ERRORS as error:
        raise UserError(
            f"{path} cannot be read as {kind[1:] or 'a table'}: {describe_parsing_error(error)}."
        ) from error


def _with_notes(read: tuple[pd.DataFrame, list[Note]]) -> tuple[pd.DataFrame, ClassNames, list[Note]]:
    table, notes = read
    return table, {}, notes


def _typed(path: Path, kind: str, table: pd.DataFrame, class_names: ClassNames, given: TableFlags) -> Table:
    """Return a table that knows the types of its columns, and say how it was read."""
    note = Note("table_format", f"{path.name}: read as {kind}; {len(table)} rows.", on_card=False)
    return Table(table, class_names, [note, *note_unused_flags(path, given)])


def check_is_text(path: Path) -> None:
    """Refuse a file that is no text, whatever its name says.

    Raises:
        UserError: It begins like a known kind of others, or is an image by its name.
        OSError: It cannot be read.

    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise UserError(f"{path} is an image: name a table of texts, one of {', '.join(DATA_SUFFIXES)}.")
    with open_table(path) as file:
        start = file.read(512)
    kind = next((kind for begin, kind in _BINARY.items() if start.startswith(begin) and not start.isascii()), None)
    if path.name.lower().endswith((".tar.gz", ".tar.xz", ".tar.bz2", ".tgz", ".tar")):
        kind = "a tar archive"
    if kind is None and start.count(0) and not is_wide(start):
        kind = "bytes"
    if kind is not None:
        raise UserError(
            f"{path} is no text but {kind}: unpack it if it is packed, give it the suffix of its kind, or save it as CSV."
        )
