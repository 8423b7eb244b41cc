"""Folders of documents and tables beside them: which of the two are the data, and what is said of the other."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..flags.paths import is_table_name
from ..flags.tables import TableFlags
from ..notes import Note
from .class_folders import is_hidden, subfolders
from .columns import LABEL_COLUMNS, TEXT_COLUMNS, find_usual
from .documents import read_documents
from .tables import Table, read_file

_SHOWN = 6


def read_beside_documents(
    folder: Path, files: Sequence[Path], places: Sequence[Path], given: TableFlags, named: Collection[str]
) -> Table | None:
    """Read the only table that has texts with labels; where there is none, the documents, and say what is passed over.

    Args:
        folder: Of one split.
        files: The tables in it.
        places: The folders of documents in it.
        given: What flags say of the format of files.
        named: Columns that flags name.

    Returns:
        The rows, or None where the folders are no classes.

    Raises:
        UserError: The folders are not as classes must be, or a document is no text.

    """
    labelled = {path: table for path in files if (table := _read_labelled(path, given, named)) is not None}
    if len(labelled) == 1:
        [(path, table)] = labelled.items()
        others = [other for other in files if other != path]
        notes = [note_passed_over(others, "have no labels")] if others else []
        return Table(table.table, table.class_names, [*table.notes, *notes, *note_documents_passed_over(places)])
    documents = read_documents(folder, given)
    if documents is not None and len(places) == 1 and files:
        raise UserError(
            f"{folder} has texts in one folder, {places[0].name}, and {_list(files)} beside it, and the labels of texts are not "
            f"read from a table of their files: put each text into a folder of its label, such as {folder / 'LABEL' / '1.txt'}, "
            "or write one table with the columns text,label."
        )
    if documents is None:
        return None
    notes = [note_passed_over(files, "are beside folders of documents")] if files else []
    return Table(documents.table, {}, [*documents.notes, *notes])


def note_documents_passed_over(places: Sequence[Path]) -> list[Note]:
    """Say which folders of documents beside tables are not used, where there are some."""
    if not places:
        return []
    text = f"Folders of documents beside tables are not used: {_list(places)}."
    return [Note("files_passed_over", text, on_card=False)]


def note_folders_of_tables(folder: Path, used: Collection[Path]) -> list[Note]:
    """Say which folders with tables in a folder are not used, where there are some.

    Args:
        folder: Whose other files or folders are the data.
        used: The folders in it that are data, or are told of otherwise.

    """
    others = [path for path in subfolders(folder) if path not in used and _has_tables(path)]
    if not others:
        return []
    return [Note("files_passed_over", f"Folders beside the data are not used: {_list(others)}.", on_card=False)]


def _has_tables(folder: Path) -> bool:
    files = (path for path in folder.rglob("*") if is_table_name(path.name) and not is_hidden(path, folder))
    return any(path.is_file() for path in files)


def note_passed_over(files: Sequence[Path], why: str) -> Note:
    """Say which files are not used, and why."""
    return Note("files_passed_over", f"Files that {why} are not used: {_list(files)}.", on_card=False)


def _read_labelled(path: Path, given: TableFlags, named: Collection[str]) -> Table | None:
    """Return a table with columns of texts and of labels, by their usual names or by those that flags name; else None."""
    try:
        table = read_file(path, given, named)
    except UserError:
        return None
    return table if _is_labelled(table.table, named) else None


def _is_labelled(table: pd.DataFrame, named: Collection[str]) -> bool:
    columns = list(map(str, table.columns))
    has_labels = find_usual(columns, LABEL_COLUMNS) is not None
    has_texts = find_usual(columns, TEXT_COLUMNS) is not None
    if not named:
        return has_labels and has_texts
    return set(named) <= set(columns) and (len(named) > 1 or has_labels or has_texts)


def _list(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
