"""The first phase of a run: flags, model and data become settings that nothing changes afterwards, or a refusal."""

import copy
from dataclasses import replace
from typing import Any

from ..flags.configuration import Configuration
from ..flags.kinds import Arguments
from ..freezing import FreezePlan
from ..task import Task
from .checks import check_checkpointing, choose_metrics, read_push_order
from .continued import continue_run
from .defaults import (
    FILLED_IN,
    fill_checkpoints,
    fill_learning_rates,
    fill_order,
    leave_out_evaluations,
    note_loss,
    weigh_classes,
)
from .dry_step import run_dry_step
from .folder import make_folder
from .settings import RunSettings


def resolve(task: Task, arguments: Arguments[Any, Any], name: str) -> RunSettings:
    """Fill in what was not given, refuse what does not go together, and make the run's folder.

    Args:
        task: Model and data.
        arguments: The flags, which stay as they are.
        name: What a new folder's name begins with.

    Raises:
        UserError: A layer or metric does not exist, flags do not go together, or what is continued is damaged or on other data.

    """
    training = copy.copy(arguments.training)
    continuation = continue_run(task, arguments)
    metrics = choose_metrics(training, task)
    check_checkpointing(arguments, task)
    plan = FreezePlan.from_flags(arguments.model)
    plan.apply(task.model)  # says at once if the layer does not exist
    notes = fill_learning_rates(training, arguments, task)
    notes += fill_order(training, arguments, task)
    notes += run_dry_step(training, arguments, task)
    weights, said = weigh_classes(training, task)
    notes += note_loss(training)
    leave_out_evaluations(training)
    fill_checkpoints(training)
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
        checkpoint=continuation.checkpoint,
        plan=plan,
        metrics=metrics,
        class_weights=weights,
        push=push,
        notes=(*continuation.notes, *notes, *said),
        configuration=Configuration(
            {flag: value for flag, value in arguments.flags.items() if flag not in task.filled_in},  # of a default
            {**filled_in, **task.filled_in},
        ),
    )
