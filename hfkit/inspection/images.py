"""Inspect data of images: by the heads of their files alone, so that thousands take a second or two."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from ..data.image_labels import name_image_labels, read_training_labels
from ..data.image_sources import ImageSource, LabelFlags, read_images
from ..data.split_names import SPLIT_NAMES
from ..data.splits import complete_splits, drop_rows, note_dropped_rows
from ..errors import UserError
from ..flags.image_arguments import ImageDataArguments
from ..notes import Note
from .command import make_command
from .heads import describe_sizes, note_kinds, read_heads
from .result import Inspection


def inspect_images(arguments: ImageDataArguments) -> Inspection:
    """Find images as training does, and say what there is.

    Raises:
        UserError: They cannot be found at all; what is wrong with their labels is told in the inspection.

    """
    assert arguments.dataset is not None
    flags = LabelFlags(
        arguments.image_column,
        arguments.label_column,
        arguments.label_from_name,
        arguments.split_column,
        arguments.table_flags(),
    )
    source = read_images(arguments.dataset, arguments.dataset_config, arguments.dataset_revision, flags)
    heads = {split: read_heads(source.images[split]) for split in source.tables}
    spreads = describe_sizes(pd.concat(heads.values()))
    inspection = Inspection(arguments.dataset, "image", spreads=spreads, notes=[*source.notes, note_kinds(heads)])
    try:
        names, tables, notes = _read_rows(source, heads, arguments)
    except UserError as error:
        return replace(inspection, refusal=str(error))
    counts = {split: table["label"].explode().value_counts() for split, table in tables.items()}
    several = any(isinstance(label, tuple) for label in tables["train"]["label"])
    splits = [split for split in SPLIT_NAMES if split in tables]
    classes = {name: {split: int(counts[split].get(name, 0)) for split in splits} for name in names}
    given, command = make_command("image", arguments)
    return replace(
        inspection,
        classes=classes,
        notes=[*inspection.notes, *notes],
        command=command,
        flags=given,
        is_multi_label=several,
    )


def _read_rows(
    source: ImageSource, heads: Mapping[str, pd.DataFrame], arguments: ImageDataArguments
) -> tuple[list[str], dict[str, pd.DataFrame], list[Note]]:
    """Return the labels, the rows of each split, and what there is to say of them, as training does."""
    labels = read_training_labels(source, arguments)
    tables, dropped = {}, []
    for split, table in source.tables.items():
        rows = pd.DataFrame({"row": range(1, len(table) + 1), "file": table["file"].to_numpy()})
        rows["label"] = pd.Series(labels.cells[split], dtype=object)
        rows["reason"] = heads[split]["reason"].to_numpy()
        rows["content"] = heads[split]["content"].to_numpy()
        tables[split], dropped_here = drop_rows(rows, split, "mend or remove them")
        dropped.append(dropped_here)
    names, notes = name_image_labels(tables, labels, source, arguments)
    notes = [*note_dropped_rows(pd.concat(dropped)), *notes, *complete_splits(tables, arguments, "content", names)]
    return names, tables, notes
