"""Folders of classes and a table that labels the same images: whether they agree, and which counts."""

import re

from ..errors import UserError
from ..notes import Note
from .folder_listing import FolderListing
from .image_layouts import ImageLayout, LabelFlags, shorten
from .multi_label import describe_label_set
from .table_columns import LABEL_NAMES
from .table_layouts import read_table_layout

_NEARLY_ALL = 0.9
_BUCKET = re.compile(r"[0-9a-fA-F]{1,3}")
"""Folders called so may only part many files: a table with any label speaks against them."""


def choose_folders_or_table(listing: FolderListing, folders: ImageLayout, flags: LabelFlags) -> ImageLayout:
    """Return the layout of class folders, or that of a table which agrees with them and labels the test images, too.

    Args:
        listing: What lies in the folder.
        folders: Its layout by the folders of classes.
        flags: Of which those count that say how tables are written.

    Raises:
        UserError: A table labels nearly all images otherwise than their folders do, and no flag says which counts.

    """
    if not listing.tables:
        return folders
    try:
        table = read_table_layout(listing, LabelFlags(table=flags.table))
    except UserError:
        return _with_note(listing, folders)
    are_buckets = all(_BUCKET.fullmatch(str(file.label)) for file in folders.files["train"])
    if table.label_column.lower() not in LABEL_NAMES and not are_buckets:
        return _with_note(listing, folders)
    labels = {file.path: file.label for files in table.files.values() for file in files if file.label is not None}
    pairs = [(file, labels[file.path]) for file in folders.files["train"] if file.path in labels]
    if len(pairs) < _NEARLY_ALL * len(folders.files["train"]):
        return _with_note(listing, folders)
    both = {(file.label, label) for file, label in pairs}
    if len(both) > len({one for one, _ in both}) or len(both) > len({other for _, other in both}):
        raise _contradiction(listing, folders, table, labels)
    has_more = len(labels) > sum(file.label is not None for files in folders.files.values() for file in files)
    return table if has_more else _with_note(listing, folders)


def _contradiction(
    listing: FolderListing, folders: ImageLayout, table: ImageLayout, labels: dict[str, object]
) -> UserError:
    first = folders.files["train"][0]
    said = next(file for file in folders.files["train"] if file.path in labels)
    label = shorten(describe_label_set(labels[said.path]))
    return UserError(
        f"{listing.folder} has folders of classes, such as '{shorten(first.label)}', and a table with other labels "
        f"({table.labels_from}), by which {said.path} is '{label}': write --label_column "
        f'{table.label_column} for those of the table, or --label_from_name "{{label}}/{{any}}" for the names of the folders.'
    )


def _with_note(listing: FolderListing, folders: ImageLayout) -> ImageLayout:
    """Say that tables are not read."""
    shown = ", ".join(listing.tables[:3]) + (f", ... ({len(listing.tables)})" if len(listing.tables) > 3 else "")
    text = (
        f"Tables beside the folders of classes are not read: {shown}; --label_column NAME takes the labels from them."
    )
    folders.notes.append(Note("tables_not_read", text, on_card=False))
    return folders
