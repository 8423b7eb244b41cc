"""What the second phase of a run hands to the third."""

from dataclasses import dataclass, field
from typing import Any

from ..evaluation.abstention import ScoredRows
from ..features.solution import Solution
from ..notes import Note
from .solver import Solved
from .start_solved import Start
from .trainer import ClassifierTrainer


@dataclass(frozen=True)
class Fitted:
    """What training leaves.

    Attributes:
        trainer: With the trained model.
        metrics: Of the training itself, such as `train_loss`, and what was frozen.
        notes: What was chosen for model and training.
        choosing: With `--max_error`, other rows than those of validation that thresholds are chosen by, such as training rows
            scored out of fold; None: those of validation.
        solved: The solved head, or None.
        beside: A head that was solved beside a training in steps, on what the model's own head takes; or None.
        start: The solved head that the training started from, if it did.

    """

    trainer: ClassifierTrainer
    metrics: dict[str, Any]
    notes: list[Note]
    choosing: ScoredRows | None = None
    solved: Solved | None = None
    beside: Solution | None = None
    start: Start = field(default_factory=Start)
