"""What a training minimises, by its flags, its model and its rows."""

import numpy as np

from ..flags.training_arguments import TrainingArguments
from ..models.losses import Objective
from ..task import Task
from .settings import RunSettings


def make_objective(task: Task, settings: RunSettings) -> Objective:
    """Return the loss of a run."""
    training, config = settings.training, task.model.config
    return Objective(
        settings.class_weights,
        training.label_smoothing_factor,
        config.problem_type,
        config.label_thresholds,
        training.focal_gamma,
        logit_offsets(training, task),
    )


def logit_offsets(training: TrainingArguments, task: Task) -> tuple[float, ...] | None:
    """Return what `--logit_adjustment` adds to the logits of each class in the loss; None: nothing."""
    if not training.logit_adjustment:
        return None
    counts = np.bincount(task.training_labels(), minlength=len(task.label_names))
    return tuple((training.logit_adjustment * np.log(np.maximum(counts, 1) / counts.sum())).tolist())
