"""Lines of the form that fastText reads: `__label__spam` and the text behind it."""

from pathlib import Path

import pandas as pd

from ..flags.tables import TableFlags
from ..notes import Note
from .encodings import find_encoding
from .table_files import ENCODING_FLAGS, note_unused_flags, open_table
from .table_format import open_text

_MARK = "__label__"


def is_fasttext(path: Path, given: TableFlags) -> bool:
    """Whether a file begins with a label as fastText has it, and nothing is said of a separator.

    Raises:
        OSError: It cannot be read.

    """
    with open_table(path) as file:
        return given.separator is None and file.read(len(_MARK) + 3).removeprefix(b"\xef\xbb\xbf").startswith(
            _MARK.encode()
        )


def read_fasttext(path: Path, given: TableFlags) -> tuple[pd.DataFrame, list[Note]]:
    """Read such lines as a table with the columns `label` and `text`; of several labels in a row the cell is a list.

    Raises:
        UserError: It cannot be read.

    """
    encoding = find_encoding(path, given.encoding, given.encoding_errors)
    rows = []
    lines = 0
    with open_text(path, encoding.name, given.encoding_errors) as file:
        for line in file:
            lines += 1
            if line.strip():
                rows.append(_read_line(line.strip()))
    blank = f", {lines - len(rows)} blank" if lines > len(rows) else ""
    text = f"{path.name}: read as labels of fastText with texts behind them, {encoding}; {lines} lines: {len(rows)} rows{blank}."
    table = pd.DataFrame({"label": [row[0] for row in rows], "text": [row[1] for row in rows]}, dtype=object)
    return table, [Note("table_format", text, on_card=False), *note_unused_flags(path, given, ENCODING_FLAGS)]


def _read_line(line: str) -> tuple[str | list[str] | None, str]:
    """Return the label of a line, or its labels, and the text."""
    labels = []
    while line.startswith(_MARK):
        label, _, line = line.partition(" ")
        labels.append(label.removeprefix(_MARK).rstrip(","))
        line = line.lstrip()
    return (labels[0] if labels else None) if len(labels) < 2 else labels, line
