"""Where a run is continued: at its last whole checkpoint, on the data that it was started with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.data_hashes import describe_changes, hash_data
from ..errors import UserError
from ..flags.kinds import Arguments
from ..notes import Note
from ..run_folders.manifest import MANIFEST_FILE
from ..run_folders.start import check_configuration, read_start_record
from ..run_folders.state import START_FILE, find_checkpoints
from ..run_folders.sums import count_processes, find_damage, find_gap
from ..task import Task


@dataclass(frozen=True)
class Continuation:
    """Where training goes on.

    Attributes:
        checkpoint: Its folder, or None: the run begins.
        notes: What is to be said of it, and of checkpoints that are damaged.

    """

    checkpoint: Path | None = None
    notes: tuple[Note, ...] = ()


def continue_run(task: Task, arguments: Arguments[Any, Any]) -> Continuation:
    """Return where the run that flags name goes on, on the same data; where they name none, it begins.

    Raises:
        UserError: As `choose_continuation` and `check_data`.

    """
    training = arguments.training
    if training.resume_from_checkpoint is None or arguments.given_output_dir is None:
        return Continuation()
    folder = Path(arguments.given_output_dir).expanduser()
    check_data(task, folder)
    return choose_continuation(folder, training.resume_from_checkpoint, training.world_size)


def choose_continuation(folder: Path, flag: str | bool, processes: int) -> Continuation:
    """Find the checkpoint that `--resume_from_checkpoint` means, all files of which are those that the run wrote.

    Args:
        folder: Of the run.
        flag: `true` for the last whole one, or the path of one.
        processes: How many there are; a checkpoint has been written by as many.

    Raises:
        UserError: There is none, it is of another number of processes, or the run's flags are not what it wrote.

    """
    run_id, data = read_start_record(folder)
    check_configuration(folder)
    damaged: dict[str, str] = {}
    for checkpoint in reversed(list_checkpoints(folder, flag)):
        damage = find_damage(checkpoint, run_id) or find_gap(checkpoint)
        if not damage:
            _check_processes(checkpoint, processes)
            unknown = "" if data is not None else _say_unknown(run_id)
            return Continuation(checkpoint, _tell(checkpoint, damaged, unknown))
        damaged[checkpoint.name] = damage
    if str(flag).lower() == "true":
        raise _no_whole_one(folder, damaged)
    raise UserError(
        f"The checkpoint {flag} cannot be continued from ({_join(damaged)}): write true for the run's last whole one."
    )


def list_checkpoints(folder: Path, flag: str | bool) -> list[Path]:
    """Return the checkpoints that `--resume_from_checkpoint` may mean, the last one at the end; their content is not read.

    Raises:
        UserError: There is none, all are cut, or the one that is named is not of the run.

    """
    checkpoints = [each for each in find_checkpoints(folder) if each.folder.parent == folder]
    if str(flag).lower() == "true":
        if not any(each.is_whole for each in checkpoints):
            run_id, _ = read_start_record(folder)
            raise _no_whole_one(folder, {each.folder.name: find_damage(each.folder, run_id) for each in checkpoints})
        return [each.folder for each in checkpoints]
    path = Path(str(flag)).expanduser()
    if not path.is_dir():
        raise UserError(f"There is no checkpoint {flag}: write true for the last one.")
    named = [each.folder for each in checkpoints if each.folder.resolve() == path.resolve()]
    if not named:
        raise UserError(
            f"The checkpoint {flag} is not one of the run in {folder}, and only those are continued from: write true for its "
            "last one."
        )
    return named


def _no_whole_one(folder: Path, damaged: dict[str, str]) -> UserError:
    if (folder / MANIFEST_FILE).is_file():
        return UserError(
            f"The run in {folder} is finished and has no checkpoint to continue from: train its model on by --backbone {folder}, "
            "or start it again with another --output_dir."
        )
    reasons = f" ({_join(damaged)})" if damaged else ""
    return UserError(
        f"The run in {folder} has no whole checkpoint to continue from{reasons}: start it again with another --output_dir."
    )


def _join(damaged: dict[str, str]) -> str:
    return "; ".join(f"{name}: {damage}" for name, damage in damaged.items())


def _check_processes(checkpoint: Path, processes: int) -> None:
    """Refuse to go on with another number of processes, for which the Trainer would draw other random numbers in silence."""
    before = count_processes(checkpoint)
    if before != processes:
        raise UserError(
            f"{checkpoint} was written by {before} process{'es' if before > 1 else ''}, not by {processes}: continue it with "
            f"--num_processes {before} of accelerate launch."
        )


def _say_unknown(run_id: str) -> str:
    """Say why nobody can tell whether the data are those of the run's start."""
    why = f"; the run's {START_FILE} is gone, and" if run_id else ", which an earlier version wrote;"
    return f"{why} whether its data are still the same is not known"


def _tell(checkpoint: Path, damaged: dict[str, str], unknown: str) -> tuple[Note, ...]:
    notes = [
        Note("checkpoint_damaged", f"{name} is left out: {damage}.", on_card=False) for name, damage in damaged.items()
    ]
    return (*notes, Note("continued", f"Continues from {checkpoint.name}{unknown}.", on_card=False))


def check_data(task: Task, folder: Path) -> None:
    """Refuse to continue a run on other data than it was started with; without a record of them it is said that nobody can tell.

    Raises:
        UserError: Rows, labels or their names are others; the sentence says which.

    """
    _, before = read_start_record(folder)
    if before is None:
        return
    changes = describe_changes(before, hash_data(task.rows, task.label_names))
    if changes:
        raise UserError(
            f"The data are not those that the run in {folder} was started with ({changes}): continue it with those, or start a "
            "new run with another --output_dir."
        )
