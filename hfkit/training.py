"""The skeleton that all recipes share: model -> Trainer -> evaluation in float32 -> report -> saved model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset, DatasetDict
from rich.console import Console
from transformers import EarlyStoppingCallback, EvalPrediction, PreTrainedTokenizerBase, TrainerCallback
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from . import report
from .arguments import Arguments
from .errors import UserError
from .evaluation import confusion_of, evaluate_split, make_metrics, report_of, wrong_predictions
from .files import write_file
from .freezing import FreezeCallback, FreezePlan, count_parameters
from .launch import device_name, environment, use_all_cores, write_configuration
from .models.base import BackboneClassifier
from .prediction import Collator, predict_logits
from .trainer import ClassifierTrainer, EpochLog, QuietProgress, make_loss

Metrics = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass
class Task:
    """What a recipe brings: a model, its data in two forms, and what it has to say about them.

    Attributes:
        rows: The splits as a person reads them, with a column `row` and one or more others but labels.
        inputs: The same rows, encoded: what `forward` takes, `labels` where known, and `length` for the batches.
        notes: Sentences for the head of the log.
        tables: Tables for the run's folder, by file name, such as the rows left out.
        usage: Lines of Python that load and use the saved model; `{folder}` stands for its folder.

    """

    model: BackboneClassifier
    processor: PreTrainedTokenizerBase
    collator: Collator
    rows: DatasetDict
    inputs: DatasetDict
    label_names: list[str]
    notes: list[str]
    tables: dict[str, pd.DataFrame]
    usage: str


def train_classifier(task: Task, arguments: Arguments, folder: Path) -> dict[str, float]:
    """Train, choose the best checkpoint, save it, evaluate the saved model in float32, and report.

    Args:
        task: Model and data.
        arguments: Flags; learning rates that were not given are filled in.
        folder: The run's folder.

    Returns:
        All results, as in `all_results.json`.

    Raises:
        UserError: A layer or metric does not exist, or flags do not go together.

    """
    threads = use_all_cores()
    _check_reporters(arguments.training.report_to)
    console = Console(quiet=arguments.training.process_index != 0)
    metrics = make_metrics(len(task.label_names), arguments.training.metric or ())
    _check_choice_of_best(arguments, metrics, len(task.label_names))
    plan = FreezePlan(arguments.model.unfreeze_from)
    plan.apply(task.model)  # says at once if the layer does not exist
    weights = _class_weights(task) if arguments.training.class_weights == "balanced" else None
    notes = task.notes + _fill_learning_rates(arguments, task.model)
    if weights is not None:
        pairs = zip(task.label_names, weights, strict=True)
        notes.append(f"Class weights: {', '.join(f'{name} {weight:.3f}' for name, weight in pairs)}.")
    freezing = FreezeCallback(plan)
    loss = make_loss(weights, arguments.training.label_smoothing_factor)
    trainer = _build_trainer(task, arguments, metrics, loss, freezing)
    if trainer.is_world_process_zero():
        write_configuration(folder, arguments)
        report.write_json(folder / "env.json", environment(arguments, threads))
        for name, table in task.tables.items():
            report.write_table(folder / name, table)
    _show_head(console, task, arguments, plan, notes, threads, folder)
    outcome = trainer.train(resume_from_checkpoint=arguments.training.resume_from_checkpoint)
    _save(trainer, task, folder, {**outcome.metrics, **_counts(task.model, freezing)})
    results = _evaluate(trainer, task, folder, metrics, console)
    _show_end(console, trainer, task, folder)
    return results


def default_learning_rates(
    feature_size: int, learning_rate: float | None, head_learning_rate: float | None
) -> tuple[float, float]:
    """Fill in the learning rates of backbone and head that were not given.

    Backbone: 2e-5 for a width of 1,024 (what CT-BERT and BERT-large are fine-tuned with), growing with the inverse square
    of the width to at most 1e-4: 3.6e-5 for BERT-base, 1e-4 for MiniLM. Head: 1e-3, since it starts from random
    weights, be the backbone frozen or not.
    """
    if learning_rate is None:
        learning_rate = float(f"{min(1e-4, 2e-5 * (1024 / feature_size) ** 2):.2g}")
    return learning_rate, 1e-3 if head_learning_rate is None else head_learning_rate


def _check_reporters(names: list[str]) -> None:
    """Refuse a tracker that is unknown or not installed."""
    available = get_available_reporting_integrations()
    for name in names:
        if name not in available:
            raise UserError(
                f"--report_to {name}: it is not installed here or unknown (there are: {', '.join(available) or 'none'}); "
                'TensorBoard comes by pip install -e ".[tensorboard]".'
            )


def _check_choice_of_best(arguments: Arguments, metrics: Metrics, num_labels: int) -> None:
    """Compute the metrics once on made-up predictions, so that a wrong name ends the run now and not after an epoch."""
    training = arguments.training
    if training.early_stopping_patience > 0 and not training.load_best_model_at_end:
        raise UserError(
            "--early_stopping_patience needs --load_best_model_at_end true and --eval_strategy epoch or steps."
        )
    numbers = np.arange(num_labels)
    known = sorted(["loss", *metrics(np.eye(num_labels), numbers)])
    name = (training.metric_for_best_model or "loss").removeprefix("eval_")
    # The Trainer looks the name up at every evaluation, also where the best checkpoint is not loaded.
    if training.eval_strategy != "no" and name not in known:
        raise UserError(f"--metric_for_best_model {name}: there is no such metric; write one of {', '.join(known)}.")


def _fill_learning_rates(arguments: Arguments, model: BackboneClassifier) -> list[str]:
    """Fill in the learning rates that were not given, and say which."""
    training = arguments.training
    given = training.learning_rate, training.head_learning_rate
    backbone, head = default_learning_rates(model.feature_size, *given)
    training.learning_rate, training.head_learning_rate = backbone, head
    arguments.flags |= {"learning_rate": backbone, "head_learning_rate": head, "bf16": training.bf16}
    origin = ["given" if value is not None else "default" for value in given]
    rates = f"head {head:g} ({origin[1]})"
    if arguments.model.unfreeze_from != "none":
        rates = f"backbone {backbone:g} ({origin[0]} for a width of {model.feature_size}), {rates}"
    return [f"Learning rates: {rates.replace('given for a width of ' + str(model.feature_size), 'given')}."]


def _build_trainer(
    task: Task,
    arguments: Arguments,
    metrics: Metrics,
    loss: Callable[..., torch.Tensor] | None,
    freezing: FreezeCallback,
) -> ClassifierTrainer:
    training = arguments.training

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        return metrics(np.asarray(prediction.predictions), np.asarray(prediction.label_ids))

    callbacks: list[TrainerCallback] = [freezing, EpochLog()]
    if training.early_stopping_patience > 0:
        callbacks.append(EarlyStoppingCallback(training.early_stopping_patience))
    trainer = ClassifierTrainer(
        model=task.model,
        args=training,
        data_collator=task.collator,
        train_dataset=task.inputs["train"],
        eval_dataset=_by_length(task.inputs["validation"]),
        processing_class=task.processor,
        compute_metrics=compute_metrics,
        compute_loss_func=loss,
        callbacks=callbacks,
        head_learning_rate=arguments.flags["head_learning_rate"],
    )
    trainer.remove_callback(PrinterCallback)
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(QuietProgress())
    return trainer


def _by_length(inputs: Dataset) -> Dataset:
    """Sort rows by length, so that an evaluation pads little."""
    return inputs.sort("length") if "length" in inputs.column_names else inputs


def _class_weights(task: Task) -> list[float]:
    """Return scikit-learn's balanced weights: rows / (classes * rows of the class)."""
    counts = np.bincount(task.inputs["train"]["labels"], minlength=len(task.label_names))
    return (counts.sum() / (len(counts) * np.maximum(counts, 1))).tolist()


