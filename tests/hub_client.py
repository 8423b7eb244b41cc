"""A process that works with a Hub of our own, and what is uploaded there in tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hub_double import TOKEN, HubDouble

from hfkit.errors import UserError

TESTS = Path(__file__).parent
ROOT = TESTS.parent


class Client:
    """A worker process and the Hub that it sees."""

    def __init__(self, hub: HubDouble, home: Path) -> None:
        self.hub = hub
        path = os.pathsep.join([str(ROOT), str(ROOT / "recipes"), str(TESTS)])
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "hub_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **hub.environment(home), "PYTHONPATH": path},
        )

    def __call__(self, call: str, *arguments: Any) -> Any:
        """Call a function there and return its value, or raise its error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        shown = [f"path:{value}" if isinstance(value, Path) else value for value in arguments]
        self.process.stdin.write(json.dumps({"call": call, "arguments": shown}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert TOKEN not in json.dumps(answer)
        if "error" in answer:
            raise UserError(answer["error"]) if answer["kind"] == "UserError" else AssertionError(answer["traceback"])
        return answer["value"]


def write_small(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files to upload."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
