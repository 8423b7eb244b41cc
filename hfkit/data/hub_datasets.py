"""Datasets of the Hub as `datasets` keeps them, under sums of our own: it has none, and reads what was damaged as it is."""

import errno
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Split, concatenate_datasets, config, load_dataset
from filelock import FileLock

from ..connection import retry
from ..errors import UserError, os_reason
from ..files import checksum, write_file

SUMS_FILE = "hfkit_sums.json"
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    """A dataset on disk, and what was written down of it: its name, the files of its splits, and sums of all files."""

    folder: Path
    splits: dict[str, list[str]]
    sums: dict[str, str]

    def is_whole(self) -> bool:
        """Whether all files are as they were when they were written."""
        return all(
            (self.folder / name).is_file() and checksum(self.folder / name) == stated
            for name, stated in self.sums.items()
        )

    def read(self) -> DatasetDict:
        """Return its splits, without a change on the disk."""
        return DatasetDict(
            {
                split: concatenate_datasets(
                    [Dataset.from_file(str(self.folder / name), split=Split(split)) for name in names]
                )
                for split, names in self.splits.items()
            }
        )


def load_from_hub(dataset: str, configuration: str | None, revision: str | None) -> DatasetDict:
    """Load a dataset; one that is on disk and was damaged since it was first read is told and loaded again.

    Where the folder can only be read, what is there is read.

    Args:
        dataset: Its name.
        configuration: Of a dataset that has several.
        revision: Branch, tag or commit.

    Raises:
        UserError: It is damaged, and cannot be removed.
        Exception: As those of `load_dataset`.

    """
    asked = [dataset, configuration, revision]
    kept = _find(asked)
    if not all(each.is_whole() for each in kept):
        kept = _remove_damaged(asked)
    try:
        loaded = retry(lambda: load_dataset(dataset, configuration, revision=revision))
    except OSError as error:
        if error.errno not in READ_ONLY or not kept:
            raise
        return kept[-1].read()
    assert isinstance(loaded, DatasetDict)
    _write_sums(asked, loaded)
    return loaded


def _find(asked: list[Any]) -> list[_Kept]:
    """Return what is on disk of a dataset by its name, the newest last."""
    kept = []
    files = Path(config.HF_DATASETS_CACHE).expanduser().glob(f"*/*/*/*/{SUMS_FILE}")
    for file in sorted(files, key=lambda file: file.stat().st_mtime):
        try:
            written = json.loads(file.read_bytes())
            if written["asked"] == asked:
                kept.append(_Kept(file.parent, dict(written["splits"]), dict(written["sums"])))
        except (OSError, ValueError, KeyError, TypeError):  # damaged itself: the dataset is taken for a new one
            continue
    return kept


def _remove_damaged(asked: list[Any]) -> list[_Kept]:
    """Remove what is damaged of a dataset, and return the rest; of several processes one does it."""
    root = Path(config.HF_DATASETS_CACHE).expanduser() / "hfkit"
    whole = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "hub.lock"):
            for kept in _find(asked):
                if kept.is_whole():
                    whole.append(kept)
                    continue
                logger.warning(f"{kept.folder} was damaged: {asked[0]} is loaded again.")
                shutil.rmtree(kept.folder)
    except OSError as error:
        raise UserError(
            f"What {root.parent} holds of the dataset {asked[0]} is damaged and cannot be removed ({os_reason(error)}): name "
            "another folder by the environment variable HF_DATASETS_CACHE."
        ) from error
    return whole


def _write_sums(asked: list[Any], loaded: DatasetDict) -> None:
    """Write sums beside the files of a dataset, unless they are there."""
    files = {split: [Path(entry["filename"]) for entry in rows.cache_files] for split, rows in loaded.items()}
    folders = {file.parent for paths in files.values() for file in paths}
    if len(folders) != 1 or any(kept.folder in folders for kept in _find(asked)):
        return
    (folder,) = folders
    info = [folder / config.DATASET_INFO_FILENAME]
    try:
        sums = {file.name: checksum(file) for file in [*info, *(file for paths in files.values() for file in paths)]}
        splits = {split: [file.name for file in paths] for split, paths in files.items()}
        write_file(folder / SUMS_FILE, json.dumps({"asked": asked, "splits": splits, "sums": sums}, indent=2))
    except OSError:  # a folder that can only be read, or is full: the data are there all the same
        return
