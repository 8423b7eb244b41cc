"""A run that is killed ends, continued or begun again, as one that was left alone; so do two at once; by seeds."""

import json
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from disks import no_room_for_more_than, read_only
from faults.campaign import LostError, Outcome, Record, attempt, report

from hfkit.errors import UserError, describe_disk
from hfkit.features.store import FeatureStore
from hfkit.files import checksum
from hfkit.run_folders.sums import has_whole_checkpoint

RunRecipe = Callable[..., Run]
BY_NIGHT = {"kills": 100, "two at once": 10, "full and read-only disks": 30}
"""How many faults of each of the two kinds of runs."""
KINDS = {
    "training": "--head linear --unfreeze_from encoder.layer.1 --save_total_limit 9 --head_dropout 0.1",
    "solving": "--head linear --unfreeze_from none",
}

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="a child begins as a copy of a process that has imported all"
)


class Killed:
    """Runs of one kind, each with caches of its own, in processes that are killed."""

    def __init__(self, run: RunRecipe, kind: str, folder: Path) -> None:
        self.run, self.kind, self.folder = run, kind, folder
        self.expected = self.start("undisturbed").results
        begin = time.perf_counter()
        self.end(self.start_process("timed"), "timed")
        self.seconds = time.perf_counter() - begin

    def start(self, name: str, *more: str, caches: str = "") -> Run:
        """Train in this process."""
        place = self.folder / (caches or name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("datasets.config.HF_DATASETS_CACHE", place / "tables")
            argv = [*KINDS[self.kind].split(), "--feature_cache", str(place / "features"), *more]
            return self.run(*argv, folder=self.folder / "runs" / name)

    def start_process(self, name: str, caches: str = "", during: AbstractContextManager[None] | None = None) -> Any:
        """Train in another process, which is a copy of this one; why it ends is left in a file."""

        def train() -> None:
            sink = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(sink, stream)
            sys.stdout = sys.stderr = os.fdopen(sink, "w")
            try:
                with during or nullcontext():
                    self.start(name, caches=caches)
            except Exception as error:
                refusal = error if isinstance(error, UserError) else describe_disk(error)  # as a command ends
                (self.folder / f"{name}.error").write_text(f"{refusal or repr(error)}")
                os._exit(2 if refusal else 3)

        process = multiprocessing.get_context("fork").Process(target=train)
        process.start()
        return process

    def end(self, process: Any, name: str) -> Any:
        """Wait for a process, and return its results or raise its error."""
        process.join(120)
        if process.exitcode == 2:
            raise UserError((self.folder / f"{name}.error").read_text())
        if process.exitcode != 0:
            file, code = self.folder / f"{name}.error", process.exitcode
            process.kill()
            raise RuntimeError(file.read_text() if file.exists() else f"it ended with code {code}")
        return json.loads((self.folder / "runs" / name / "all_results.json").read_text())

    def check_two(self, seed: int) -> str:
        """Start two at once, or one a little later, on the same caches."""
        caches = f"two-{seed}"
        names = [f"{caches}-first", f"{caches}-second"]
        processes = []
        for name in names:
            processes.append(self.start_process(name, caches))
            time.sleep(random.Random(seed).choice((0.0, 0.3)) * random.Random(seed).random() * self.seconds)
        ends = [self.end(process, name) for process, name in zip(processes, names, strict=True)]
        differ = [how for how in map(self._compare, ends) if how]
        return differ[0] if differ else self._find_damage(self.folder / caches)

    def check_disk(self, seed: int) -> str:
        """Train where the caches can only be read, or where no file has room above a size."""
        chance, name = random.Random(seed), f"disk-{seed}"
        place = self.folder / name
        if chance.random() < 0.7:  # else the caches are empty
            shutil.copytree(self.folder / "undisturbed", place)
        before = _list_kept(place)
        during = read_only(place) if chance.random() < 0.5 else no_room_for_more_than(int(10 ** chance.uniform(2, 6)))
        try:
            how = self._compare(self.end(self.start_process(name, during=during), name))
        finally:
            if not before <= _list_kept(place):
                raise LostError("what was kept before is gone")
            self._check_whole(self.folder / "runs" / name)
        return how or self._find_damage(place)

    def check(self, seed: int) -> str:
        """Kill a run at a moment, go on with it, and return what is silently wrong then, or nothing."""
        name = f"{self.kind}-{seed}"
        process = self.start_process(name)
        time.sleep(random.Random(seed).random() * self.seconds)
        process.kill()
        process.join()
        folder = self.folder / "runs" / name
        self._check_whole(folder)
        if (folder / "manifest.json").is_file():
            results = json.loads((folder / "all_results.json").read_text())
        elif has_whole_checkpoint(folder):
            try:
                results = self.start(name, "--resume_from_checkpoint", "true").results
            except UserError as error:
                raise LostError(f"a whole checkpoint is of no use: {error}") from error
        else:
            results = self.start(f"{name}-again", caches=name).results
        self._check_whole(folder)
        return self._compare(results) or self._find_damage(self.folder / name)

    def _compare(self, results: Any) -> str:
        """Say which results of test are other ones than those of the run that was left alone."""
        names = [key for key in self.expected if key.startswith("test_") and not _is_time(key)]
        differ = [key for key in names if results.get(key) != self.expected[key]]
        return f"other results: {differ}" if differ or not names else ""

    @staticmethod
    def _check_whole(folder: Path) -> None:
        """Read what is at its place: it is whole, or it is lost."""
        for file in (*folder.glob("*.json"), *folder.glob("checkpoint-*/*.json")):
            try:
                json.loads(file.read_text())
            except ValueError as error:
                raise LostError(f"{file.name} is cut") from error

    @staticmethod
    def _find_damage(caches: Path) -> str:
        """Say which table or stored features are not whole."""
        for table in (caches / "tables").rglob("hfkit/*.arrow"):
            if not table.stem.endswith(f"-{checksum(table)}"):
                return f"{table.name} is damaged"
        store = FeatureStore(caches / "features")
        for entry in store.entries():
            item, note = store.find(entry.folder.name) if not entry.is_unfinished else (None, "")
            if note:
                return note
            if item is not None:
                item.lock.close()
        return ""


def _is_time(key: str) -> bool:
    return key.endswith(("runtime", "per_second", "seconds"))


def _list_kept(caches: Path) -> set[Path]:
    return {file for pattern in ("*.arrow", "states.bin") for file in caches.rglob(pattern)}


def try_faults(what: str, seeds: range, killed: Killed) -> Iterator[Outcome]:
    """Try a fault for each seed."""
    checks = {"kills": killed.check, "two at once": killed.check_two, "full and read-only disks": killed.check_disk}
    for seed in seeds:
        name, fault = f"{what} while {killed.kind}", f"seed {seed} of {killed.seconds:.1f} s"
        yield attempt(name, fault, partial(checks[what], seed))


@pytest.mark.parametrize(
    ("kind", "faults"),
    [
        pytest.param("training", {"kills": 2, "two at once": 1}, marks=pytest.mark.slow, id="some"),
        *(pytest.param(kind, BY_NIGHT, marks=pytest.mark.nightly, id=kind) for kind in KINDS),
    ],
)
def test_processes(
    kind: str, faults: dict[str, int], run_fakenews: RunRecipe, tmp_path: Path, record_property: Record
) -> None:
    killed = Killed(run_fakenews, kind, tmp_path)
    outcomes = [each for what, count in faults.items() for each in try_faults(what, range(count), killed)]
    assert report(outcomes, record_property) == []
