"""The evaluation of a run: the saved model is loaded again and evaluated in float32, and its report is written."""

import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from ..errors import UserError
from ..evaluation.metrics import Metrics, build_report, count_confusions, evaluate_split, wrong_predictions
from ..evaluation.predict import predict_logits
from ..files import write_file
from ..hub.proof import write_proof
from ..report import plots, tables
from ..report.console import console_table, show_results
from ..task import Task
from .trainer import ClassifierTrainer


def evaluate_saved_model(
    trainer: ClassifierTrainer, task: Task, folder: Path, metrics: Metrics, console: Console
) -> dict[str, float]:
    """Load the saved model again, in float32, evaluate validation and test with it, and write the report."""
    model = type(task.model).from_pretrained(folder, dtype=torch.float32)
    results: dict[str, float] = {}
    shown = "test" if "test" in task.inputs else "validation"
    for split in ("validation", "test"):
        if split not in task.inputs:
            continue
        inputs = task.inputs[split]
        start = time.perf_counter()
        logits = predict_logits(model, inputs, task.collator, trainer.args.per_device_eval_batch_size)
        seconds = time.perf_counter() - start
        if not np.isfinite(logits).all():
            raise UserError(
                "The training diverged: the model gives no numbers any more. Lower --learning_rate and --head_learning_rate."
            )
        rows = task.rows[split]
        references = np.array(rows["label"]) if "label" in rows.column_names else None
        prefix = "eval" if split == "validation" else "test"
        if references is not None:
            values = evaluate_split(logits, references, metrics)
            values |= {"runtime": round(seconds, 3), "samples_per_second": round(len(rows) / seconds, 3)}
            named = {f"{prefix}_{name}": value for name, value in values.items()}
            results |= named
            trainer.save_metrics(prefix, named)
        if split == shown and trainer.is_world_process_zero():
            console.print(f"\nPredicting the {len(rows)} rows of {split} took {seconds:.1f} s.", highlight=False)
            _write_report(trainer, task, folder, split, logits, references, console)
        if split == shown:
            write_proof(folder, model, task, split)
    return results


def _write_report(
    trainer: ClassifierTrainer,
    task: Task,
    folder: Path,
    split: str,
    logits: np.ndarray,
    references: np.ndarray | None,
    console: Console,
) -> None:
    """Write predictions, plots and tables of one split, and show them."""
    names = task.label_names
    rows = task.rows[split]
    hidden = [column for column in ("label", "image", "digest") if column in rows.column_names]
    shown = rows.remove_columns(hidden).to_pandas()
    tables.write_table(folder / "predictions.csv", tables.prediction_table(shown, logits, references, names))
    epochs = tables.epoch_table(trainer.state.log_history)
    tables.write_table(folder / "report" / "epochs.csv", epochs, index=True)
    plots.draw_curves(folder / "report" / "curves.png", epochs)
    console.print(console_table("\nEpochs", epochs.rename(columns=tables.EPOCH_COLUMNS)))
    if references is None:
        console.print(f"\nThe {split} split has no labels: see predictions.csv.")
        return
    predictions = logits.argmax(axis=-1)
    report = build_report(references, predictions, names)
    confusion = count_confusions(references, predictions, len(names))
    errors = wrong_predictions(shown, logits, references, names)
    tables.write_json(
        folder / "report" / "classification_report.json", {"split": split, **report, "confusion": confusion.tolist()}
    )
    markdown = (
        f"# {split}: accuracy {report['accuracy']:.4f}\n\n{tables.markdown_table(tables.classification_table(report))}"
    )
    write_file(folder / "report" / "classification_report.md", markdown)
    tables.write_table(folder / "report" / "errors.csv", errors)
    plots.draw_confusion(
        folder / "report" / "confusion_matrix.png", confusion, names, f"{split}: {len(errors)} of {len(shown)} wrong"
    )
    if task.illustrate is not None:
        task.illustrate(folder / "report", split, errors)
    show_results(console, split, report, confusion, errors, names)
