"""The connection to the Hub: asked again where a fault may pass, ended where it is silent, refused where another answers."""

import email.utils
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import _http

from .visible import hide_passwords, say

HTTPError: type[Exception] = HfHubHTTPError.__mro__[1]
"""What the HTTP library of huggingface_hub raises: requests' before 1.0, httpx' then, httpx2's now."""

Value = TypeVar("Value")
ATTEMPTS = 5
TRANSIENT = (408, 429, 500, 502, 503, 504)
"""Answers after which it is worth to ask again."""
LONGEST_WAIT = 300.0
"""Seconds: the Hub's window."""
SILENCE_OF_QUESTIONS = 30.0
"""Seconds that a connection may say nothing when something is read."""
SILENCE_OF_CHANGES = 300.0
"""The same when something is written: a commit of many files takes the Hub long."""
_OF_A_FILE = re.compile("/(api/resolve-cache/|.+/resolve/)")
_NAMES = ("ETag", "X-Linked-Etag", "X-Repo-Commit")
"""Of a file or a commit, in the headers of an answer."""
_COMMIT = re.compile("[0-9a-f]{40}")
OF_THE_HUB = ("huggingface.co", "hf.co")
"""Domains that a question may be redirected to, besides its own."""


class OtherAnswerError(ValueError):
    """What answered is not the Hub: a page of a network that asks to log in, a proxy, a server of something else."""


def ask(call: Callable[[], Value]) -> Value:
    """Ask the Hub by a function of huggingface_hub, again and again as `retry` does.

    Raises:
        OtherAnswerError: The answer is not of the shape that the Hub's have.

    """

    def read() -> Value:
        try:
            return call()
        except (TypeError, KeyError, AttributeError, IndexError, AssertionError) as error:  # huggingface_hub expects it
            raise OtherAnswerError(f"its answer has another shape: {type(error).__name__} {error}") from error
        except OSError as error:
            if "Consistency check failed" in str(error):  # of huggingface_hub, by the size that it was told
                raise OtherAnswerError("a file is not what it was said to be") from error
            raise
        except ValueError as error:
            if "JSON" in type(error).__name__:
                raise OtherAnswerError(f"its answer is no JSON: {error}") from error
            raise

    return retry(read)


def retry(call: Callable[[], Value]) -> Value:
    """Call what asks the Hub; if it is asked too often, not at its best or cut off, wait as long as it says, up to 5 times.

    huggingface_hub does so for large files, but not for commits, tags, questions and small files.
    """
    watch_connections()
    for attempt in range(ATTEMPTS - 1):
        try:
            return call()
        except Exception as error:
            fault = find_passing_fault(error)
            if fault is None:
                raise
            status, seconds = read_status(fault), _read_wait(fault, 0.5 * 2**attempt)
            what = f"answers {status}" if status else f"cannot be reached ({redact(fault)})"
            say(f"The Hub {what}: trying again in {seconds:g} s.", sys.stderr)  # JSON is on stdout
        time.sleep(seconds)
    return call()


def find_passing_fault(error: BaseException | None) -> BaseException | None:
    """Return what failed where it may pass, be it the error or what an error of a file comes from; else None.

    huggingface_hub and transformers say of a file that it is not there when the Hub answered 503 or was cut off.
    """
    while isinstance(error, OSError | HTTPError):
        if isinstance(error, OfflineModeIsEnabled):
            return None
        if isinstance(error, HfHubHTTPError):
            return error if read_status(error) in TRANSIENT else None
        if isinstance(error, HTTPError | ConnectionError):
            return error
        error = error.__cause__ or error.__context__
    return None


def read_status(error: BaseException) -> int:
    """Return the status of an answer; 0: there was none."""
    response = getattr(error, "response", None)
    return int(response.status_code) if response is not None else 0


def _read_wait(error: BaseException, default: float) -> float:
    """Return the seconds that an answer asks to wait, as a number or as a date."""
    response = getattr(error, "response", None)
    if response is None:
        return default
    limit = _http.parse_ratelimit_headers(response.headers)
    if limit is not None and limit.remaining == 0:
        return min(float(limit.reset_in_seconds), LONGEST_WAIT)
    asked = str(response.headers.get("Retry-After", "")).strip()
    if re.fullmatch("[0-9]+", asked):
        return min(float(asked), LONGEST_WAIT)
    try:
        seconds = email.utils.parsedate_to_datetime(asked).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return default
    return min(max(round(seconds, 1), default), LONGEST_WAIT)


