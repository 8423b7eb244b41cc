"""The second phase of a run: what is frozen is computed once, and the Trainer trains."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console

from ..features.inputs import training_inputs
from ..features.reading import TrainingInputs
from ..features.solve import Solution
from ..machine import use_all_cores
from ..notes import Note
from ..report.console import show_run_header
from ..task import Task
from .build import build_trainer
from .defaults import is_solved
from .freeze_callback import FreezeCallback, count_trained
from .record import write_start
from .resolve import RunSettings
from .solver import put_in, solve_run
from .trainer import ClassifierTrainer


@dataclass(frozen=True)
class Fitted:
    """What training leaves.

    Attributes:
        trainer: With the trained model.
        metrics: Of the training itself, such as `train_loss`, and what was frozen.
        notes: What was chosen for model and training.
        solution: Of a solved head, else None.

    """

    trainer: ClassifierTrainer
    metrics: dict[str, Any]
    notes: list[Note]
    solution: Solution | None = None


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
    if is_solved(settings.training):
        return _solve(task, settings, inputs, trainer, freezing, [*chosen, what_trains], console)
    outcome = trainer.train(resume_from_checkpoint=str(settings.checkpoint) if settings.checkpoint else None)
    metrics = {**outcome.metrics, **_feature_seconds(inputs), **count_trained(task.model, freezing)}
    return Fitted(trainer, metrics, [*chosen, what_trains])


def _solve(
    task: Task,
    settings: RunSettings,
    inputs: TrainingInputs,
    trainer: ClassifierTrainer,
    freezing: FreezeCallback,
    notes: list[Note],
    console: Console,
) -> Fitted:
    """Solve the head, prove that the backbone stayed as it was, and drop the layers that the head does not read."""
    solved = solve_run(task, settings, inputs, console)
    freezing.on_train_end(trainer.args, trainer.state, trainer.control, task.model)
    said = put_in(task, solved, console)
    solution = solved.solution
    metrics = {
        "train_runtime": round(solution.seconds, 3),
        "temperature": round(solution.temperature, 4),
        **_feature_seconds(inputs),
        **count_trained(task.model, freezing),
    }
    return Fitted(trainer, metrics, [*notes, *said], solution)


def _feature_seconds(inputs: TrainingInputs) -> dict[str, float]:
    return {"train_feature_seconds": round(inputs.seconds, 3)} if inputs.seconds else {}
