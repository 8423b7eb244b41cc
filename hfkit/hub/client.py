"""The Hub: whether it is there, and what its errors mean."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import huggingface_hub
from huggingface_hub import ModelCard
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
from huggingface_hub.utils._http import default_client_factory, parse_ratelimit_headers

from ..errors import UserError

HTTPError: type[Exception] = HfHubHTTPError.__mro__[1]
"""What the HTTP library of huggingface_hub raises: requests' before 1.0, httpx' then, httpx2's now."""

_HUB_ERRORS = (LocalTokenNotFoundError, HFValidationError, EntryNotFoundError, HTTPError, ConnectionError)
Value = TypeVar("Value")
ATTEMPTS = 5
TRANSIENT = (408, 429, 500, 502, 503, 504)
"""Answers after which it is worth to ask again."""
SILENCE_SECONDS = 300.0
"""How long a connection may say nothing."""

_STATUS = {
    400: "it does not accept the request",
    401: "it does not know the token, or there is none: run `hf auth login`, or set HF_TOKEN",
    402: "the account has no room or quota left",
    403: "the token may not write there: make one with write access, or check the name",
    404: "there is no such thing, or it is private and the token may not see it",
    409: "the name is taken",
    412: "the repository was changed while this was uploaded: nothing was pushed, run it again",
    413: "the files are too large for the account",
    429: "it was asked too often: wait some minutes and run it again",
}


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turn what the Hub raises into one sentence without a token; huggingface_hub has retried large files itself.

    Raises:
        UserError: In the place of an error of huggingface_hub.

    """
    try:
        yield
    except (*_HUB_ERRORS, RuntimeError, ValueError) as error:
        raise UserError(f"{repo_id}{_meaning(error)}.") from error


def _meaning(error: BaseException) -> str:
    """Say what an error of huggingface_hub means, as the end of a sentence that begins with the repository."""
    text = redact(error)
    if isinstance(error, LocalTokenNotFoundError):
        return ": there is no token: run `hf auth login`, or set HF_TOKEN"
    if isinstance(error, HFValidationError):
        return f" is no name for a repository: write USER/NAME ({text})"
    if isinstance(error, LocalEntryNotFoundError):
        return f": the Hub cannot be reached, and it is not in the cache ({text})"
    if isinstance(error, RevisionNotFoundError):
        return ": there is no such branch, tag or commit (--revision)"
    if isinstance(error, EntryNotFoundError):
        return f": a file is not there ({text})"
    if isinstance(error, GatedRepoError):
        return ": its author lets people in one by one: ask for access on its page, then run `hf auth login`"
    if isinstance(error, RepositoryNotFoundError):  # without a token the Hub answers 401
        return ": there is no such repository, or it is private and the token may not see it"
    if isinstance(error, HfHubHTTPError):
        status = _read_status(error)
        if status == 403 and re.search("storage|quota|limit reached", text, re.IGNORECASE):
            status = 402  # what a full account is told
        meaning = _STATUS.get(status, "it has a fault of its own: try again later" if status >= 500 else "it refuses")
        return f": the Hub answers {status}, {meaning} ({text})"
    if isinstance(error, HTTPError | ConnectionError):
        return f": the Hub cannot be reached ({text}): run it again"
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # a large file, of which the cause says more
        return _meaning(error.__cause__)
    return f": it failed ({text})"


def retry(call: Callable[[], Value]) -> Value:
    """Ask the Hub; if it is asked too often, not at its best or cut off, wait as long as it says, and ask up to 5 times.

    huggingface_hub does so for large files, but not for commits, tags and questions.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return call()
        except LocalEntryNotFoundError:
            raise
        except HfHubHTTPError as error:
            status = _read_status(error)
            if status not in TRANSIENT:
                raise
            seconds = _read_wait(error.response.headers, 0.5 * 2**attempt)
            print(f"The Hub answers {status}: trying again in {seconds:g} s.", flush=True)
        except (HTTPError, ConnectionError) as error:
            seconds = 0.5 * 2**attempt
            print(f"The Hub cannot be reached ({redact(error)}): trying again in {seconds:g} s.", flush=True)
        time.sleep(seconds)
    return call()


def _read_status(error: HfHubHTTPError) -> int:
    return error.response.status_code if error.response is not None else 0


def _read_wait(headers: Any, default: float) -> float:
    """Return the seconds that an answer asks to wait, at most 5 minutes, which is the Hub's window."""
    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return min(float(limit.reset_in_seconds), 300.0)
    wait = str(headers.get("Retry-After", ""))
    return min(float(wait), 300.0) if wait.isdigit() else default


def end_silent_connections() -> None:
    """Give a connection up that says nothing for long; huggingface_hub would wait for ever."""

    def client() -> Any:
        """Make what huggingface_hub makes, with a time-out."""
        made = default_client_factory()
        made.timeout = SILENCE_SECONDS
        return made

    huggingface_hub.set_client_factory(client)


def redact(error: object) -> str:
    """Return a message in one line, at most 300 characters, without the token or what looks like one."""
    text = " ".join(str(error).split()) or type(error).__name__
    token = huggingface_hub.get_token()
    text = text.replace(token, "***") if token else text
    return re.sub(r"hf_\w+|Bearer \S+", "***", text)[:300].rstrip(".")


def validate_card(card: ModelCard, repo_id: str) -> None:
    """Have the Hub check a card's front matter.

    Raises:
        UserError: It is not valid, or the Hub cannot be asked.

    """
    with hub_errors(repo_id):
        try:
            retry(card.validate)
        except ValueError as error:
            raise UserError(f"{repo_id}: the card is not valid ({redact(error)}).") from error
