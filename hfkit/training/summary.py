"""What a run says of itself when it ends: the summary for its card, and the page that shows it."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models import FAMILIES
from ..notes import Note
from ..report.console import describe_training
from ..report.html import write_page
from ..report.summary import describe_dropped_rows, write_summary
from ..task import Task
from .fitted import Fitted
from .settings import RunSettings


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        content: As in `summary.json`.
        notes: What was read, chosen, frozen, cached and cut.

    """

    content: dict[str, Any]
    notes: list[str]


def summarise_run(task: Task, settings: RunSettings, fitted: Fitted) -> RunSummary:
    """Write `summary.json`, and return what a run did."""
    notes = [*fitted.notes, Note("training", describe_training(settings.training))]
    content = write_summary(settings.folder, task, settings.arguments, notes)
    read, did = ([note.text for note in some] for some in (task.data_notes, notes))
    return RunSummary(content, [*read, *describe_dropped_rows(task), *did])


def write_run_page(task: Task, folder: Path, summary: RunSummary, results: dict[str, float]) -> None:
    """Write `report/report.html`, with the lines of the shell that use the model and train it again."""
    run, kind = shlex.quote(str(folder)), FAMILIES[task.model.config.model_type].task.split("-")[0]
    commands = [
        f"hfkit predict {run} {'new.csv' if kind == 'text' else 'photos/'} --output predicted.csv",
        f"hfkit train {kind} --config {shlex.quote(str(folder / 'hfkit.yaml'))} --name {shlex.quote(folder.name)}-again",
    ]
    write_page(folder, results, summary.content, summary.notes, commands)
