"""The third phase of a run: the model is saved, evaluated as it was saved, and what came of it is said."""

from rich.console import Console

from ..report.console import show_end
from ..task import Task
from .advice import advise
from .complete import complete
from .evaluate import evaluate_saved_model
from .fitted import Fitted
from .settings import RunSettings
from .summary import RunSummary, summarise_run, write_run_page
from .trained_model import save_trained


def finish(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> dict[str, float]:
    """Save the model, evaluate what was saved, report, and write the manifest; return all results."""
    trainer, folder = fitted.trainer, settings.folder
    is_main = trainer.is_world_process_zero()
    save_trained(trainer, task, folder, fitted.metrics)
    summary = summarise_run(task, settings, fitted) if is_main else None
    results = evaluate_saved_model(task, settings, fitted, console)
    deleted = ""
    if summary is not None:
        _show_on_page(task, settings, summary, results, console)
        deleted = complete(settings)
    for note in advise(trainer.state.log_history, task.rows["train"], settings.training, settings.plan):
        console.print(f"\n{note.text}", markup=False, highlight=False, soft_wrap=True)
    show_end(console, trainer.state.log_history, task.usage, folder, deleted)
    return results


def _show_on_page(
    task: Task, settings: RunSettings, summary: RunSummary, results: dict[str, float], console: Console
) -> None:
    """Write the page of a run, or say why there is none: the run has its model and its tables all the same."""
    try:
        write_run_page(task, settings, summary, results)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        console.print(f"\nLeft out: report/report.html ({reason}).", markup=False, highlight=False, soft_wrap=True)
