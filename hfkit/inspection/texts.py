"""Inspect data of texts."""

from dataclasses import replace

import pandas as pd

from ..data.guessed_columns import find_columns
from ..data.sources import Source
from ..data.split_columns import SPLIT_NAMES, choose_split_column
from ..data.text import prepare_texts, read_texts
from ..errors import UserError
from ..flags.arguments import TextDataArguments
from ..notes import Note
from .columns import describe_columns, describe_spread, explain_columns, is_empty
from .command import make_command
from .result import Inspection, Spread, count_classes

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
        texts, labels, about_columns = find_columns(
            source.name, source.tables, arguments.text_column, arguments.label_column
        )
    except UserError as error:
        columns = describe_columns(source.tables, _find_roles(source, arguments, [], [], []))
        return Inspection(arguments.dataset, "text", columns, notes=source.notes, refusal=str(error))
    inspection = Inspection(
        arguments.dataset,
        "text",
        describe_columns(source.tables, _find_roles(source, arguments, texts, labels, about_columns)),
        spreads=_describe_lengths(pd.concat(table[texts[0]] for table in source.tables.values())),
        notes=[*source.notes, *about_columns],
    )
    try:
        data = prepare_texts(replace(arguments, split_column=None), source)
    except UserError as error:
        return replace(inspection, refusal=str(error))
    labels_of_rows = {split: data.tables[split]["label"] for split in SPLIT_NAMES if split in data.tables}
    flags, command = make_command("text", arguments)
    return replace(
        inspection,
        classes=count_classes(data.label_names, labels_of_rows),
        notes=data.notes,
        command=command,
        flags=flags,
        is_multi_label=data.is_multi_label,
    )


def _find_roles(
    source: Source, arguments: TextDataArguments, texts: list[str], labels: list[str], notes: list[Note]
) -> dict[str, tuple[str, str]]:
    """Return what columns are used as, and how that was found."""
    why = explain_columns(notes)
    roles = {name: ("text", why.get("text_column", "given")) for name in texts}
    roles |= {name: ("label", why.get("label_column", "given")) for name in labels}
    if any(note.code == "split_column" for note in source.notes):
        split = choose_split_column(pd.concat(source.tables.values()), [*texts, *labels], arguments.split_column)
        if split is not None:
            roles[split] = ("split", "given" if arguments.split_column else "its cells name splits")
    return roles


def _describe_lengths(texts: pd.Series) -> list[Spread]:
    """Return how many words and characters texts have; empty cells do not count."""
    filled = texts[~is_empty(texts)]
    if filled.empty:
        return []
    some = filled.iloc[:: max(1, len(filled) // _LONG)].map(str)
    return [
        describe_spread("words", some.map(lambda text: len(text.split()))),
        describe_spread("characters", some.map(len)),
    ]
