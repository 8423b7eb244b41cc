"""The Trainer of a run, with its callbacks."""

import numpy as np
from transformers import EarlyStoppingCallback, EvalPrediction, TrainerCallback
from transformers.trainer import DEFAULT_PROGRESS_CALLBACK
from transformers.trainer_callback import PrinterCallback

from ..data.batching import sort_by_length
from ..evaluation.label_kinds import label_kind
from ..evaluation.metrics import evaluate_split
from ..features.reading import TrainingInputs
from ..task import Task
from .callbacks import EpochLog, QuietProgress, SaveAfterEpoch, TellEpoch
from .freeze_callback import FreezeCallback
from .objective import make_objective
from .settings import RunSettings
from .trainer import ClassifierTrainer


def build_trainer(
    task: Task, settings: RunSettings, inputs: TrainingInputs, freezing: FreezeCallback
) -> ClassifierTrainer:
    """Build the Trainer with our callbacks, and without its printing of dictionaries."""
    training, kind = settings.training, label_kind(task.model.config)

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        logits, references = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
        return evaluate_split(logits, references, settings.metrics, kind)

    callbacks: list[TrainerCallback] = [freezing, TellEpoch(inputs.epochs), SaveAfterEpoch(), EpochLog()]
    if training.early_stopping_patience > 0:
        callbacks.append(EarlyStoppingCallback(training.early_stopping_patience))
    trainer = ClassifierTrainer(
        model=task.model,
        args=training,
        data_collator=inputs.collator,
        train_dataset=inputs.train,
        eval_dataset=None if inputs.validation is None else sort_by_length(inputs.validation),
        processing_class=task.processor,
        compute_metrics=compute_metrics,
        objective=make_objective(task, settings),
        callbacks=callbacks,
        head_learning_rate=float(training.head_learning_rate or 0.0),
        class_ids=None if task.is_multi_label else task.training_labels(),
    )
    trainer.remove_callback(PrinterCallback)
    # In a notebook it is another one, which would show a table of all metrics at each evaluation.
    if trainer.pop_callback(DEFAULT_PROGRESS_CALLBACK) is not None:
        trainer.add_callback(QuietProgress())
    return trainer
