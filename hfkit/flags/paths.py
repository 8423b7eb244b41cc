"""Refusals of paths on a command line: each has its one home here, whoever finds it out first; nothing imports torch."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError
from .configuration import CONFIGURATION_FILE

DATA_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
MORE_DATA_SUFFIXES = (".txt", ".tab", ".dat", ".data", ".ndjson", ".arrow", ".feather", ".xlsx")
"""Further files of tables: what is no JSON, parquet, Arrow or Excel is lines with separators."""
PACKED_SUFFIXES = (".gz", ".zip", ".xz", ".bz2")
"""Any table may be packed, such as `tweets.csv.gz`."""
# HEIC is what telephones write; Pillow does not read it, and each such file is then named as one that cannot be read.
IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ico", ".dds"),
    *(".ppm", ".pgm", ".pbm", ".tga", ".jfif", ".jp2", ".heic", ".heif"),
)

EXPORT_FILE = "export.json"
"""What a folder of a model in ONNX has in the place of `config.json`."""

IN_MEMORY = "memory:"
"""What the name of a dataset begins with that was a value in Python; a checksum of it goes on."""


def table_suffix(name: str) -> str:
    """Return the suffix of a table in lower case without that of a packed file, or an empty text where it is no table's.

    Examples:
        >>> table_suffix("Tweets.CSV.gz"), table_suffix("photo.png")
        ('.csv', '')

    """
    path = Path(name.lower())
    suffix = Path(path.stem).suffix if path.suffix in PACKED_SUFFIXES else path.suffix
    return suffix if suffix in (*DATA_SUFFIXES, *MORE_DATA_SUFFIXES) else ""


def is_table_name(name: str) -> bool:
    """Whether a name is one of a table, packed or not."""
    return bool(table_suffix(name)) or Path(name.lower()).suffix in PACKED_SUFFIXES


def looks_like_a_path(name: str) -> bool:
    """Whether a name cannot be one of the Hub's, which have no more than one slash and begin with a letter or digit."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1


def is_missing_path(name: str) -> bool:
    """Whether a name is a path where nothing is: it cannot be one of the Hub's, or names something in a folder that is there."""
    path = Path(os.path.expanduser(name))
    if path.exists():
        return False
    return looks_like_a_path(name) or ("/" in name and (name.startswith("runs/") or path.parent.is_dir()))


def has_checkpoint(folder: Path) -> bool:
    """Whether a run's folder has a whole checkpoint: the Trainer's state is written last."""
    return any(folder.glob("checkpoint-*/trainer_state.json"))


def describe_unfinished_run(name: str) -> str:
    """Say that a folder is not one of a finished run, and how it is continued or why it cannot be."""
    if has_checkpoint(Path(os.path.expanduser(name))):
        return f"{name} is not a finished hfkit run: continue it by --output_dir {name} --resume_from_checkpoint true."
    return f"{name} is not a finished hfkit run, and has no checkpoint to continue from: train it again."


