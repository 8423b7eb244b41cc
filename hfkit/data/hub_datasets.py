"""Datasets of the Hub as `datasets` keeps them, under sums of our own: it has none, and reads what was damaged as it is."""

import errno
import json
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
from datasets import Dataset, DatasetDict, Split, concatenate_datasets, config, load_dataset
from filelock import FileLock
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, OfflineModeIsEnabled
from yaml import YAMLError

from ..connection import retry
from ..errors import UserError, os_reason
from ..files import checksum, write_file
from ..flags.plain_yaml import read_yaml

SUMS_FILE = "hfkit_sums.json"
_METADATA = ("README.md", config.REPOYAML_FILENAME)
"""Files in which a dataset can name its own."""
_BLOCK = re.compile(r"\A\s*---\s*\n(.*?)\n---", re.DOTALL)
_ELSEWHERE = re.compile(r"://|::|^[/~\\]|(^|[/\\])\.\.([/\\]|$)")
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
        UserError: It is damaged, and cannot be removed; or it names files elsewhere.
        Exception: As those of `load_dataset`.

    """
    asked = [dataset, configuration, revision]
    kept = _find(asked)
    if not all(each.is_whole() for each in kept):
        kept = _remove_damaged(asked)
    for name in _METADATA:
        check_metadata(_read_metadata(dataset, name, revision), dataset, name)
    try:
        loaded = retry(lambda: load_dataset(dataset, configuration, revision=revision))
    except OSError as error:
        if error.errno not in READ_ONLY or not kept:
            raise
        return kept[-1].read()
    assert isinstance(loaded, DatasetDict)
    for rows in loaded.values():
        _check_paths(rows, dataset)
    _write_sums(asked, loaded)
    return loaded


def _read_metadata(dataset: str, name: str, revision: str | None) -> str:
    """Return the text of a file of a dataset; nothing where it is not there, or where there is no Hub to be asked."""
    file = Path(dataset) / name
    if not Path(dataset).is_dir():
        try:
            file = Path(retry(lambda: hf_hub_download(dataset, name, repo_type="dataset", revision=revision)))
        except (EntryNotFoundError, OfflineModeIsEnabled):
            return ""
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def check_metadata(text: str, dataset: str, name: str) -> None:
    """Refuse a dataset that names files outside of it: `datasets` would ask their server before it refuses them itself.

    Args:
        text: What stands in the file.
        dataset: For the error.
        name: Of the file: `README.md`, of which the block at the begin is read, or another.

    Raises:
        UserError: It does.

    """
    block = _BLOCK.match(text)
    try:
        content = read_yaml(block[1] if block else text if name != "README.md" else "")
    except YAMLError as error:
        raise UserError(
            f"The dataset {dataset} has a {name} that cannot be read ({' '.join(str(error).split())[:200]})."
        ) from error
    configurations = content.get("configs") if isinstance(content, dict) else None
    for path in _list_texts(configurations):
        if _ELSEWHERE.search(path):
            raise UserError(
                f"The dataset {dataset} names a file outside of it, {path[:100]!r} in its {name}: it is not followed."
            )


def _check_paths(rows: Dataset, dataset: str) -> None:
    """Refuse images that are files of this machine, but for those that `datasets` fetched: a stranger's rows can name any.

    Raises:
        UserError: An image is one.

    """
    roots = [config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, constants.HF_HUB_CACHE, dataset]
    folders = [Path(root).expanduser().resolve() for root in roots if root and Path(root).expanduser().is_dir()]
    for column in rows.column_names:
        cells = rows.data.column(column)
        if not pyarrow.types.is_struct(cells.type) or not {"bytes", "path"} <= {field.name for field in cells.type}:
            continue
        content, paths = (pyarrow.compute.struct_field(cells, name) for name in ("bytes", "path"))
        for path in pyarrow.compute.unique(paths.filter(content.is_null())).drop_null().to_pylist():
            if not any(Path(path).resolve().is_relative_to(folder) for folder in folders):
                raise UserError(
                    f"The dataset {dataset} names a file of this machine, {path[:100]!r}, as an image: it is not read."
                )


def _list_texts(content: Any) -> Iterator[str]:
    """Yield all texts in the values of objects and lists."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from _list_texts(each)


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
