"""Inspect data of texts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..data.guessed_columns import find_columns
from ..data.sources import Source
from ..data.split_names import find_split_column
from ..data.text import load_text_data, read_texts
from ..errors import UserError
from ..flags.arguments import TextDataArguments
from ..notes import Note
from .columns import describe_columns, describe_spread
from .command import make_command
from .result import Inspection, Spread

_LONG = 10_000
"""Of more rows, so many evenly chosen ones stand for their lengths."""


def inspect_texts(arguments: TextDataArguments) -> Inspection:
    """Read texts as training does, and say what they hold.

    Raises:
        UserError: They cannot be read at all; what is wrong with their columns or labels is told in the inspection.

    """
    assert arguments.dataset is not None
    source = read_texts(arguments)
    try:
        texts, labels, found = find_columns(source.name, source.tables, arguments.text_column, arguments.label_column)
    except UserError as error:
        columns = describe_columns(source.tables, _find_roles(source, arguments, [], [], []))
        return Inspection(arguments.dataset, "text", columns, notes=source.notes, refusal=str(error))
    inspection = Inspection(
        arguments.dataset,
        "text",
        describe_columns(source.tables, _find_roles(source, arguments, texts, labels, found)),
        spreads=_describe_lengths(pd.concat(table[texts[0]] for table in source.tables.values())),
        notes=[*source.notes, *found],
    )
    try:
        data = load_text_data(replace(arguments, split_column=None), source)
    except UserError as error:
        return replace(inspection, refusal=str(error))
    flags, command = make_command("text", arguments)
    return replace(
        inspection,
        classes=_count_labels(data.splits, data.label_names),
        notes=data.notes,
        command=command,
        flags=flags,
        is_multi_label=data.is_multi_label,
    )


def _count_labels(splits: Mapping[str, Any], names: list[str]) -> dict[str, dict[str, int]]:
    """Return how many rows of each split have each label."""
    classes = {name: dict.fromkeys(splits, 0) for name in names}
    for split, rows in splits.items():
        labels = np.array(rows["label"] if "label" in rows.column_names else [])
        for index, name in enumerate(names):
            own = labels[:, index] if labels.ndim > 1 else labels == index
            classes[name][split] = int(own.sum())
    return classes


def _find_roles(
    source: Source, arguments: TextDataArguments, texts: list[str], labels: list[str], notes: list[Note]
) -> dict[str, tuple[str, str]]:
    """Return what columns are used as, and how that was found."""
    why = {note.code: note.text.partition("(")[2].rstrip(").") for note in notes}
    roles = {name: ("text", why.get("text_column", "given")) for name in texts}
    roles |= {name: ("label", why.get("label_column", "given")) for name in labels}
    columns = map(str, source.tables["train"].columns)
    if any(note.code == "split_column" for note in source.notes):
        split = find_split_column(columns, [*texts, *labels], arguments.split_column)
        if split is not None:
            roles[split] = ("split", "given" if arguments.split_column else "its cells name splits")
    return roles


def _describe_lengths(texts: pd.Series) -> list[Spread]:
    """Return how many words and characters texts have."""
    some = texts.iloc[:: max(1, len(texts) // _LONG)].map(str)
    return [
        describe_spread("words", some.map(lambda text: len(text.split()))),
        describe_spread("characters", some.map(len)),
    ]
