"""The Hub: its failures as sentences, what others may put there, and loading from it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import LazyRuns
from hub_client import Client, write_small
from hub_double import TOKEN, Failure
from safetensors.torch import save_file
from tiny import TINY

from hfkit.connection import redact
from hfkit.errors import UserError
from hfkit.hub import proof
from hfkit.models.timm_backbone import TimmClassifier, TimmClassifierConfig
from hfkit.run_folders.manifest import model_files

# --- failures ---


@pytest.fixture
def upload(client: Client, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that uploads some files with failures."""
    client.hub.repositories.pop("me/failing", None)
    folder = write_small(tmp_path / "files", {"config.json": b"{}", "model.safetensors": os.urandom(20_000_000)})

    def run(*failures: Failure, repo_id: str = "me/failing") -> str:
        client.hub.failures[:] = failures
        return str(client("push_helpers:upload", folder, repo_id))

    yield run
    client.hub.failures.clear()
    client.hub.role = "write"


@pytest.mark.parametrize(
    ("pattern", "status", "sentence"),
    [
        ("POST /api/repos/create", 401, "token"),
        ("POST /api/repos/create", 403, "write access"),
        ("POST /api/models/me/failing/commit", 402, "room or quota"),
        ("POST /api/models/me/failing/commit", 413, "too large"),
        ("POST /me/failing.git/info/lfs", 403, "write access"),
    ],
)
def test_refusals_are_sentences(
    pattern: str, status: int, sentence: str, upload: Callable[..., str], client: Client
) -> None:
    with pytest.raises(UserError, match=rf"me/failing: the Hub answers {status}, .*{sentence}"):
        upload(Failure(pattern, status, times=99))
    if "me/failing" in client.hub.repositories:
        assert set(client.hub.files("me/failing")) == {".gitattributes"}  # nothing, and not half of it


def test_a_full_account_is_no_wrong_token(upload: Callable[..., str]) -> None:
    message = "Private repository storage limit reached, please upgrade your plan"
    with pytest.raises(UserError, match="room or quota"):
        upload(Failure("POST /api/models/me/failing/commit", 403, message=message))


@pytest.mark.parametrize("status", [None, 504])
def test_a_lost_answer_is_no_lost_commit(status: int | None, upload: Callable[..., str], client: Client) -> None:
    """The commit was made, and its answer never came: it is found, and not made twice."""
    commit = upload(Failure("POST /api/models/me/failing/commit", status, after=True))
    repository = client.hub.repositories["me/failing"]
    assert repository.refs["main"] == commit
    assert len(repository.commits) == 2


def test_a_wrong_token(client: Client) -> None:
    with pytest.raises(UserError, match="it does not know the token"):
        client("push_helpers:ask_with_another_token", "push", "me/news")
    with pytest.raises(UserError, match="no such repository, or it is private and the token may not see it"):
        client("push_helpers:ask_with_another_token", "check", "me/nothing-there")


@pytest.mark.nightly
def test_an_upload_that_stays_broken(upload: Callable[..., str]) -> None:
    with pytest.raises(UserError, match="me/failing: the Hub cannot be reached"):
        upload(Failure("PUT /_lfs", times=99))
    with pytest.raises(UserError, match="me/failing: the Hub answers 403, the token may not write"):
        upload(Failure("PUT /_lfs", 403, times=99))


def test_a_private_repository_stays_private(client: Client, tmp_path: Path) -> None:
    """What is to be private is not put where everybody sees it."""
    folder = write_small(tmp_path / "files", {"config.json": b"{}"})
    client("push_helpers:upload", folder, "me/public", False)
    before = client.hub.files("me/public")
    with pytest.raises(UserError, match="is there already, and public"):
        client("push_helpers:upload", folder, "me/public", True)
    assert client.hub.files("me/public") == before
    client("push_helpers:upload", folder, "me/secret", True)
    seen = [
        client("hfkit.hub.public_summary:is_public", f"me/{name}", "model") for name in ("public", "secret", "nothing")
    ]
    assert seen == [True, False, False], "as the Hub says without a token"
    assert client.hub.repositories["me/secret"].private


