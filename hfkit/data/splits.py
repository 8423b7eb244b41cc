"""Splits: rows that are dropped, labels that must be known, and splits that are cut from train."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from ..errors import UserError
from ..flags.arguments import DataArguments
from ..notes import Note
from .kept_columns import KeptColumns
from .labels import check_kind, class_list
from .multi_label import cut_label_sets, describe_label_set, encode_label_sets, has_label_sets, note_missing_labels
from .repeated import note_repeated
from .stratified import cut_stratified

if TYPE_CHECKING:  # those who only look at rows need not wait for it
    from datasets import ClassLabel, DatasetDict, List

MAX_DROPPED_SHARE = 0.05
_MAX_UNLABELLED_SHARE = 0.5
"""Rows without a label are left out of many a table on purpose."""
_SHOWN = 5
# Splits are cut by one fixed seed, so that runs with different seeds stay comparable.
SPLIT_SEED = 42


@dataclass
class LabelledData:
    """Splits that are ready to be encoded.

    Attributes:
        splits: `train`, `validation` and perhaps `test`, with columns `row` (position in its file or table, from 0), what is
            classified (`text`, or `file` and `image`), and `label` (a ClassLabel, or with any number of labels a row a list of 0
            and 1 for each label; absent from a test split without labels).
        label_names: Names of the classes, in the order of their label ids.
        dropped: Rows that were dropped, with split, row, reason and more.
        notes: What was found, guessed, cut or dropped, one sentence each, for the run header.
        is_multi_label: Whether a row has any number of labels.
        kept: Other columns of the data, which stand beside the predictions.

    """

    splits: "DatasetDict"
    label_names: list[str]
    dropped: pd.DataFrame
    notes: list[Note] = field(default_factory=list)
    is_multi_label: bool = False
    kept: KeptColumns = field(default_factory=dict)


def drop_rows(rows: pd.DataFrame, split: str, remedy: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the rows that can be used from those that have a reason to be dropped.

    Such a reason is also a missing label, but for a test split without any label, which is predicted only.

    Args:
        rows: Rows of one split with columns `row`, `label`, `reason` (empty where there is none) and perhaps `file`.
        split: Its name.
        remedy: What the user can do, for the message.

    Returns:
        The rows that stay, without `reason`, and those dropped, with a column `split`.

    Raises:
        UserError: More than 5 % would be dropped, or more than half have no label.

    """
    if split != "test" or rows["label"].notna().any():
        rows.loc[rows["label"].isna(), "reason"] = "no label"
    bad = rows["reason"] != ""
    unlabelled = rows["reason"] == "no label"
    for wrong, most in ((bad & ~unlabelled, MAX_DROPPED_SHARE), (unlabelled, _MAX_UNLABELLED_SHARE)):
        if wrong.sum() > most * len(rows):
            first = rows[wrong].iloc[0]
            named = f"row {first['row']}, counted from 0"
            named = f"{first['file']}, {named}" if "file" in rows else named
            raise UserError(
                f"{wrong.sum()} of {len(rows)} rows of the {split} split have {' or '.join(sorted(set(rows['reason'][wrong])))} "
                f"(the first is {named}): more than {most:.0%}; {remedy}."
            )
    stay = rows[~bad].drop(columns="reason").reset_index(drop=True)
    return stay, rows[bad].assign(split=split, label=rows["label"][bad].map(describe_label_set))


def note_dropped_rows(dropped: pd.DataFrame) -> list[Note]:
    """Say how many rows were dropped, why, and where there are files which the first was."""
    if not len(dropped):
        return []
    groups = [
        f"{len(rows)} of {split} ({reason}{', ' + str(rows['file'].iloc[0]) if 'file' in rows else ''})"
        for (split, reason), rows in dropped.groupby(["split", "reason"], sort=False)
    ]
    text = f"Dropped rows, listed in dropped_rows.csv: {', '.join(groups)}."
    return [Note("rows_dropped", text, on_card=False)]  # it names files; a card says how many they were


def name_labels(
    tables: dict[str, pd.DataFrame], column: str, stated: list[str] | None, label_names: list[str] | None
) -> list[str]:
    """Give the `label` column of every table its class names, and return them in the order of their label ids.

    Args:
        tables: Tables by split, their labels as text or None.
        column: Name of the label column in the source, for messages.
        stated: Class names that the source itself states, in order.
        label_names: `--label_names`.

    Raises:
        UserError: The labels are no classes, or a split has one that train does not have.

    """
    for table in tables.values():
        check_kind(table["label"], column)
    names, names_by_value = class_list(tables["train"]["label"], column, stated, label_names)
    for split, table in tables.items():
        _check_known(table, split, column, names_by_value)
        table["label"] = table["label"].map(names_by_value)
    return names


def label_features(table: pd.DataFrame, names: list[str]) -> "dict[str, ClassLabel | List]":
    """Return the feature of the column `label`, or nothing where the rows have no labels."""
    from datasets import ClassLabel, List, Value

    if table["label"].isna().all():
        return {}
    several = has_label_sets(table["label"])
    return {"label": List(Value("float32"), length=len(names)) if several else ClassLabel(names=names)}


