"""Text data: from a source to splits of texts with checked labels, and from texts to token ids."""

from dataclasses import dataclass, field, replace

import pandas as pd

from ..errors import UserError
from ..flags.arguments import TextDataArguments
from ..notes import Note
from .guessed_columns import find_columns
from .kept_columns import KeptColumns, choose_kept_columns, keep_columns
from .label_kinds import LabelForm, name_classes, read_labels
from .sources import Source, read_source, split_by_column
from .split_names import SPLIT_NAMES
from .splits import LabelledData, complete_splits, note_dropped_rows
from .text_rows import read_rows, to_dataset


@dataclass(frozen=True)
class PreparedTexts:
    """Texts with checked labels, in splits, as tables.

    Attributes:
        tables: Of each split, with `row`, `text` and `label`.
        label_names: Names of the classes, in the order of their label ids.
        dropped: Rows that were dropped.
        notes: What was found, cut or dropped.
        is_multi_label: Whether each text has any number of labels.
        kept: Other columns, which stand beside the predictions.

    """

    tables: dict[str, pd.DataFrame]
    label_names: list[str]
    dropped: pd.DataFrame
    notes: list[Note]
    is_multi_label: bool = False
    kept: KeptColumns = field(default_factory=dict)


def load_text_data(arguments: TextDataArguments, source: Source | None = None) -> LabelledData:
    """Read, check and split the data that `arguments` names, or those of a source that was read before.

    Raises:
        UserError: A file, a column or a label is not as it must be; the sentence says which, and what to do.

    """
    from datasets import DatasetDict

    texts = prepare_texts(arguments, source)
    in_order = [split for split in SPLIT_NAMES if split in texts.tables]
    splits = DatasetDict({split: to_dataset(texts.tables[split], split, texts.label_names) for split in in_order})
    return LabelledData(splits, texts.label_names, texts.dropped, texts.notes, texts.is_multi_label, texts.kept)


def prepare_texts(arguments: TextDataArguments, source: Source | None = None) -> PreparedTexts:
    """Read, check and split texts as `load_text_data` does, and leave them as tables.

    Raises:
        UserError: As there.

    """
    source = read_texts(arguments) if source is None else _split(source, arguments)
    text_columns, label_columns, notes = _find_columns(source, arguments)
    used = [*text_columns, *label_columns, arguments.split_column]
    kept, about_kept = choose_kept_columns(source.name, source.tables, arguments.keep_columns, used)
    stated = source.class_names.get(label_columns[0]) if len(label_columns) == 1 else None
    form = LabelForm(
        label_columns,
        arguments.label_separator,
        may_be_one_class=arguments.label_column is None,
        names=stated or arguments.label_names or (),
    )
    labels = read_labels(source.name, source.tables, form)
    tables, dropped = read_rows(source, text_columns, labels.cells, arguments.reads_pairs())
    names, about_labels = name_classes(tables, labels, stated, arguments.label_names)
    notes += [*about_kept, *about_labels]
    notes += note_dropped_rows(dropped)
    lines = max(text.count("\n") + 1 for table in tables.values() for text in table["text"])
    if lines > 10 and all(note.code != "labels_by_folder" for note in notes):
        notes.append(
            Note("many_lines", f"The longest text has {lines} lines: if it should not, its file has a quote too few.")
        )
    notes += complete_splits(tables, arguments, "text", names)
    cells = keep_columns(source.tables, tables, kept)
    return PreparedTexts(tables, names, dropped, notes, labels.sets is not None, cells)


def read_texts(arguments: TextDataArguments) -> Source:
    """Read the tables that `arguments` names, as they are.

    Raises:
        UserError: They are not there, or cannot be read.

    """
    assert arguments.dataset is not None
    return read_source(
        arguments.dataset,
        arguments.dataset_config,
        arguments.dataset_revision,
        _named_columns(arguments),
        arguments.table_flags(),
        arguments.split_column,
    )


def _split(source: Source, arguments: TextDataArguments) -> Source:
    """Part the rows of a source that was read before by `--split_column`, where that is given."""
    if arguments.split_column is None:
        return source
    tables, notes = split_by_column(source, _named_columns(arguments), arguments.split_column)
    return replace(source, tables=tables, notes=[*notes, *source.notes])


def _named_columns(arguments: TextDataArguments) -> list[str | None]:
    return [*(arguments.text_column or ()), *(arguments.label_column or ())]


def _find_columns(source: Source, arguments: TextDataArguments) -> tuple[list[str], list[str], list[Note]]:
    """Return the text columns, the label columns, and notes on what was found."""
    texts, labels, notes = find_columns(source.name, source.tables, arguments.text_column, arguments.label_column)
    if len(texts) > 2:
        raise UserError(f"--text_column takes one column or two, not {len(texts)}.")
    if len(set(texts)) < len(texts):
        raise UserError(f"--text_column names '{texts[0]}' twice: name two columns for a pair, or one.")
    return texts, labels, [*source.notes, *notes]
