"""A run in its phases: resolve, fit, finish, push."""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from rich.console import Console
from transformers import EarlyStoppingCallback, EvalPrediction, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..evaluation.metrics import evaluate_split
from ..features.inputs import training_inputs
from ..features.reading import TrainingInputs
from ..flags.configuration import write_configuration
from ..flags.kinds import Arguments
from ..freezing import count_parameters
from ..hub.push import push_run
from ..machine import describe_environment, use_all_cores
from ..models.base import BackboneClassifier
from ..models.losses import Objective
from ..notes import Note
from ..report.console import show_run_header
from ..report.tables import write_json, write_table
from ..task import Task
from .callbacks import EpochLog, QuietProgress, SaveAfterEpoch, TellEpoch
from .finish import Fitted, finish
from .freeze_callback import FreezeCallback
from .resolve import RunSettings, resolve
from .trainer import ClassifierTrainer


def train_classifier(task: Task, arguments: Arguments[Any, Any], name: str) -> dict[str, float]:
    """Train, choose the best checkpoint, save it, evaluate the saved model in float32, report, and push if that is asked for.

    Args:
        task: Model and data.
        arguments: The flags, which stay as they are.
        name: What the name of a new folder begins with.

    Returns:
        All results, as in `all_results.json`.

    Raises:
        UserError: A layer or metric does not exist, or flags do not go together.

    """
    console = Console(quiet=arguments.training.process_index != 0)
    settings = resolve(task, arguments, name)
    fitted = fit(task, settings, console)
    results = finish(task, settings, fitted, console)
    if settings.push is not None:
        _end_process_group(fitted.trainer)
        if fitted.trainer.is_world_process_zero():
            order = settings.push
            push_run(settings.folder, order.repo_id, order.license, order.language, order.private)
    return results


def fit(task: Task, settings: RunSettings, console: Console) -> Fitted:
    """Freeze, compute what is frozen once, say what runs, and train."""
    threads = use_all_cores()
    freezing = FreezeCallback(settings.plan)
    inputs = training_inputs(task, settings.arguments)
    trainer = _build_trainer(task, settings, inputs, freezing)
    if trainer.is_world_process_zero():
        _write_start(task, settings, threads)
    what_trains = Note("what_trains", settings.plan.describe(task.model))
    chosen = [*task.notes, *settings.notes]
    shown = [*task.data_notes, *chosen, *inputs.notes, what_trains]
    show_run_header(console, task, settings.arguments, shown, threads, settings.folder)
    outcome = trainer.train(resume_from_checkpoint=str(settings.checkpoint) if settings.checkpoint else None)
    seconds = {"train_feature_seconds": round(inputs.seconds, 3)} if inputs.seconds else {}
    metrics = {**outcome.metrics, **seconds, **_count(task.model, freezing)}
    return Fitted(trainer, metrics, [*chosen, what_trains])


def _write_start(task: Task, settings: RunSettings, threads: int) -> None:
    """Write what is known before training: the flags, the machine, and the tables of the data."""
    write_configuration(settings.folder, settings.configuration)
    write_json(settings.folder / "env.json", describe_environment(settings.training, threads))
    for name, table in task.tables.items():
        write_table(settings.folder / name, table)


def _build_trainer(
    task: Task, settings: RunSettings, inputs: TrainingInputs, freezing: FreezeCallback
) -> ClassifierTrainer:
    training = settings.training

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        logits, references = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
        return evaluate_split(logits, references, settings.metrics)

    callbacks: list[TrainerCallback] = [freezing, TellEpoch(inputs.epochs), SaveAfterEpoch(), EpochLog()]
    if training.early_stopping_patience > 0:
        callbacks.append(EarlyStoppingCallback(training.early_stopping_patience))
    trainer = ClassifierTrainer(
        model=task.model,
        args=training,
        data_collator=inputs.collator,
        train_dataset=inputs.train,
        eval_dataset=None if inputs.validation is None else _by_length(inputs.validation),
        processing_class=task.processor,
        compute_metrics=compute_metrics,
        objective=Objective(settings.class_weights, training.label_smoothing_factor),
        callbacks=callbacks,
        head_learning_rate=float(training.head_learning_rate or 0.0),
    )
    trainer.remove_callback(PrinterCallback)
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(QuietProgress())
    return trainer


def _by_length(inputs: Dataset) -> Dataset:
    """Sort rows by length, so that an evaluation pads little."""
    return inputs.sort("length") if "length" in inputs.column_names else inputs


def _count(model: BackboneClassifier, freezing: FreezeCallback) -> dict[str, Any]:
    """Return the parameter counts, and the checksums that prove that what is frozen did not move."""
    trainable, total = count_parameters(model)
    return {"trainable_parameters": trainable, "total_parameters": total, **freezing.results()}


def _end_process_group(trainer: ClassifierTrainer) -> None:
    """Let the other processes go: one that waits longer for a push than `--ddp_timeout` would end them all."""
    trainer.accelerator.wait_for_everyone()
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
