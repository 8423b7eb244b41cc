"""The two ways to a fitted head: it is solved, or it is trained in steps, be it from a solved one on (see `start_solved`)."""

from rich.console import Console

from ..features.reading import TrainingInputs
from ..notes import Note
from ..task import Task
from .beside import solve_beside
from .fitted import Fitted
from .freeze_callback import FreezeCallback, count_trained
from .settings import RunSettings
from .solved_report import report_solved
from .solver import put_in, solve_run
from .trainer import ClassifierTrainer


def fit_solved(
    task: Task,
    settings: RunSettings,
    inputs: TrainingInputs,
    trainer: ClassifierTrainer,
    freezing: FreezeCallback,
    notes: list[Note],
    console: Console,
) -> Fitted:
    """Solve the head, prove that the backbone did not move, put the head into the model, and say what it tells of the rows.

    Args:
        task: With the model.
        settings: Of the run.
        inputs: With the stored states, if there are any.
        trainer: Which saves the model later.
        freezing: Which noted the frozen part.
        notes: What was chosen so far.
        console: Where to print.

    """
    solved = solve_run(task, settings, inputs.states, console)
    freezing.on_train_end(trainer.args, trainer.state, trainer.control, task.model)
    said = put_in(task, solved, console)  # after the proof: the head reads fewer layers from here on
    metrics = {**solved.metrics(), **inputs.metrics(), **count_trained(task.model, freezing)}
    if trainer.is_world_process_zero():
        report_solved(task, settings, solved, console, label_issues=settings.training.label_issues is not False)
    return Fitted(trainer, metrics, [*notes, *said], solved.choosing(task), solved)


def fit_in_steps(
    task: Task,
    settings: RunSettings,
    inputs: TrainingInputs,
    trainer: ClassifierTrainer,
    freezing: FreezeCallback,
    notes: list[Note],
    console: Console,
) -> Fitted:
    """Solve a head beside the training where flags ask for one or its pass is stored, and train; arguments as `fit_solved`."""
    beside = solve_beside(task, settings, inputs, console)
    with trainer.stop.listening():
        outcome = trainer.train(resume_from_checkpoint=str(settings.checkpoint) if settings.checkpoint else None)
    # A training in bfloat16 leaves a model whose `forward` computes in it for good; what comes after is computed in float32.
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    metrics = {**outcome.metrics, **inputs.metrics(), **count_trained(task.model, freezing)}
    return Fitted(trainer, metrics, notes, beside=beside)
