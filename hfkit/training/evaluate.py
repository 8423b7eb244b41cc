"""The evaluation of a run: the saved model is loaded again and evaluated in float32, and its report is written."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console

from ..errors import UserError
from ..evaluation.metrics import evaluate_split
from ..evaluation.predict import predict_logits
from ..hub.proof import write_proof
from ..task import Task
from .baselines import report_baselines
from .fit import Fitted
from .report import VALIDATION_FILE, write_predictions, write_report
from .resolve import RunSettings


@dataclass(frozen=True)
class Predicted:
    """What the saved model gave for a split.

    Attributes:
        split: `validation` or `test`.
        logits: (rows, classes), in float32.
        references: (rows,) ids of the true classes, or None where the split has no labels.
        seconds: What predicting took.

    """

    split: str
    logits: np.ndarray
    references: np.ndarray | None
    seconds: float

    @property
    def prefix(self) -> str:
        """What names of its results begin with."""
        return "eval" if self.split == "validation" else "test"


def evaluate_saved_model(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> dict[str, float]:
    """Load the saved model again, in float32, evaluate validation and test with it, and write the report."""
    trainer, folder = fitted.trainer, settings.folder
    model = type(task.model).from_pretrained(folder, dtype=torch.float32)
    results: dict[str, float] = {}
    shown = "test" if "test" in task.inputs else "validation"
    for split in ("validation", "test"):
        if split not in task.inputs:
            continue
        start = time.perf_counter()
        logits = predict_logits(model, task.inputs[split], task.collator, trainer.args.per_device_eval_batch_size)
        seconds = time.perf_counter() - start
        if not np.isfinite(logits).all():
            raise UserError(
                "The training diverged: the model gives no numbers any more. Lower --learning_rate and --head_learning_rate."
            )
        rows = task.rows[split]
        references = np.array(rows["label"]) if "label" in rows.column_names else None
        predicted = Predicted(split, logits, references, seconds)
        values = _evaluate(predicted, settings)
        if split == "validation" and trainer.is_world_process_zero():
            write_predictions(folder / VALIDATION_FILE, task, split, logits, references)
        if split == shown and trainer.is_world_process_zero():
            console.print(f"\nPredicting the {len(rows)} rows of {split} took {seconds:.1f} s.", highlight=False)
            write_report(trainer.state.log_history, task, folder, split, logits, references, console)
            values |= _compare_with_baselines(predicted, task, settings, fitted, console)
        if values:
            named = {f"{predicted.prefix}_{name}": value for name, value in values.items()}
            results |= named
            trainer.save_metrics(predicted.prefix, named)
        if split == shown:
            write_proof(folder, model, task, split)
    return results


def _evaluate(predicted: Predicted, settings: RunSettings) -> dict[str, float]:
    """Return the metrics of a split with their intervals, and how long it took; nothing of one without labels."""
    if predicted.references is None:
        return {}
    rows, seconds = len(predicted.references), predicted.seconds
    values = evaluate_split(predicted.logits, predicted.references, settings.metrics)
    return {**values, "runtime": round(seconds, 3), "samples_per_second": round(rows / seconds, 3)}


def _compare_with_baselines(
    predicted: Predicted, task: Task, settings: RunSettings, fitted: Fitted, console: Console
) -> dict[str, float]:
    """Print and write the baselines of the split that is shown, unless flags leave them out, and return their metrics."""
    if predicted.references is None or not settings.training.baselines:
        return {}
    spent = ("train_runtime", "train_feature_seconds")
    seconds = predicted.seconds + sum(fitted.metrics.get(name, 0.0) for name in spent)
    predictions = predicted.logits.argmax(axis=-1)
    return report_baselines(task, predicted.split, predicted.references, predictions, seconds, settings.folder, console)
