"""Data of images that are no image files: what they are, and the form that works."""

from ..errors import UserError
from .folder_listing import FolderListing, read_suffix
from .pixel_tables import check_no_pixels

_ARRAYS = (
    "give the arrays in Python, hfkit.train_image_classifier(list(images), labels=list(labels)), each (height, width, 3) or "
    "(height, width) of uint8, or save them as files photos/LABEL/1.png"
)
_ARCHIVES = "unpack it, and name the folder"
_REMEDIES = {
    **dict.fromkeys((".npz", ".npy", ".mat", ".h5", ".hdf5", ".pkl", ".pickle", ".pt"), ("arrays", _ARRAYS)),
    ".zip": ("an archive", f"name it itself, or {_ARCHIVES}"),
    **dict.fromkeys((".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"), ("an archive", _ARCHIVES)),
    **dict.fromkeys((".tfrecord", ".tfrecords"), ("records of TensorFlow", "save them as files photos/LABEL/1.png")),
    ".arrow": (
        "a saved dataset of the library datasets",
        "hfkit.train_image_classifier(datasets.load_from_disk(folder)) takes it in Python, or save it as train.parquet",
    ),
}


def check_other_forms(listing: FolderListing) -> None:
    """Refuse a folder without image files that has images in another form.

    Raises:
        UserError: It has; the sentence says what it is, and what to write.

    """
    for name in listing.tables:
        check_no_pixels(listing.folder / name)
    for name in listing.others:
        check_form_of_file(str(listing.folder / name))


def check_form_of_file(path: str) -> None:
    """Refuse a file that holds images in another form, by its name.

    Raises:
        UserError: It does.

    """
    what = _REMEDIES.get(read_suffix(path))
    if what is None and path.endswith("-ubyte"):
        what = ("arrays", _ARRAYS)
    if what is not None:
        raise UserError(
            f"{path} holds {what[0]}, and photos are read from image files, parquet files or the Hub: {what[1]}."
        )