def encode_labels(table: pd.DataFrame, names: list[str]) -> list[int] | list[list[float]]:
    """Return the label ids of a table's rows, or of any number of labels a row 0 and 1 for each label."""
    if has_label_sets(table["label"]):
        return encode_label_sets(table["label"], names)
    ids = {name: index for index, name in enumerate(names)}
    return [ids[name] for name in table["label"]]


def _check_known(table: pd.DataFrame, split: str, column: str, names_by_value: dict[str, str]) -> None:
    """Refuse a label that train does not have."""
    unknown = table[table["label"].notna() & ~table["label"].isin(list(names_by_value))]
    if len(unknown):
        first = unknown.iloc[0]
        raise UserError(
            f"The {split} split has the label '{first['label']}' in column '{column}' (row {first['row']}, counted from 0), "
            f"which train does not have: train has {', '.join(list(names_by_value)[:20])}."
        )


def complete_splits(
    tables: dict[str, pd.DataFrame], arguments: DataArguments, content: str, label_names: Sequence[str] = ()
) -> list[Note]:
    """Cut the splits that are missing from train, and train to `max_train_samples`; return what was done, and what repeats.

    Args:
        tables: Rows by split, which change.
        arguments: The flags of the data.
        content: The column of what is classified, see `note_repeated`.
        label_names: With any number of labels a row: those of which it is said where no row has them.

    """
    notes = []
    shares = {"test": arguments.test_fraction, "validation": arguments.validation_fraction}
    sizes = {split: share for split, share in shares.items() if split not in tables and share > 0}
    several = has_label_sets(tables["train"]["label"])
    classes = 1 if several else tables["train"]["label"].nunique()
    counts = {split: max(round(share * len(tables["train"])), classes) for split, share in sizes.items()}
    if not several:
        _check_class_sizes(tables["train"], len(counts))
    way = "iterative stratification" if several else "stratification"
    for split, number in counts.items():
        rows = len(tables["train"])
        tables["train"], tables[split] = cut(tables["train"], number, f"a {split} split")
        share = len(tables[split]) / rows if several else sizes[split]
        text = f"No {split} split: {len(tables[split])} rows ({share:.0%}) were cut from train, with {way}."
        notes.append(Note("split_cut", text, split))
    limit, total = arguments.max_train_samples, len(tables["train"])
    # A stratified draw leaves at least one row of each class behind.
    if limit is not None and limit <= total - classes:
        _, tables["train"] = cut(tables["train"], limit, "a training sample")
        drawn = len(tables["train"])
        notes.append(Note("train_sampled", f"Training on {drawn} of {total} rows, drawn with {way}."))
    elif limit is not None and limit < total:
        text = f"Training on all {total} rows: a draw of {limit} cannot leave a row of each class behind."
        notes.append(Note("train_sampled", text))
    if several:
        notes += note_missing_labels(tables, label_names)
    if "test" in tables and tables["test"]["label"].isna().all():
        notes.append(
            Note("test_without_labels", "The test split has no labels: it is predicted, not evaluated.", "test")
        )
    return [*notes, *note_repeated(tables, content)]


def _check_class_sizes(train: pd.DataFrame, cuts: int) -> None:
    """Refuse classes that have fewer rows than there will be splits."""
    counts = train["label"].value_counts()
    few = counts[counts <= cuts]
    if not len(few):
        return
    if len(few) > _SHOWN and len(few) > len(counts) / 2:
        raise UserError(
            f"{len(few):,} of the {len(counts):,} classes have {cuts} row{'' if cuts == 1 else 's'} or fewer, such as "
            f"'{str(few.index[0])[:60]}': that looks like names or numbers of rows, and not like labels; name another column by "
            "--label_column."
        )
    named = ", ".join(f"'{str(name)[:60]}' has {count}" for name, count in few.head(_SHOWN).items())
    more = f" and {len(few) - _SHOWN} others have no more" if len(few) > _SHOWN else ""
    raise UserError(
        f"Too few rows to be in each of {cuts + 1} splits: the class {named}{more}; add rows of it, take it out, or bring splits "
        "of your own."
    )


def cut(table: pd.DataFrame, number: int, split: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut `number` rows off a table with a `label` column, with stratification.

    Returns:
        The rest, and the cut, each in the order of the rows.

    Raises:
        UserError: A class has too few rows to be in both.

    """
    several, counts = has_label_sets(table["label"]), table["label"].value_counts()
    if not several and counts.min() < 2:
        raise UserError(
            f"The class '{counts.idxmin()}' has one row only in train, too few to cut {split} off: add rows of that class."
        )
    try:
        if several:
            return cut_label_sets(table, number, SPLIT_SEED)
        rest, taken = cut_stratified(table["label"].to_numpy(dtype=object), number, SPLIT_SEED)
    except ValueError as error:
        raise UserError(
            f"From {len(table)} rows of {len(counts)} {'sets of labels' if several else 'classes'} {split} cannot be cut "
            f"({str(error).rstrip('.')}): add rows, or change its size."
        ) from error
    return table.iloc[rest], table.iloc[taken]
