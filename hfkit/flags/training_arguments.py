"""How it is trained: `transformers.TrainingArguments` with our defaults, for texts and for images."""

from dataclasses import dataclass
from typing import Any

import torch
import transformers

from ..errors import UserError
from ..machine import bfloat16_is_fast
from .training_flags import ImageTrainingFlags, TrainingFlags


@dataclass
class TrainingArguments(TrainingFlags, transformers.TrainingArguments):
    """How it is trained: `transformers.TrainingArguments` with the defaults and further flags of `TrainingFlags`."""

    def __post_init__(self) -> None:
        self.check()
        self._check_steps_and_seeds()
        if self.use_cpu is None:
            self.use_cpu = not torch.accelerator.is_available()
        if self.bf16 is None:
            self.bf16 = not self.fp16 and bfloat16_is_fast(self.use_cpu)
        transformers.TrainingArguments.__post_init__(self)
        if self.lr_scheduler_type == "reduce_lr_on_plateau":
            # torch's default is for a loss: with an accuracy the rate would fall whenever it gets better.
            given: dict[str, Any] = dict(self.lr_scheduler_kwargs or {})  # type: ignore[has-type]
            self.lr_scheduler_kwargs = {"mode": "max" if self.greater_is_better else "min", **given}

    def _check_steps_and_seeds(self) -> None:
        """Refuse a training without steps, and a seed that is none; these are flags of transformers, or depend on one.

        Raises:
            UserError: It is so.

        """
        if self.num_train_epochs <= 0 and self.max_steps <= 0:
            raise UserError(
                f"--num_train_epochs is {self.num_train_epochs:g}: write a number above 0, such as 3, or --max_steps."
            )
        if self.gradient_accumulation_steps < 1:
            raise UserError(f"--gradient_accumulation_steps is {self.gradient_accumulation_steps}: write at least 1.")
        for name in ("seed", "data_seed"):
            seed = getattr(self, name)
            if seed is not None and not 0 <= seed < 2**32:  # what NumPy takes
                raise UserError(f"--{name} is {seed}: write a whole number from 0 to {2**32 - 1}.")


@dataclass
class ImageTrainingArguments(ImageTrainingFlags, TrainingArguments):
    """The flags of `TrainingArguments`, for images."""

    def __post_init__(self) -> None:
        TrainingArguments.__post_init__(self)
