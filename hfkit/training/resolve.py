"""The first phase of a run: flags, model and data become settings that nothing changes afterwards, or a refusal."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..evaluation.metrics import Metrics, make_metrics
from ..flags.configuration import Configuration
from ..flags.kinds import Arguments, TrainingArguments
from ..freezing import FreezePlan
from ..notes import Note
from ..task import Task
from .checks import PushOrder, check_checkpointing, check_choice_of_best, read_push_order
from .defaults import FILLED_IN, balance_classes, fill_learning_rates, fill_order, is_solved
from .dry_step import run_dry_step
from .folder import find_checkpoint, make_folder


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
    def is_solved(self) -> bool:
        """Whether the head is solved, and not trained in steps."""
        return is_solved(self.training)

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
    check_checkpointing(arguments, task)
    plan = FreezePlan.from_flags(arguments.model)
    plan.apply(task.model)  # says at once if the layer does not exist
    training.solver = training.solver or arguments.filled_in.get("solver")
    notes = [] if is_solved(training) else [fill_learning_rates(training, arguments, task)]
    notes += fill_order(training, arguments, task)
    notes += run_dry_step(training, arguments, task)
    weights = balance_classes(task) if training.class_weights == "balanced" else None
    if weights is not None:
        pairs = zip(task.label_names, weights, strict=True)
        notes.append(Note("class_weights", f"Class weights: {', '.join(f'{n} {weight:.3f}' for n, weight in pairs)}."))
    if is_solved(training):
        training.eval_strategy, training.save_strategy, training.load_best_model_at_end = "no", "no", False
    push = read_push_order(training)
    training.push_to_hub = False  # the Trainer would push at every save, before any proof
    folder = make_folder(arguments, name)
    training.output_dir = str(folder)
    filled_in = {
        flag: getattr(training, flag)
        for flag in FILLED_IN
        if flag not in arguments.given and flag not in arguments.flags and getattr(training, flag) is not None
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
