"""The second phase of a run: what is frozen is computed once, and the Trainer trains."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console

from ..features.inputs import training_inputs
from ..machine import use_all_cores
from ..notes import Note
from ..report.console import show_run_header
from ..task import Task
from .build import build_trainer
from .freeze_callback import FreezeCallback, count_trained
from .record import write_start
from .resolve import RunSettings
from .trainer import ClassifierTrainer


@dataclass(frozen=True)
class Fitted:
    """What training leaves.

    Attributes:
        trainer: With the trained model.
        metrics: Of the training itself, such as `train_loss`, and what was frozen.
        notes: What was chosen for model and training.

    """

    trainer: ClassifierTrainer
    metrics: dict[str, Any]
    notes: list[Note]


def fit(task: Task, settings: RunSettings, console: Console) -> Fitted:
    """Freeze, compute what is frozen once, say what runs, and train."""
    threads = use_all_cores()
    freezing = FreezeCallback(settings.plan)
    inputs = training_inputs(task, settings.arguments, is_resumed=settings.checkpoint is not None)
    trainer = build_trainer(task, settings, inputs, freezing)
    if trainer.is_world_process_zero():
        write_start(task, settings, threads, inputs.is_cached)
    what_trains = Note("what_trains", settings.plan.describe(task.model))
    chosen = [*task.notes, *settings.notes]
    shown = [*task.data_notes, *chosen, *inputs.notes, what_trains]
    show_run_header(console, task, settings.arguments, shown, threads, settings.folder)
    outcome = trainer.train(resume_from_checkpoint=str(settings.checkpoint) if settings.checkpoint else None)
    seconds = {"train_feature_seconds": round(inputs.seconds, 3)} if inputs.seconds else {}
    metrics = {**outcome.metrics, **seconds, **count_trained(task.model, freezing)}
    return Fitted(trainer, metrics, [*chosen, what_trains])
