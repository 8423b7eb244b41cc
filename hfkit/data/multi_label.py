"""Rows with any number of labels: encoded, counted, and cut into splits in which each label has its share."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..notes import Note

LabelSet = tuple[str, ...]
"""The labels of a row by name; none: an empty one."""
_SHOWN = 20


def has_label_sets(labels: pd.Series) -> bool:
    """Tell whether the cells of a column `label` are label sets."""
    return any(isinstance(cell, tuple) for cell in labels)


def encode_label_sets(labels: pd.Series, names: Sequence[str]) -> list[list[float]]:
    """Return for each row 1 for the labels that it has, and 0 for the others."""
    ids = {name: index for index, name in enumerate(names)}
    rows = []
    for cell in labels:
        row = [0.0] * len(names)
        for name in cell:
            row[ids[name]] = 1.0
        rows.append(row)
    return rows


def describe_label_set(cell: Any) -> Any:
    """Return how a label set is written in a table; anything else stays as it is."""
    return ", ".join(cell) if isinstance(cell, tuple) else cell


def describe_counts(train: pd.DataFrame, names: list[str]) -> Note:
    """Say how many rows of train have each label, and how many none."""
    counts = dict.fromkeys(names, 0)
    for cell in train["label"].dropna():
        for name in cell:
            counts[name] += 1
    none = sum(1 for cell in train["label"].dropna() if not cell)
    shown = ", ".join(f"{name} {counts[name]}" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} labels more" if len(names) > _SHOWN else ""
    return Note("label_counts", f"Rows of train by label: {shown}{more}; none of them: {none}.")


def note_missing_labels(tables: Mapping[str, pd.DataFrame], names: Sequence[str]) -> list[Note]:
    """Say which labels no row of a split has: they are never learnt, or cannot be judged."""
    notes = []
    for split, table in tables.items():
        known = table["label"].dropna()
        present = {name for cell in known for name in cell}
        missing = [name for name in names if name not in present]
        if missing and len(known):
            effect = "are never predicted" if split == "train" else "have an F1 of 0 there"
            shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
            notes.append(Note("labels_missing", f"Labels without a row in {split}, which {effect}: {shown}.", split))
    return notes


def cut_label_sets(table: pd.DataFrame, number: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut `number` rows off a table, so that each label has its share of them, the rarest first.

    By iterative stratification (Sechidis et al. 2011, On the Stratification of Multi-Label Data). Where labels are so rare that
    it cuts fewer rows, or more, the others are drawn at random.

    Args:
        table: With a column `label` of label sets.
        number: How many rows are cut.
        seed: What is random is drawn by it.

    Returns:
        The rest, and the cut, each in the order of the rows.

    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

    names = list(dict.fromkeys(name for cell in table["label"] for name in cell))
    present = np.array(
        encode_label_sets(table["label"], [*names, ""]), dtype=int
    )  # of one column it would think otherwise
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=number, random_state=seed)
    rest, taken = next(splitter.split(present, present))
    generator = np.random.default_rng(seed)
    if len(taken) < number:
        more = generator.choice(rest, number - len(taken), replace=False)
        rest, taken = np.setdiff1d(rest, more), np.concatenate([taken, more])
    elif len(taken) > number:
        back = generator.choice(taken, len(taken) - number, replace=False)
        rest, taken = np.concatenate([rest, back]), np.setdiff1d(taken, back)
    return table.iloc[sorted(rest)], table.iloc[sorted(taken)]
