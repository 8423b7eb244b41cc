"""What a source holds, texts or images, as told by its files, its columns or its name."""

import re
from collections import Counter
from collections.abc import Collection
from itertools import islice
from pathlib import Path

from ..errors import UserError
from ..flags.paths import DATA_SUFFIXES, IMAGE_SUFFIXES, is_table_name
from .archives import find_local
from .class_folders import is_hidden
from .documents import is_document
from .folder_listing import TABLE_SUFFIXES
from .other_forms import check_form_of_file
from .sources import HUB_NAMES, load_hub
from .split_names import split_named
from .typed_modality import Modality as Modality  # for those who ask for it
from .typed_modality import modality_of_columns, modality_of_parquet

_NAMES: dict[str, Modality] = {"sample": "text", "constraint": "text", "digits": "image", "cifar10": "image"}
_FILES_LOOKED_AT = 10_000
_LINES_LOOKED_AT = 20
_CELL = re.compile(r"[^,;\t{}\[\]\r\n:]+")
_SHOWN = 8


def find_modality(dataset: str, config: str | None = None, revision: str | None = None) -> Modality:
    """Tell whether a dataset holds texts or images.

    Args:
        dataset: A name such as `sample`, a file, a folder, or a Hub id.
        config: Configuration of a Hub dataset.
        revision: Branch, tag or commit of a Hub dataset.

    Raises:
        UserError: It is not there, or what is there does not say it.

    """
    path = Path(dataset).expanduser()
    if dataset in ("sample", "constraint", "digits") or (dataset in _NAMES and not path.exists()):
        return _NAMES[dataset]
    found, _ = find_local(dataset)
    if found is not None:
        return _modality_of_folder(found) if found.is_dir() else _modality_of_files(dataset, [found])
    features = load_hub(HUB_NAMES.get(dataset, dataset), config, revision)["train"].features
    return modality_of_columns(dataset, features)


def _modality_of_folder(folder: Path) -> Modality:
    """Tell it of a folder by its tables, which lie in it or in its folder `data`, and by images below it."""
    tables = [path for pattern in ("*", "data/*.parquet") for path in sorted(folder.glob(pattern)) if _is_table(path)]
    others: Counter[str] = Counter()
    images: set[str] = set()
    documents = 0
    for number, path in enumerate(folder.rglob("*")):
        if number >= _FILES_LOOKED_AT:
            break
        if path.is_file() and not is_hidden(path, folder):
            images |= {path.name, path.stem} if path.suffix.lower() in IMAGE_SUFFIXES else set()
            documents += path.parent != folder and is_document(path)
            others[path.suffix.lower() or path.name] += 1
    of_splits = [path for path in tables if split_named(path.stem)]  # others name the images
    if of_splits and images and not any(_names_images(path, images) for path in of_splits):
        raise UserError(
            f"{folder} has both tables ({of_splits[0].name}) and images (such as {min(images)}): say by --task text or --task "
            "image which is meant."
        )
    if images:
        return "image"
    if not tables and (documents or any(is_table_name(f"file{suffix}") for suffix in others)):
        return "text"  # one file a text, or tables in folders of splits
    if not tables:
        for suffix in others:
            check_form_of_file(f"{folder}/*{suffix}" if suffix.startswith(".") else f"{folder}/{suffix}")
        seen = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(_SHOWN)) or "nothing"
        raise UserError(
            f"{folder} has neither images nor tables ({', '.join(suffix[1:] for suffix in DATA_SUFFIXES)}), but {seen}: name "
            "a folder of images (train/CLASS/* or CLASS/*), a table of texts, or a Hub id."
        )
    return _modality_of_files(str(folder), tables)


def _names_images(path: Path, images: Collection[str]) -> bool:
    """Tell whether one of the first lines of a table has the name of an image for a cell; numbers are in texts' tables, too."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return False
    with path.open("rb") as file:
        lines = [line.decode("utf-8", "replace") for line in islice(file, _LINES_LOOKED_AT)]
    cells = (cell.strip(" \"'").replace("\\", "/").rpartition("/")[2] for line in lines for cell in _CELL.findall(line))
    return any(cell in images and not cell.isdigit() for cell in cells)


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in DATA_SUFFIXES


def _modality_of_files(source: str, tables: list[Path]) -> Modality:
    """Tell it of tables: only parquet can hold images."""
    suffixes = {path.suffix.lower() for path in tables}
    if not all(is_table_name(path.name) or not path.suffix for path in tables):
        check_form_of_file(source)
        seen = ", ".join(sorted(suffixes)) or "no suffix"
        raise UserError(
            f"{source} is a file with {seen}: name a folder of images, or one of {', '.join(DATA_SUFFIXES)}."
        )
    if ".parquet" not in suffixes:
        return "text"
    return modality_of_parquet(source, next(path for path in tables if path.suffix.lower() == ".parquet"))
