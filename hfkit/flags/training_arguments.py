"""How it is trained: `transformers.TrainingArguments` with our defaults, for texts and for images."""

from dataclasses import dataclass
from typing import Any

import torch
import transformers

from ..machine import bfloat16_is_fast
from .class_weights import check_focal_loss
from .training_flags import ImageTrainingFlags, TrainingFlags
from .values import check_seeds, check_steps


@dataclass
class TrainingArguments(TrainingFlags, transformers.TrainingArguments):
    """How it is trained: `transformers.TrainingArguments` with the defaults and further flags of `TrainingFlags`."""

    def __post_init__(self) -> None:
        self.check()
        check_steps(self.num_train_epochs, self.max_steps, self.gradient_accumulation_steps)
        check_seeds(self.seed, self.data_seed)
        check_focal_loss(self.focal_gamma, self.label_smoothing_factor)
        if self.use_cpu is None:
            self.use_cpu = not torch.accelerator.is_available()
        if self.bf16 is None:
            self.bf16 = not self.fp16 and bfloat16_is_fast(self.use_cpu)
        transformers.TrainingArguments.__post_init__(self)
        if self.lr_scheduler_type == "reduce_lr_on_plateau":
            # torch's default is for a loss: with an accuracy the rate would fall whenever it gets better.
            given: dict[str, Any] = dict(self.lr_scheduler_kwargs or {})  # type: ignore[has-type]
            self.lr_scheduler_kwargs = {"mode": "max" if self.greater_is_better else "min", **given}


@dataclass
class ImageTrainingArguments(ImageTrainingFlags, TrainingArguments):
    """The flags of `TrainingArguments`, for images."""

    def __post_init__(self) -> None:
        TrainingArguments.__post_init__(self)
