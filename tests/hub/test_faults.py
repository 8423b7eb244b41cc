"""Two who push at once, answers that get lost, and what answers in the place of the Hub."""

import email.utils
import importlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from conftest import LazyRuns
from hub_client import Client, write_small
from hub_double import Failure
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import _http
from push_helpers import TAG

from hfkit import connection
from hfkit.errors import UserError
from hfkit.hub import check, clean_process, commit
from hfkit.hub.finding import Finding

THEIRS = "Push a proven model by hfkit (hfkit-ba9876543210)"
COMMIT = "POST /api/models/me/shared/commit/"
COMMITS = "GET /api/models/me/shared/commits/"


@pytest.fixture
def ordered(client: Client) -> Iterator[Client]:
    """Return the client; what was ordered to go wrong ends with the test."""
    yield client
    client.hub.failures.clear()


@pytest.fixture
def upload(ordered: Client, tmp_path: Path) -> Callable[..., str]:
    """Return a function that uploads a file to a repository that a colleague writes to as well."""
    ordered.hub.repositories.pop("me/shared", None)
    folder = write_small(tmp_path / "files", {"config.json": b'{"mine": 1}'})

    def run(*failures: Failure) -> str:
        ordered.hub.failures[:] = failures
        return str(ordered("push_helpers:upload", folder, "me/shared"))

    return run


# --- two pushes at once ---


def push_of_a_colleague(client: Client) -> Callable[[], None]:
    """Return a push of another run by hfkit, with a title that wants to be looked at."""

    def move() -> None:
        stored = client.hub.repositories["me/shared"]
        stored.commit({**client.hub.files("me/shared"), "theirs.txt": b""}, f"{THEIRS}\x1b[2J", "colleague")

    return move


def test_a_conflict_says_who_else_pushed(upload: Callable[..., str], ordered: Client) -> None:
    """Nothing of either is lost, and the next push goes behind theirs."""
    with pytest.raises(UserError) as error:
        upload(Failure(COMMIT, before=push_of_a_colleague(ordered)))
    theirs = ordered.hub.repositories["me/shared"].refs["main"]
    assert str(error.value) == (
        f"me/shared was changed while this was uploaded, by colleague by {theirs[:7]}, '{THEIRS}[2J': nothing of yours was "
        "pushed. Look at that on the Hub; then push again, which puts your model in the place of theirs, or push under "
        "another name."
    )
    assert set(ordered.hub.files("me/shared")) == {".gitattributes", "theirs.txt"}
    ours = upload()
    assert list(ordered.hub.repositories["me/shared"].commits)[-2:] == [theirs, ours]


@pytest.mark.parametrize("status", [None, 503])
def test_a_commit_of_a_colleague_is_not_ours(status: int | None, upload: Callable[..., str], ordered: Client) -> None:
    """Ours was not made, and theirs was: the titles differ by the tag."""
    lost = Failure(COMMIT, status, headers={"Retry-After": "0"})
    with pytest.raises(UserError, match="was changed while this was uploaded, by colleague"):
        upload(lost, Failure(COMMITS, before=push_of_a_colleague(ordered)))
    assert "config.json" not in ordered.hub.files("me/shared")


def test_ours_is_found_below_theirs(upload: Callable[..., str], ordered: Client) -> None:
    """The answer to our commit was lost, and a colleague made one behind it."""
    ours = upload(Failure(COMMIT, after=True), Failure(COMMITS, before=push_of_a_colleague(ordered)))
    stored = ordered.hub.repositories["me/shared"]
    assert TAG in stored.titles[ours]
    assert list(stored.commits)[1] == ours != stored.refs["main"]


