"""A stand-in for the Hub on loopback that an unmodified huggingface_hub talks to: model repositories, and failures to order.

    with HubDouble() as hub:
        subprocess.run(command, env={**os.environ, **hub.environment(home)})

huggingface_hub reads its endpoint when it is imported, so that a client is a process of its own.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

LFS_SUFFIXES = (".safetensors", ".bin", ".png", ".pkl", ".pt")
TOKEN = "hf_secret_of_the_tests"


@dataclass
class Repository:
    """Commits by hash, each with its files by path, and what branches and tags point at."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], title: str = "initial commit", author: str = "me") -> str:
        """Put a new state on main."""
        content = json.dumps(
            [len(self.commits), {path: hashlib.sha1(data).hexdigest() for path, data in files.items()}]
        )
        oid = hashlib.sha1(content.encode()).hexdigest()
        self.commits[oid] = files
        self.refs["main"] = oid
        self.titles[oid], self.authors[oid] = title, author
        return oid

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a branch, a tag or a hash names."""
        return self.refs.get(revision) or (revision if revision in self.commits else None)


@dataclass
class Failure:
    """What happens to the next requests whose method and path match, in place of an answer.

    Attributes:
        pattern: Of the method and the path, such as `PUT /_lfs`.
        status: Of the answer; None: the connection is cut when half of the body has come.
        times: How many requests it meets.
        headers: Of the answer.
        before: Something else that happens then, after which the request is answered as usual.
        after: The request is carried out, and only then it fails: the answer is lost.
        message: What an answer with a status says.
        content: Of the answer, in the place of the message: bytes, or what is sent as JSON.

    """

    pattern: str
    status: int | None = None
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] | None = None
    after: bool = False
    message: str = "ordered"
    content: Any = None


class HubDouble:
    """The server, with its repositories and the requests that it saw.

    Attributes:
        repositories: By id.
        requests: Method and path of each request.
        failures: What is to go wrong, in this order.
        role: What the token may do: `write` or `read`.
        user: Whose the token is.
        spoil: Changes the files of the next commits, as if the Hub had stored something else.

    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.failures: list[Failure] = []
        self.role = "write"
        self.user = "me"
        self.spoil: Callable[[dict[str, bytes]], dict[str, bytes]] | None = None
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hung up is no fault of the tests
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "HubDouble":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home: Path) -> dict[str, str]:
        """Return what a process needs to take this for the Hub."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DISABLE_SAFETENSORS_CONVERSION": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def place(self, repository: str, files: dict[str, bytes]) -> None:
        """Put files there that the Hub may not take from a client."""
        self.repositories[repository] = Repository()
        self.repositories[repository].commit(files)

    def files(self, repository: str) -> dict[str, bytes]:
        """Return what is on main."""
        stored = self.repositories[repository]
        return stored.commits[stored.refs["main"]]


def content_id(content: bytes, is_large: bool) -> str:
    """Return the sum by which LFS, or else git, knows a file."""
    if is_large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    """One request."""

    hub: HubDouble
    silent = False
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def answer(self, status: int, content: Any = b"", headers: dict[str, str] | None = None) -> None:
        """Send bytes, or JSON."""
        if self.silent:
            return
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(data)),
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        if "ETag" not in (headers or {}):
            self.send_header("ETag", 'W/"a27-vndQfbspAL31/eKATEOf36LyR8k"')  # as the Hub's, of what is no file
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_request(self) -> None:
        """Fail as ordered, or route."""
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        failure = next(
            (f for f in self.hub.failures if f.times and re.match(f.pattern, f"{self.command} {path}")), None
        )
        if failure is not None:
            failure.times -= 1
            if failure.before is None:
                self.fail(failure, path)
                return
            failure.before()
        self.body = self.read_body()
        try:
            self.route(path)
        except RefusedError as error:
            headers = {"X-Error-Message": str(error), **({"X-Error-Code": error.code} if error.code else {})}
            self.answer(error.status, {"error": str(error)}, headers)

    do_GET = do_HEAD = do_POST = do_PUT = handle_request  # noqa: N815

    def fail(self, failure: Failure, path: str) -> None:
        """Cut the connection, or answer that it went wrong; perhaps when it is done."""
        if failure.after:
            self.body, self.silent = self.read_body(), True
            self.route(path)
            self.silent = False
        elif failure.status is None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0) // 2)
        else:
            self.read_body()
        if failure.status is None:
            self.close_connection = True
            self.connection.close()
        else:
            content = {"error": failure.message, "url": f"{self.hub.url}/me/failing"}
            self.answer(failure.status, content if failure.content is None else failure.content, failure.headers)

    def read_body(self) -> bytes:
        """Read what was sent, in chunks or whole."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def route(self, path: str) -> None:
        """Find who answers."""
        for pattern, method in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if match:
                getattr(self, method)(*match.groups())
                return
        raise RefusedError(404, f"no such route: {path}")

    def check_token(self) -> None:
        """Refuse who may not write."""
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise RefusedError(401, "Invalid username or password.")
        if self.hub.role != "write":
            raise RefusedError(403, "You don't have the rights to create or write a model.")

    def repository(self, name: str) -> Repository:
        """Return a repository that the client may see."""
        repository = self.hub.repositories.get(name)
        authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not authorized):
            raise RefusedError(404 if authorized else 401, "Repository not found", "RepoNotFound")
        return repository

    def tree(self, name: str, revision: str | None) -> tuple[str, dict[str, bytes]]:
        """Return a commit and its files."""
        repository = self.repository(name)
        oid = repository.resolve(revision or "main")
        if oid is None:
            raise RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return oid, repository.commits[oid]

    def who_am_i(self) -> None:
        """Answer who the token belongs to, and what it may do."""
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise RefusedError(401, "Invalid username or password.")
        self.answer(
            200, {"type": "user", "name": self.hub.user, "orgs": [], "auth": {"accessToken": {"role": self.hub.role}}}
        )

    def validate_card(self) -> None:
        """Refuse a front matter with a license that the Hub does not know, one of its rules."""
        parts = json.loads(self.body)["content"].split("---")
        front = yaml.safe_load(parts[1]) if len(parts) > 2 else {}
        errors = [] if isinstance(front, dict) else [{"message": "the front matter must be an object"}]
        if not errors and front.get("license", "mit") not in ("mit", "apache-2.0", "cc-by-4.0"):
            errors.append({"message": '"license" must be one of [apache-2.0, mit, ...]'})
        self.answer(400 if errors else 200, {"errors": errors, "warnings": []})

    def create(self) -> None:
        """Make a repository."""
        self.check_token()
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or self.hub.user}/{asked['name']}"
        content = {"url": f"{self.hub.url}/{name}", "name": name, "id": name}
        if name in self.hub.repositories:
            self.answer(409, {**content, "error": "You already created this model repo"})
            return
        repository = Repository(bool(asked.get("private")) or asked.get("visibility") == "private")
        repository.commit({".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
        self.hub.repositories[name] = repository
        self.answer(200, content)

    def information(self, name: str, revision: str | None) -> None:
        """Describe a commit."""
        oid, files = self.tree(name, revision)
        card = files.get("README.md", b"").decode().split("---")
        # Aliases of a test could stand for more than any memory.
        front = yaml.safe_load(card[1]) if len(card) > 2 and "&" not in card[1] else {}
        data = front if isinstance(front, dict) else {}
        description = {"_id": "0", "id": name, "modelId": name, "sha": oid, "private": self.repository(name).private}
        description |= {"tags": data.get("tags", []), "cardData": data, "pipeline_tag": data.get("pipeline_tag")}
        siblings = [{"rfilename": path, "size": len(content)} for path, content in sorted(files.items())]
        self.answer(200, {**description, "siblings": siblings, "downloads": 0, "likes": 0})

    def list_tree(self, name: str, revision: str, folder: str | None) -> None:
        """List the files of a commit."""
        oid, files = self.tree(name, revision)
        selected = {path: data for path, data in files.items() if path.startswith(folder or "")}
        if folder and not selected:
            raise RefusedError(404, f"{folder} does not exist", "EntryNotFound")
        items = [
            {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for path, data in sorted(selected.items())
        ]
        self.answer(200, items, {"X-Repo-Commit": oid})

    def preupload(self, name: str, revision: str) -> None:
        """Say which files go by LFS, and what is there of each, so that a client leaves out what did not change."""
        self.check_token()
        _, there = self.tree(name, revision)
        files = []
        for path in (file["path"] for file in json.loads(self.body)["files"]):
            is_large, content = path.endswith(LFS_SUFFIXES), there.get(path)
            oid = None if content is None else content_id(content, is_large)
            mode = "lfs" if is_large else "regular"
            files.append({"path": path, "shouldIgnore": False, "oid": oid, "uploadMode": mode})
        self.answer(200, {"files": files})

    def batch(self, name: str) -> None:
        """Say where large files go that are not here yet."""
        self.check_token()
        objects = []
        for asked in json.loads(self.body)["objects"]:
            target = {"href": f"{self.hub.url}/_lfs/{asked['oid']}"}
            actions = {} if asked["oid"] in self.hub.blobs else {"actions": {"upload": target, "verify": target}}
            objects.append({"oid": asked["oid"], "size": asked["size"], **actions})
        self.answer(200, {"transfer": "basic", "objects": objects}, {"Content-Type": "application/vnd.git-lfs+json"})

    def large_file(self, oid: str) -> None:
        """Take a large file, or say that it is here."""
        if self.command == "PUT":
            if hashlib.sha256(self.body).hexdigest() != oid:
                raise RefusedError(400, "sha256 mismatch")
            self.hub.blobs[oid] = self.body
        self.answer(200, {})

    def commit(self, name: str, revision: str) -> None:
        """Change files, all at once or not at all."""
        self.check_token()
        oid, files = self.tree(name, revision)
        changed, title = dict(files), ""
        for line in self.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "header" and value.get("parentCommit", oid) != oid:
                raise RefusedError(412, "A commit has happened since. Please refresh and try again.")
            if operation["key"] == "header":
                title = value["summary"]
            if operation["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                changed[value["path"]] = self.hub.blobs[value["oid"]]
            elif operation["key"] == "deletedFile":
                del changed[value["path"]]
        made = self.repository(name).commit(self.hub.spoil(changed) if self.hub.spoil else changed, title)
        url = f"{self.hub.url}/{name}/commit/{made}"
        self.answer(200, {"success": True, "commitUrl": url, "commitOid": made, "hookOutput": ""})

    def list_commits(self, name: str, revision: str) -> None:
        """List the commits, the newest first."""
        self.tree(name, revision)
        date = "2026-01-01T00:00:00.000Z"
        stored = self.repository(name)
        listed = [
            {"id": oid, "title": title, "message": "", "authors": [{"user": stored.authors[oid]}], "date": date}
            for oid, title in stored.titles.items()
        ]
        self.answer(200, listed[::-1])

    def tag(self, name: str, revision: str) -> None:
        """Name a commit."""
        self.check_token()
        tags, tag = self.repository(name).refs, json.loads(self.body)["tag"]
        if tag in tags:
            raise RefusedError(409, f"The tag {tag} is there already")
        tags[tag] = self.tree(name, revision)[0]
        self.answer(200, {})

    def file(self, name: str, revision: str, path: str) -> None:
        """Send a file, or its length and sum."""
        oid, files = self.tree(name, revision)
        if path not in files:
            headers = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found", "X-Repo-Commit": oid}
            self.answer(404, b"", headers)
            return
        headers = {"X-Repo-Commit": oid, "ETag": f'"{hashlib.sha256(files[path]).hexdigest()}"'}
        self.answer(200, files[path], {**headers, "Content-Type": "application/octet-stream"})


_NAME = r"([^/]+/[^/]+)"
ROUTES = {
    r"/api/whoami-v2": "who_am_i",
    r"/api/validate-yaml": "validate_card",
    r"/api/repos/create": "create",
    r"/_lfs/([0-9a-f]{64})": "large_file",
    rf"/api/models/{_NAME}(?:/revision/([^/]+))?": "information",
    rf"/api/models/{_NAME}/tree/([^/]+)(?:/(.+))?": "list_tree",
    rf"/api/models/{_NAME}/preupload/([^/]+)": "preupload",
    rf"/api/models/{_NAME}/commit/([^/]+)": "commit",
    rf"/api/models/{_NAME}/commits/([^/]+)": "list_commits",
    rf"/api/models/{_NAME}/tag/([^/]+)": "tag",
    rf"/{_NAME}\.git/info/lfs/objects/batch": "batch",
    rf"/{_NAME}/resolve/([^/]+)/(.+)": "file",
}
"""Who answers which path."""
