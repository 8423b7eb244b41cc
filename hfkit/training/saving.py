"""Checkpoints, written beside, summed when all processes have written, and then given their place."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..errors import UserError, told
from ..files import describe_room
from ..run_folders.checkpoints import delete_folder
from ..run_folders.start import read_start_record
from ..run_folders.state import PARTIAL_FOLDER, STATE_FILE, find_checkpoints
from ..run_folders.sums import find_damage, write_sums


@contextmanager
def written_beside(trainer: Trainer) -> Iterator[Path]:
    """Yield the folder in which the Trainer is to write a checkpoint; afterwards it gets its place, and older ones go.

    A kill at any moment leaves the older checkpoints as they were, and at most a folder `checkpoint.partial`; an error not even
    that.

    Raises:
        UserError: There is no room for it, which is told; what else writing it raises goes on.

    """
    run, state = Path(trainer.args.output_dir), trainer.state
    partial = run / PARTIAL_FOLDER
    if trainer.args.should_save:
        _delete_partial(partial)
    trainer.accelerator.wait_for_everyone()
    try:
        with told(run, f"a checkpoint takes about {describe_room(_measure_checkpoint(trainer))}"):
            yield partial
            trainer.accelerator.wait_for_everyone()  # each process has written the states of its random generators
            written = partial / f"checkpoint-{state.global_step}"
            best = None if state.best_global_step is None else run / f"checkpoint-{state.best_global_step}"
            is_there = best is not None and (best.name == written.name or best.is_dir())
            state.best_model_checkpoint = str(best) if is_there else None
            if trainer.args.should_save:
                state.save_to_json(str(written / STATE_FILE))
                write_sums(written, read_start_record(run)[0])
                _put_in_place(written, run / written.name)
                _delete_older(run, run / written.name, best, trainer.args.save_total_limit)
    except Exception:
        if trainer.args.should_save:
            with suppress(OSError):  # what was raised says more
                _delete_partial(partial)
        raise
    trainer.accelerator.wait_for_everyone()


def _measure_checkpoint(trainer: Trainer) -> int:
    """Return about how many bytes a checkpoint takes: the weights, and what the optimizer keeps of those that train."""
    states = getattr(trainer.optimizer, "state", {}).values()
    values = [*trainer.model.state_dict().values(), *(value for state in states for value in state.values())]
    return sum(value.nbytes for value in values if isinstance(value, torch.Tensor))


def _delete_partial(partial: Path) -> None:
    """Delete what was written of a checkpoint that was not finished."""
    for leftover in partial.glob("checkpoint-*"):
        delete_folder(leftover)
    with suppress(OSError):  # there is none, or it holds something else
        partial.rmdir()


def _put_in_place(written: Path, place: Path) -> None:
    """Rename a whole checkpoint; one of the same step was damaged, or is of a training that was continued before it."""
    if place.is_dir():
        delete_folder(place)
    written.rename(place)
    written.parent.rmdir()


def _delete_older(run: Path, last: Path, best: Path | None, limit: int | None) -> None:
    """Delete what is more than `limit` checkpoints, damaged ones first, then the oldest; the last and the best one stay."""
    if limit is None or limit <= 0:
        return
    checkpoints = find_checkpoints(run)
    others = [each for each in checkpoints if each.folder not in (last, best)]
    others.sort(key=lambda each: each.is_whole)  # and by step, as they were
    for each in others[: max(len(checkpoints) - limit, 0)]:
        delete_folder(each.folder)


def check_best(trainer: Trainer) -> None:
    """Refuse to end with the best checkpoint where it is damaged.

    Raises:
        UserError: As above.

    """
    run, best = Path(trainer.args.output_dir), Path(str(trainer.state.best_model_checkpoint))
    damage = find_damage(best, read_start_record(run)[0])
    if damage:
        raise UserError(
            f"The best checkpoint, {best}, is damaged ({damage}): continue the run by --output_dir {run} "
            "--resume_from_checkpoint true, which ends with the best one that is whole."
        )


class KeepBest(TrainerCallback):
    """Finds the best checkpoint of a run that is continued: its folder may have moved, and the checkpoint may be damaged."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the best checkpoint from the run's folder, or none, and say so."""
        if state.best_global_step is None:
            return
        run = Path(str(args.output_dir))
        best = run / f"checkpoint-{state.best_global_step}"
        damage = find_damage(best, read_start_record(run)[0]) if best.is_dir() else "it is gone"
        state.best_model_checkpoint = None if damage else str(best)
        if damage:
            state.best_metric = state.best_global_step = None
            if state.is_world_process_zero:
                tqdm.write(f"{best.name}, the best so far, is lost ({damage}): the best of what follows is kept.")
