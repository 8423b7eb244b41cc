"""The Hub: whether it is there, and what its errors mean."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager

import datasets
import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

from .errors import UserError

_HTTPError: type[Exception] = HfHubHTTPError.__mro__[1]
"""What the HTTP library of huggingface_hub raises: requests' before 1.0, httpx' then, httpx2's now."""

_STATUS = {
    400: "it does not accept the request",
    401: "it does not know the token, or there is none: run `hf auth login`, or set HF_TOKEN",
    402: "the account has no room or quota left",
    403: "the token may not write there: make one with write access, or check the name",
    404: "there is no such repository, or it is private and the token may not see it",
    409: "the name is taken",
    412: "the repository was changed while this was uploaded: nothing was pushed, run it again",
    413: "the files are too large for the account",
    429: "it was asked too often: wait some minutes and run it again",
}


@functools.cache
def use_cache_without_hub() -> None:
    """Ask the Hub once whether it can be reached; if not, use what is cached, and say so.

    Otherwise each missing file is tried for a minute before its error.
    """
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return
    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=10)
    except Exception as error:  # whatever the reason: no name, no route, a proxy, a time-out
        print(f"The Hub cannot be reached ({type(error).__name__}): only what is cached is used.", flush=True)
        huggingface_hub.constants.HF_HUB_OFFLINE = True
        datasets.config.HF_HUB_OFFLINE = True


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turn what the Hub raises into one sentence without a token; huggingface_hub has retried what is worth it.

    Raises:
        UserError: In the place of an error of huggingface_hub.

    """
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise UserError(f"{repo_id}: there is no token: run `hf auth login`, or set HF_TOKEN.") from error
    except HFValidationError as error:
        raise UserError(f"{repo_id} is no name for a repository: write USER/NAME ({_one_line(error)}).") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        meaning = _STATUS.get(status, "it has a fault of its own: try again later" if status >= 500 else "it refuses")
        raise UserError(f"{repo_id}: the Hub answers {status}, {meaning} ({_one_line(error)}).") from error
    except (_HTTPError, ConnectionError) as error:
        raise UserError(f"{repo_id}: the Hub cannot be reached ({_one_line(error)}): run it again.") from error
    except ValueError as error:  # the Hub's rules for a card's front matter
        raise UserError(f"{repo_id}: the card is not valid ({_one_line(error)}).") from error


def _one_line(error: Exception) -> str:
    """Return the message in one line, without what looks like a token."""
    text = " ".join(str(error).split())
    return re.sub(r"hf_\w+|Bearer \S+", "***", text)[:300].rstrip(".")
