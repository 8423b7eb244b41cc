"""What a run prints: its header, its results, its end."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..console import plain
from ..evaluation.intervals import warn_of_few_rows, with_interval
from ..flags.kinds import Arguments
from ..flags.solver import is_solved
from ..machine import device_name, precision_name
from ..models.base import BackboneClassifier
from ..notes import Note
from ..run_folders.clean import describe_size
from ..task import Task
from .tables import CONTENTS, classification_table, format_number, group_errors

MAX_KINDS_OF_ERRORS = 4
"""Pairs of true and predicted class whose errors are shown on the console; the most frequent ones."""


MAX_CLASSES_OF_MATRIX = 10
"""Above so many classes the confusion matrix does not fit a console; it is in a picture anyway."""


def console_table(title: str, table: pd.DataFrame) -> Table:
    """Make a rich table; text from the data is shown as it is, without markup."""
    shown = Table(title=plain(title), title_justify="left", title_style="bold")
    shown.add_column(str(table.index.name or ""))
    for column in table.columns:
        numeric = pd.api.types.is_numeric_dtype(table[column]) or column == "parameters"
        shown.add_column(plain(str(column)), justify="right" if numeric else "left", overflow="fold")
    for name, *row in table.itertuples():
        shown.add_row(plain(str(name)), *(plain(format_number(value)) for value in row))
    return shown


def show_results(
    console: Console,
    split: str,
    report: dict[str, Any],
    confusion: np.ndarray,
    errors: pd.DataFrame,
    label_names: list[str],
) -> None:
    """Print the results of one split: metrics, confusion matrix, and the most confident errors of each kind."""
    accuracy = (report["accuracy"], report["accuracy_low"], report["accuracy_high"])
    title = f": accuracy {with_interval(*accuracy)}, the 95 % interval in parentheses"
    console.print(Text.assemble("\n", plain(split, "bold"), title))
    if warning := warn_of_few_rows(split, int(confusion.sum()), *accuracy[1:]):
        console.print(warning, highlight=False, soft_wrap=True)
    console.print(console_table("Metrics by class", classification_table(report)))
    if len(label_names) <= MAX_CLASSES_OF_MATRIX:
        matrix = pd.DataFrame(confusion, index=label_names, columns=label_names).rename_axis("true")
        console.print(console_table("Confusion matrix: true classes in rows, predicted ones in columns", matrix))
    contents = [name for name in CONTENTS if name in errors]
    kinds = group_errors(errors)
    for (label, prediction), rows in kinds[:MAX_KINDS_OF_ERRORS]:
        title = f"{len(rows)} rows that are {label} but predicted {prediction}, the most confident first"
        shown = rows.head(3).set_index("row")[["confidence", *contents]]
        for content in contents:
            shown[content] = [" ".join(text.split())[: 160 // len(contents)] for text in shown[content]]
        console.print(console_table(title, shown))
    if len(kinds) > MAX_KINDS_OF_ERRORS:
        console.print(f"\n{len(kinds) - MAX_KINDS_OF_ERRORS} rarer kinds of errors are in report/errors.csv.")


def layer_table(model: BackboneClassifier) -> pd.DataFrame:
    """List the layers of a model with their parameters, in order; the frozen ones stand in parentheses.

    A layer is a stage of the backbone, a module of the head, or a single parameter that belongs to none.
    """
    modules = dict(model.named_modules())
    names = [f"backbone.{stage}" for stage in model.stages()]
    names += [
        f"classifier.{name}" for name, child in model.classifier.named_modules() if name and not [*child.children()]
    ]
    sizes: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        layer = next((layer for layer in names if name == layer or name.startswith(f"{layer}.")), name)
        trains, frozen = sizes.setdefault(layer, [0, 0])
        count = parameter.numel()
        sizes[layer] = [trains + count, frozen] if parameter.requires_grad else [trains, frozen + count]
    trains, frozen = (sum(size[kind] for size in sizes.values()) for kind in (0, 1))
    kinds = {layer: type(modules[layer]).__name__ if layer in modules else "Parameter" for layer in sizes}
    rows = {layer: (kinds[layer], _layer_size(*size)) for layer, size in sizes.items()}
    rows |= {"total": ("", f"{trains + frozen:,}"), "trainable": ("", f"{trains:,}"), "frozen": ("", f"({frozen:,})")}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["kind", "parameters"]).rename_axis("layer")


def _layer_size(trains: int, frozen: int) -> str:
    return " ".join([f"{trains:,}"] * bool(trains) + [f"({frozen:,})"] * bool(frozen))


def show_run_header(
    console: Console, task: Task, arguments: Arguments[Any, Any], notes: list[Note], threads: int, folder: Path
) -> None:
    """Print what the run is about to do."""
    if console.quiet:  # of several processes one measures and speaks
        return
    training = arguments.training
    device = (
        f"{device_name(training)}, {threads} threads, {training.world_size} process(es), {precision_name(training)}"
    )
    sizes = ", ".join(f"{split} {len(rows)}" for split, rows in task.rows.items())
    for line in (
        f"Device: {device}.",
        f"Rows: {sizes}. Labels: {', '.join(task.label_names)}.",
        *(note.text for note in notes),
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if arguments.model.summary:
        console.print(console_table("Layers", layer_table(task.model)))
    for line in (
        f"{describe_training(training)} Reports to: {', '.join(training.report_to) or 'none'}.",
        f"Folder: {folder}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def describe_training(training: Any) -> str:
    """Say in two sentences how long, by what and in which steps it trains, and which state is kept."""
    if is_solved(training):
        return f"Training: the head is solved as one convex problem, seed {training.seed}, {precision_name(training)}."
    length = f"{training.max_steps} steps" if training.max_steps > 0 else f"{training.num_train_epochs:g} epochs"
    batch = training.per_device_train_batch_size * training.gradient_accumulation_steps * training.world_size
    best = (training.metric_for_best_model or "loss").removeprefix("eval_")
    kept = f"the best checkpoint by {best} on validation" if training.load_best_model_at_end else "the last state"
    return (
        f"Training: {length} of batches of {batch} rows, {training.optim.value}, weight decay {training.weight_decay:g}, "
        f"{_describe_schedule(training)}, seed {training.seed}, {precision_name(training)}. The run ends with {kept}."
    )


def _describe_schedule(training: Any) -> str:
    if training.lr_decay_per_epoch is not None:
        return f"learning rates times {training.lr_decay_per_epoch:g} after each epoch, at least {training.lr_floor:g}"
    if training.lr_scheduler_type.value in ("reduce_lr_on_plateau", "constant"):  # these know no warm-up
        options = training.lr_scheduler_kwargs or {}
        return " ".join([f"{training.lr_scheduler_type.value} schedule", *(f"{k} {v}" for k, v in options.items())])
    return f"{training.lr_scheduler_type.value} schedule with warm-up {training.warmup_steps:g}"


def show_end(
    console: Console, log_history: list[dict[str, float]], usage: str, folder: Path, deleted: str = ""
) -> None:
    """Print where everything is and how large it is, and how to use the model.

    Args:
        console: Where to print.
        log_history: The Trainer's log.
        usage: Code that uses the model, with `{folder}` in it.
        folder: Of the run.
        deleted: What was deleted of it, in sentences.

    """
    if console.quiet:  # of several processes one speaks
        return
    seconds, waited = (sum(entry.get(name, 0) for entry in log_history) for name in ("epoch_seconds", "data_seconds"))
    trained = ""
    if seconds:  # a head that is solved has no epochs
        trained = f"Training took {seconds:.0f} s, of which {waited / seconds:.0%} went by waiting for data. "
    line = f"\n{trained}Everything is in {folder}."
    console.print(line, markup=False, soft_wrap=True)
    size = " ".join(filter(None, [deleted, describe_size(folder)]))
    console.print(f"{size}\n\nTo use the model:\n", markup=False, highlight=False, soft_wrap=True)
    console.print(usage.format(folder=folder), markup=False, highlight=False, soft_wrap=True)
