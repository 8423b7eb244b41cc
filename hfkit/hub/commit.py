"""The commit of a push: made once, known again by its title where its answer was lost, and never a colleague's."""

from collections.abc import Sequence

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.hf_api import GitCommitInfo

from ..connection import HTTPError, ask, find_passing_fault, read_status, redact
from ..errors import UserError
from ..visible import say
from .client import look_up

LISTED = 3
"""Commits of others that are named."""


def make_commit(
    repo_id: str, operations: Sequence[CommitOperationAdd | CommitOperationDelete], head: str, tag: str
) -> str:
    """Put a commit behind another one, all of it or nothing, and return its hash.

    With its parent named the commit can be made once only; with the tag in its title it is found again where its answer was lost.

    Args:
        repo_id: `USER/NAME`.
        operations: What changes.
        head: The commit that it is made behind.
        tag: Of the model, which follows from its files.

    Raises:
        UserError: Somebody else made a commit meanwhile.

    """
    title = f"Push a proven model by hfkit ({tag})"

    def commit() -> str:
        try:
            made = HfApi().create_commit(repo_id, operations, commit_message=title, parent_commit=head)
            return str(made.oid)
        except (HTTPError, ConnectionError) as error:
            newer = _list_newer(repo_id, head)
            own = [each.commit_id for each in newer if each.title == title]
            if own:
                say(f"The Hub's answer was lost ({redact(error)}), but the commit is there.")
                return own[0]
            if newer and (read_status(error) == 412 or find_passing_fault(error) is not None):
                raise UserError(_tell_conflict(repo_id, newer)) from error
            raise

    return ask(commit)


def _list_newer(repo_id: str, head: str) -> list[GitCommitInfo]:
    """Return the commits behind another one, the newest first."""
    commits = ask(lambda: HfApi().list_repo_commits(repo_id))
    ids = [each.commit_id for each in commits]
    return commits[: ids.index(head)] if head in ids else commits


def _tell_conflict(repo_id: str, newer: Sequence[GitCommitInfo]) -> str:
    """Say who else made which commits, and what to do; their words are made harmless to a terminal."""
    named = []
    for each in newer[:LISTED]:
        authors, title = (_make_printable(text) for text in (", ".join(each.authors), each.title))
        named.append(f"{authors or 'somebody'} by {each.commit_id[:7]}, '{title}'")
    more = f" and {len(newer) - LISTED} commits before" if len(newer) > LISTED else ""
    return (
        f"{repo_id} was changed while this was uploaded, by {'; by '.join(named)}{more}: nothing of yours was pushed. "
        "Look at that on the Hub; then push again, which puts your model in the place of theirs, or push under another name."
    )


def _make_printable(text: str) -> str:
    return redact("".join(sign for sign in text if sign.isprintable()))[:60] if text else ""


def tag_commit(repo_id: str, tag: str, commit: str) -> None:
    """Name a commit by the tag of its model, and say so where an earlier commit of the same model has that name."""
    ask(lambda: HfApi().create_tag(repo_id, tag=tag, revision=commit, exist_ok=True))
    named, _ = look_up(repo_id, tag)
    if named != commit:
        say(f"The tag {tag} stays where it was, at commit {named}: an earlier push of this model.")
