"""A folder of images: by its class folders, by a table beside them, or by the names of the files, whichever it has."""

from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..notes import Note
from .class_folders import NoClassesError, is_hidden_name
from .class_layouts import LABEL_COLUMN, read_class_folders
from .folder_listing import TABLE_SUFFIXES, FolderListing, list_folder, read_suffix
from .image_layouts import ImageLayout, LabelFlags
from .layout_choice import choose_folders_or_table
from .name_layouts import find_name_layout, read_name_layout
from .other_forms import check_form_of_file, check_other_forms
from .table_layouts import NoTableError, read_table_layout

_OTHER_TABLES = (".txt", ".xlsx", ".xls", ".ods", ".mat", ".xml", ".pkl", ".parquet", ".dat", ".data", ".lst")
"""Suffixes of files that may have labels, and are not read."""


def read_image_files(path: Path, flags: LabelFlags) -> ImageLayout:
    """Return which images lie in a folder, or are named by a table, with their labels and splits.

    Raises:
        UserError: They are not as they must be, or the file is no table.

    """
    if path.is_dir():
        return _read_folder(path, flags)
    if path.suffix.lower() in TABLE_SUFFIXES:
        return _read_table(path, flags)
    check_form_of_file(str(path))
    raise UserError(
        f"{path} is no parquet file: name a folder of images (train/CLASS/* or CLASS/*), a table that names images, or a "
        ".parquet file."
    )


def _read_folder(folder: Path, flags: LabelFlags) -> ImageLayout:
    """Return which images lie in a folder, with their labels and splits.

    What the flags ask for comes first; then folders of classes, where there are two or more; then tables that name the images;
    then names of files that all have the same form.

    Raises:
        UserError: None of these is there, or it is not as it must be.

    """
    listing = list_folder(folder)
    if not listing.images:
        check_other_forms(listing)
    layout = _read_listing(listing, flags)
    return replace(layout, notes=[*layout.notes, *_note_ignored(listing, layout, flags)])


def _read_listing(listing: FolderListing, flags: LabelFlags) -> ImageLayout:
    """Read a folder by the first of the ways above that it has."""
    if not listing.tables:
        flags.refuse_several_columns(listing.folder)
    if flags.label_from_name is not None:
        return read_name_layout(listing, flags.label_from_name)
    if listing.tables and (flags.image_column or flags.label_column or flags.split_column):
        return read_table_layout(listing, flags)
    try:
        layout = read_class_folders(listing.folder)
    except NoClassesError as refusal:
        return _read_flat(listing, flags, refusal)
    if len({file.label for file in layout.files["train"]}) > 1:
        return choose_folders_or_table(listing, layout, flags)
    try:
        return _read_flat(listing, flags, NoTableError(""))
    except NoTableError:
        return layout  # of one class, which is refused like other data of one


def _read_flat(listing: FolderListing, flags: LabelFlags, refusal: UserError) -> ImageLayout:
    """Read images without folders of classes.

    Raises:
        UserError: Neither tables nor names say their labels: `refusal`, or what is wrong with the tables.

    """
    try:
        return read_table_layout(listing, flags)
    except NoTableError as error:
        layout = find_name_layout(listing)
        if layout is not None:
            return layout
        if not str(refusal):
            raise error
        first = f"{str(error).rstrip('.')}. Besides, " if listing.tables else ""
        raise UserError(f"{first}{str(refusal).rstrip('.')}{_hint_tables(listing)}.") from error


def _hint_tables(listing: FolderListing) -> str:
    """Return what to do with tables that are not looked at: in the folder above, or of another format."""
    try:
        around = sorted(listing.folder.resolve().parent.iterdir())
    except OSError:
        around = []
    above = [path for path in around if path.suffix.lower() in TABLE_SUFFIXES and not is_hidden_name(path.name)]
    hints = [f"if {above[0]} has the labels, name its folder, {above[0].parent}"] if above else []
    others = [path for path in listing.others if read_suffix(path) in _OTHER_TABLES]
    hints += [f"{others[0]} is not read: if it has the labels, save it as labels.csv"] if others else []
    return "".join(f"; {hint}" for hint in hints)


def _read_table(path: Path, flags: LabelFlags) -> ImageLayout:
    """Read a table that names images, which lie beside it or in folders below.

    Raises:
        UserError: It is not as it must be, or no images are there.

    """
    listing = list_folder(path.parent)
    if not listing.images:
        check_other_forms(replace(listing, tables=[path.name], others=[]))
        raise UserError(
            f"{path} is a table, and no images lie in {path.parent} or below: put them beside it, with their names or paths in "
            "one of its columns; tables of texts are for hfkit train text."
        )
    return read_table_layout(listing, flags, only=path.name)


def _note_ignored(listing: FolderListing, layout: ImageLayout, flags: LabelFlags) -> list[Note]:
    """Say which flags and files are not used, but for files beside folders of classes, which are named there."""
    notes = []
    columns = ("label_column", "image_column", "split_column")
    named = [f"--{name}" for name in columns if getattr(flags, name)]
    if not listing.tables and named:
        verb = "is" if len(named) == 1 else "are"
        text = f"{' and '.join(named)} {verb} not used: {listing.folder} has no table beside its images."
        notes.append(Note("label_column_ignored", text, on_card=False))
    if listing.others and layout.label_column != LABEL_COLUMN:
        number = f"{len(listing.others):,}, such as {listing.others[0]}"
        notes.append(Note("files_passed_over", f"Files that are no images were passed over: {number}.", on_card=False))
    return notes
