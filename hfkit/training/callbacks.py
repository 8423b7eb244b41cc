"""Callbacks of the Trainer: seconds and a readable line an epoch, whole epochs in checkpoints, and a quiet progress bar."""

import time
from collections.abc import Sequence
from typing import Any

from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState, ProgressCallback

from ..data.chance import SharedEpoch
from ..evaluation.intervals import with_interval


class EpochLog(TrainerCallback, ExportableState):
    """Notes the seconds of each training epoch in the Trainer's log history, and prints a readable line for each log.

    With them stands how much of it the steps waited for data: from the end of a step (or of what comes between steps) to the
    beginning of the next. What an epoch had taken up to a checkpoint stands in it.
    """

    def __init__(self) -> None:
        self.earlier = {"epoch_seconds": 0.0, "data_seconds": 0.0}
        self._start = self._free = self._waited = 0.0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {"args": {}, "attributes": {"earlier": self._seconds()}}

    def _seconds(self) -> dict[str, float]:
        now = {"epoch_seconds": time.perf_counter() - self._start, "data_seconds": self._waited}
        return {name: value + self.earlier[name] for name, value in now.items()}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make room in the state: a checkpoint of an earlier version has none."""
        state.stateful_callbacks.setdefault(type(self).__name__, {})

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock, that of an epoch which a checkpoint has cut in two where it stood."""
        if is_whole(state.epoch):
            self.earlier = dict.fromkeys(self.earlier, 0.0)
        self._start = self._free = time.perf_counter()
        self._waited = 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note how long the step's batches took to come."""
        self._waited += time.perf_counter() - self._free

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Begin to wait."""
        self._free = time.perf_counter()

    on_evaluate = on_save = on_step_end  # what came before was no waiting

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the time; evaluation and saving come later and do not count."""
        rounded = {name: round(value, 3) for name, value in self._seconds().items()}
        state.log_history.append({"epoch": state.epoch, **rounded, "step": state.global_step})

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Print losses and accuracies, above the progress bar where there is one."""
        if not state.is_world_process_zero or not logs:
            return
        for prefix, name in (("", "train"), ("eval_", "validation")):
            if f"{prefix}loss" in logs:
                metrics = [
                    f"{metric.replace('_', ' ')} {_describe_metric(logs, prefix + metric)}"
                    for metric in ("loss", "objective", "accuracy", "macro_f1")
                    if prefix + metric in logs
                ]
                tqdm.write(f"Epoch {logs.get('epoch', 0):.4g}: {name} {', '.join(metrics)}.")


def _describe_metric(logs: dict[str, float], name: str) -> str:
    """Write a metric of the log, with its interval where it has one; what is counted while the net trains has none."""
    if f"{name}_low" in logs:
        return with_interval(logs[name], logs[f"{name}_low"], logs[f"{name}_high"])
    return f"{logs[name]:.4f}"


class SaveAfterEpoch(TrainerCallback):
    """Puts a checkpoint that is due at the last step of an epoch off to the end of the epoch.

    A run that is continued from one before would begin with the next epoch, and the epoch's log and evaluation were lost.
    """

    def __init__(self) -> None:
        self._is_due = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Put it off."""
        if control.should_save and is_whole(state.epoch):
            self._is_due, control.should_save = True, False

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Save now."""
        if self._is_due:
            self._is_due, control.should_save = False, True


class TellEpoch(TrainerCallback):
    """Tells which epoch begins, from the Trainer's state, so that a run that is continued reads on where it was."""

    def __init__(self, epochs: Sequence[SharedEpoch]) -> None:
        self.epochs = epochs

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set the index of the epoch."""
        for epoch in self.epochs:
            epoch.index = int(state.epoch or 0)


def is_whole(epoch: float | None) -> bool:
    """Return whether an epoch has just begun or ended."""
    return float(epoch or 0).is_integer()


class QuietProgress(ProgressCallback):
    """The Trainer's progress bar, without the dictionary that it prints at each log."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        """Leave the logs to `EpochLog`."""
