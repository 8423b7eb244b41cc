"""Tables of files that know the types of their columns: parquet, Arrow and Excel."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import UserError
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .columns import list_columns
from .table_files import note_unused_flags, open_table

if TYPE_CHECKING:
    from datasets import Features

ClassNames = dict[str, list[str]]
"""Names of the classes, by column, where a file or Hub dataset states them."""


def read_parquet(path: Path) -> tuple[pd.DataFrame, ClassNames]:
    """Read a parquet file, with the class names that a Hugging Face export states in its schema."""
    import pyarrow.parquet

    with open_table(path) as file:
        return _from_arrow(path, pyarrow.parquet.read_table(file))


def read_arrow(path: Path) -> tuple[pd.DataFrame, ClassNames]:
    """Read an Arrow file, a stream of one as `datasets` writes it, or a feather file."""
    import pyarrow
    import pyarrow.feather

    with open_table(path) as file:
        content = pyarrow.BufferReader(file.read())
    try:
        return _from_arrow(path, pyarrow.ipc.open_stream(content).read_all())
    except pyarrow.ArrowInvalid:
        content.seek(0)
        return _from_arrow(path, pyarrow.feather.read_table(content))


def _from_arrow(path: Path, content: Any) -> tuple[pd.DataFrame, ClassNames]:
    from datasets import Features

    index = [name for name in content.column_names if name.startswith("__index_level_")]
    cells = {name: _to_python(path, name, content.column(name)) for name in content.column_names if name not in index}
    return with_class_names(cells, Features.from_arrow_schema(content.schema))


def _to_python(path: Path, name: str, cells: Any) -> list[Any]:
    """Return the cells of a column.

    Raises:
        UserError: One is a time that Python has not.

    """
    try:
        return list(cells.to_pylist())
    except OverflowError as error:
        raise UserError(
            f"{path} has in the column '{name}' a date beyond the years 1 to 9999, which cannot be read ({error}): take the "
            "column out, or save it as text."
        ) from error


def with_class_names(content: dict[str, list[Any]], features: "Features") -> tuple[pd.DataFrame, ClassNames]:
    """Make a table; the ids of columns of ClassLabels, or of lists of these, become names."""
    stated = {name: names_of_classes(feature) for name, feature in features.items()}
    class_names = {name: names for name, names in stated.items() if names is not None}
    table = pd.DataFrame(content, dtype=object)
    for column in class_names:
        table[column] = pd.Series(cells_to_names(content[column], features[column]), dtype=object)
    return table, class_names


def names_of_classes(feature: Any) -> list[str] | None:
    """Return the names of classes that a column states, each of whose cells is one or a list of them, or None."""
    from datasets import ClassLabel

    inner = getattr(feature, "feature", feature)
    return list(inner.names) if isinstance(inner, ClassLabel) else None


def cells_to_names(cells: Iterable[Any], feature: Any) -> list[Any]:
    """Return the cells of a column with names for the ids of classes; other columns as they are."""
    names = names_of_classes(feature)
    if names is None:
        return list(cells)
    if not hasattr(feature, "feature"):
        return list(ids_to_names(cells, names))
    return [None if cell is None else ids_to_names(cell, names) for cell in cells]


def ids_to_names(ids: Iterable[int | None], names: list[str]) -> list[str | None]:
    """Return the class names of the ids of a ClassLabel; -1, the Hub's sign for a hidden label, has none.

    Raises:
        UserError: An id is beyond the names, or below -1.

    """
    ids = list(ids)
    wrong = next((index for index in ids if index is not None and not -1 <= index < len(names)), None)
    if wrong is not None:
        raise UserError(
            f"A label has the class id {wrong}, but the data name {len(names)} classes only ({list_columns(names)}): write the "
            "missing names into the data's features, or the labels as texts."
        )
    return [names[index] if index is not None and index >= 0 else None for index in ids]


def read_excel(path: Path, given: TableFlags = FIND) -> tuple[pd.DataFrame, list[Note]]:
    """Read the first sheet of an Excel file; also say which it is, where there are several.

    Args:
        path: The file.
        given: Flags, of which the header counts: without one columns are called by their numbers from 1.

    Raises:
        UserError: The package that reads such files is not installed.

    """
    header = None if given.header is False else 0
    try:
        with open_table(path) as file, pd.ExcelFile(file) as book:
            sheets = list(map(str, book.sheet_names))
            table = pd.read_excel(book, header=header, dtype=object, keep_default_na=False, na_values=[""])
    except ImportError as error:
        raise UserError(f'{path} is an Excel file: pip install "hfkit[excel]", or save it as CSV.') from error
    names = table.columns if header is not None else range(1, table.shape[1] + 1)
    table.columns = pd.Index([str(name) for name in names], dtype=object)
    others = f" of {len(sheets)} sheets the first, {sheets[0]}," if len(sheets) > 1 else ""
    text = f"{path.name}: read as Excel,{others}{'' if header is not None else ' no header,'} {len(table)} rows."
    return table, [Note("table_format", text, on_card=False), *note_unused_flags(path, given, ["header"])]
