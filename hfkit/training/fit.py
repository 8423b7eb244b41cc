"""The second phase of a run: what is frozen is computed once, and the head is solved, or the Trainer trains."""

from dataclasses import replace

from rich.console import Console

from ..features.inputs import training_inputs
from ..machine import use_all_cores
from ..task import Task
from .build import build_trainer
from .fit_head import fit_in_steps, fit_solved
from .fitted import Fitted
from .freeze_callback import FreezeCallback
from .record import begin
from .settings import RunSettings
from .start_solved import shape_head, start_solved


def fit(task: Task, settings: RunSettings, console: Console) -> Fitted:
    """Freeze, compute what is frozen once, say what runs, and train."""
    threads = use_all_cores()
    shape_head(task.model, settings)
    freezing = FreezeCallback(settings.plan)
    inputs = training_inputs(task, settings.arguments, is_resumed=settings.checkpoint is not None)
    chosen = [*task.notes, *settings.notes, freezing.describe(task.model)]
    begin(task, settings, threads, inputs.is_cached, [*task.data_notes, *chosen, *inputs.notes], console)
    start = start_solved(task, settings, console)
    chosen += start.notes
    trainer = build_trainer(task, settings, inputs, freezing)
    fit_way = fit_solved if settings.is_solved else fit_in_steps
    fitted = fit_way(task, settings, inputs, trainer, freezing, chosen, console)
    return replace(fitted, metrics={**start.metrics, **fitted.metrics}, start=start)
