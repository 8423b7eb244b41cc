"""The evaluation of a run: the saved model is loaded again and evaluated in float32, and its report is written."""

import torch
from rich.console import Console

from ..hub.proof import write_proof
from ..report.split import PREDICTIONS_FILE
from ..task import Task
from .baselines import predict_solved, report_baselines
from .certify import certify_answers, report_answers
from .fitted import Fitted
from .predicted import Predicted, evaluate_predicted, find_reported_split, predict_split
from .report import VALIDATION_FILE, write_report, write_run_predictions
from .settings import RunSettings
from .thresholds import choose_label_thresholds


def evaluate_saved_model(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> dict[str, float]:
    """Load the saved model again, in float32, evaluate validation and test with it, and write the report.

    The report is on test, or on validation where test has no labels or is not there.
    """
    trainer, folder = fitted.trainer, settings.folder
    model = type(task.model).from_pretrained(folder, dtype=torch.float32)
    results: dict[str, float] = {}
    abstention = None
    splits = [split for split in ("validation", "test") if split in task.inputs]
    reported = find_reported_split(task)
    for split in splits:
        beside = fitted.beside if split == reported and settings.training.baselines else None
        predicted = predict_split(model, task, split, trainer.args.per_device_eval_batch_size, beside)
        if split == "validation":
            abstention = certify_answers(model, task, settings, predicted, fitted.choosing)
            predicted = choose_label_thresholds(model, settings, predicted, console)
        values = evaluate_predicted(predicted, settings)
        if trainer.is_world_process_zero():
            files = [VALIDATION_FILE] * (split == "validation") + [PREDICTIONS_FILE] * (split == splits[-1])
            write_run_predictions(task, folder, files, predicted, model.config.answer_threshold)
            if split == reported:
                values |= _report(predicted, model.config.answer_threshold, task, settings, fitted, console)
            if split == splits[-1] and abstention is not None:
                values |= report_answers(abstention, predicted, task, folder, console)
        if values:
            named = {f"{predicted.prefix}_{name}": value for name, value in values.items()}
            results |= named
            trainer.save_metrics(predicted.prefix, named)
    write_proof(folder, model, task, splits[-1])
    return results


def _report(
    predicted: Predicted,
    answer_threshold: float | None,
    task: Task,
    settings: RunSettings,
    fitted: Fitted,
    console: Console,
) -> dict[str, float]:
    """Print and write the report on a split, and return the metrics of its baselines."""
    rows, took = len(predicted.logits), f"{predicted.seconds:.1f} s"
    console.print(f"\nPredicting the {rows} rows of {predicted.split} took {took}.", highlight=False)
    write_report(fitted.trainer, task, settings.folder, predicted, answer_threshold, console)
    return _compare_with_baselines(predicted, task, settings, fitted, console)


def _compare_with_baselines(
    predicted: Predicted, task: Task, settings: RunSettings, fitted: Fitted, console: Console
) -> dict[str, float]:
    """Print and write the baselines of the split that is reported, unless flags leave them out, and return their metrics."""
    assert predicted.references is not None
    if not settings.training.baselines:
        return {}
    spent = ("train_runtime", "train_feature_seconds", "train_solving_seconds", "ngram_seconds")
    seconds = predicted.seconds + sum(fitted.metrics.get(name, 0.0) for name in spent)
    took, start = fitted.metrics.get("train_feature_seconds", 0.0), fitted.start
    further, notes = predict_solved(task, predicted, fitted.beside, took)
    further, notes = [*start.baselines, *further], [*start.left_out, *notes]
    return report_baselines(task, predicted, seconds, settings.folder, console, further, notes)
