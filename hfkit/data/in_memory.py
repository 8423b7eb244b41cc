"""Texts and labels that are values in Python: tables, lists and datasets become what files become, and stay as they are."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict

from ..flags.paths import IN_MEMORY
from ..flags.tables import FIND, TableFlags
from .sources import Source, read_source, split_by_column, tables_of_datasets
from .split_names import SPLIT_NAMES
from .stored_rows import compute_fingerprint
from .tables import read_file

NAME = "data in memory"
"""What messages call it."""

_Part = TypeVar("_Part")


def is_named(data: Any) -> bool:
    """Tell whether data are a file, a folder or a Hub id by their name, and not a value.

    Raises:
        TypeError: It is a text that can be no name.

    """
    if isinstance(data, Path):
        return True
    if not isinstance(data, str):
        return False
    if len(data) > 1000 or "\n" in data or not data.strip():
        raise TypeError(
            f"The data is one text, {data[:30]!r}: give a list of texts with labels=[...], or a file's name."
        )
    return True


def in_memory_name(checksum: str) -> str:
    """Return the name of data that no file holds, for the flag `dataset`."""
    return f"{IN_MEMORY}{checksum[:12]}"


def make_text_source(
    data: Any,
    labels: Any,
    text_column: Any = None,
    label_column: Any = None,
    needs_train: bool = True,
    table_flags: TableFlags = FIND,
    split_column: str | None = None,
) -> tuple[Source, str]:
    """Return the tables of texts that are values in Python, and their name for the flag `dataset`; the values stay as they are.

    Args:
        data: A DataFrame, a Dataset, a list of texts with `labels`, a list of (text, label) pairs or of dictionaries, or a
            dictionary of splits of these, of files and of datasets by name.
        labels: Labels of a list of texts, in its order; else None.
        text_column: The text column, or two; a list's column is called so.
        label_column: The label column, or several, as above.
        needs_train: Whether there has to be a split to train on.
        table_flags: How files are written that a dictionary of splits names.
        split_column: The column of the split where one is given: no other is then looked for, and `load_text_data`, which has
            the same flag, parts the rows by it.

    Raises:
        TypeError: The data is of a kind that is not understood.
        ValueError: It is of such a kind, and not as it must be.
        UserError: What is read by its name is not as it must be.

    """
    named = [text_column] if isinstance(text_column, str) else list(text_column or ())
    named_labels = [label_column] if isinstance(label_column, str) else list(label_column or ())
    names = (named[0] if len(named) == 1 else "text", named_labels[0] if len(named_labels) == 1 else "label")
    if isinstance(data, Mapping):
        parts = read_splits(data, labels, needs_train, lambda split, part: _read_part(split, part, names, table_flags))
    else:
        parts = {"train": _read_value(data, labels, names)}
    source = Source(NAME, {split: part.tables["train"] for split, part in parts.items()})
    for part in reversed(parts.values()):
        source.class_names |= part.class_names
    if needs_train and split_column is None:
        source.tables, source.notes = split_by_column(source, [*named, *named_labels])
    source.notes += [note for part in parts.values() for note in part.notes if note.code == "table_format"]
    columns = {
        f"{split} {name}": table[name].tolist() for split, table in source.tables.items() for name in table.columns
    }
    return source, in_memory_name(compute_fingerprint("texts", columns))


def read_splits(
    data: Mapping[Any, Any], labels: Any, needs_train: bool, read: Callable[[str, Any], _Part]
) -> dict[str, _Part]:
    """Return what a dictionary of splits holds by our names of the splits, in our order.

    Args:
        data: Values by the names of splits.
        labels: Must be None.
        needs_train: Whether there has to be a split to train on.
        read: Reads the value of a split.

    Raises:
        ValueError: A key is no split's name, two are of one split, or there is no split to train on.

    """
    if labels is not None:
        raise ValueError("labels=... is for a list: in a dictionary of splits give (text, label) pairs or DataFrames.")
    values: dict[str, Any] = {}
    for key, value in data.items():
        split = next((split for split, names in SPLIT_NAMES.items() if str(key).lower() in names), None)
        if split is None:
            raise ValueError(
                f"The dictionary has the key {key!r}, which is no split's name: write train, validation and test, or for columns "
                "give pandas.DataFrame(...)."
            )
        if split in values:
            raise ValueError(f"The dictionary has two keys for {split}: leave one out.")
        values[split] = value
    if not values or (needs_train and "train" not in values):
        raise ValueError(f"The dictionary has no split train, only: {', '.join(map(str, data)) or 'nothing'}.")
    return {split: read(split, values[split]) for split in SPLIT_NAMES if split in values}


def _read_part(split: str, part: Any, names: tuple[str, str], table_flags: TableFlags) -> Source:
    """Read one split of a dictionary; of a dataset with several splits that is read by its name it is the same one."""
    if not is_named(part):
        return _read_value(part, None, names)
    path = Path(part).expanduser()
    if path.is_file():
        read = read_file(path, table_flags, names)
        return Source(NAME, {"train": read.table}, read.class_names, read.notes)
    source = read_source(str(part), given=table_flags)
    table = source.tables[choose_part(split, str(part), list(source.tables))]
    return Source(NAME, {"train": table}, source.class_names, source.notes)


def choose_part(split: str, name: str, splits: Sequence[str]) -> str:
    """Return which of the splits of a dataset stands for one of a dictionary: its only one, or that of the same name.

    Raises:
        ValueError: There are several, and none of that name.

    """
    if len(splits) == 1:
        return splits[0]
    if split in splits:
        return split
    raise ValueError(f"{name} has no split {split}, only: {', '.join(splits)}.")


def _read_value(value: Any, labels: Any, names: tuple[str, str]) -> Source:
    """Return one table of a value; its class names are those that a Dataset states."""
    if isinstance(value, Dataset) and labels is None:
        tables, class_names = tables_of_datasets({"train": value})
        return Source(NAME, {"train": plain_table(tables["train"])}, class_names)
    return Source(NAME, {"train": to_table(value, labels, names, "text")})


def to_table(value: Any, labels: Any, names: tuple[str, str], what: str) -> pd.DataFrame:
    """Return the table of a value: of a DataFrame itself, of a list one with a column for the contents and one for the labels.

    Args:
        value: As of `make_text_source`, but for a dictionary.
        labels: Of a list of contents.
        names: What the two columns of a list are called.
        what: What a row is, for messages: `text` or `image`.

    Raises:
        TypeError: It is of a kind that is not understood.
        ValueError: Labels are missing or do not fit.

    """
    is_frame = isinstance(value, pd.DataFrame) or (hasattr(value, "to_pandas") and hasattr(value, "columns"))
    if is_frame or isinstance(value, Dataset | DatasetDict):
        if labels is not None:
            raise ValueError(f"labels=... is for a list: name the column of a {type(value).__name__} by label=...")
        return plain_table(value if isinstance(value, pd.DataFrame) else value.to_pandas())
    rows = _to_rows(value, what)
    if labels is not None:
        return _with_labels(value, rows, labels, names, what)
    if rows and all(isinstance(row, Mapping) for row in rows):
        return plain_table(pd.DataFrame([dict(row) for row in rows], dtype=object))
    wrong = next(
        (number for number, row in enumerate(rows) if not isinstance(row, tuple | list) or len(row) != 2), None
    )
    if wrong is not None:
        raise (ValueError if isinstance(rows[wrong], str) else TypeError)(
            f"Row {wrong} of the list, counted from 0, has no label: give ({what}, label) pairs, dictionaries, or {what}s with "
            f"labels=[...], and not a {type(rows[wrong]).__name__}."
        )
    return pd.DataFrame({names[place]: _cells([row[place] for row in rows]) for place in (0, 1)}, dtype=object)


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with rows from 0 on and texts as names of columns, which shares its cells; a second `label` is `label.1`.

    Raises:
        ValueError: Two columns have one name, also when they are numbered.

    """
    plain = table.reset_index(drop=True)
    names = pd.Series([str(column) for column in table.columns], dtype=object)
    again = names.groupby(names).cumcount()  # numbered as pandas does where it reads a file
    numbered = [f"{name}.{number}" if number else name for name, number in zip(names, again, strict=True)]
    plain.columns = pd.Index(numbered, dtype=object)
    twice = plain.columns[plain.columns.duplicated()]
    if len(twice):
        raise ValueError(f"The table has two columns named '{twice[0]}': rename one.")
    return plain


