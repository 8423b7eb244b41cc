"""A push that is killed at a random moment leaves nothing or all on the Hub, and the next one completes it; by seeds."""

import json
import os
import random
import shutil
from functools import partial
from pathlib import Path

import pytest
from conftest import LazyRuns
from faults.campaign import LostError, Record, attempt, report
from hub_client import Client

from hfkit.run_folders.manifest import checksums

SEEDS = 100
REPOSITORY = "me/killed-at-random"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the push runs in a copy of a process")


class Pushes:
    """One run that is pushed, and killed, again and again; each time to a Hub that does not have it."""

    def __init__(self, run: Path, client: Client) -> None:
        self.run, self.client = run, client
        self.sums = self._sum_run()
        self.seconds = self._push(None)
        self.whole = client.hub.files(REPOSITORY)

    def check(self, seed: int) -> str:
        """Kill a push, then push again; return what is silently wrong then."""
        self.client.hub.repositories.pop(REPOSITORY)
        self.client.hub.blobs.clear()
        (self.run / "pushed.json").unlink(missing_ok=True)
        self._push(random.Random(seed).random() * self.seconds)
        there = self.client.hub.repositories.get(REPOSITORY)
        if there is not None and self.client.hub.files(REPOSITORY) not in (self.whole, self._begun()):
            return "a part of the files is on the Hub"
        self._push(None)
        if self._sum_run() != self.sums:
            raise LostError("files of the run")
        pushed, there = json.loads((self.run / "pushed.json").read_text()), self.client.hub.repositories[REPOSITORY]
        if there.refs != {"main": pushed["commit"], pushed["tag"]: pushed["commit"]} or not pushed["proven"]:
            return f"what was pushed is not what is named: {there.refs}"
        return "" if self.client.hub.files(REPOSITORY) == self.whole else "other files are on the Hub"

    def _push(self, seconds: float | None) -> float:
        return float(self.client("push_helpers:push_for", self.run, REPOSITORY, seconds))

    def _begun(self) -> dict[str, bytes]:
        return {".gitattributes": self.whole[".gitattributes"]}

    def _sum_run(self) -> dict[str, str]:
        files = [file for file in self.run.rglob("*") if file.is_file() and file.name != "pushed.json"]
        return checksums(self.run, files)


@pytest.mark.nightly
def test_pushes(finished_runs: LazyRuns, client: Client, tmp_path: Path, record_property: Record) -> None:
    pushes = Pushes(Path(shutil.copytree(finished_runs["linear"].folder, tmp_path / "run")), client)
    outcomes = [
        attempt("kills while pushing", f"seed {seed} of {pushes.seconds:.1f} s", partial(pushes.check, seed))
        for seed in range(SEEDS)
    ]
    assert report(outcomes, record_property) == []
