"""Columns of the user's tables that stand beside what was predicted of the rows, such as an id: no model sees them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..errors import UserError
from ..notes import Note
from .columns import are_ids, is_index, list_columns
from .labels import encodable

NONE = ["none"]
"""`--keep_columns none`: no column is kept."""
OWN_COLUMNS = frozenset(
    "row file text text_pair label prediction confidence label_score answered missing surplus loss given suggested score reason "
    "group".split()
)
"""Columns that tables of a run have themselves, but for those that begin with `OWN_BEGIN`."""
OWN_BEGIN = "score_"
_PREFIX = "data_"

KeptColumns = dict[str, pd.DataFrame]
"""By split the cells that are kept of each row, their index its `row`."""


def is_own(column: str) -> bool:
    """Whether a column of a table of predictions is hfkit's, and not the user's."""
    return column in OWN_COLUMNS or column.startswith(OWN_BEGIN)


def choose_kept_columns(
    source: str, tables: Mapping[str, pd.DataFrame], given: Sequence[str] | None, used: Sequence[str | None]
) -> tuple[list[str], list[Note]]:
    """Return the columns that are kept: the given ones, or one that is called an id in whose cells none stands twice.

    Args:
        source: What messages call the tables.
        tables: As they were read, by split.
        given: `--keep_columns`; None: found.
        used: Columns that are something else.

    Raises:
        UserError: No split has a column that is given.

    """
    columns = list(dict.fromkeys(str(column) for table in tables.values() for column in table.columns))
    if given is not None:
        kept = [] if list(given) == NONE else list(given)
        missing = [name for name in kept if name not in columns]
        if missing:
            raise UserError(
                f"{source} has no column '{missing[0]}', only: {list_columns(columns)}; write others for --keep_columns, or none."
            )
        return kept, []
    others = [name for name in columns if name not in used and not is_index(name)]
    ids = [name for name in others if are_ids(tables.values(), name)]
    if not ids:
        return [], []
    text = f"Column {ids[0]} stands beside the predictions (an id by its name; --keep_columns names others, or none)."
    return ids[:1], [Note("kept_columns", text, on_card=False)]


def keep_columns(
    tables: Mapping[str, pd.DataFrame], rows: Mapping[str, pd.DataFrame], columns: Sequence[str]
) -> KeptColumns:
    """Return the cells that are kept of the rows of each split.

    Args:
        tables: As they were read, by split; a split that they do not have was cut from train.
        rows: Those that are used, with `row`, their position in a table.
        columns: Those that are kept; one that a split lacks is empty there.

    """
    if not columns:
        return {}
    names = {column: _rename(column, columns) for column in columns}
    return {
        split: tables[split if split in tables else "train"]
        .reindex(index=part["row"], columns=list(columns))
        .rename(columns=names)
        .map(lambda cell: encodable(cell) if isinstance(cell, str) else cell)
        for split, part in rows.items()
    }


def insert_kept_columns(table: pd.DataFrame, kept: pd.DataFrame | None) -> pd.DataFrame:
    """Return a table with its kept columns behind `row`, by which their cells are found."""
    if kept is None:
        return table
    cells = kept.loc[table["row"]].set_axis(table.index)
    place = list(table.columns).index("row") + 1
    return pd.concat([table.iloc[:, :place], cells, table.iloc[:, place:]], axis=1)


def _rename(column: str, columns: Sequence[str]) -> str:
    """Return what a kept column is called beside those that a table of predictions has."""
    name = column
    while is_own(name) or (name != column and name in columns):
        name = _PREFIX + name
    return name
