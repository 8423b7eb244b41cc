"""Callbacks of the Trainer: seconds and a readable line an epoch, and a quiet progress bar."""

import time
from typing import Any

from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ProgressCallback


class EpochLog(TrainerCallback):
    """Notes the seconds of each training epoch in the Trainer's log history, and prints a readable line for each log.

    With them stands how much of it the steps waited for data: from the end of a step (or of what comes between steps) to the
    beginning of the next.
    """

    def __init__(self) -> None:
        self._start = self._free = self._waited = 0.0

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
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
        seconds = {"epoch_seconds": time.perf_counter() - self._start, "data_seconds": self._waited}
        rounded = {name: round(value, 3) for name, value in seconds.items()}
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
                figures = [f"loss {logs[f'{prefix}loss']:.4f}"]
                figures += [
                    f"{figure.replace('_', ' ')} {logs[prefix + figure]:.4f}"
                    for figure in ("accuracy", "macro_f1")
                    if prefix + figure in logs
                ]
                tqdm.write(f"Epoch {logs.get('epoch', 0):.4g}: {name} {', '.join(figures)}.")


class QuietProgress(ProgressCallback):
    """The Trainer's progress bar, without the dictionary that it prints at each log."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        """Leave the logs to `EpochLog`."""
