"""The Trainer of a run, with its callbacks."""

from typing import Any

import numpy as np
from datasets import Dataset
from transformers import EarlyStoppingCallback, EvalPrediction, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..evaluation.metrics import evaluate_split
from ..features.reading import TrainingInputs
from ..freezing import count_parameters
from ..models.base import BackboneClassifier
from ..models.losses import Objective
from ..task import Task
from .callbacks import EpochLog, QuietProgress, SaveAfterEpoch, TellEpoch
from .freeze_callback import FreezeCallback
from .resolve import RunSettings
from .trainer import ClassifierTrainer


def build_trainer(
    task: Task, settings: RunSettings, inputs: TrainingInputs, freezing: FreezeCallback
) -> ClassifierTrainer:
    """Build the Trainer with our callbacks, and without its printing of dictionaries."""
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


def count_trained(model: BackboneClassifier, freezing: FreezeCallback) -> dict[str, Any]:
    """Return the parameter counts, and the checksums that prove that what is frozen did not move."""
    trainable, total = count_parameters(model)
    return {"trainable_parameters": trainable, "total_parameters": total, **freezing.results()}