@cache
def watch_connections() -> None:
    """Have huggingface_hub give up connections that say nothing, for which it would wait for ever, and refuse other servers."""
    make = _http._GLOBAL_CLIENT_FACTORY  # huggingface_hub's, or the user's with proxies and certificates

    def client() -> Any:
        """Make the client that is made without us, and add our hooks."""
        made = make()
        hooks = made.event_hooks
        made.event_hooks = {
            "request": [*hooks.get("request", []), _limit_silence],
            "response": [*hooks.get("response", []), _refuse_others],
        }
        return made

    huggingface_hub.set_client_factory(client)


def _limit_silence(request: Any) -> None:
    """Set the time-outs that a request lacks; some of huggingface_hub's switch those of its client off."""
    seconds = SILENCE_OF_QUESTIONS if request.method in ("GET", "HEAD") else SILENCE_OF_CHANGES
    given = request.extensions.get("timeout") or {}
    limits = {name: given.get(name) or seconds for name in ("connect", "read", "write", "pool")}
    request.extensions = {**request.extensions, "timeout": limits}


def _refuse_others(response: Any) -> None:
    """Refuse an answer to a question that leads elsewhere, is a page for people, or would choose where a file is written.

    Raises:
        OtherAnswerError: It does.

    """
    url = response.request.url
    hub = type(url)(huggingface_hub.constants.ENDPOINT)
    if (url.scheme, url.host, url.port) != (hub.scheme, hub.host, hub.port):
        return  # files are elsewhere, and may be pages
    path = url.path.removeprefix(hub.path.rstrip("/"))
    if _OF_A_FILE.match(path):  # the commit is written down where a file is not there, too
        _check_names(response.headers, ("X-Repo-Commit",) if response.is_error else _NAMES)
        _check_leads(url, response.links.get("xet-auth", {}).get("url") or response.headers.get("X-Xet-Refresh-Route"))
    if not path.startswith("/api/"):
        return
    if response.has_redirect_location:
        _check_leads(url, response.headers["Location"])
    elif response.is_success and "html" in response.headers.get("Content-Type", ""):
        raise OtherAnswerError(f"{url.host} answers with a page of HTML")


def _check_leads(url: Any, target: str | None) -> None:
    """Refuse an address that is neither of the server that answers nor of the Hub: the token may be sent there.

    Raises:
        OtherAnswerError: It is, it is not encrypted where the Hub's are, or it is none.

    """
    try:
        lead = url.join(target or "")
    except Exception as error:  # of the HTTP library, whose own classes depend on huggingface_hub's version
        raise OtherAnswerError(f"{url.host} leads to {str(target)[:80]!r}") from error
    is_own = lead.host == url.host and lead.port == url.port and lead.scheme in (url.scheme, "https")
    is_hub = any(f".{lead.host}".endswith(f".{domain}") for domain in OF_THE_HUB) and lead.scheme == "https"
    if not (is_own or is_hub):
        raise OtherAnswerError(f"{url.host} leads to {lead.scheme}://{lead.netloc.decode('ascii', 'replace')}")


def _check_names(headers: Any, names: Sequence[str]) -> None:
    """Refuse what an answer calls a file or a commit where it is a path: huggingface_hub writes the file there.

    Raises:
        OtherAnswerError: It is one.

    """
    for header in names:
        name = str(headers.get(header) or "").lstrip("W/").strip('"')  # as huggingface_hub reads it
        is_commit = header != "X-Repo-Commit" or not name or _COMMIT.fullmatch(name)
        if re.search(r"[/\\\x00]|^\.+$", name) or not is_commit:
            raise OtherAnswerError(f"its {header} is {name[:80]!r}")


def redact(error: object) -> str:
    """Return a message in one line, at most 300 characters, without the token, what looks like one, and signed addresses."""
    text = " ".join(str(error).split()) or type(error).__name__
    token = huggingface_hub.get_token()
    text = text.replace(token, "***") if token else text
    text = re.sub(r"hf_(?!hub_id\b)\w+|Bearer \S+", "***", text)
    text = re.sub(r"(\w://[^\s'\"?]+)\?[^\s'\"]+", r"\1?***", hide_passwords(text))
    return text[:300].rstrip(".")
