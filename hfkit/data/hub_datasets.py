"""Datasets of the Hub as `datasets` keeps them, under sums of our own: it has none, and reads what was damaged as it is."""

import errno
import json
import logging
import os
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
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from yaml import YAMLError

from ..connection import retry
from ..errors import UserError, os_reason
from ..files import checksum, write_file
from ..flags.plain_yaml import read_yaml

SUMS_FILE = "hfkit_sums.json"
_METADATA = ("README.md", config.REPOYAML_FILENAME)
"""Files in which a dataset can name its own."""
_ELSEWHERE = re.compile(r"^\w[\w+.-]*:|::|^[/~\\]|(^|[/\\])\.\.([/\\]|$)")
"""Schemes, chains of them, and paths out of a folder."""
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
    commit = revision  # what is looked at is what is loaded
    for name in _METADATA:
        text, found = _read_metadata(dataset, name, commit)
        commit = found or commit
        check_metadata(text, dataset, name)
    try:
        loaded = retry(lambda: load_dataset(dataset, configuration, revision=commit))
    except OSError as error:
        if error.errno not in READ_ONLY or not kept:
            raise
        return kept[-1].read()
    assert isinstance(loaded, DatasetDict)
    for rows in loaded.values():
        _check_paths(rows, dataset)
    _write_sums(asked, loaded)
    return loaded


def _read_metadata(dataset: str, name: str, revision: str | None) -> tuple[str, str | None]:
    """Return the text of a file of a dataset, and its commit.

    Nothing where the file is not there, or where there is no Hub to be asked.
    """
    file = Path(dataset) / name
    commit = None
    if not Path(dataset).is_dir():
        try:
            file = Path(retry(lambda: hf_hub_download(dataset, name, repo_type="dataset", revision=revision)))
        except EntryNotFoundError as error:
            answer = getattr(error, "response", None)  # none where a file is not in the cache, and no Hub answers
            return "", None if answer is None else answer.headers.get(constants.HUGGINGFACE_HEADER_X_REPO_COMMIT)
        except OfflineModeIsEnabled:
            return "", None
        commit = file.parent.name  # of a cache: snapshots/COMMIT/NAME
    return (file.read_bytes().decode("utf-8", "replace") if file.is_file() else ""), commit


def check_metadata(text: str, dataset: str, name: str) -> None:
    """Refuse a dataset that names files outside of it: `datasets` would ask their server before it refuses them itself.

    Args:
        text: What stands in the file.
        dataset: For the error.
        name: Of the file: `README.md`, of which the block at the beginning is read, or another.

    Raises:
        UserError: It does.

    """
    if name == "README.md":
        block = REGEX_YAML_BLOCK.search(text)
        text = block[2] if block else ""
    try:
        content = read_yaml(text)
    except YAMLError as error:
        raise UserError(
            f"The dataset {dataset} has a {name} that cannot be read ({' '.join(str(error).split())[:200]})."
        ) from error
    configurations = content.get("configs") if isinstance(content, dict) else None
    own = f"hf://datasets/{dataset}"
    for path in _list_paths(configurations):
        if path.startswith((f"{own}/", f"{own}@")):
            path = path.removeprefix("hf://")
        if _ELSEWHERE.search(path):
            raise UserError(
                f"The dataset {dataset} names a file outside of it, {path[:100]!r} in its {name}: it is not followed."
            )


def _check_paths(rows: Dataset, dataset: str) -> None:
    """Refuse images that are files of this machine, but for those that `datasets` fetched: a stranger's rows can name any.

    Raises:
        UserError: An image is one.

    """
    of_the_hub = Path(constants.HF_HUB_CACHE) / f"datasets--{dataset.replace('/', '--')}"
    roots = [config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, of_the_hub, dataset]
    given = [Path(root).expanduser() for root in roots if root and Path(root).expanduser().is_dir()]
    folders = [*(folder.resolve() for folder in given), *(folder.absolute() for folder in given)]
    for column in rows.column_names:
        cells = rows.data.column(column)
        if not pyarrow.types.is_struct(cells.type) or not {"bytes", "path"} <= {field.name for field in cells.type}:
            continue
        content, paths = (pyarrow.compute.struct_field(cells, name) for name in ("bytes", "path"))
        for path in pyarrow.compute.unique(paths.filter(content.is_null())).drop_null().to_pylist():
            if not any(Path(os.path.abspath(str(path))).is_relative_to(folder) for folder in folders):
                raise UserError(
                    f"The dataset {dataset} names a file of this machine, {str(path)[:100]!r}, as an image: it is not read."
                )


def _list_paths(content: Any, is_path: bool = False) -> Iterator[str]:
    """Yield all texts below the names `data_files` and `data_dir`."""
    if isinstance(content, str) and is_path:
        yield content
    elif isinstance(content, list):
        for each in content:
            yield from _list_paths(each, is_path)
    elif isinstance(content, dict):
        for name, each in content.items():
            yield from _list_paths(each, is_path or name in ("data_files", "data_dir"))


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