@pytest.mark.parametrize(
    ("repo_id", "license_name", "sentence"),
    [
        ("news", "mit", "write USER/NAME"),
        ("somebody/news", "mit", "the token is of me; write one of me before the slash"),
        ("me/news", "mine", "the card is not valid .*license"),
        ("me/news", None, "--license"),
    ],
)
def test_what_is_found_out_before_training(
    repo_id: str, license_name: str | None, sentence: str, client: Client
) -> None:
    with pytest.raises(UserError, match=sentence):
        client("hfkit.hub.push:check_can_push", repo_id, license_name)
    assert repo_id not in client.hub.repositories


def test_a_token_that_only_reads(client: Client) -> None:
    client.hub.role = "read"
    with pytest.raises(UserError, match="may only read"):
        client("hfkit.hub.push:check_can_push", "me/news", "mit")
    client.hub.role = "write"
    client("hfkit.hub.push:check_can_push", "me/news", "mit")


def test_no_token(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hf auth login"):
        client(
            "push_helpers:upload_without_token", write_small(tmp_path / "files", {"config.json": b"{}"}), "me/without"
        )
    assert "me/without" not in client.hub.repositories


def test_a_name_that_something_else_has(upload: Callable[..., str]) -> None:
    """The Hub says that the name is taken, but there is no model of that name."""
    with pytest.raises(UserError, match="taken by something that is no model"):
        upload(Failure("POST /api/repos/create", 409))


@pytest.mark.slow
def test_a_lost_commit_is_made_by_the_next_push(upload: Callable[..., str], client: Client) -> None:
    """The connection breaks when everything is uploaded but the commit: main has nothing, and the next push all."""
    with pytest.raises(UserError, match="cannot be reached"):
        upload(Failure("POST /api/models/me/failing/commit", times=9))
    assert set(client.hub.files("me/failing")) == {".gitattributes"}
    client.hub.requests.clear()
    upload()
    assert set(client.hub.files("me/failing")) == {".gitattributes", "config.json", "model.safetensors"}
    assert not [request for request in client.hub.requests if request.startswith("PUT")]  # 20 MB are there already


def test_a_name_that_is_none(upload: Callable[..., str]) -> None:
    with pytest.raises(UserError, match="USER/NAME"):
        upload(repo_id="a/b/c")


@pytest.mark.slow
def test_a_connection_that_breaks_is_tried_again(upload: Callable[..., str], client: Client) -> None:
    """20 MB over plain LFS, cut twice."""
    commit = upload(Failure("PUT /_lfs", times=2))
    assert client.hub.repositories["me/failing"].refs["main"] == commit
    assert len(client.hub.files("me/failing")["model.safetensors"]) == 20_000_000


@pytest.mark.slow
def test_too_many_requests_wait_as_asked(upload: Callable[..., str], client: Client) -> None:
    for route in ("POST /me/failing.git/info/lfs", "POST /api/models/me/failing/commit"):
        client.hub.repositories.pop("me/failing", None)
        started = time.monotonic()
        commit = upload(Failure(route, 429, headers={"Retry-After": "2"}))
        assert client.hub.repositories["me/failing"].refs["main"] == commit
        assert time.monotonic() - started >= 2


@pytest.mark.slow
def test_the_window_of_a_rate_limit_is_waited_for(upload: Callable[..., str]) -> None:
    """As the Hub says it, without Retry-After."""
    started = time.monotonic()
    upload(Failure("POST /api/models/me/failing/commit", 429, headers={"ratelimit": '"api";r=0;t=3'}))
    assert time.monotonic() - started >= 3


def test_what_is_not_there(client: Client, tmp_path: Path) -> None:
    """A repository without our files, a revision or a repository that does not exist: a sentence each."""
    client("push_helpers:upload", write_small(tmp_path / "files", {"config.json": b"{}"}), "me/plain")
    with pytest.raises(UserError, match="me/plain: a file is not there"):
        client("hfkit.reproduce:reproduce", "me/plain", tmp_path / "new")
    with pytest.raises(UserError, match="no such branch, tag or commit"):
        client("hfkit.hub.check:check_repository", "me/plain", "v9")
    with pytest.raises(UserError, match="no such repository"):
        client("hfkit.hub.check:check_repository", "me/nothing")


# --- others' repositories ---


def harmful_files(tmp_path: Path) -> dict[str, bytes]:
    """Return a repository of ours in which each file of code leaves a mark, and each configuration names some."""
    torch.manual_seed(0)
    TINY["hfkit-timm/resnet"]().save_pretrained(tmp_path / "model")
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    mark = f"open({str(tmp_path / 'ran')!r}, 'w')\n".encode()
    files = {name: mark + content if name.endswith(".py") else content for name, content in files.items()}
    files["evil.py"] = mark
    evil = {"image_processor_type": "Evil", "auto_map": {"AutoImageProcessor": "evil.Evil"}}
    files["preprocessor_config.json"] = json.dumps(evil).encode()
    return files


def test_code_of_others_does_not_run_unasked(client: Client, tmp_path: Path) -> None:
    """Not even where the model is of a type that hfkit knows and the image processor is not."""
    folder = write_small(tmp_path / "files", harmful_files(tmp_path))
    client("push_helpers:upload", folder, "me/harmful")
    findings = {what: (well, text) for what, well, text in client("push_helpers:check", "me/harmful", False)}
    assert "evil.py" in findings["code"][1]
    assert findings["prediction"][0] is False
    assert not (tmp_path / "ran").exists()


def test_a_configuration_cannot_name_places(tmp_path: Path, client: Client) -> None:
    """timm would fetch and read what a name or an option says, and transformers would ask whether to run code."""
    for change in (
        {"backbone_name": "hf-hub:evil/net"},
        {"backbone_name": "local-dir:/etc"},
        {"backbone_options": {"checkpoint_path": "/etc/passwd"}},
        {"backbone_options": {"cache_dir": "/tmp/x"}},
    ):
        with pytest.raises(ValueError, match="a name of timm's own"):
            TimmClassifier(TimmClassifierConfig(image_size=32, **{"backbone_name": "test_resnet", **change}))
    inner = {"model_type": "hfkit-vgg", "auto_map": {"AutoModel": "evil/repo--evil.Model"}}
    config = {"model_type": "hfkit-text", "id2label": {"0": "a", "1": "b"}, "backbone_config": inner}
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    weights = (tmp_path / "model.safetensors").read_bytes()
    files = {"config.json": json.dumps(config).encode(), "model.safetensors": weights}
    client("push_helpers:upload", write_small(tmp_path / "files", files), "me/inner")
    findings = {what: (well, text) for what, well, text in client("push_helpers:check", "me/inner", False)}
    assert findings["code"] == (
        False,
        "none here: with trust_remote_code=True these run on your machine, and code of evil/repo",
    )
    assert findings["prediction"][0] is False


def test_large_and_deep_files_are_findings(client: Client) -> None:
    files = {"config.json": b"[" * 100_000, "README.md": b"x" * 6_000_000, "old.NPZ": b""}
    client.hub.place("me/large", files)
    findings = {what: (well, text) for what, well, text in client("push_helpers:check", "me/large", False)}
    assert findings["config.json"] == (False, findings["config.json"][1])
    assert findings["README.md"] == (False, "it has 6 MB and was not read")
    assert "old.NPZ" in findings["weights"][1]
    assert not findings["prediction"][0] or "not tried" in findings["prediction"][1]


def test_loading_by_hfkit(finished_runs: LazyRuns, client: Client, tmp_path: Path) -> None:
    """By name, at a commit or tag, private with a token, and from the cache alone; none of the repository's code runs."""
    run = finished_runs["linear"].folder
    files = {path.name: path.read_bytes() for path in model_files(run)}
    mark = f"open({str(tmp_path / 'ran')!r}, 'w')\n".encode()
    files = {name: mark + content if name.endswith(".py") else content for name, content in files.items()}
    first = client("push_helpers:upload", write_small(tmp_path / "first", files), "me/loaded")
    config = json.loads(files["config.json"])
    config["id2label"] = {"0": "no", "1": "yes"}
    changed = {**files, "config.json": json.dumps(config).encode()}
    client("push_helpers:upload", write_small(tmp_path / "second", changed), "me/loaded")
    client.hub.failures[:] = [Failure("HEAD /me/loaded/resolve")]  # transformers says then that there is no such model
    assert client("push_helpers:predict", "me/loaded", None, "a text") in ("no", "yes")
    assert not client.hub.failures.pop().times
    label = client("push_helpers:predict", "me/loaded", first, "a text")
    assert label in ("fake", "real")
    client.hub.repositories["me/loaded"].refs["v1"] = first
    assert client("push_helpers:predict", "me/loaded", "v1", "a text") == label
    client.hub.requests.clear()
    for revision in (first, "v1"):
        assert client("push_helpers:predict", "me/loaded", revision, "a text", True) == label
    assert not client.hub.requests
    client.hub.repositories["me/loaded"].private = True
    assert client("push_helpers:predict", "me/loaded", first, "a text", False, TOKEN) == label
    assert not (tmp_path / "ran").exists()


def test_broken_repositories_are_findings(client: Client) -> None:
    """What a stranger's files may hold breaks no check."""
    cases: dict[str, dict[str, Any]] = {
        "list": {"config.json": [1]},
        "nulls": {
            "config.json": {"auto_map": None, "custom_pipelines": {"x": {}}, "id2label": ["a"], "model_type": ["b"]}
        },
        "elsewhere": {
            "config.json": {},
            "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["other/repo--tok.Tok", None]}},
        },
        "escapes": {"config.json": {"id2label": {"0": "\x1b[1Aok", "1": "b"}}},
    }
    for name, contents in cases.items():
        files = {file: json.dumps(content).encode() for file, content in contents.items()}
        broken = {"model.safetensors": b"\x80\x04 a pickle", "README.md": b"---\n- x\n---\n"}
        client.hub.place(f"me/{name}", {**files, **broken})
        findings = {what: (well, text) for what, well, text in client("push_helpers:check", f"me/{name}", False)}
        assert findings["weights"][0] is False, "not what its name says"
        assert findings["card"][0] is False
        if name == "list":
            assert findings["config.json"][0] is False
        if name == "elsewhere":
            assert findings["code"] == (
                False,
                "none here: with trust_remote_code=True these run on your machine, and code of other/repo",
            )
        if name == "escapes":
            assert findings["labels"] == (True, r"\u001b[1Aok, b")


def test_a_stranger_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abc")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "abc")
    assert proof.make_environment("/x", True)["HF_TOKEN"] == "hf_abc"
    environment = proof.make_environment("/x", False)
    assert not [value for value in environment.values() if "abc" in value]
    assert environment["HOME"] == environment["HF_HOME"] == "/x", "where tokens are kept"
    assert environment["PATH"] == os.environ["PATH"]


def test_tokens_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also such as do not look like one."""
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "odd-token")
    assert redact("odd-token, hf_abcdef\nand Bearer x.y.z") == "***, *** and ***"
    signed = "PUT 'https://me:word@files.example.org/a/b?X-Signature=abc&expires=3' failed"
    assert redact(signed) == "PUT 'https://***@files.example.org/a/b?***' failed"
