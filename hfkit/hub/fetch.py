"""Fetching a stranger's model for a process that has no network: what it takes to load it, and no more than that."""

import glob
from collections.abc import Mapping
from pathlib import PurePosixPath

from huggingface_hub import snapshot_download

from ..connection import OtherAnswerError, ask
from ..errors import UserError
from .client import hub_errors, look_up

LARGEST_OTHER_FILE = 100_000_000
"""Bytes of a vocabulary or the like."""
LARGEST_OTHERS = 200_000_000
"""Of all of them."""
LARGEST_WHOLE = 5_000_000_000
"""Of a repository that is looked at: its weights, or all of its files where its own code reads them."""
_MOST_FILES = 1000
_WEIGHTS = ".safetensors"
_OTHERS = (".json", ".txt", ".model", ".codes")


def fetch_model(repo_id: str, commit: str, sizes: Mapping[str, int], endings: tuple[str, ...] = (_WEIGHTS,)) -> str:
    """Fetch weights, configurations and vocabularies that stand at the top of a repository; no code.

    Args:
        repo_id: `USER/NAME`.
        commit: Which.
        sizes: Bytes of its files, by name.
        endings: Of the files of weights; a backbone without .safetensors is read from others, as tensors and nothing else.

    Returns:
        The folder.

    Raises:
        UserError: A file that is no weights is too large.

    """
    top = {name: size for name, size in sizes.items() if "/" not in name}
    wanted = {name: size for name, size in top.items() if PurePosixPath(name).suffix in (*endings, *_OTHERS)}
    others = sum(size for name, size in wanted.items() if not name.endswith(endings))
    if others > LARGEST_OTHERS:
        raise UserError(f"{repo_id} has {others / 1e6:,.0f} MB of vocabularies and the like, and they are not fetched")
    if len(wanted) > _MOST_FILES:
        raise UserError(f"{repo_id} has {len(wanted):,} files at its top, and at most {_MOST_FILES:,} are fetched")
    for name, size in wanted.items():
        if size > LARGEST_OTHER_FILE and not name.endswith(endings):
            raise UserError(f"{name} of {repo_id} has {size / 1e6:,.0f} MB, and is not fetched")
    # A file can be called *.json, and would let all be fetched whose names end so, of any size.
    patterns = [glob.escape(name) for name in wanted]
    return str(ask(lambda: snapshot_download(repo_id, revision=commit, allow_patterns=patterns)))


def fetch_whole(repo_id: str, commit: str, sizes: Mapping[str, int]) -> str:
    """Fetch all files of a repository, whose own code may read any of them.

    Args:
        repo_id: `USER/NAME`.
        commit: Which.
        sizes: Bytes of its files, by name.

    Returns:
        The folder.

    Raises:
        UserError: They are too many, or too large.

    """
    total = sum(sizes.values())
    if len(sizes) > _MOST_FILES or total > LARGEST_WHOLE:
        raise UserError(
            f"{repo_id} has {len(sizes):,} files of {total / 1e9:,.1f} GB in all, and at most {_MOST_FILES:,} of "
            f"{LARGEST_WHOLE / 1e9:g} GB are fetched for a look"
        )
    return str(ask(lambda: snapshot_download(repo_id, revision=commit)))


def list_sizes(repo_id: str, revision: str | None) -> tuple[str, dict[str, int]]:
    """Return a repository's commit, and the bytes of its files by name.

    Raises:
        UserError: It is not there, or cannot be reached.

    """
    with hub_errors(repo_id):
        commit, information = look_up(repo_id, revision, files_metadata=True)
        sizes = {str(file.rfilename): file.size or 0 for file in information.siblings or []}
        if not all(isinstance(size, int) and size >= 0 for size in sizes.values()):
            raise OtherAnswerError("its answer gives a file a size that is none")
    return commit, sizes
