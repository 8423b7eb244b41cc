"""Tables without a column for labels, one for each class: the name of the file is the label."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..flags.tables import TableFlags
from ..notes import Note
from .columns import LABEL_COLUMNS, find_usual, list_columns
from .table_files import kind_of_table
from .table_format import find_format
from .tables import Table, check_is_text, read_file

_MOST_CLASSES = 50
_SHOWN = 6
_LEAST_SHARE = 0.7
LABEL = "label"


def read_class_files(
    folder: Path,
    files: list[Path],
    given: TableFlags,
    named: Collection[str],
    labels: Mapping[Path, str] | None = None,
) -> Table | None:
    """Read files of one class each; those that have labels of their own are left out, and named.

    Args:
        folder: Where they are.
        files: The tables in it.
        given: What flags say of their format.
        named: Columns that flags name.
        labels: Of the files; None: their names.

    Returns:
        Their rows with a column `label`, or None where fewer than two files have no labels.

    Raises:
        UserError: Those without labels have not the same columns.

    """
    if len(files) > _MOST_CLASSES:
        return None
    read = {path: _read(path, given, named) for path in files}
    classes = {path: table for path, table in read.items() if not _has_labels(table.table)}
    if len(classes) < 2:
        return None
    _check_columns(folder, classes)
    labels = labels or {path: path.name.split(".")[0] for path in classes}
    tables = [table.table.assign(**{LABEL: labels[path]}) for path, table in classes.items()]
    counts = ", ".join(f"{labels[path]} {len(table.table)}" for path, table in classes.items())
    notes = [Note("labels_by_file", f"Labels: by the names of the files ({counts}).", on_card=False)]
    for table in classes.values():
        notes += table.notes
    others = [path.name for path in files if path not in classes]
    if others:
        text = (
            f"Files with labels of their own are not used beside files of one class each: {', '.join(others[:_SHOWN])}."
        )
        notes.append(Note("files_passed_over", text, on_card=False))
    return Table(pd.concat(tables, ignore_index=True), {}, notes)


def _has_labels(table: pd.DataFrame) -> bool:
    return find_usual(list(map(str, table.columns)), LABEL_COLUMNS) is not None


def _check_columns(folder: Path, classes: Mapping[Path, Table]) -> None:
    """Refuse tables of one class each that have not the same columns.

    Raises:
        UserError: As above.

    """
    columns = {path: tuple(map(str, table.table.columns)) for path, table in classes.items()}
    first, *others = columns
    other = next((path for path in others if columns[path] != columns[first]), None)
    if other is not None:
        shown = "; ".join(f"{path.name}: {list_columns(list(columns[path]))}" for path in (first, other))
        raise UserError(
            f"{folder} has no training file, and {', '.join(path.name for path in list(classes)[:_SHOWN])} have no column of "
            f"labels and not the same columns ({shown}): to take each for the texts of one class, give them the same columns and "
            "move other files away; or name one file by --dataset, or call it train.csv."
        )


def _read(path: Path, given: TableFlags, named: Collection[str]) -> Table:
    """Read a table, or of a .txt file in which nothing parts cells each line as a text."""
    if path.suffix.lower() != ".txt" or kind_of_table(path) != ".txt" or given.separator is not None:
        return read_file(path, given, named)
    check_is_text(path)
    table = find_format(path, given, named)
    has_columns = table.format.header or table.format.separator == "\t"  # commas are in texts, too
    if has_columns and table.scan.width > 1 and table.scan.share >= _LEAST_SHARE:
        return read_file(path, given, named)
    with table.format.open(path) as file:
        lines = [line.rstrip("\r\n") for line in file]
    texts = [line for line in lines if line.strip()]
    blank = f", {len(lines) - len(texts)} blank" if len(texts) < len(lines) else ""
    note = f"{path.name}: one text a line, {len(lines)} lines: {len(texts)} rows{blank}."
    return Table(pd.DataFrame({"text": texts}, dtype=str), {}, [Note("table_format", note, on_card=False)])
