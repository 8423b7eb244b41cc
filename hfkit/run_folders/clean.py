"""What of runs may be deleted: checkpoints of finished runs, and folders of runs that failed before they had one."""

import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from ..errors import UserError
from ..files import BESIDE_FOLDER, describe_bytes
from .checkpoints import delete_folder
from .find import find_run_folders, name_run
from .lock import LOCK_FILE, is_running, lock_folder
from .manifest import MANIFEST_FILE
from .state import START_FILE, RunState, find_checkpoints, find_state, measure_folder

RECENT_SECONDS = 24 * 3600.0
"""A run without a lock, as earlier versions and Windows have it, is taken for running for so long after its last file."""
START_FILES = ("hfkit.yaml", "env.json", START_FILE, "frozen.json", "dropped_rows.csv")
"""What a run writes before its first checkpoint; a folder with anything else is never deleted."""
_KNOWN = (*START_FILES, *(f"{name}.tmp" for name in START_FILES), "events.out.tfevents.*", LOCK_FILE)


@dataclass(frozen=True)
class Removal:
    """A folder that may be deleted.

    Attributes:
        run: Of which run.
        folder: What goes: a checkpoint, or the run's own folder.
        kind: Of what.
        bytes: Its size.

    """

    run: Path
    folder: Path
    kind: Literal["checkpoint", "broken checkpoint", "failed run"]
    bytes: int


@dataclass(frozen=True)
class Kept:
    """A run that is left alone.

    Attributes:
        run: Which.
        reason: Why, as a sentence goes on after its name.

    """

    run: Path
    reason: str


@dataclass(frozen=True)
class CleaningPlan:
    """What may be deleted, and which runs are left alone although they have something of the kind."""

    removals: list[Removal]
    kept: list[Kept]

    @property
    def bytes(self) -> int:
        """Of all that may be deleted."""
        return sum(removal.bytes for removal in self.removals)


def plan_cleaning(folder: Path, unfinished: Sequence[Path] = ()) -> CleaningPlan:
    """Find what may be deleted in a folder and below it; nothing is.

    Args:
        folder: With runs in it.
        unfinished: Runs that could be resumed, whose checkpoints may go all the same: by their path, or their name in the folder.

    Raises:
        UserError: There is no such folder, or one of `unfinished` is no such run in it.

    """
    runs = find_run_folders(folder)
    states = {run: find_state(run) for run in runs}
    folder = folder.expanduser()
    named = [_find_named(path, folder, states) for path in unfinished]
    plan = CleaningPlan([], [])
    for run, state in states.items():
        for item in _plan_run(run, state, run in named):
            if isinstance(item, Kept):
                plan.kept.append(item)
            else:
                plan.removals.append(item)
    return plan


def _find_named(path: Path, folder: Path, states: dict[Path, RunState]) -> Path:
    """Return the run that a path or a name means.

    Raises:
        UserError: It is none that can be resumed.

    """
    for run, state in states.items():
        is_it = path.expanduser().resolve() == run.resolve() or path.as_posix() == name_run(run, folder)
        if is_it and state.can_be_resumed:
            return run
    raise UserError(f"--unfinished {path} is no run in {folder} that can be resumed: `hfkit runs` lists them.")


def _plan_run(run: Path, state: RunState, is_named: bool) -> Iterator[Removal | Kept]:
    """Yield what of a run may be deleted, and why other things may not."""
    if state.status == "running":
        yield Kept(run, "is running")
        return
    if state.status == "failed":
        yield _plan_failed(run)
        return
    if not state.checkpoints:
        return
    if _may_be_running(run, state):
        yield Kept(run, _RECENTLY)
        return
    if state.can_be_resumed and not is_named:
        size = sum(measure_folder(each.folder).bytes for each in state.checkpoints if each.is_whole)
        yield Kept(
            run, f"is {state.describe()} ({describe_bytes(size)}); --unfinished {shlex.quote(str(run))} takes it, too"
        )
    for each in state.checkpoints:
        if not each.is_whole or state.status == "finished" or is_named:
            kind: Literal["checkpoint", "broken checkpoint"] = "checkpoint" if each.is_whole else "broken checkpoint"
            yield Removal(run, each.folder, kind, measure_folder(each.folder).bytes)


_RECENTLY = "has no lock and was written less than a day ago: it may be running"


def _plan_failed(run: Path) -> Removal | Kept:
    """Return the folder of a run that failed as a removal, unless it may be running or holds what no such run wrote."""
    if is_running(run) is None and _age(measure_folder(run).written) < RECENT_SECONDS:
        return Kept(run, _RECENTLY)
    checkpoints = [each.folder for each in find_checkpoints(run)]
    for path in run.rglob("*"):
        is_folder = path.is_dir() and not path.is_symlink()
        was_being_written = any(path.is_relative_to(each) for each in (*checkpoints, run / BESIDE_FOLDER))
        if not is_folder and not was_being_written and not any(fnmatch(path.name, name) for name in _KNOWN):
            return Kept(run, f"failed, but holds {path.relative_to(run)}, which may be yours")
    return Removal(run, run, "failed run", measure_folder(run).bytes)


def delete_start_files(run: Path) -> None:
    """Delete what a run has written that failed before its first checkpoint, but for its lock; where there is more, nothing."""
    files = [path for path in run.rglob("*") if not path.is_dir()]
    if all(any(fnmatch(path.name, name) for name in _KNOWN) for path in files):
        for path in files:
            if path.name != LOCK_FILE:
                path.unlink()
        for path in sorted((path for path in run.rglob("*") if path.is_dir()), reverse=True):
            path.rmdir()


def _may_be_running(run: Path, state: RunState) -> bool:
    """Whether nothing says that a run has ended; what is written behind a finished run's end is a continuation."""
    if is_running(run) is False:
        return False
    written = max(measure_folder(each.folder).written for each in state.checkpoints)
    if state.status == "finished" and written <= (run / MANIFEST_FILE).stat().st_mtime:
        return False
    return _age(written) < RECENT_SECONDS


def _age(written: float) -> float:
    return time.time() - written


def carry_out(plan: CleaningPlan) -> tuple[int, list[str]]:
    """Delete what a plan names; no link is followed, and no run that was started since is touched.

    Returns:
        The bytes that were freed, and a sentence for each folder that could not be deleted.

    """
    freed, failures = 0, []
    for removal in plan.removals:
        try:
            if removal.run.is_dir():
                with lock_folder(removal.run):
                    delete_folder(removal.folder)
        except UserError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"{removal.folder} cannot be deleted: {error.strerror}.")
        else:
            freed += removal.bytes
    return freed, failures


def describe_size(run: Path) -> str:
    """Say how large a finished run's folder is, and what of it may be deleted."""
    whole = describe_bytes(measure_folder(run).bytes)
    checkpoints = sum(measure_folder(each.folder).bytes for each in find_checkpoints(run))
    if not checkpoints:
        return f"The folder takes {whole}."
    return (
        f"The folder takes {whole}, of which {describe_bytes(checkpoints)} are checkpoints that only a continued training needs: "
        f"hfkit clean {shlex.quote(str(run))} --yes deletes them."
    )
