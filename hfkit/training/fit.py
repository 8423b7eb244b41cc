"""The second phase of a run: what is frozen is computed once, and the Trainer trains."""

from rich.console import Console

from ..features.inputs import training_inputs
from ..machine import use_all_cores
from ..notes import Note
from ..task import Task
from .build import build_trainer
from .fitted import Fitted
from .freeze_callback import FreezeCallback, count_trained
from .record import begin
from .settings import RunSettings
from .solver import put_in, shape_head, solve_run


def fit(task: Task, settings: RunSettings, console: Console) -> Fitted:
    """Freeze, compute what is frozen once, say what runs, and train."""
    threads = use_all_cores()
    shape_head(task.model, settings)
    freezing = FreezeCallback(settings.plan)
    inputs = training_inputs(task, settings.arguments, is_resumed=settings.checkpoint is not None)
    what_trains = Note("what_trains", settings.plan.describe(task.model))
    chosen = [*task.notes, *settings.notes, what_trains]
    begin(task, settings, threads, inputs.is_cached, [*task.data_notes, *chosen, *inputs.notes], console)
    if settings.starts_solved:  # before the Trainer has an optimizer, and a record of what is frozen
        chosen += put_in(task, solve_run(task, settings, None, console), console)
    trainer = build_trainer(task, settings, inputs, freezing)
    if settings.is_solved:
        solved = solve_run(task, settings, inputs.states, console)
        freezing.on_train_end(trainer.args, trainer.state, trainer.control, task.model)
        said = put_in(task, solved, console)  # after the proof: the head reads fewer layers from here on
        metrics = {**solved.metrics(), **_feature_seconds(inputs.seconds), **count_trained(task.model, freezing)}
        return Fitted(trainer, metrics, [*chosen, *said], solved.choosing(task), solved)
    outcome = trainer.train(resume_from_checkpoint=str(settings.checkpoint) if settings.checkpoint else None)
    seconds = _feature_seconds(inputs.seconds)
    metrics = {**outcome.metrics, **seconds, **count_trained(task.model, freezing)}
    return Fitted(trainer, metrics, chosen)


def _feature_seconds(seconds: float) -> dict[str, float]:
    return {"train_feature_seconds": round(seconds, 3)} if seconds else {}
