"""Images whose labels stand in tables beside or above them: which tables count, and how they go together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UserError
from ..notes import Note
from .folder_listing import FolderListing, read_stem
from .image_index import ImageIndex
from .image_layouts import ImageLayout, LabelFlags, part_masks, shorten, split_of_path
from .image_tables import ImageTable, understand_table
from .label_maps import note_label_map
from .table_marks import read_marks
from .table_rows import TableRows, label_files, read_table_rows

_MOST_TABLES = 200
_SHOWN = 3
_EXAMPLE = "submission"
"""In the name of a table that shows how answers are handed in: what it has for labels is none."""


class NoTableError(UserError):
    """No table names the images: something else may say their labels."""


@dataclass(frozen=True)
class _Tables:
    """Tables of a folder that name images, what was wrong with others, the first row of others, and all names of others."""

    read: list[tuple[ImageTable, ImageIndex]] = field(default_factory=list)
    problems: list[UserError] = field(default_factory=list)
    first_rows: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_table_layout(listing: FolderListing, flags: LabelFlags, only: str | None = None) -> ImageLayout:
    """Read the labels of images from tables.

    Args:
        listing: What lies in the folder.
        flags: Columns that are named.
        only: The one table that counts, whatever its name says of splits; None: all that are there.

    Raises:
        NoTableError: No table names the images.
        UserError: One does, and is not as it must be.

    """
    images, notes = part_masks(listing.images)
    tables = _read_tables(listing, images, [only] if only else _candidates(listing), flags)
    if only is not None:
        tables = replace(tables, read=[(replace(table, split=None), index) for table, index in tables.read])
    marked = [table for table, _ in tables.read if len(table.label_columns) > 1]
    if marked:
        first = max(marked, key=lambda table: (_is_for_training(table), len(table.rows)))
        tables = replace(tables, read=[(_read_alike(first, table), index) for table, index in tables.read])
    labelled = [(table, index) for table, index in tables.read if table.label_column is not None]
    if not labelled:
        raise _no_labels(listing, tables, images)
    parts = [read_table_rows(table, index) for table, index in labelled]
    chosen = _choose(parts)
    plain_tests = [pair for pair in tables.read if pair[0].label_column is None and pair[0].split == "test"]
    chosen += [read_table_rows(table, index) for table, index in plain_tests]
    used = {part.table.name for part in chosen}
    unread = tables.unread + [table.name for table, _ in tables.read if table.name not in used]
    layout = label_files(listing.folder, images, chosen, is_named=only is not None)
    labels = {str(file.label) for file in layout.files["train"] if file.label is not None}
    notes += [*_note_unread(unread), *note_label_map(listing.folder, unread, labels)]
    written = [part.table.as_written() for part in chosen]
    return replace(layout, notes=[*layout.notes, *notes], tables=written)


def _is_for_training(table: ImageTable) -> bool:
    return (table.split or split_of_path(table.name) or "train") == "train"


def _read_alike(first: ImageTable, table: ImageTable) -> ImageTable:
    """Return a table whose labels are read from the same columns of 0 and 1 as those of the first, where it has them.

    By itself, a table leaves out a column that is the same in all of its rows.
    """
    columns = list(first.label_columns)
    if len(table.label_columns) == 1 or list(table.label_columns) == columns or not set(columns) <= set(table.columns):
        return table
    labels = read_marks(table.name, table.rows, columns, [], may_be_one_class=first.label_places is None)
    return replace(
        table,
        label_column=labels.name,
        labels_from=labels.labels_from,
        problem=labels.problem,
        label_places=labels.places,
        label_columns=labels.columns,
    )


def _candidates(listing: FolderListing) -> list[str]:
    """Return the tables that may have labels: none of one image each, as the files of annotations are."""
    stems = {read_stem(path).casefold() for path in listing.images}
    names = [name for name in listing.tables if read_stem(name).casefold() not in stems]
    return sorted(names, key=lambda name: name.count("/"))[:_MOST_TABLES]


def _read_tables(listing: FolderListing, images: Sequence[str], names: Sequence[str], flags: LabelFlags) -> _Tables:
    """Read tables; each names the images of its own folder and below, or, where there are none, all."""
    tables = _Tables()
    indexes: dict[str, ImageIndex] = {}
    for name in names:
        place = name.rpartition("/")[0]
        if place not in indexes:
            below = [path for path in images if path.startswith(f"{place}/")] if place else []
            indexes[place] = ImageIndex(below or images)
        if _EXAMPLE in Path(name).stem.lower():
            tables.unread.append(name)
            continue
        try:
            table = understand_table(listing.folder, name, indexes[place], flags)
        except UserError as error:
            tables.problems.append(error)
            tables.unread.append(name)
            continue
        if table.file_column is not None:
            tables.read.append((table, indexes[place]))
            continue
        tables.unread.append(name)
        rows = table.rows.head(1).to_numpy().tolist()
        tables.first_rows.extend(f"{name} has {shorten(', '.join(map(str, row)), 80)}" for row in rows)
    return tables


def _no_labels(listing: FolderListing, tables: _Tables, images: Sequence[str]) -> UserError:
    """Return the error where no table says labels, by what comes nearest to one."""
    if tables.read:
        wanted = next((table for table, _ in tables.read if table.split != "test"), tables.read[0][0])
        return UserError(f"{listing.folder}: {wanted.problem}.")
    if tables.problems:
        return NoTableError(str(tables.problems[0]))
    if not tables.unread:
        return NoTableError(f"{listing.folder} has no table (csv, tsv, json, jsonl) beside its images.")
    shown = "; ".join(tables.first_rows[:_SHOWN]) or ", ".join(tables.unread[:_SHOWN])
    names = ", ".join(shorten(path) for path in images[:2])
    return NoTableError(
        f"{listing.folder} has images such as {names}, and no column of its tables names them ({shown}): one has to hold their "
        "paths or names, with or without suffix; --image_column NAME says which."
    )


def _choose(parts: list[TableRows]) -> list[TableRows]:
    """Return the tables with the labels: the one that names most images, and all with the same column of labels.

    Raises:
        UserError: Another column labels as many images as well.

    """
    train = [part for part in parts if part.table.split in (None, "train")] or parts
    first = max(train, key=lambda part: len(part.rows))
    column = first.table.label_column
    rivals = [part for part in train if part.table.label_column != column and 2 * len(part.rows) > len(first.rows)]
    if rivals:
        named = ", ".join(f"{part.table.name} ({part.table.labels_from})" for part in (first, *rivals)[:_SHOWN])
        raise UserError(f"Several tables label the images, {named}: write --label_column NAME for one of them.")
    return _without_copies(first, [part for part in parts if part.table.label_column == column])


def _without_copies(first: TableRows, parts: list[TableRows]) -> list[TableRows]:
    """Drop tables that say no split and name images of the first: copies, or names of classes whose ids are some images', too."""
    images = {row.image for row in first.rows}
    others = [part for part in parts if part is not first]
    more = [part for part in others if part.table.split or not any(row.image in images for row in part.rows)]
    return [part for part in parts if part is first or part in more]


def _note_unread(names: Sequence[str]) -> list[Note]:
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (f", ... ({len(names)})" if len(names) > _SHOWN else "")
    return [Note("tables_not_read", f"Tables that say no labels here are not read: {shown}.", on_card=False)]
