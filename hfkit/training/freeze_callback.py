"""Freezing in a run of the Trainer: before the optimizer exists, with a proof at the end that nothing frozen moved."""

from pathlib import Path
from typing import Any

from tqdm.auto import tqdm
from transformers import (
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from ..freezing import FreezePlan, count_parameters
from ..frozen_checksums import RECORD_FILE, FrozenRecord
from ..models.base import BackboneClassifier
from ..notes import Note


class FreezeCallback(TrainerCallback):
    """Freezes the model by a plan when the Trainer is built, and proves at the end of training that nothing frozen moved.

    It acts in `on_init_end`, before the optimizer and DDP exist; later would be too late for both. A run that is resumed is
    compared with the record of its first start, which stands in its folder.
    """

    def __init__(self, plan: FreezePlan) -> None:
        self.plan = plan
        self.before: FrozenRecord | None = None
        self.after: FrozenRecord | None = None
        self._said = False

    def describe(self, model: BackboneClassifier) -> Note:
        """Say what trains, and what is frozen."""
        return Note("what_trains", self.plan.describe(model))

    def on_init_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Freeze the model and note the checksums of what is frozen."""
        assert model is not None
        self.plan.apply(model)
        self.before = FrozenRecord.take(model)

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the record of a first start, or take it from the folder of a run that is resumed.

        Raises:
            RuntimeError: The checkpoint's frozen part is not that of the first start.

        """
        assert model is not None
        assert self.before is not None
        folder = Path(args.output_dir)
        if state.global_step == 0:
            if self.before.frozen_sha256 and state.is_world_process_zero:
                self.before.write(folder)
            return
        first = FrozenRecord.read(folder)
        if first is not None and first.trained_from == self.before.trained_from:
            self.before = first
            self._compare(FrozenRecord.take(model), state)  # not only after hours
        elif self.before.frozen_sha256 and state.is_world_process_zero:
            tqdm.write(
                f"{folder / RECORD_FILE} holds no record of a first start with the same layers frozen: what is frozen is "
                "compared with this start."
            )

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Compare the frozen part, and what it makes of the probe batch, with what they were.

        Raises:
            RuntimeError: A frozen parameter or buffer has changed, or what enters the first trained layer.

        """
        assert model is not None
        self.after = FrozenRecord.take(model)
        self._compare(self.after, state)

    def _compare(self, now: FrozenRecord, state: TrainerState) -> None:
        """Compare a record with that of the start.

        Raises:
            RuntimeError: They differ.

        """
        assert self.before is not None
        if now.frozen_sha256 != self.before.frozen_sha256:
            raise RuntimeError("Frozen parameters or buffers have changed in training; please report this as a bug.")
        if now.computed_on == self.before.computed_on:
            if now.entering_sha256 != self.before.entering_sha256:
                raise RuntimeError(
                    f"What enters {now.trained_from}, the first trained layer, has changed in training; please report this "
                    "as a bug."
                )
        elif state.is_world_process_zero and not self._said:
            self._said = True
            tqdm.write(
                "What enters the first trained layer is not compared with that of the first start: it was computed on another "
                "machine or device, or with other versions of packages."
            )

    def results(self) -> dict[str, str]:
        """Return the checksums before and after training by the names of the results; nothing where nothing is frozen."""
        assert self.before is not None
        assert self.after is not None
        results: dict[str, str] = {}
        if self.before.frozen_sha256:
            results |= {
                "frozen_sha256_before": self.before.frozen_sha256,
                "frozen_sha256_after": self.after.frozen_sha256,
            }
        if self.before.entering_sha256:
            results["entering_sha256_before"] = self.before.entering_sha256
            results["entering_sha256_after"] = self.after.entering_sha256
        return results


def count_trained(model: BackboneClassifier, freezing: FreezeCallback) -> dict[str, Any]:
    """Return the parameter counts, and the checksums that prove that what is frozen did not move."""
    trainable, total = count_parameters(model)
    return {"trainable_parameters": trainable, "total_parameters": total, **freezing.results()}
