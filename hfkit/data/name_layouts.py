"""Images whose labels stand in their names, by `--label_from_name` or by a form that all names have."""

from ..errors import UserError
from ..notes import Note
from .folder_listing import FolderListing
from .image_layouts import ImageLayout, LabelledFile, by_split, count, part_masks, split_of_path
from .name_patterns import find_pattern, read_labels

LABEL_COLUMN = "file name"
_MATCHING = 0.95
_SHOWN = 8


def read_name_layout(listing: FolderListing, pattern: str, notes: list[Note] | None = None) -> ImageLayout:
    """Read the labels of images from their names; a test folder none of whose names has one is without labels.

    Args:
        listing: What lies in the folder.
        pattern: Form of the names, such as `{label}_{number}`.
        notes: Why this form, where it was not given.

    Raises:
        UserError: More than 5 % of the names of a split are of another form.

    """
    images, masks = part_masks(listing.images)
    labels = dict(zip(images, read_labels(pattern, images), strict=True))
    files = by_split((split_of_path(path) or "train", LabelledFile(path, label)) for path, label in labels.items())
    if "train" not in files:
        raise UserError(f"{listing.folder} has no images to train on, only for {' and '.join(files) or 'nothing'}.")
    unused = 0
    for split, part in files.items():
        other = [file.path for file in part if file.label is None]
        if split == "test" and len(other) == len(part):
            continue
        if len(other) > (1 - _MATCHING) * len(part):
            raise UserError(_describe_misfit(pattern, split, len(part), other))
        unused += len(other)
        files[split] = [file for file in part if file.label is not None]
    names = list(dict.fromkeys(str(file.label) for file in files["train"]))
    shown = ", ".join(names[:_SHOWN]) + (f", ... ({len(names):,})" if len(names) > _SHOWN else "")
    labels_from = f'the name of each file, "{pattern}" ({shown})'
    remarks = count(unused, "name is of another form", "names are of another form")
    return ImageLayout(listing.folder, files, LABEL_COLUMN, labels_from, unused, remarks, [*(notes or []), *masks])


def _describe_misfit(pattern: str, split: str, number: int, other: list[str]) -> str:
    usual = find_pattern(other)
    hint = (
        f'--label_from_name "{usual}" fits them' if usual else "write {any} where names differ, or rename these files"
    )
    return (
        f'--label_from_name "{pattern}": {len(other):,} of {number:,} images of {split} are not called so, such as {other[0]}: '
        f"{hint}."
    )


def find_name_layout(listing: FolderListing) -> ImageLayout | None:
    """Read the labels from the names where those of all images to train on have a usual form; None: they have none."""
    images, _ = part_masks(listing.images)
    train = [path for path in images if split_of_path(path) in (None, "train")]
    pattern = find_pattern(train)
    if pattern is None or len({path.rpartition("/")[0] for path in train}) > 1:
        return None
    text = f'Labels are taken from the names, which all have the form "{pattern}"; --label_from_name writes another.'
    return read_name_layout(listing, pattern, [Note("label_from_name", text, on_card=False)])
