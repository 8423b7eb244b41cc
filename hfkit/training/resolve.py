"""The first phase of a run: flags, model and data become settings that nothing changes afterwards, or a refusal."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.integrations import get_available_reporting_integrations

from ..data.stored_rows import numbers_of
from ..errors import UserError
from ..evaluation.metrics import Metrics, make_metrics
from ..flags.configuration import Configuration
from ..flags.kinds import Arguments
from ..flags.training_arguments import TrainingArguments
from ..freezing import FreezePlan
from ..hub.push import check_can_push
from ..notes import Note
from ..task import Task
from .dry_step import take_dry_step
from .folder import find_checkpoint, make_folder


@dataclass(frozen=True)
class PushOrder:
    """Where a finished run is pushed to, and under which license."""

    repo_id: str
    license: str
    language: str | None
    private: bool


@dataclass(frozen=True)
class RunSettings:
    """What a run does, to the last value.

    Attributes:
        arguments: The flags; nothing in them changes from here on.
        folder: The run's folder.
        checkpoint: Where training continues, or None.
        plan: What trains.
        metrics: Computes all metrics of logits and labels.
        class_weights: A weight for each class, or None for equal ones.
        push: Where it is pushed to, or None.
        notes: What was chosen.
        configuration: What `hfkit.yaml` holds: what was given, and what was filled in.

    """

    arguments: Arguments[Any, Any]
    folder: Path
    checkpoint: Path | None
    plan: FreezePlan
    metrics: Metrics
    class_weights: tuple[float, ...] | None
    push: PushOrder | None
    notes: tuple[Note, ...]
    configuration: Configuration

    @property
    def training(self) -> TrainingArguments:
        """How it is trained."""
        return self.arguments.training


def resolve(task: Task, arguments: Arguments[Any, Any], name: str) -> RunSettings:
    """Fill in what was not given, refuse what does not go together, and make the run's folder.

    Args:
        task: Model and data.
        arguments: The flags, which stay as they are.
        name: What a new folder's name begins with.

    Raises:
        UserError: A layer or metric does not exist, or flags do not go together.

    """
    training = copy.copy(arguments.training)
    metrics = make_metrics(len(task.label_names), training.metric or ())
    check_choice_of_best(training, metrics, len(task.label_names))
    _check_checkpointing(arguments, task)
    plan = FreezePlan.from_flags(arguments.model)
    plan.apply(task.model)  # says at once if the layer does not exist
    notes = [_fill_learning_rates(training, arguments, task), *_fill_order(training, arguments, task)]
    notes += _run_dry_step(training, arguments, task)
    weights = _class_weights(task) if training.class_weights == "balanced" else None
    if weights is not None:
        pairs = zip(task.label_names, weights, strict=True)
        notes.append(Note("class_weights", f"Class weights: {', '.join(f'{n} {weight:.3f}' for n, weight in pairs)}."))
    push = read_push_order(training)
    training.push_to_hub = False  # the Trainer would push at every save, before any proof
    folder = make_folder(arguments, name)
    training.output_dir = str(folder)
    filled_in = {
        flag: getattr(training, flag)
        for flag in FILLED_IN
        if flag not in arguments.given and flag not in arguments.flags
    }
    return RunSettings(
        arguments=replace(arguments, training=training),
        folder=folder,
        checkpoint=find_checkpoint(folder, training.resume_from_checkpoint),
        plan=plan,
        metrics=metrics,
        class_weights=weights,
        push=push,
        notes=tuple(notes),
        configuration=Configuration(arguments.flags, {**filled_in, **task.filled_in}),
    )


FILLED_IN = ("bf16", "head_learning_rate", "learning_rate", "train_sampling_strategy")
"""Flags that are filled in by model, data and machine where they are not given."""


def _run_dry_step(training: TrainingArguments, arguments: Arguments[Any, Any], task: Task) -> list[Note]:
    """Take a step before training; run in float32 what fails in a precision that nobody asked for.

    Raises:
        UserError: The net cannot be trained, or not in the precision that was given.

    """
    names = {"bf16": "bfloat16", "fp16": "float16"}
    precision = names.get(training.mixed_precision)
    step = take_dry_step(task, getattr(torch, precision) if precision else None, training.device)
    if step.failed_precision:
        if not training.bf16 or "bf16" in arguments.given:
            raise UserError(
                f"The backbone {arguments.model.backbone} cannot be trained in {precision} ({step.failed_precision}): write "
                "--bf16 false --fp16 false, and mixed_precision: no in the launcher's configuration."
            )
        training.bf16 = False
        training.mixed_precision = "no"
    if step.without_gradient and training.world_size > 1:
        training.ddp_find_unused_parameters = True  # else DDP waits for their gradients, and ends with an error
    return step.notes(str(precision))


def check_flags(arguments: Arguments[Any, Any]) -> None:
    """Refuse what flags alone say cannot work, before any data are read.

    Raises:
        UserError: A tracker is not there, a flag would do nothing, or the run could not be pushed at its end.

    """
    training = arguments.training
    # One in a file may come from a run whose backbone trained, or of a time when it was not refused.
    if arguments.model.unfreeze_from == "none" and "learning_rate" in arguments.on_command_line:
        raise UserError(
            f"--learning_rate {training.learning_rate:g} is the backbone's, which --unfreeze_from none freezes: write "
            f"--head_learning_rate {training.learning_rate:g} for the head."
        )
    _check_reporters(training.report_to)
    push = read_push_order(training)
    if push is not None and training.process_index == 0:
        check_can_push(push.repo_id, push.license, push.language)


def read_push_order(training: TrainingArguments) -> PushOrder | None:
    """Return the order to push, or None.

    Raises:
        UserError: It names a token or a branch.

    """
    if training.hub_token is not None:
        raise UserError("--hub_token would stand in the shell's history: run `hf auth login`, or set HF_TOKEN.")
    if not training.push_to_hub:
        return None
    if training.hub_revision is not None:
        raise UserError("--hub_revision: a proven push goes to the branch main and is tagged; leave the flag out.")
    private = bool(training.hub_private_repo)
    return PushOrder(str(training.hub_model_id or ""), str(training.license or ""), training.language, private)


def _check_reporters(names: list[str]) -> None:
    """Refuse a tracker that is unknown or not installed."""
    available = get_available_reporting_integrations()
    for name in names:
        if name not in available:
            raise UserError(
                f"--report_to {name}: it is not installed here or unknown (there are: {', '.join(available) or 'none'}); "
                'TensorBoard comes by pip install -e ".[tensorboard]".'
            )


def check_choice_of_best(training: TrainingArguments, metrics: Metrics, num_labels: int) -> None:
    """Compute the metrics once on made-up predictions, so that a wrong name ends the run now and not after an epoch.

    Raises:
        UserError: There is no such metric, or early stopping has nothing to go by.

    """
    if training.early_stopping_patience > 0 and not training.load_best_model_at_end:
        raise UserError(
            "--early_stopping_patience needs --load_best_model_at_end true and --eval_strategy epoch or steps."
        )
    labels = np.arange(num_labels)
    known = sorted(["loss", *metrics(np.eye(num_labels), labels)])
    name = (training.metric_for_best_model or "loss").removeprefix("eval_")
    # The Trainer looks the name up at every evaluation, also where the best checkpoint is not loaded.
    if training.eval_strategy != "no" and name not in known:
        raise UserError(f"--metric_for_best_model {name}: there is no such metric; write one of {', '.join(known)}.")


def _check_checkpointing(arguments: Arguments[Any, Any], task: Task) -> None:
    """Refuse to trade time for memory where the backbone does not know how, or where gradients would be lost."""
    training = arguments.training
    if not training.activation_checkpointing:
        return
    if not task.model.supports_gradient_checkpointing:
        raise UserError(
            f"--activation_checkpointing (or --gradient_checkpointing): the backbone {arguments.model.backbone} does not "
            "support it; lower --per_device_train_batch_size and raise --gradient_accumulation_steps by as much."
        )
    if (training.activation_checkpointing_kwargs or {}).get("use_reentrant"):
        raise UserError(
            '--activation_checkpointing_kwargs {"use_reentrant": true} gives layers behind frozen ones no gradient: leave it '
            "out."
        )


def _fill_learning_rates(training: TrainingArguments, arguments: Arguments[Any, Any], task: Task) -> Note:
    """Fill in the learning rates that were not given, and say which.

    The head's default is 1e-3, since it starts from random weights, be the backbone frozen or not.
    """
    origin = head_origin = "given"
    if "learning_rate" not in arguments.given:
        origin = task.learning_rate[1]
        if training.learning_rate is None:
            training.learning_rate = task.learning_rate[0]
    if "head_learning_rate" not in arguments.given:
        head_origin = "default"
        if training.head_learning_rate is None:
            training.head_learning_rate = 1e-3
    rates = f"head {training.head_learning_rate:g} ({head_origin})"
    if arguments.model.unfreeze_from != "none":
        rates = f"backbone {training.learning_rate:g} ({origin}), {rates}"
    return Note("learning_rates", f"Learning rates: {rates}.")


def _fill_order(training: TrainingArguments, arguments: Arguments[Any, Any], task: Task) -> list[Note]:
    """Fill in the order of the training rows where it was not given, and for texts say which.

    Batches of similar length cost accuracy where layers of the encoder train; random ones are computed in parts (see
    `encoders.by_length`). A BiGRU on a frozen encoder loses nothing by them, and its time is that of its steps, which parts
    would multiply.
    """
    if training.train_sampling_strategy is None:
        is_text = "length" in task.inputs["train"].column_names
        only_steps = is_text and arguments.model.unfreeze_from == "none" and task.model.config.head == "bigru"
        training.train_sampling_strategy = "group_by_length" if only_steps else "random"
    if "length" not in task.inputs["train"].column_names:
        return []
    origin = "given" if "train_sampling_strategy" in arguments.given else "default"
    return [Note("order", f"Order of the rows: {training.train_sampling_strategy} ({origin}).")]


def _class_weights(task: Task) -> tuple[float, ...]:
    """Return scikit-learn's balanced weights: rows / (classes * rows of the class)."""
    counts = np.bincount(numbers_of(task.rows["train"], "label"), minlength=len(task.label_names))
    return tuple((counts.sum() / (len(counts) * np.maximum(counts, 1))).tolist())
