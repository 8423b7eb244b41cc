"""The column of a table that says the split of its rows: by its name, or by its cells."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ..errors import UserError
from .columns import find_usual_label, is_called_id
from .guessed_columns import has_few_values
from .split_names import OFTEN_SPLIT_COLUMNS, find_split_column, is_split_name, says_split, splits_of_cells
from .split_names import SPLIT_NAMES as SPLIT_NAMES  # for those who part rows
from .split_names import note_column_ignored as note_column_ignored
from .split_names import rows_of_splits as rows_of_splits
from .typed_tables import cells_to_names

if TYPE_CHECKING:  # those who only look at rows need not wait for it
    from datasets import Dataset

ReadCells = Callable[[str], pd.Series]
"""From a column to its cells."""
_LOOKED_AT = 50
"""Cells that tell most other columns from those of splits, before all cells are looked at."""
_LONGEST = 100


def choose_split_column(
    rows: "pd.DataFrame | Dataset", used: Collection[str | None], given: str | None = None
) -> str | None:
    """Return the column that says the split of rows: the given one, one with a usual name, or one whose cells say it.

    Such cells all name splits, or are 0 and 1 in a column that is called like a split, such as `is_valid`. A column is left for
    the labels where no other can be theirs.

    Args:
        rows: A table or a dataset.
        used: Columns that are used for something else.
        given: `--split_column`.

    Raises:
        UserError: There is no such column as is given, or several say a part of the splits.

    """
    columns, read = _readable_columns(rows)
    named = find_split_column(_names(rows), used, given)
    if given is not None or (named is not None and (named not in columns or _names_a_split(named, read(named)))):
        return named
    found = list_split_columns(rows, [*used, named])
    marks = [column for column in found if says_split(column)]
    if len(marks) > 1 and len(found) == len(marks):
        raise UserError(
            f"The columns {', '.join(marks)} each say a part of the splits: write one column split with train, validation or "
            "test in every row, or name the one that counts by --split_column."
        )
    named_by_cells = [column for column in found if column not in marks]
    return next(iter([*named_by_cells, *marks, named]))


def list_split_columns(rows: "pd.DataFrame | Dataset", used: Collection[str | None]) -> list[str]:
    """Return the columns whose cells say the split of rows.

    Args:
        rows: A table or a dataset.
        used: Columns that are used for something else.

    """
    columns, read = _readable_columns(rows)
    free = [column for column in columns if column not in used]
    return [column for column in free if _says_splits(column, read) and _leaves_labels(column, columns, read)]


def _names(rows: "pd.DataFrame | Dataset") -> list[str]:
    return list(map(str, rows.columns)) if isinstance(rows, pd.DataFrame) else rows.column_names


def _readable_columns(rows: "pd.DataFrame | Dataset") -> tuple[list[str], ReadCells]:
    """Return the columns that may say splits or labels, and what reads them; of a dataset images are not read."""
    if isinstance(rows, pd.DataFrame):
        once = rows.loc[:, ~rows.columns.duplicated(keep=False)]
        places = {str(column): place for place, column in enumerate(once.columns)}
        return list(places), lambda column: once.iloc[:, places[column]]
    from datasets import ClassLabel, Value

    scalars = [name for name, kind in rows.features.items() if isinstance(kind, Value | ClassLabel)]
    return scalars, partial(_read_dataset, rows)


def _read_dataset(rows: "Dataset", column: str) -> pd.Series:
    first = rows.select(range(min(_LOOKED_AT, len(rows))))[column]
    is_text = max(len(str(cell)) for cell in [*first, ""]) > _LONGEST  # long texts need not be read
    return pd.Series(cells_to_names(list(first if is_text else rows[column]), rows.features[column]), dtype=object)


def _names_a_split(column: str, cells: Iterable[object]) -> bool:
    return any(splits_of_cells(column, {str(cell) for cell in cells}).values())


def _says_splits(column: str, read: ReadCells) -> bool:
    """Whether the cells of a column say the split of each row, train among them."""
    cells = read(column)
    return _name_splits(column, cells.head(_LOOKED_AT), 1) and _name_splits(column, cells, 2)


def _name_splits(column: str, cells: pd.Series, fewest: int) -> bool:
    """Whether cells name so many splits at least; others may stand there only where the column is called like splits."""
    try:
        values = {"" if pd.isna(value) else str(value) for value in cells.unique()}
    except (TypeError, ValueError):  # lists cannot be compared
        return False
    is_called_so = says_split(column) or column.lower().replace(" ", "_").replace("-", "_") in OFTEN_SPLIT_COLUMNS
    splits = {
        value: split
        for value, split in splits_of_cells(column, values).items()
        if split is not None and (is_called_so or is_split_name(value))
    }
    named = set(splits.values())
    return (is_called_so or len(splits) == len(values)) and len(named) >= fewest and (fewest == 1 or "train" in named)


def _leaves_labels(column: str, columns: Collection[str], read: ReadCells) -> bool:
    """Whether another column can be that of the labels."""
    if find_usual_label([column]) is not None and not says_split(column):
        return False
    others = [name for name in columns if name != column and not says_split(name)]
    if find_usual_label(others) is not None:
        return True
    return any(has_few_values(read(name)) for name in others if not is_called_id(name))