def _counts(model: BackboneClassifier, freezing: FreezeCallback) -> dict[str, Any]:
    """Return the parameter counts, and the checksums that prove that what is frozen did not move."""
    trainable, total = count_parameters(model)
    counts: dict[str, Any] = {"trainable_parameters": trainable, "total_parameters": total}
    if freezing.checksum_before:
        counts |= {"frozen_sha256_before": freezing.checksum_before, "frozen_sha256_after": freezing.checksum_after}
    return counts


def _save(trainer: ClassifierTrainer, task: Task, folder: Path, metrics: dict[str, Any]) -> None:
    """Save the model with its code, the processor, the Trainer's state and the training metrics."""
    trainer.save_model(str(folder))
    trainer.save_state()
    trainer.save_metrics("train", metrics)
    if trainer.is_world_process_zero():
        (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle; hfkit.yaml says the same
        (folder / "model.safetensors").chmod(0o644)  # transformers writes it for the user alone
    trainer.accelerator.wait_for_everyone()


def _evaluate(
    trainer: ClassifierTrainer, task: Task, folder: Path, metrics: Metrics, console: Console
) -> dict[str, float]:
    """Load the saved model anew, in float32, evaluate validation and test with it, and write the report."""
    model = type(task.model).from_pretrained(folder, dtype=torch.float32)
    results: dict[str, float] = {}
    shown = "test" if "test" in task.inputs else "validation"
    for split in ("validation", "test"):
        if split not in task.inputs:
            continue
        inputs = task.inputs[split]
        logits = predict_logits(model, inputs, task.collator, trainer.args.per_device_eval_batch_size)
        if not np.isfinite(logits).all():
            raise UserError(
                "The training diverged: the model gives no numbers any more. Lower --learning_rate and --head_learning_rate."
            )
        references = np.array(inputs["labels"]) if "labels" in inputs.column_names else None
        prefix = "eval" if split == "validation" else "test"
        if references is not None:
            figures = evaluate_split(logits, references, metrics)
            results |= {f"{prefix}_{name}": value for name, value in figures.items()}
            trainer.save_metrics(prefix, {f"{prefix}_{name}": value for name, value in figures.items()})
        if split == shown and trainer.is_world_process_zero():
            _write_report(trainer, task, folder, split, logits, references, console)
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
    """Write predictions, pictures and tables of one split, and show them."""
    names = task.label_names
    rows = task.rows[split]
    texts = rows.remove_columns([column for column in ("label",) if column in rows.column_names]).to_pandas()
    report.write_table(folder / "predictions.csv", report.prediction_table(texts, logits, references, names))
    epochs = report.epoch_table(trainer.state.log_history)
    report.write_table(folder / "report" / "epochs.csv", epochs, index=True)
    report.draw_curves(folder / "report" / "curves.png", epochs)
    console.print(report.console_table("\nEpochs", epochs.rename(columns=report.EPOCH_COLUMNS)))
    if references is None:
        console.print(f"\nThe {split} split has no labels: see predictions.csv.")
        return
    predictions = logits.argmax(axis=-1)
    figures = report_of(references, predictions, names)
    confusion = confusion_of(references, predictions, len(names))
    errors = wrong_predictions(texts, logits, references, names)
    report.write_json(
        folder / "report" / "classification_report.json", {"split": split, **figures, "confusion": confusion.tolist()}
    )
    markdown = f"# {split}: accuracy {figures['accuracy']:.4f}\n\n{report.markdown_table(report.classification_table(figures))}"
    write_file(folder / "report" / "classification_report.md", markdown)
    report.write_table(folder / "report" / "errors.csv", errors)
    report.draw_confusion(
        folder / "report" / "confusion_matrix.png", confusion, names, f"{split}: {len(errors)} of {len(texts)} wrong"
    )
    report.show_results(console, split, figures, confusion, errors, names)


def _show_head(
    console: Console, task: Task, arguments: Arguments, plan: FreezePlan, notes: list[str], threads: int, folder: Path
) -> None:
    """Print what the run is about to do."""
    training = arguments.training
    precision = "bfloat16" if training.bf16 else "float16" if training.fp16 else "float32"
    device = f"{device_name(training)}, {threads} threads, {training.world_size} process(es), {precision}"
    sizes = ", ".join(f"{split} {len(rows)}" for split, rows in task.rows.items())
    for line in (
        f"Device: {device}.",
        f"Rows: {sizes}. Labels: {', '.join(task.label_names)}.",
        *notes,
        plan.describe(task.model),
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    length = f"{training.max_steps} steps" if training.max_steps > 0 else f"{training.num_train_epochs:g} epochs"
    batch = training.per_device_train_batch_size * training.gradient_accumulation_steps * training.world_size
    console.print(
        f"Training: {length} of batches of {batch} rows, {training.optim.value}, weight decay {training.weight_decay:g}, "
        f"{training.lr_scheduler_type.value} schedule with warm-up {training.warmup_steps:g}, seed {training.seed}. "
        f"Reports to: {', '.join(training.report_to) or 'none'}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    best = (training.metric_for_best_model or "loss").removeprefix("eval_")
    kept = f"the best checkpoint by {best} on validation" if training.load_best_model_at_end else "the last state"
    console.print(f"The run ends with {kept}. Folder: {folder}", markup=False, highlight=False, soft_wrap=True)


def _show_end(console: Console, trainer: ClassifierTrainer, task: Task, folder: Path) -> None:
    """Print where everything is, and how to use the model."""
    seconds = sum(entry.get("epoch_seconds", 0) for entry in trainer.state.log_history)
    console.print(
        f"\nTraining took {seconds:.0f} s. Everything is in {folder}. To use the model:\n", markup=False, soft_wrap=True
    )
    console.print(task.usage.format(folder=folder), markup=False, highlight=False, soft_wrap=True)