def _to_rows(value: Any, what: str) -> list[Any]:
    """Return the rows of a list, a column or an array of one dimension."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, pd.Series | pd.Index) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return list(value.tolist())
    raise TypeError(
        f"The data is a {type(value).__name__}, which is not understood: give a DataFrame, a list of ({what}, label) pairs or of "
        f"{what}s with labels=[...], a datasets.Dataset, a dictionary of splits, or a file, a folder or a Hub id by its name."
    )


def _with_labels(value: Any, rows: list[Any], labels: Any, names: tuple[str, str], what: str) -> pd.DataFrame:
    """Return the table of a list and its labels, in their order."""
    if isinstance(labels, str | Mapping) or not hasattr(labels, "__iter__"):
        raise TypeError(f"labels is a {type(labels).__name__}: give a list, one label for each {what}.")
    if isinstance(labels, np.ndarray) and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    own = list(labels.tolist() if hasattr(labels, "tolist") else labels)
    if len(own) != len(rows):
        raise ValueError(f"There are {len(rows)} {what}s and {len(own)} labels: give one label for each {what}.")
    if isinstance(value, pd.Series) and isinstance(labels, pd.Series) and not value.index.equals(labels.index):
        raise ValueError(
            f"The {what}s and the labels are columns with different indexes: which label is whose is not clear."
        )
    wrong = next((number for number, row in enumerate(rows) if isinstance(row, Mapping | tuple | list)), None)
    if wrong is not None:
        kind = type(rows[wrong]).__name__
        raise TypeError(f"Row {wrong} of the list, counted from 0, is a {kind}: with labels=[...] give {what}s alone.")
    return pd.DataFrame({names[0]: _cells(rows), names[1]: _cells(own)}, dtype=object)


def _cells(values: list[Any]) -> pd.Series:
    """Return values as a column that keeps each as it is: pandas would make a table of arrays."""
    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        cells[position] = value
    return pd.Series(cells, dtype=object)
