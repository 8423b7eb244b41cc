"""What splits are called: in the names of files and folders, and in a column of a table."""

from collections.abc import Collection, Iterable

from ..errors import UserError
from ..notes import Note

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "eval"),
    "test": ("test", "testing"),
}
SPLIT_COLUMN = "split"


def split_named(name: str) -> str | None:
    """Return the split that a name tells, such as `validation` for `my-val`."""
    words = name.lower().replace("-", " ").replace("_", " ").replace(".", " ").split()
    found = [split for split, names in SPLIT_NAMES.items() if any(word in names for word in words)]
    return found[0] if len(found) == 1 else None


def find_split_column(columns: Iterable[str], used: Collection[str | None]) -> str | None:
    """Return the column that is called `split`, in upper or lower case, unless it is `used` for something else."""
    found = [column for column in columns if column.lower() == SPLIT_COLUMN and column not in used]
    return SPLIT_COLUMN if SPLIT_COLUMN in found else next(iter(found), None)


def rows_of_splits(source: str, column: str, values: Iterable[object]) -> tuple[dict[str, list[int]], Note]:
    """Part the rows of a table by a column that says their split.

    Args:
        source: What the table is called, for messages.
        column: Name of the column.
        values: Its cells.

    Returns:
        The positions of each split's rows, or of none where a cell is no split's name; and a note on what was found.

    Raises:
        UserError: No row is for training.

    """
    names = ["" if value is None else str(value) for value in values]
    known = {name: split_named(name) for name in dict.fromkeys(names)}
    other = next((name for name, split in known.items() if split is None), None)
    if other is not None:
        row = names.index(other) + 1
        text = f"Splits are not read from the column '{column}', which holds '{other[:50]}' (row {row}): it is ignored."
        return {}, Note("split_column_ignored", text, on_card=False)  # it has a cell of the data
    rows: dict[str, list[int]] = {split: [] for split in SPLIT_NAMES}
    for position, name in enumerate(names):
        rows[str(known[name])].append(position)
    counts = ", ".join(f"{len(positions)} {split}" for split, positions in rows.items() if positions)
    if names and not rows["train"]:
        raise UserError(
            f"{source} has no row for training by its column '{column}' ({counts}): write train there for the rows to train on, "
            "or leave the column out."
        )
    used = {split: positions for split, positions in rows.items() if positions}
    return used, Note("split_column", f"Splits: by the column '{column}' ({counts}).")
