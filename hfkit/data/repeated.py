"""Contents that stand more than once: in train and in what is held out, twice in a split, and with different labels."""

from collections.abc import Mapping

import pandas as pd

from ..notes import Note
from .multi_label import describe_label_set

_SHOWN = 60


def note_repeated(tables: Mapping[str, pd.DataFrame], column: str) -> list[Note]:
    """Say how many rows that are held out stand in train too, how many stand twice, and which have different labels.

    Args:
        tables: Rows by split, with `row`, `label` and perhaps `file`.
        column: What is classified: the text, or a sum over the pixels of an image.

    """
    return [_note_across(tables, column), *_note_within(tables, column), *_note_labels(tables, column)]


def _note_across(tables: Mapping[str, pd.DataFrame], column: str) -> Note:
    """Say how many rows that are held out stand in train: on those, a model is tested on what it has learnt by heart."""
    held_out = {split: tables[split][column] for split in ("validation", "test") if split in tables}
    sought = {content for contents in held_out.values() for content in contents}
    known = {content for content in tables["train"][column] if content in sought}  # train may be large
    counts = {split: int(contents.isin(known).sum()) for split, contents in held_out.items()}
    if not any(counts.values()):
        return Note("repeated_rows", "No row that is held out stands in train, too.")
    repeated = ", ".join(f"{count} of the {len(tables[split])} rows of {split}" for split, count in counts.items())
    text = f"Rows that stand in train, too, and make the metrics look better than they are: {repeated}."
    return Note("repeated_rows", text)


def _note_within(tables: Mapping[str, pd.DataFrame], column: str) -> list[Note]:
    """Say how many rows a split holds again."""
    again = {split: int(table[column].duplicated().sum()) for split, table in tables.items()}
    counts = ", ".join(
        f"{count} of the {len(tables[split])} rows of {split}" for split, count in again.items() if count
    )
    return [Note("rows_twice", f"Rows that stand in their split before: {counts}.")] if counts else []


def _note_labels(tables: Mapping[str, pd.DataFrame], column: str) -> list[Note]:
    """Say how many contents stand with different labels, and show the first."""
    whole = pd.concat([table.assign(split=split) for split, table in tables.items()], ignore_index=True)
    labelled = whole[whole["label"].notna()]
    twice = labelled[labelled[column].duplicated(keep=False)]
    labels = twice.groupby(column, sort=False)["label"].nunique()
    contents = labels[labels > 1].index
    if not len(contents):
        return []
    first = twice[twice[column] == contents[0]].drop_duplicates("label").head(2)
    places = " and ".join(
        f"'{describe_label_set(row.label)}' in row {row.row} of {row.split}" for row in first.itertuples()
    )
    named = first["file"].iloc[0] if "file" in first else contents[0]
    shown = named if len(named) <= _SHOWN else f"{named[:_SHOWN]}..."
    text = (
        f"{len(contents)} rows stand again with another label, such as '{' '.join(shown.split())}': {places} (rows counted "
        "from 0); at most one of them can be learnt."
    )
    return [Note("labels_differ", text, on_card=False)]
