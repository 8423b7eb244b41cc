"""What splits are called: in the names of files and folders, and in a column of a table."""

import re
from collections.abc import Collection, Iterable, Mapping

from ..errors import UserError
from ..notes import Note

SPLIT_NAMES = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev", "eval"),
    "test": ("test", "testing", "tst"),
}
SPLIT_COLUMNS = ("split", "usage", "subset", "fold", "set", "partition", "data_split", "split_name", "ds_type")
OFTEN_SPLIT_COLUMNS = ("dataset", "type", "phase", "mode", "stage", "purpose", "data_type", "dataset_type", "set_type")
"""What columns of splits are called that hold something else in other tables."""
_ANSWERS = {"1": True, "1.0": True, "true": True, "yes": True, "0": False, "0.0": False, "false": False, "no": False}
_AROUND = ("is", "in", "for", "set", "flag")
"""Words around the name of a split in the name of a column."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OTHER_NAMES = {"publictest": "validation", "privatetest": "test"}
"""Of competitions, whose first test rows were for choosing."""


def split_named(name: str) -> str | None:
    """Return the split that a name tells, such as `validation` for `my-val`."""
    if name.lower() in _OTHER_NAMES:
        return _OTHER_NAMES[name.lower()]
    words = name.lower().replace("-", " ").replace("_", " ").replace(".", " ").split()
    splits = [split for split, names in SPLIT_NAMES.items() if any(word in names for word in words)]
    return splits[0] if len(splits) == 1 else None


def says_split(column: str) -> bool:
    """Whether a column of 0 and 1 is called as those are that say the split of a row, such as `is_valid`."""
    words = _own_words(column)
    return bool(words) and all(any(word in names for names in SPLIT_NAMES.values()) for word in words)


def _own_words(column: str) -> list[str]:
    words = re.split(r"[-_ ]+", _CAMEL.sub("_", column.strip()).lower())
    return [word for word in words if word not in _AROUND]


def is_split_name(name: str) -> bool:
    """Whether a cell is the name of a split and nothing else, such as `dev`, but not `my-dev`."""
    plain = name.strip().lower()
    return plain in _OTHER_NAMES or any(plain in names for names in SPLIT_NAMES.values())


def splits_of_cells(column: str, cells: Iterable[str]) -> dict[str, str | None]:
    """Return the split that each different cell of a column names; where the column is called like one split, yes and no say it.

    Args:
        column: Its name: by `is_test` a row with 1 is for test and one with 0 for train, by `is_train` the other way round.
        cells: What stands there.

    """
    marked = split_named(" ".join(_own_words(column))) if says_split(column) else None
    if marked is None:
        return {cell: split_named(cell) for cell in cells}
    other = "test" if marked == "train" else "train"
    by_answer = {True: marked, False: other, None: None}
    return {cell: by_answer[_ANSWERS.get(cell.strip().lower())] or split_named(cell) for cell in cells}


def find_split_column(columns: Iterable[str], used: Collection[str | None], given: str | None = None) -> str | None:
    """Return the column that says the split of rows: the given one, or the first of `SPLIT_COLUMNS`, in upper or lower case.

    Args:
        columns: Names of the columns.
        used: Those that are used for something else.
        given: `--split_column`.

    Raises:
        UserError: There is no such column as is given.

    """
    names = list(columns)
    if given is not None:
        if given not in names:
            raise UserError(f"There is no column '{given}' that says the split, only: {', '.join(names)[:200]}.")
        return given
    free = [name for name in names if name not in used]
    by_usual_name = (
        name for usual in SPLIT_COLUMNS for name in (usual, *free) if name in free and name.lower() == usual
    )
    return next(by_usual_name, None)


def rows_of_splits(source: str, column: str, values: Iterable[object]) -> tuple[dict[str, list[int]], Note]:
    """Part the rows of a table by a column that says their split.

    Args:
        source: What the table is called, for messages.
        column: Name of the column.
        values: Its cells.

    Returns:
        The positions of each split's rows, or of none where no cell is a split's name; and a note on what was found.

    Raises:
        UserError: No row is for training, or some cells name a split and others do not.

    """
    names = ["" if value is None or value != value else str(value) for value in values]
    known = splits_of_cells(column, dict.fromkeys(names))
    other = next((name for name, split in known.items() if split is None), None)
    if other is not None and not any(known.values()):
        text = (
            f"Splits are not read from the column '{column}', which holds '{other[:50]}' (row {names.index(other)}, "
            "counted from 0): it is ignored."
        )
        return {}, Note("split_column_ignored", text, on_card=False)  # it has a cell of the data
    rows: dict[str, list[int]] = {split: [] for split in SPLIT_NAMES}
    for position, name in enumerate(names):
        rows.setdefault(str(known[name]), []).append(position)
    used = {split: rows[split] for split in SPLIT_NAMES if rows[split]}
    counts = ", ".join(f"{len(positions)} {split}" for split, positions in used.items())
    if other is not None:
        cell = f"'{other[:50]}'" if other.strip() else "nothing"
        raise UserError(
            f"{source} says the split of some rows in its column '{column}' ({counts}), but row {names.index(other)}, "
            f"counted from 0, has {cell} there: write train, validation or test for every row, take out "
            "rows that are for none, or leave the column out."
        )
    if names and not rows["train"]:
        raise UserError(
            f"{source} has no row for training by its column '{column}' ({counts}): write train there for the rows to train on, "
            "or leave the column out."
        )
    return used, Note("split_column", f"Splits: by the column '{column}' ({counts}).")


def note_column_ignored(
    columns: Mapping[str, Iterable[str]], used: Collection[str | None], given: str | None = None
) -> list[Note]:
    """Say that a column `split` is ignored where files, or the splits of the Hub, already say what each row is for.

    Args:
        columns: Names of the columns of each split.
        used: Columns that are used for something else.
        given: `--split_column`, which is then ignored, too.

    """
    names = {split: list(columns[split]) for split in SPLIT_NAMES if split in columns}
    wanted = {split: given if given in names[split] else None for split in names}
    named = {split: find_split_column(names[split], used, wanted[split]) for split in names}
    ignored = [split for split, column in named.items() if column is not None]
    if not ignored:
        return []
    text = (
        f"The column '{named[ignored[0]]}' (in {', '.join(ignored)}) is ignored: the names of the files or splits, "
        f"{', '.join(named)}, say what rows are for."
    )
    return [Note("split_column_ignored", text)]