def test_a_tag_that_stays_elsewhere_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Hub leaves a tag where it is: at the commit of an earlier push of the same model."""
    monkeypatch.setattr(commit, "ask", lambda call: None)
    for named, said in (("b" * 40, f"The tag {TAG} stays where it was, at commit {'b' * 40}"), ("a" * 40, "")):
        monkeypatch.setattr(commit, "look_up", lambda *_, named=named: (named, None))
        commit.tag_commit("me/shared", TAG, "a" * 40)
        assert capsys.readouterr().out.partition(":")[0] == said


# --- kills ---


@pytest.mark.slow
def test_a_push_that_was_killed_is_completed_by_the_next(
    finished_runs: LazyRuns, ordered: Client, tmp_path: Path
) -> None:
    """Before whichever request that changes something: what is on the Hub is nothing or all, and the next push proves it."""
    run = Path(shutil.copytree(finished_runs["linear"].folder, tmp_path / "run"))
    changes = ordered("push_helpers:push_until", run, "me/killed", None)
    whole = ordered.hub.files("me/killed")
    assert {"create", "preupload", "batch", "commit", "tag"} <= {
        part for change in changes for part in change.split("/")
    }
    assert "PUT" in {change.partition(" ")[0] for change in changes}
    last = {re.sub("[0-9a-f]{40,}", "", change): number for number, change in enumerate(changes)}  # of each kind
    for number in last.values():
        (run / "pushed.json").unlink(missing_ok=True)
        ordered.hub.repositories.pop("me/killed", None)
        ordered.hub.blobs.clear()
        assert len(ordered("push_helpers:push_until", run, "me/killed", number)) == number
        left = ordered.hub.repositories.get("me/killed")
        assert left is None or ordered.hub.files("me/killed") in (whole, {".gitattributes": whole[".gitattributes"]})
        assert left is None or set(left.refs) == {"main"}
        ordered("push_helpers:push_until", run, "me/killed", None)
        stored, pushed = ordered.hub.repositories["me/killed"], json.loads((run / "pushed.json").read_text())
        assert pushed["proven"]
        assert stored.refs == {"main": pushed["commit"], pushed["tag"]: pushed["commit"]}
        assert ordered.hub.files("me/killed") == whole
        assert len(stored.commits) == 2  # the empty one and ours: nothing was made twice


# --- faults that pass ---

CONFIGURED = {"README.md": b"---\nlicense: mit\npipeline_tag: text-classification\n---\n", "config.json": b"{}"}
CONFIGURED |= {"hfkit.yaml": b"head: linear\n", "summary.json": b'{"task": "text-classification"}'}


def ask_check(client: Client, name: str, _: Path) -> None:
    findings = {what: (well, detail) for what, well, detail in client("push_helpers:check", name, False)}
    assert findings["card"] == (True, "no results")


def ask_reproduce(client: Client, name: str, folder: Path) -> None:
    with pytest.raises(UserError, match="data of that run was no public one"):
        client("hfkit.reproduce:reproduce", name, folder / "new")


ASK = {"check": ask_check, "reproduce": ask_reproduce}
QUESTIONS = pytest.mark.parametrize("question", ASK)


@QUESTIONS
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_hub_is_asked_again(question: str, status: int, ordered: Client, tmp_path: Path) -> None:
    """As for a push; huggingface_hub itself asks again for files alone."""
    name = f"me/busy-{question}-{status}"
    ordered.hub.place(name, CONFIGURED)
    failure = Failure(f"GET /api/models/{name}", status, times=2, headers={"Retry-After": "0"})
    ordered.hub.failures[:] = [failure]
    ASK[question](ordered, name, tmp_path)
    assert not failure.times


def test_a_silent_connection_is_ended(ordered: Client) -> None:
    """huggingface_hub asks for some things without any time-out."""
    ordered.hub.place("me/silent", CONFIGURED)
    ordered.hub.failures[:] = [Failure("GET /api/models/me/silent", before=lambda: time.sleep(2))]
    started = time.monotonic()
    assert ordered("push_helpers:check_impatiently", "me/silent", 0.2)
    assert time.monotonic() - started < 2
    assert len([request for request in ordered.hub.requests if "api/models/me/silent" in request]) == 2


def test_a_hub_that_fails_is_no_finding() -> None:
    """It says nothing of the model, and a broken file does."""

    def fail(error: Exception) -> Finding:
        raise error

    with pytest.raises(ConnectionError):
        check._guarded("weights", lambda: fail(ConnectionError("cut off")))
    assert check._guarded("weights", lambda: fail(OSError("broken"))).well is False


def test_what_the_process_without_hfkit_takes_for_a_fault_of_the_hub() -> None:
    """As the policy does: what a library says of a file may come from it."""

    def chain(error: Exception) -> OSError:
        try:
            try:
                raise error
            except Exception:
                raise OSError("there is no such file")  # noqa: B904
        except OSError as raised:
            return raised

    library = importlib.import_module(connection.HTTPError.__module__.partition(".")[0])
    request = library.Request("GET", "http://hub")
    answers = {
        status: HfHubHTTPError("", response=library.Response(status, request=request)) for status in (404, 429, 503)
    }
    cases = {ConnectionError("cut off"): True, OfflineModeIsEnabled(): False, ValueError(): False}
    cases |= {answers[404]: False, answers[429]: True, answers[503]: True, connection.HTTPError("silent"): True}
    for error, passes in cases.items():
        for raised in (error, chain(error)):
            assert clean_process.is_hub_fault(raised) is passes, error
            assert (connection.find_passing_fault(raised) is not None) is passes, error


def test_a_client_of_the_user_stays() -> None:
    """It may know a proxy or a certificate."""
    before, library = (
        _http._GLOBAL_CLIENT_FACTORY,
        importlib.import_module(connection.HTTPError.__module__.split(".")[0]),
    )
    huggingface_hub.set_client_factory(lambda: library.Client(headers={"mine": "kept"}))
    connection.watch_connections.cache_clear()
    try:
        connection.watch_connections()
        client = huggingface_hub.get_session()
        assert client.headers["mine"] == "kept"
        assert connection._limit_silence in client.event_hooks["request"]
    finally:
        huggingface_hub.set_client_factory(before)
        connection.watch_connections.cache_clear()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "4000"}, 300),
        ({"Retry-After": email.utils.formatdate(time.time() + 5000, usegmt=True)}, 300),
        ({"Retry-After": email.utils.formatdate(time.time() - 5000, usegmt=True)}, 0.5),
        ({"Retry-After": "soon²"}, 0.5),
        ({"ratelimit": '"api";r=0;t=9', "Retry-After": "1"}, 9),
        ({}, 0.5),
    ],
)
def test_how_long_an_answer_is_waited_for(headers: dict[str, str], seconds: float) -> None:
    error = ConnectionError()
    error.response = SimpleNamespace(headers=headers, status_code=429)  # type: ignore[attr-defined]
    assert connection._read_wait(error, 0.5) == seconds


# --- what is not the Hub ---

HTML = {"Content-Type": "text/html; charset=utf-8"}
ANSWER = {"id": "me/other", "sha": "a" * 40}
OTHERS: dict[str, Failure] = {
    "a page": Failure("", 200, content=b"<html>Welcome to the hotel</html>", headers=HTML),
    "a page elsewhere": Failure("", 302, headers={"Location": "http://localhost:9/login?token=x"}),
    "text": Failure("", 200, content=b"ok"),
    "nothing": Failure("", 200, content=b""),
    "null": Failure("", 200, content=b"null"),
    "a list": Failure("", 200, content=[1]),
    "a number": Failure("", 200, content=1),
    "an object": Failure("", 200, content={"status": "ok"}),
    "other files": Failure("", 200, content={**ANSWER, "siblings": [1]}),
    "a size in words": Failure("", 200, content={**ANSWER, "siblings": [{"rfilename": "config.json", "size": "abc"}]}),
    "a size without end": Failure("", 200, content={**ANSWER, "siblings": [{"rfilename": "a", "size": float("inf")}]}),
    "another commit": Failure("", 200, content={"id": "me/other", "sha": "../..", "siblings": []}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_answer_than_the_hubs_is_told(other: str, ordered: Client, tmp_path: Path) -> None:
    """Of a network that asks to log in, a proxy, another server: whichever is asked, and not tried again."""
    ordered.hub.place("me/other", CONFIGURED)
    folder = write_small(tmp_path / "files", {"config.json": b"{}"})
    calls: list[tuple[str, str, list[Any]]] = [
        ("GET /api/models/me/other", "push_helpers:check", ["me/other", False]),
        ("GET /api/models/me/other", "hfkit.reproduce:reproduce", ["me/other", tmp_path / "new"]),
        ("GET /api/whoami", "hfkit.hub.push:check_can_push", ["me/other", "mit"]),
        ("POST /api/repos/create", "push_helpers:upload", [folder, "me/other"]),
        ("POST /api/models/me/other/commit", "push_helpers:upload", [folder, "me/other"]),
    ]
    for pattern, call, arguments in calls if other in ("a page", "a page elsewhere", "null") else calls[:1]:
        ordered.hub.failures[:] = [Failure(**{**vars(OTHERS[other]), "pattern": pattern})]
        with pytest.raises(UserError, match=r"^me/other: what answers is not the Hub .*HF_ENDPOINT"):
            ordered(call, *arguments)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "answer", [Failure("", 200, content=b"<html>", headers=HTML), Failure("", 204)], ids=["page", "nothing"]
)
def test_a_file_that_is_another_is_told(answer: Failure, ordered: Client, tmp_path: Path) -> None:
    """Of a network that asks to log in between two questions."""
    ordered.hub.place("me/other", CONFIGURED)
    for call, arguments in (
        ("push_helpers:check", ["me/other", False]),
        ("hfkit.reproduce:reproduce", ["me/other", tmp_path / "new"]),
    ):
        ordered.hub.failures[:] = [Failure(**{**vars(answer), "pattern": "GET /me/other/resolve", "times": 50})]
        with pytest.raises(UserError, match=r"^me/other: what answers is not the Hub"):
            ordered(call, *arguments)


@pytest.mark.parametrize("header", ["ETag", "X-Linked-Etag", "X-Repo-Commit"])
def test_no_answer_chooses_where_a_file_is_written(header: str, ordered: Client, tmp_path: Path) -> None:
    """Of a file, of its redirection, and of a commit, which is written down where a file is not there, too."""
    ordered.hub.place("me/other", CONFIGURED)
    headers = {"X-Repo-Commit": "a" * 40, "ETag": '"x"', header: f'"{tmp_path / "outside"}"'}
    ordered.hub.failures[:] = [Failure("HEAD /me/other/resolve", 200, content=b"{}", headers=headers, times=50)]
    with pytest.raises(UserError, match=f"^me/other: what answers is not the Hub .*{header}"):
        ordered("push_helpers:check", "me/other", False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_chooses_no_place_either() -> None:
    headers = {"X-Repo-Commit": "../../outside", "X-Error-Code": "EntryNotFound"}
    with pytest.raises(connection.OtherAnswerError, match="X-Repo-Commit"):
        connection._refuse_others(answer_of("https://huggingface.co/me/other/resolve/main/x", 404, headers))
    honest = {"X-Repo-Commit": "a" * 40, "ETag": 'W/"a/b"'}  # of the page that says so
    connection._refuse_others(answer_of("https://huggingface.co/me/other/resolve/main/x", 404, honest))


def answer_of(url: str, status: int, headers: dict[str, str]) -> Any:
    """Return an answer of the HTTP library that huggingface_hub has."""
    http = importlib.import_module(type(_http.get_session()).__module__.partition(".")[0])
    return http.Response(status, headers=headers, request=http.Request("GET", url))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Link", '<http://127.0.0.2:1/token>; rel="xet-auth"'),
        ("X-Xet-Refresh-Route", "http://127.0.0.2:1/token"),
    ],
)
def test_no_answer_leads_the_token_elsewhere(header: str, value: str, ordered: Client) -> None:
    ordered.hub.place("me/other", CONFIGURED)
    headers = {"X-Repo-Commit": "a" * 40, "ETag": '"x"', "X-Xet-Hash": "a" * 64, header: value}
    ordered.hub.failures[:] = [Failure("HEAD /me/other/resolve", 200, content=b"{}", headers=headers, times=50)]
    with pytest.raises(UserError, match=r"^me/other: what answers is not the Hub .*leads to http://127.0.0.2"):
        ordered("push_helpers:check", "me/other", False)


def test_the_hub_is_known_by_any_spelling_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://HUB.example:80/mirror/")
    with pytest.raises(connection.OtherAnswerError, match="a page of HTML"):
        connection._refuse_others(answer_of("http://hub.example/mirror/api/models/a/b", 200, HTML))


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ('<{own}/api/token>; rel="xet-auth"', ""),
        ('<https://huggingface.co/api/token>; rel="xet-auth"', ""),
        ('<https://cas.example/x>; rel="xet-reconstruction-info"', ""),
        ('</api/token>; rel="xet-auth"', ""),
        ('<http://huggingface.co/api/token>; rel="xet-auth"', "leads to http://huggingface.co"),
        ('<http://mirror.example:9/api>; rel="xet-auth"', "leads to http://mirror.example:9"),
        ('<http://[::1>; rel="xet-auth"', "leads to"),
    ],
)
@pytest.mark.parametrize("own", ["https://huggingface.co", "http://mirror.example/hub"])
def test_where_the_token_may_be_sent(link: str, leads: str, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", own)
    headers = {"X-Repo-Commit": "a" * 40, "ETag": '"x"', "Link": link.format(own=own)}
    answer = answer_of(f"{own}/me/other/resolve/main/x", 200, headers)
    if not leads:
        connection._refuse_others(answer)
        return
    with pytest.raises(connection.OtherAnswerError, match=leads):
        connection._refuse_others(answer)


def test_a_card_is_not_blamed_for_another_answer(ordered: Client) -> None:
    ordered.hub.failures[:] = [Failure("POST /api/validate-yaml", 200, content=b"<html>", headers=HTML)]
    with pytest.raises(UserError, match="what answers is not the Hub"):
        ordered("hfkit.hub.push:check_can_push", "me/other", "mit")


def test_a_network_that_asks_to_log_in(ordered: Client) -> None:
    ordered.hub.failures[:] = [Failure("GET /api/models/me/other", 511, content=b"<html>", headers=HTML)]
    with pytest.raises(UserError, match="the Hub answers 511, or rather your network does, which asks to log in"):
        ordered("push_helpers:check", "me/other", False)
