"""What the worker of the Hub tests runs besides hfkit's own functions."""

from pathlib import Path

from hfkit import push
from hfkit.hub import hub_errors
from hfkit.hub_check import check_repository


def upload(folder: Path, repo_id: str) -> str:
    """Upload a folder as `push_run` does between its two proofs."""
    with hub_errors(repo_id):
        return push._upload(folder, repo_id, private=False)


def check(repo_id: str, trust_remote_code: bool) -> list[tuple[str, bool, str]]:
    """Check a repository and return the findings as JSON can hold them."""
    return [(found.what, found.well, found.found) for found in check_repository(repo_id, None, trust_remote_code)]
