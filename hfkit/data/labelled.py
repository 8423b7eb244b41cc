"""Labelled rows of any source for a model that there is already: one split, its labels matched to the model's by name."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from datasets import Dataset

from ..errors import UserError
from ..flags.tables import FIND as FIND  # for those who hand one in
from ..flags.tables import TableFlags as TableFlags
from ..notes import Note
from . import images, text_rows
from .guessed_columns import ChooseColumns, check_pairs, find_labelled_columns
from .images import ImageSource, read_images
from .images import LabelFlags as LabelFlags  # for those who evaluate
from .kept_columns import choose_kept_columns, keep_columns
from .label_columns import LabelColumns as LabelColumns
from .label_columns import check_labels
from .sources import Source, is_one_file, read_one_file, read_source
from .splits import note_dropped_rows

NAME = "test"
"""What the rows are called, whatever their split in the source: an empty text among them is a text."""
_ORDER = ("test", "validation", "train")

GivenSource = Source | ImageSource
"""Labelled rows that were values in Python."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows that are ready to be predicted.

    Attributes:
        rows: Columns `row`, `text` or `file` and `image`, and `label` (a ClassLabel with the model's names).
        dropped: Rows that were dropped, with row, reason and more.
        notes: What was found or dropped.
        kept: Other columns of the data, which stand beside the predictions; None: there are none.

    """

    rows: Dataset
    dropped: pd.DataFrame
    notes: list[Note] = field(default_factory=list)
    kept: pd.DataFrame | None = None


def load_labelled_texts(
    dataset: str,
    split: str | None,
    choose_columns: ChooseColumns,
    label_columns: LabelColumns,
    label_names: list[str],
    given: GivenSource | None = None,
    table_flags: TableFlags = FIND,
    named: Sequence[str] = (),
    keep: Sequence[str] | None = None,
    as_pairs: bool = False,
) -> LabelledRows:
    """Read labelled texts: a file, a folder with files of splits, or a Hub id.

    Args:
        dataset: Its name.
        split: Which split; None: all rows of a single file, else test, validation or train, the first that there is.
        choose_columns: Chooses the text columns.
        label_columns: Where the labels stand.
        label_names: The model's labels, in their order.
        given: The tables, where they were values in Python.
        table_flags: What flags say of the format of tables.
        named: Columns of texts that flags name, which tell a header.
        keep: `--keep_columns`, see `kept_columns`.
        as_pairs: Whether the model reads pairs of texts.

    Raises:
        UserError: It cannot be read, has no such split, or one text for a model of pairs, or a label is none of the model's.

    """
    assert not isinstance(given, ImageSource)
    used = [*named, *label_columns.given, *label_columns.usual]
    if given is None and split is None and is_one_file(dataset):
        source = read_one_file(dataset, NAME, table_flags, used)
    else:
        whole = given or read_source(dataset, used=used, given=table_flags)
        chosen, note = _choose_split(dataset, list(whole.tables), split)
        of_reading = [own for own in whole.notes if own.split in (None, chosen)]
        source = Source(dataset, {NAME: whole.tables[chosen]}, whole.class_names, [*note, *of_reading])
    known = label_columns.known(list(map(str, source.tables[NAME].columns)))
    texts, columns, notes = find_labelled_columns(dataset, source.tables[NAME], choose_columns, known)
    check_pairs(dataset, texts, as_pairs)
    labels = label_columns.read(dataset, source.tables, columns, label_names)
    tables, dropped = text_rows.read_rows(source, texts, labels.cells, as_pairs)
    table = tables[NAME]
    check_labels(dataset, table, labels, label_names)
    kept, about_kept = choose_kept_columns(dataset, source.tables, keep, [*texts, *columns])
    notes = [*source.notes, *notes, *labels.all_notes(), *about_kept, *note_dropped_rows(dropped)]
    cells = keep_columns(source.tables, tables, kept).get(NAME)
    return LabelledRows(text_rows.to_dataset(table, NAME, label_names), dropped, notes, cells)


def load_labelled_images(
    dataset: str,
    split: str | None,
    flags: LabelFlags,
    label_columns: LabelColumns,
    label_names: list[str],
    given: GivenSource | None = None,
    keep: Sequence[str] | None = None,
) -> LabelledRows:
    """Read labelled images as training does: a folder, a table that names images, parquet, or a Hub id.

    Args:
        dataset: Its name.
        split: Which split; None: test, validation or train, the first that there is.
        flags: Column of images, and how the names of files have the label; what is None is found.
        label_columns: Where the labels stand.
        label_names: The model's labels, in their order.
        given: The images, where they were values in Python.
        keep: `--keep_columns`, which is for texts.

    Raises:
        UserError: As `load_labelled_texts`.

    """
    assert not isinstance(given, Source)
    if keep:
        raise UserError("--keep_columns is for texts, and of images the file is told: leave it out.")
    known = replace(flags, label_column=label_columns.given, usual_label_column=label_columns.usual)
    whole = given or read_images(dataset, None, None, known)
    chosen, note = _choose_split(dataset, list(whole.tables), split)
    source = replace(whole, images={NAME: whole.images[chosen]}, tables={NAME: whole.tables[chosen]})
    labels = images.read_image_labels(source, label_columns.form(["label"], label_names))
    label_columns.refuse_sets(dataset, labels)
    tables, dropped, converted = images.read_rows(source, labels.cells)
    table = tables[NAME]
    check_labels(dataset, table, labels, label_names)
    notes = [*whole.notes, *labels.all_notes(), *note, *note_dropped_rows(dropped), *converted]
    return LabelledRows(images.to_dataset(source.images[NAME], table, label_names), dropped, notes)


def _choose_split(dataset: str, splits: list[str], wanted: str | None) -> tuple[str, list[Note]]:
    """Return the split that is evaluated, and say which where there are several.

    Raises:
        UserError: There is no such split.

    """
    if wanted is not None and wanted not in splits:
        raise UserError(f"{dataset} has no split {wanted}, only: {', '.join(splits)}.")
    chosen = wanted or next(split for split in _ORDER if split in splits)
    if len(splits) == 1:
        return chosen, []
    others = ", ".join(split for split in reversed(_ORDER) if split in splits)
    return chosen, [Note("split", f"Split: {chosen} (of {others}; --split names another).")]
