"""The page of `hfkit demo`, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hub_client import ROOT


@contextmanager
def serve(model: str | Path, folder: Path = ROOT, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `hfkit demo` in a folder, and give the address of its page.

    Args:
        model: What is shown.
        folder: Where the command runs.
        environment: Of the process; default: ours, with this clone's package.

    """
    command = [sys.executable, "-m", "hfkit", "demo", str(model)]
    given = {**os.environ, "PYTHONPATH": str(ROOT)} if environment is None else environment
    own = {**given, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=own)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line
        yield line.split()[0]
    finally:
        process.terminate()
        process.wait(30)
