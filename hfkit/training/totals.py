"""What training reports of its batches: sums over the rows, that a run which is continued goes on with."""

import time
from typing import Any

import torch
from accelerate.utils import reduce
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from ..models.losses import Objective, counted_rows, row_losses


class TrainingTotals(TrainerCallback, ExportableState):
    """Sums of the training rows since the last log and since the run began, and the seconds that it took.

    The Trainer's own begin at zero in a run that is continued. These stand in the checkpoint.

    Attributes:
        since_log: Plain loss, objective, rows that are predicted rightly (with all their labels), and rows, of all processes,
            since the last log.
        whole_run: The same since the run began, and before the last log.
        has_objective: Whether what is minimised has differed from the plain loss.
        earlier_seconds: What the run had taken up to the checkpoint that it is continued from.

    """

    def __init__(self) -> None:
        self.since_log = [0.0] * 4
        self.whole_run = [0.0] * 4
        self.has_objective = False
        self.earlier_seconds = 0.0
        self._start = time.perf_counter()
        self._process: torch.Tensor | None = None  # of this process, since `collect`

    def add(self, objective: Objective, outputs: Any, labels: torch.Tensor) -> None:
        """Add the rows of a batch."""
        with torch.no_grad():
            losses = row_losses(outputs.logits, labels, objective.problem_type)
            plain = objective.is_plain(outputs, labels)
            minimised = losses if plain else objective.per_row(outputs, labels)
            right = objective.right(outputs.logits, labels)
            wide = torch.float32 if losses.device.type == "mps" else torch.float64  # MPS has no float64
            sums = [values.sum(dtype=wide) for values in (losses, minimised, right, counted_rows(labels))]
            added = torch.stack(sums)
        self.has_objective |= not plain
        self._process = added if self._process is None else self._process + added

    def collect(self) -> None:
        """Add up what all processes have counted since the last call; all of them have to call it."""
        if self._process is not None:
            added = reduce(self._process, "sum").tolist()
            self.since_log = [one + other for one, other in zip(self.since_log, added, strict=True)]
            self._process = None

    def take_log(self) -> dict[str, float]:
        """Return loss, accuracy, and the objective where it differs, since the last call."""
        self.collect()
        taken, self.since_log = self.since_log, [0.0] * 4
        self.whole_run = [one + other for one, other in zip(self.whole_run, taken, strict=True)]
        return self._means(taken)

    def describe_run(self, steps: int) -> dict[str, float]:
        """Return loss, objective and speed of the whole run, under the names that the Trainer has for them."""
        self.take_log()
        means = self._means(self.whole_run)
        seconds, rows = self._seconds(), self.whole_run[3]
        return {
            **{f"train_{name}": means[name] for name in ("loss", "objective") if name in means},
            "train_runtime": round(seconds, 4),
            "train_samples_per_second": round(rows / seconds, 3),
            "train_steps_per_second": round(steps / seconds, 3),
        }

    def _means(self, sums: list[float]) -> dict[str, float]:
        loss, objective, right, rows = sums
        if not rows:
            return {}
        means = {"loss": loss / rows, "accuracy": right / rows}
        return means | ({"objective": objective / rows} if self.has_objective else {})

    def _seconds(self) -> float:
        return self.earlier_seconds + time.perf_counter() - self._start

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        attributes = {
            "since_log": self.since_log,
            "whole_run": self.whole_run,
            "has_objective": self.has_objective,
            "earlier_seconds": self._seconds(),
        }
        return {"args": {}, "attributes": attributes}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._start = time.perf_counter()
        state.stateful_callbacks.setdefault(type(self).__name__, {})  # a checkpoint of an earlier version has none

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Collect before a checkpoint: the main process alone writes it."""
        if control.should_save or control.should_evaluate:  # by `save_strategy best` an evaluation decides
            self.collect()

    on_epoch_end = on_step_end
