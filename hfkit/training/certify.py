"""What a saved model answers: the confidence that `--max_error` asks for is certified, stored in its config, and reported."""

import json
from pathlib import Path

from accelerate import PartialState
from rich.console import Console

from ..data.halves import CERTIFICATION
from ..errors import UserError
from ..evaluation.abstention import Abstention, ScoredRows, choose_threshold, confidences_by_logits, measure_answers
from ..files import write_file
from ..models.base import BackboneClassifier
from ..report.abstention import describe_abstention, write_abstention
from ..task import Task
from .predicted import Predicted, predict_split
from .settings import RunSettings


def certify_answers(
    model: BackboneClassifier, task: Task, settings: RunSettings, validation: Predicted, choosing: ScoredRows | None
) -> Abstention | None:
    """Choose the confidence from which on the model answers, by Learn then Test, and write it into its config.

    The rows that certify are those of the split `certification` where there is one, and else all of validation.

    Args:
        model: The saved model, loaded again in float32; its config gets the confidence, and so does the file in the folder.
        task: With the rows.
        settings: Of the run.
        validation: What the model gave for it.
        choosing: Rows that the thresholds are chosen by, such as training rows scored out of fold; None: those of
            validation, which then do not certify.

    Returns:
        What it gave; None without `--max_error`.

    """
    max_error = settings.training.max_error
    if max_error is None:
        return None
    certifying = validation
    if CERTIFICATION in task.inputs:
        certifying = predict_split(model, task, CERTIFICATION, settings.training.per_device_eval_batch_size)
    chosen_by, certified_by = choosing or validation.scored, certifying.scored
    if choosing is None and certifying is validation:
        raise UserError(
            "--max_error chooses by training rows out of fold, which are not scored where a class has a single row: add rows, or "
            "write --solver trainer."
        )
    abstention = choose_threshold(
        chosen_by.confidences, chosen_by.right, certified_by.confidences, certified_by.right, max_error
    )
    if abstention.threshold is not None:
        model.config.answer_threshold = abstention.threshold
        if PartialState().is_main_process:
            store_in_config(settings.folder, "answer_threshold", abstention.threshold)
    return abstention


def store_in_config(folder: Path, field: str, value: float | list[float]) -> None:
    """Write a field into the config of a saved model, whose code and weights stay as they are."""
    file = folder / "config.json"
    config = {**json.loads(file.read_text(encoding="utf-8")), field: value}
    write_file(file, json.dumps(config, indent=2, sort_keys=True) + "\n")


def report_answers(
    abstention: Abstention, predicted: Predicted, task: Task, folder: Path, console: Console
) -> dict[str, float]:
    """Print and write what is promised, and what of test is answered; return the metrics of that, nothing without test."""
    metrics: dict[str, float] = {}
    if abstention.threshold is not None and predicted.split == "test":
        right = None if predicted.references is None else predicted.scored.right
        metrics = measure_answers(confidences_by_logits(predicted.logits) >= abstention.threshold, right)
    lines = describe_abstention(abstention, metrics, len(predicted.logits), CERTIFICATION in task.inputs)
    write_abstention(folder, lines)
    console.print()
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return metrics
