"""Where rows come from: the embedded sample, the public tweets, a file, a folder, or the Hub; one table a split."""

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..errors import UserError, describe_disk
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .archives import find_local, holds_several
from .split_columns import SPLIT_NAMES, choose_split_column, note_column_ignored, rows_of_splits
from .tables import read_file
from .text_folders import read_folder
from .typed_tables import with_class_names

if TYPE_CHECKING:
    from datasets import Dataset

SAMPLE_FOLDER = Path(__file__).parent / "sample"
HUB_NAMES = {"cifar10": "uoft-cs/cifar10"}
"""What datasets of the Hub are called for short."""

# The English split of Constraint@AAAI-2021 (Patwa et al., arXiv 2011.03327), pinned by commit and SHA-256.
CONSTRAINT_URL = (
    "https://raw.githubusercontent.com/diptamath/covid_fake_news/030deba36d118c124709fd72d7d5f14c7bc69053/data/"
)
CONSTRAINT_FILES = {
    "train": ("Constraint_Train.csv", "441f3985bb76eb69d1e488cf292f80add96c4dddfa43ba7c060889607837ddce"),
    "validation": ("Constraint_Val.csv", "c610931d0641fe1d9b9495c453f99ae7aa45bf294c7db6333ec84ecebb0b6c3c"),
    "test": ("english_test_with_labels.csv", "7152fc681884a22013218c5dd9a73c6fd99d4b084705723e1e49d18c97ca8281"),
}


@dataclass
class Source:
    """Tables as they were read.

    Attributes:
        name: What messages call them.
        tables: One for each split; their index is the position of the row in its file.
        class_names: Names of the classes, by column, where the file or Hub entry states them.
        notes: What was found by its name.

    """

    name: str
    tables: dict[str, pd.DataFrame]
    class_names: dict[str, list[str]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_source(
    dataset: str,
    config: str | None = None,
    revision: str | None = None,
    used: Collection[str | None] = (),
    given: TableFlags = FIND,
    split_column: str | None = None,
) -> Source:
    """Read all splits of `dataset`: `sample`, `constraint`, a file, a folder, a .zip of one, or a Hub id.

    Args:
        dataset: Its name.
        config: Configuration of a Hub dataset.
        revision: Branch, tag or commit of a Hub dataset.
        used: Columns that are named for something else, so that they do not say the split of rows.
        given: What flags say of the format of tables.
        split_column: The column that says the split of rows; None: found by its name.

    Raises:
        UserError: It is not there, cannot be reached, or cannot be read, or its name is not UTF-8.

    """
    if dataset == "sample":
        return Source("sample", read_folder(SAMPLE_FOLDER).tables)
    if dataset == "constraint":
        return _read_constraint()
    path, unpacked = find_local(dataset)
    named = [name for name in (*used, split_column) if name is not None]
    if path is None:
        source = _read_hub(dataset, config, revision)
    elif path.is_dir():
        folder = read_folder(path, given, named)
        source = Source(dataset, folder.tables, folder.class_names, folder.notes)
    else:
        source = read_one_file(dataset, "train", given, named)
    source.tables, notes = split_by_column(source, used, split_column)
    source.notes = [*notes, *unpacked, *source.notes]
    return source


def is_one_file(dataset: str) -> bool:
    """Tell whether a dataset is one file, perhaps packed, and not a folder, an archive of several or one of the Hub's.

    Raises:
        UserError: It is called like a .zip, and is none.

    """
    path = Path(dataset).expanduser()
    return path.is_file() and not holds_several(path)


def read_one_file(dataset: str, split: str, given: TableFlags, named: Collection[str]) -> Source:
    """Read a file as one split; arguments and errors as of `tables.read_file`."""
    table = read_file(Path(dataset).expanduser(), given, named)
    return Source(dataset, {split: table.table}, table.class_names, table.notes)


def split_by_column(
    source: Source, used: Collection[str | None], given: str | None = None
) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Part the rows by the column that says their split, where there is one and nothing else says the splits; also say so."""
    tables = source.tables
    if len(tables) > 1:
        columns = {split: list(map(str, table.columns)) for split, table in tables.items()}
        return tables, note_column_ignored(columns, used, given)
    table = tables["train"]
    column = choose_split_column(table, used, given)
    if column is None:
        return tables, []
    rows, note = rows_of_splits(source.name, column, table[column])
    if given is not None and not rows:
        raise UserError(f"--split_column {given}: {note.text} Write train, validation or test there for every row.")
    return {split: table.iloc[positions] for split, positions in rows.items()} or tables, [note]


def _read_constraint() -> Source:
    """Return the three pinned files of the COVID-19 fake-news tweets."""
    tables: dict[str, pd.DataFrame] = {}
    for split, (file_name, expected) in CONSTRAINT_FILES.items():
        path = _download(CONSTRAINT_URL + file_name, expected)
        tables[split] = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return Source("constraint", tables)


def _download(url: str, expected: str) -> Path:
    """Download a file, which `datasets` keeps, and check its sum; a kept one with another sum is downloaded again."""
    from datasets import DownloadConfig, DownloadManager

    for again in (False, True):
        try:
            path = Path(DownloadManager(download_config=DownloadConfig(force_download=again)).download(url))
        except (OSError, ValueError) as error:  # requests' and fsspec's connection errors are OSErrors
            raise UserError(
                f"The tweets cannot be downloaded from {url} ({type(error).__name__}): check the network, or name a "
                "file or folder of your own by --dataset."
            ) from error
        if hashlib.sha256(path.read_bytes()).hexdigest() == expected:
            return path
        if not again:
            logging.getLogger(__name__).warning(f"{path} was damaged: {url} is downloaded again.")
    raise UserError(
        f"{url} is not the file that is expected (its SHA-256 differs): name a file or folder of your own by --dataset."
    )


def _read_hub(dataset: str, config: str | None, revision: str | None) -> Source:
    """Load a dataset of the Hub as tables."""
    return Source(dataset, *tables_of_datasets(load_hub(dataset, config, revision)))


def tables_of_datasets(splits: dict[str, "Dataset"]) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Return datasets as tables, and the names of the classes by column that they state."""
    tables: dict[str, pd.DataFrame] = {}
    class_names: dict[str, list[str]] = {}
    for split, rows in splits.items():
        tables[split], stated = with_class_names(rows.to_dict(), rows.features)
        class_names |= stated
    return tables, class_names


def load_hub(dataset: str, config: str | None, revision: str | None) -> dict[str, "Dataset"]:
    """Load a dataset of the Hub and bring its splits under our names.

    Raises:
        UserError: It is not there, cannot be reached, has no train split, or the disk has no room for it.

    """
    from datasets import config as datasets_config
    from datasets.exceptions import DatasetsError

    from ..offline import use_cache_without_hub
    from .hub_datasets import load_from_hub

    use_cache_without_hub()
    try:
        loaded = load_from_hub(dataset, config, revision)
    # Not found, not reachable, no such configuration; a script, which datasets runs no more; files that do not fit.
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        disk = describe_disk(error, Path(datasets_config.HF_DATASETS_CACHE))
        raise UserError(
            disk
            or f"The dataset {dataset} is neither a file or folder here nor one on the Hub that can be reached: "
            f"{' '.join(str(error).split()).rstrip('.')[:300]}."
        ) from error
    splits = {}
    for split, names in SPLIT_NAMES.items():
        source_split = next((name for name in names if name in loaded), None)
        if source_split is not None:
            splits[split] = loaded[source_split]
    if "train" not in splits:
        raise UserError(f"The dataset {dataset} has no train split, only {', '.join(loaded)}.")
    return splits