def check_names(names: Iterable[str]) -> None:
    """Refuse names of files, folders and classes that are not UTF-8: no table, card or page that names them could be written.

    Raises:
        UserError: One is not; the sentence spells its bytes.

    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"The name {name} is not UTF-8: write it so (convmv -f latin1 -t utf8 -r --notest FOLDER renames all in it)."
            ) from error


def check_dataset_path(dataset: str) -> None:
    """Refuse what looks like a path where nothing is, and data that were in the memory of another process.

    Raises:
        UserError: There is no such file or folder, or its name is not UTF-8.

    """
    check_names([dataset])
    if dataset.startswith(IN_MEMORY):
        raise UserError(
            f"The run's data were in memory ({dataset}), and no file holds them: give them again, in Python as "
            'hfkit.train_text_classifier(data, config="hfkit.yaml"), or by --dataset FILE.'
        )
    if is_missing_path(dataset) or (is_table_name(dataset) and not Path(os.path.expanduser(dataset)).exists()):
        raise UserError(f"There is no file or folder {dataset}: check the path (from {Path.cwd()}).")


def check_backbone_path(backbone: str) -> None:
    """Refuse a backbone that looks like a path where nothing is.

    Raises:
        UserError: There is no such folder.

    """
    check_names([backbone])
    if is_missing_path(backbone):
        raise UserError(
            f"The backbone {backbone} cannot be loaded: there is no such folder (from {Path.cwd()}); check the path, or write "
            "a Hub id."
        )


def check_weights_path(weights: str) -> None:
    """Refuse a file of weights that is not there.

    Raises:
        UserError: There is no such file.

    """
    if weights not in ("default", "none") and not Path(weights).expanduser().is_file():
        raise UserError(
            f"--weights {weights}: there is no such file; write default, none, or a .safetensors or .pth file."
        )


def check_output_dir(output_dir: str) -> None:
    """Refuse a folder for a new run that is a file or holds something already; nothing is made.

    Raises:
        UserError: The run cannot go there.

    """
    folder = check_is_folder(output_dir)
    if folder.is_dir() and any(folder.iterdir()):
        goes_on = (
            ", or continue the run that it holds by --resume_from_checkpoint true" if has_checkpoint(folder) else ""
        )
        raise UserError(f"The folder {folder} is not empty: name another --output_dir{goes_on}.")


def check_new_or_begun(folder: Path) -> None:
    """Refuse a folder that is no new one, and holds no run that was begun there; nothing is made.

    Raises:
        UserError: As above.

    """
    if (folder / CONFIGURATION_FILE).is_file():
        check_is_folder(str(folder))
    else:
        check_output_dir(str(folder))


def check_is_folder(output_dir: str) -> Path:
    """Return the run's folder, which need not be there.

    Raises:
        UserError: It is a file, its name is not UTF-8, or it cannot be written.

    """
    check_names([output_dir])
    folder = expand(Path(output_dir))
    check_can_be_written(folder, "--output_dir", folder)
    return folder


def expand(path: Path) -> Path:
    """Return a path without `~`, which a shell leaves as it is behind an equals sign."""
    return Path(os.path.expanduser(path))


def check_can_be_written(folder: Path, flag: str, given: Path) -> None:
    """Refuse a folder, there or not yet, in which no file can be written.

    Args:
        folder: It, or the one of the file that is to be written.
        flag: What names the file or the folder on the command line, such as `--output`.
        given: The file or the folder.

    Raises:
        UserError: It is a file or below one, or it or the folder in which it would be made may not be written.

    """
    whole = folder.absolute()
    nearest = next(place for place in (whole, *whole.parents) if os.path.exists(place))
    if not os.path.isdir(nearest):
        raise UserError(f"{flag} {folder if nearest == whole else nearest} is a file: name a folder.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(
            f"{flag} {given} cannot be written ({nearest} may only be read): name another folder, or change who may write there."
        )


def check_new_file(path: Path, flag: str) -> None:
    """Refuse a file that is there already, or that could not be written.

    Args:
        path: The file, without `~`; its folder need not be there.
        flag: What names it on the command line, such as `--write`.

    Raises:
        UserError: As above.

    """
    check_can_be_written(path.parent, flag, path)
    if path.exists():
        raise UserError(f"{flag} {path} is there already, and nothing is overwritten: name another file.")


def find_run(output_dir: str | None, resume: object) -> Path:
    """Return the folder of the run that is continued.

    Args:
        output_dir: `--output_dir` as it was given.
        resume: `--resume_from_checkpoint` as it was given.

    Raises:
        UserError: It is a no, no folder is named, or it holds no run.

    """
    if str(resume).lower() in ("false", "none", "no"):
        raise UserError(f"--resume_from_checkpoint is {resume}: write true to continue a run, or leave it out.")
    if output_dir is None:
        raise UserError("--resume_from_checkpoint needs the run's folder: add --output_dir runs/NAME.")
    folder = Path(output_dir).expanduser()
    if not (folder / CONFIGURATION_FILE).is_file():
        raise UserError(f"There is no run to continue in {folder}: it has no {CONFIGURATION_FILE}.")
    return folder


def check_run_name(name: str | None, is_folder_named: bool) -> None:
    """Refuse a name that cannot begin a folder's, or that would do nothing.

    Args:
        name: What the name of a new run's folder begins with; None: it is not given.
        is_folder_named: Whether the folder is named, too.

    Raises:
        UserError: As above.

    """
    if name is None:
        return
    if re.fullmatch(r"\w[\w.-]*", name) is None:
        raise UserError(f"--name {name!r}: write letters, digits, dots, dashes or underscores, such as --name reviews.")
    if is_folder_named:
        raise UserError("--name is for a new folder in runs/, and --output_dir names the folder: give one of them.")
