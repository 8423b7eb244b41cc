"""Inspect data of images: by the heads of their files alone, so that thousands take a second or two."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pandas as pd
import xxhash

from ..data.image_files import READING_ERRORS, describe_reading_error, find_image
from ..data.image_sources import ImageSource, LabelFlags, read_images
from ..data.label_kinds import read_labels
from ..data.repeated import note_repeated
from ..data.split_names import SPLIT_NAMES
from ..data.splits import complete_splits, drop_rows, name_labels, note_dropped_rows
from ..errors import UserError
from ..flags.image_arguments import ImageDataArguments
from ..notes import Note
from .columns import describe_spread
from .command import make_command
from .result import Inspection, Spread

_AT_ONCE = 256


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
    heads = {split: _read_heads(source.images[split]) for split in source.tables}
    spreads = _describe_sizes(pd.concat(heads.values()))
    inspection = Inspection(arguments.dataset, "image", spreads=spreads, notes=[*source.notes, _note_kinds(heads)])
    try:
        names, tables, notes = _read_rows(source, heads, arguments)
    except UserError as error:
        return replace(inspection, refusal=str(error))
    counts = {split: table["label"].value_counts() for split, table in tables.items()}
    splits = [split for split in SPLIT_NAMES if split in tables]
    classes = {name: {split: int(counts[split].get(name, 0)) for split in splits} for name in names}
    given, command = make_command("image", arguments)
    return replace(inspection, classes=classes, notes=[*inspection.notes, *notes], command=command, flags=given)


def _read_rows(
    source: ImageSource, heads: Mapping[str, pd.DataFrame], arguments: ImageDataArguments
) -> tuple[list[str], dict[str, pd.DataFrame], list[Note]]:
    """Return the labels, the rows of each split, and what there is to say of them, as training does."""
    tables, dropped = {}, []
    for split, table in source.tables.items():
        rows = pd.DataFrame({"row": range(1, len(table) + 1), "file": table["file"].to_numpy()})
        rows["label"] = read_labels(table, "label").to_numpy()
        rows["reason"] = heads[split]["reason"].to_numpy()
        rows["content"] = heads[split]["content"].to_numpy()
        tables[split], dropped_here = drop_rows(rows, split, "mend or remove them")
        dropped.append(dropped_here)
    names = name_labels(tables, source.label_column, source.class_names, arguments.label_names)
    notes = [*note_dropped_rows(pd.concat(dropped)), *complete_splits(tables, arguments)]
    return names, tables, [*notes, *note_repeated(tables, "content")]


def _read_heads(images: Any) -> pd.DataFrame:
    """Return for each image width, height, mode, format, why it cannot be read, and a sum over its file."""
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor() as pool:
        for batch in images.iter(_AT_ONCE):
            rows += pool.map(_read_head, batch["image"])
    return pd.DataFrame(rows)


def _read_head(cell: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the head of an image says; its pixels are not decoded."""
    head: dict[str, Any] = {"width": 0, "height": 0, "mode": "", "format": "", "reason": "", "content": ""}
    if cell is None or (cell["bytes"] is None and cell["path"] is None):
        return head | {"reason": "no image"}
    try:
        content = cell["bytes"] if cell["bytes"] is not None else _read_file(cell["path"])
        image = find_image({"bytes": content, "path": None})
    except READING_ERRORS as error:
        return head | {"reason": describe_reading_error(error)}
    return head | {
        "width": image.width,
        "height": image.height,
        "mode": image.mode,
        "format": image.format or "",
        "content": xxhash.xxh3_128_hexdigest(content),
    }


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _describe_sizes(heads: pd.DataFrame) -> list[Spread]:
    readable = heads[heads["reason"] == ""]
    if readable.empty:
        return []
    return [describe_spread(f"{side} in pixels", readable[side]) for side in ("width", "height")]


def _note_kinds(heads: Mapping[str, pd.DataFrame]) -> Note:
    """Say of what format and mode the images are; their pixels were not decoded."""
    whole = pd.concat(heads.values())
    kinds = Counter(f"{row.format} {row.mode}" for row in whole[whole["reason"] == ""].itertuples())
    counts = ", ".join(f"{count:,} {kind.strip()}" for kind, count in kinds.most_common(8))
    return Note("image_kinds", f"Images: {counts or 'none that can be read'}; a training decodes them, too.")
