"""The Hub: what is asked of it, and what its errors mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo

from ..connection import HTTPError, OtherAnswerError, ask, find_passing_fault, read_status, redact
from ..errors import UserError

_HUB_ERRORS = (LocalTokenNotFoundError, HFValidationError, EntryNotFoundError, HTTPError, ConnectionError)

_STATUS = {
    400: "it does not accept the request",
    401: "it does not know the token, or there is none: run `hf auth login`, or set HF_TOKEN",
    402: "the account has no room or quota left",
    403: "the token may not write there: make one with write access, or check the name",
    404: "there is no such thing, or it is private and the token may not see it",
    409: "the name is taken",
    412: "the repository was changed meanwhile: nothing was pushed, run it again",
    413: "the files are too large for the account",
    429: "it was asked too often: wait some minutes and run it again",
    511: "or rather your network does, which asks to log in first: open any page in a browser, then run it again",
}

_MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (LocalTokenNotFoundError, ": there is no token: run `hf auth login`, or set HF_TOKEN"),
    (
        OtherAnswerError,
        ": what answers is not the Hub ({text}): log in to your network, or look at HF_ENDPOINT and the proxy",
    ),
    (HFValidationError, " is no name for a repository: write USER/NAME ({text})"),
    (LocalEntryNotFoundError, ": the Hub cannot be reached, and it is not in the cache ({text})"),
    (RevisionNotFoundError, ": there is no such branch, tag or commit (--revision)"),
    (EntryNotFoundError, ": a file is not there ({text})"),
    (GatedRepoError, ": its author lets people in one by one: ask for access on its page, then run `hf auth login`"),
    # Without a token the Hub answers 401.
    (RepositoryNotFoundError, ": there is no such repository, or it is private and the token may not see it"),
)
"""The end of a sentence that begins with the repository, by the error; the first that fits."""


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turn what the Hub raises into one sentence without a token; huggingface_hub has retried large files itself.

    Raises:
        UserError: In the place of an error of huggingface_hub.

    """
    try:
        yield
    except (*_HUB_ERRORS, RuntimeError, ValueError) as error:
        raise UserError(f"{repo_id}{_meaning(find_passing_fault(error) or error)}.") from error


def _meaning(error: BaseException) -> str:
    """Say what an error of huggingface_hub means, as the end of a sentence that begins with the repository."""
    text = redact(error)
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning.format(text=text)
    if isinstance(error, HfHubHTTPError):
        status = read_status(error)
        if status == 403 and re.search("storage|quota|limit reached", text, re.IGNORECASE):
            status = 402  # what a full account is told
        of_others = "it has a fault of its own: try again later" if status >= 500 else "it refuses"
        return f": the Hub answers {status}, {_STATUS.get(status, of_others)} ({text})"
    if isinstance(error, HTTPError | ConnectionError):
        return f": the Hub cannot be reached ({text}): run it again"
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # a large file, of which the cause says more
        return _meaning(error.__cause__)
    return f": it failed ({text})"


def look_up(repo_id: str, revision: str | None = None, files_metadata: bool = False) -> tuple[str, ModelInfo]:
    """Return the commit that a revision names, and what the Hub says of it.

    Args:
        repo_id: `USER/NAME`.
        revision: Branch, tag or commit; default: main.
        files_metadata: Whether to ask for the sizes of the files.

    Raises:
        OtherAnswerError: The answer names no commit.

    """
    found = ask(lambda: HfApi().model_info(repo_id, revision=revision, files_metadata=files_metadata))
    if not re.fullmatch("[0-9a-f]{40}", str(found.sha)):
        raise OtherAnswerError("its answer names no commit")
    return str(found.sha), found


def read_file(repo_id: str, name: str, commit: str, errors: str = "strict") -> str:
    """Return the text of a file at a commit; `errors` is that of `bytes.decode`."""
    return Path(ask(lambda: hf_hub_download(repo_id, name, revision=commit))).read_text("utf-8", errors)


def validate_card(card: ModelCard, repo_id: str) -> None:
    """Have the Hub check a card's front matter.

    Raises:
        UserError: It is not valid, or the Hub cannot be asked.

    """
    with hub_errors(repo_id):
        try:
            ask(card.validate)
        except OtherAnswerError:
            raise
        except ValueError as error:
            raise UserError(f"{repo_id}: the card is not valid ({redact(error)}).") from error
