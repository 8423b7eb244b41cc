"""A training in steps that starts from a solved head: that is put into the model, and is a baseline of what comes of it."""

import time
from dataclasses import dataclass, field
from typing import Any

from accelerate import PartialState
from rich.console import Console

from ..evaluation.baselines import Baseline, name_solved
from ..evaluation.label_kinds import label_kind
from ..evaluation.predict import predict_logits
from ..notes import Note
from ..task import Task
from .predicted import find_reported_split
from .settings import RunSettings
from .solved_report import report_learning_curve
from .solver import put_in, solve_run


@dataclass(frozen=True)
class Start:
    """What a solved head leaves for the training in steps that goes on from it.

    Attributes:
        notes: What there is to say of it.
        metrics: The seconds that it took.
        baselines: What it says of the split that is reported; none where flags leave baselines out, or no split has labels.
        left_out: Why there is none in a run that started so.

    """

    notes: list[Note] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    baselines: list[Baseline] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def start_solved(task: Task, settings: RunSettings, console: Console) -> Start:
    """Let a training in steps start from a solved head, if flags ask for that, and predict with it what is reported later.

    It is before the Trainer has an optimizer, and a record of what is frozen.
    """
    if settings.continues_solved:
        left_out = "Left out of the baselines: the solved head (the run was continued, and its start is gone)."
        return Start(left_out=[left_out])
    if not settings.starts_solved:
        return Start()
    solved = solve_run(task, settings, None, console)
    notes = put_in(task, solved, console)
    if PartialState().is_main_process and not settings.training.label_issues:  # whose head gets a curve of its own
        report_learning_curve(task, settings, solved, console)
    baselines = []
    if settings.training.baselines:
        baselines = _predict(task, solved.seconds, settings.training.per_device_eval_batch_size)
    return Start(notes, {"train_solving_seconds": round(solved.seconds, 3)}, baselines)


def _predict(task: Task, seconds: float, batch_size: int) -> list[Baseline]:
    """Return what the model says of the reported split before it trains on; nothing where no split has labels.

    Args:
        task: With the model and the rows.
        seconds: What solving took; predicting is added.
        batch_size: Rows of a batch.

    """
    started = time.perf_counter()
    split = find_reported_split(task)
    if split is None:
        return []
    logits = predict_logits(task.model, task.inputs[split], task.collator, batch_size)
    name, total = name_solved(task.model.config.head), seconds + time.perf_counter() - started
    return [Baseline(name, label_kind(task.model.config).decide(logits), total)]


def shape_head(model: Any, settings: RunSettings) -> None:
    """Give the model of a run that continues the shape of its checkpoint's head, which was chosen by folds when it was solved."""
    if not settings.continues_solved:
        return
    saved = type(model.config).from_pretrained(settings.checkpoint)
    if model.config.head != "layers":
        if saved.standardised:
            model.standardise_head()
        return
    model.config.standardised = saved.standardised
    layers = saved.layers if hasattr(saved, "layers") else saved.layer_names
    model.keep_layers(layers, saved.poolings)
