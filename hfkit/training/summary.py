"""What a run says of itself when it ends: the summary for its card, and the page that shows it."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..flags.configuration import CONFIGURATION_FILE
from ..flags.paths import IN_MEMORY
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


def write_run_page(task: Task, settings: RunSettings, summary: RunSummary, results: dict[str, float]) -> None:
    """Write `report/report.html`, with the lines that use the model and train it again."""
    kind = FAMILIES[task.model.config.model_type].task.split("-")[0]
    commands = describe_use(settings.folder, kind, str(settings.arguments.data.dataset))
    write_page(settings.folder, results, summary.content, summary.notes, commands)


def describe_use(folder: Path, kind: str, dataset: str) -> list[str]:
    """Return the lines of the shell that use a run's model and train it again; of Python, where its data were a value there.

    Args:
        folder: Of the run.
        kind: `text` or `image`.
        dataset: The data, as the flag has them.

    """
    run, flags, name = shlex.quote(str(folder)), folder / CONFIGURATION_FILE, f"{folder.name}-again"
    predict = f"hfkit predict {run} {'new.csv' if kind == 'text' else 'photos/'} --output predicted.csv"
    if not dataset.startswith(IN_MEMORY):
        return [predict, f"hfkit train {kind} --config {shlex.quote(str(flags))} --name {shlex.quote(name)}"]
    return [
        predict,
        "",
        "# The data were in memory, and no file holds them. In Python, where `data` are the same rows, this trains again:",
        "import hfkit",
        f"hfkit.train_{kind}_classifier(data, config={str(flags)!r}, name={name!r})",
    ]
