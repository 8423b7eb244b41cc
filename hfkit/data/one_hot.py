"""One class written as several columns of 0 and 1, of which one is marked in each row."""

from collections.abc import Sequence

import pandas as pd

from ..errors import UserError
from .image_layouts import shorten

_MARKS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


def read_one_hot(name: str, rows: pd.DataFrame, columns: Sequence[str]) -> list[str] | None:
    """Return the name of the marked column of each row, or None where the columns are no such marks.

    Args:
        name: Of the table, for messages.
        rows: Its rows.
        columns: All columns that may be marks.

    Raises:
        UserError: They are marks, and a row has several or none.

    """
    if len(columns) < 2 or not len(rows):
        return None
    cells = rows[list(columns)].astype(str).apply(lambda column: column.str.strip().str.lower().map(_MARKS))
    if cells.isna().any(axis=None):
        return None
    sums = cells.sum(axis=1)
    if (sums == 1).all():
        return list(cells.idxmax(axis=1))
    position = int((sums != 1).to_numpy().argmax())
    marked = [column for column in columns if cells.iloc[position][column] == 1]
    what = f"several labels ({', '.join(shorten(column, 30) for column in marked[:5])})" if marked else "no label"
    raise UserError(
        f"{name} has a column of 0 and 1 for each label, and its row {position + 1} has {what}: an image needs one label; "
        "name one of the columns by --label_column NAME to learn that alone, or leave such rows out."
    )
