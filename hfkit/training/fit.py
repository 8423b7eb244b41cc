"""The second phase of a run: what is frozen is computed once, and the head is solved, or the Trainer trains."""

from dataclasses import replace

from rich.console import Console

from ..features.inputs import training_inputs
from ..machine import use_all_cores
from ..task import Task
from .build import build_trainer
from .fit_head import fit_in_steps, fit_solved, start_solved
from .fitted import Fitted
from .freeze_callback import FreezeCallback
from .record import begin
from .settings import RunSettings
from .solver import shape_head


def fit(task: Task, settings: RunSettings, console: Console) -> Fitted:
    """Freeze, compute what is frozen once, say what runs, and train."""
    threads = use_all_cores()
    shape_head(task.model, settings)
    freezing = FreezeCallback(settings.plan)
    inputs = training_inputs(task, settings.arguments, is_resumed=settings.checkpoint is not None)
    chosen = [*task.notes, *settings.notes, freezing.describe(task.model)]
    begin(task, settings, threads, inputs.is_cached, [*task.data_notes, *chosen, *inputs.notes], console)
    solving: dict[str, float] = {}
    if settings.starts_solved:
        said, solving = start_solved(task, settings, console)
        chosen += said
    trainer = build_trainer(task, settings, inputs, freezing)
    fit_way = fit_solved if settings.is_solved else fit_in_steps
    fitted = fit_way(task, settings, inputs, trainer, freezing, chosen, console)
    return replace(fitted, metrics={**solving, **fitted.metrics})
