"""What a run does, to the last value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluation.metrics import Metrics
from ..flags.configuration import Configuration
from ..flags.kinds import Arguments, TrainingArguments
from ..flags.solver import BOTH, is_solved
from ..freezing import FreezePlan
from ..notes import Note
from .checks import PushOrder


@dataclass(frozen=True)
class RunSettings:
    """What a run does, to the last value.

    Attributes:
        arguments: The flags; nothing in them changes from here on.
        folder: The run's folder.
        checkpoint: Where training continues, or None.
        plan: What trains.
        metrics: Computes all metrics of logits and labels.
        class_weights: A weight for each class, or None for equal ones.
        push: Where it is pushed to, or None.
        notes: What was chosen.
        configuration: What `hfkit.yaml` holds: what was given, and what was filled in.

    """

    arguments: Arguments[Any, Any]
    folder: Path
    checkpoint: Path | None
    plan: FreezePlan
    metrics: Metrics
    class_weights: tuple[float, ...] | None
    push: PushOrder | None
    notes: tuple[Note, ...]
    configuration: Configuration

    @property
    def is_solved(self) -> bool:
        """Whether the head is solved, and not trained in steps."""
        return is_solved(self.training)

    @property
    def starts_solved(self) -> bool:
        """Whether the Trainer starts from a solved head, which it does once."""
        return self.training.solver == BOTH and self.checkpoint is None

    @property
    def continues_solved(self) -> bool:
        """Whether the Trainer continues a training that started from a solved head."""
        return self.training.solver == BOTH and self.checkpoint is not None

    @property
    def training(self) -> TrainingArguments:
        """How it is trained."""
        return self.arguments.training
