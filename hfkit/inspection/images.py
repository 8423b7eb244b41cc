"""Inspect data of images: by the heads of their files alone, so that thousands take a second or two."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from ..data.image_labels import list_rows, name_image_labels, read_training_labels
from ..data.image_sources import ImageSource, LabelFlags, read_images
from ..data.splits import complete_splits, drop_rows, note_dropped_rows
from ..errors import UserError
from ..flags.image_arguments import ImageDataArguments
from ..notes import Note
from .command import make_command
from .heads import describe_sizes, note_kinds, read_heads
from .label_tables import describe_label_tables
from .result import Inspection, count_classes


def inspect_images(arguments: ImageDataArguments) -> Inspection:
    """Find images as training does, and say what there is.

    Raises:
        UserError: They cannot be found at all; what is wrong with their labels is told in the inspection.

    """
    assert arguments.dataset is not None
    flags = LabelFlags.from_arguments(arguments)
    source = read_images(arguments.dataset, arguments.dataset_config, arguments.dataset_revision, flags)
    heads = {split: read_heads(source.images[split]) for split in source.tables}
    spreads = describe_sizes(pd.concat(heads.values()))
    notes = [*source.notes, note_kinds(heads)]
    inspection = Inspection(
        arguments.dataset, "image", describe_label_tables(source, arguments.split_column), spreads=spreads, notes=notes
    )
    try:
        names, tables, about_rows, is_multi_label = _read_rows(source, heads, arguments)
    except UserError as error:
        return replace(inspection, refusal=str(error))
    classes = count_classes(names, {split: table["label"] for split, table in tables.items()})
    given, command = make_command("image", arguments)
    return replace(
        inspection,
        classes=classes,
        notes=[*notes, *about_rows],
        command=command,
        flags=given,
        is_multi_label=is_multi_label,
    )


def _read_rows(
    source: ImageSource, heads: Mapping[str, pd.DataFrame], arguments: ImageDataArguments
) -> tuple[list[str], dict[str, pd.DataFrame], list[Note], bool]:
    """Return the labels, the rows of each split, what there is to say of them, and whether a row has any number of labels."""
    labels = read_training_labels(source, arguments)
    tables, dropped = {}, []
    for split, table in source.tables.items():
        rows = list_rows(split, table, labels.cells[split])
        rows["reason"] = heads[split]["reason"].to_numpy()
        rows["content"] = heads[split]["content"].to_numpy()
        tables[split], dropped_here = drop_rows(rows, split, "mend or remove them")
        dropped.append(dropped_here)
    names, about_labels = name_image_labels(source, labels, tables, arguments.label_names)
    about_rows = [*note_dropped_rows(pd.concat(dropped)), *complete_splits(tables, arguments, "content", names)]
    return names, tables, [*about_labels, *about_rows], labels.sets is not None
