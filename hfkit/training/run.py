"""The skeleton that all recipes share: model -> Trainer -> evaluation in float32 -> report -> saved model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from rich.console import Console
from transformers import EarlyStoppingCallback, EvalPrediction, TrainerCallback
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..data.stored_rows import numbers_of
from ..errors import UserError
from ..evaluation.metrics import make_metrics
from ..features.inputs import TrainingInputs, training_inputs
from ..flags.arguments import Arguments
from ..flags.configuration import write_configuration
from ..flags.training_arguments import TrainingArguments
from ..freezing import FreezeCallback, FreezePlan, count_parameters
from ..hub.proof import write_manifest
from ..hub.push import check_can_push, push_run
from ..machine import describe_environment, use_all_cores
from ..models.base import BackboneClassifier
from ..models.losses import make_loss
from ..report import console as console_report
from ..report import tables
from ..report.summary import write_summary
from ..task import Task
from .callbacks import EpochLog, QuietProgress
from .finish import Metrics, evaluate_saved_model
from .trainer import ClassifierTrainer


def train_classifier(task: Task, arguments: Arguments[Any, Any], folder: Path) -> dict[str, float]:
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
    push = _take_push(arguments.training)
    _check_reporters(arguments.training.report_to)
    console = Console(quiet=arguments.training.process_index != 0)
    metrics = make_metrics(len(task.label_names), arguments.training.metric or ())
    _check_choice_of_best(arguments, metrics, len(task.label_names))
    _check_checkpointing(arguments, task.model)
    plan = FreezePlan(arguments.model.unfreeze_from, bool(getattr(arguments.model, "keep_batch_norm", False)))
    plan.apply(task.model)  # says at once if the layer does not exist
    weights = _class_weights(task) if arguments.training.class_weights == "balanced" else None
    notes = task.notes + _fill_learning_rates(arguments, task) + _fill_order(arguments, task)
    if weights is not None:
        pairs = zip(task.label_names, weights, strict=True)
        notes.append(f"Class weights: {', '.join(f'{name} {weight:.3f}' for name, weight in pairs)}.")
    freezing = FreezeCallback(plan)
    loss = make_loss(weights, arguments.training.label_smoothing_factor)
    inputs = training_inputs(task, arguments)
    trainer = _build_trainer(task, arguments, inputs, metrics, loss, freezing)
    if trainer.is_world_process_zero():
        write_configuration(folder, arguments)
        tables.write_json(folder / "env.json", describe_environment(arguments.training, threads))
        for name, table in task.tables.items():
            tables.write_table(folder / name, table)
    what_trains = plan.describe(task.model)
    console_report.show_run_header(
        console, task, arguments, [*task.data_notes, *notes, inputs.note, what_trains], threads, folder
    )
    outcome = trainer.train(resume_from_checkpoint=arguments.training.resume_from_checkpoint)
    passes = {"train_feature_seconds": round(inputs.seconds, 3)} if inputs.seconds else {}
    _save(trainer, task, folder, {**outcome.metrics, **passes, **_counts(task.model, freezing)})
    if trainer.is_world_process_zero():
        write_summary(
            folder, task, arguments, [*notes, what_trains, console_report.describe_training(arguments.training)]
        )
    results = evaluate_saved_model(trainer, task, folder, metrics, console)
    if trainer.is_world_process_zero():
        write_manifest(folder)
    console_report.show_end(console, trainer.state.log_history, task.usage, folder)
    if push:
        _end_process_group(trainer)
        if trainer.is_world_process_zero():
            push_run(folder, *push)
    return results


def learning_rate_by_width(width: int) -> tuple[float, str]:
    """Return the default learning rate of a Transformers encoder, and the reason.

    2e-5 for a width of 1,024 (what CT-BERT and BERT-large are fine-tuned with), growing with the inverse square of the
    width to at most 1e-4: 3.6e-5 for BERT-base, 1e-4 for MiniLM.
    """
    return float(f"{min(1e-4, 2e-5 * (1024 / width) ** 2):.2g}"), f"default for a width of {width}"


def _take_push(training: TrainingArguments) -> tuple[str, str, str | None, bool] | None:
    """Take the order to push away from the Trainer, which would push at every save, before any proof.

    Raises:
        UserError: It cannot be pushed.

    """
    if training.hub_token is not None:
        raise UserError("--hub_token would stand in the shell's history: run `hf auth login`, or set HF_TOKEN.")
    if not training.push_to_hub:
        return None
    if training.hub_revision is not None:
        raise UserError("--hub_revision: a proven push goes to the branch main and is tagged; leave the flag out.")
    training.push_to_hub = False
    if training.process_index == 0:
        check_can_push(training.hub_model_id, training.license, training.language)
    return str(training.hub_model_id), str(training.license), training.language, bool(training.hub_private_repo)


def _end_process_group(trainer: ClassifierTrainer) -> None:
    """Let the other processes go: one that waits longer for a push than `--ddp_timeout` would end them all."""
    trainer.accelerator.wait_for_everyone()
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _check_reporters(names: list[str]) -> None:
    """Refuse a tracker that is unknown or not installed."""
    available = get_available_reporting_integrations()
    for name in names:
        if name not in available:
            raise UserError(
                f"--report_to {name}: it is not installed here or unknown (there are: {', '.join(available) or 'none'}); "
                'TensorBoard comes by pip install -e ".[tensorboard]".'
            )


def _check_choice_of_best(arguments: Arguments[Any, Any], metrics: Metrics, num_labels: int) -> None:
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


def _check_checkpointing(arguments: Arguments[Any, Any], model: BackboneClassifier) -> None:
    """Refuse to trade time for memory where the backbone does not know how."""
    if arguments.training.activation_checkpointing and not model.supports_gradient_checkpointing:
        raise UserError(
            f"--activation_checkpointing (or --gradient_checkpointing): the backbone {arguments.model.backbone} does not "
            "support it; lower --per_device_train_batch_size and raise --gradient_accumulation_steps by as much."
        )


def _fill_learning_rates(arguments: Arguments[Any, Any], task: Task) -> list[str]:
    """Fill in the learning rates that were not given, and say which.

    The head's default is 1e-3, since it starts from random weights, be the backbone frozen or not.
    """
    training = arguments.training
    origin, head_origin = "given", "given"
    if training.learning_rate is None:
        training.learning_rate, origin = task.learning_rate
    if training.head_learning_rate is None:
        training.head_learning_rate, head_origin = 1e-3, "default"
    arguments.flags |= {
        "learning_rate": training.learning_rate,
        "head_learning_rate": training.head_learning_rate,
        "bf16": training.bf16,
    }
    rates = f"head {training.head_learning_rate:g} ({head_origin})"
    if arguments.model.unfreeze_from != "none":
        rates = f"backbone {training.learning_rate:g} ({origin}), {rates}"
    return [f"Learning rates: {rates}."]


def _fill_order(arguments: Arguments[Any, Any], task: Task) -> list[str]:
    """Fill in the order of the training rows where it was not given, and for texts say which.

    Batches of similar length cost accuracy where layers of the encoder train; random ones are computed in parts (see
    `encoders.by_length`). A BiGRU on a frozen encoder loses nothing by them, and its time is that of its steps, which parts
    would multiply.
    """
    training, origin = arguments.training, "given"
    if "length" not in task.inputs["train"].column_names:
        return []
    if training.train_sampling_strategy is None:
        only_steps = arguments.model.unfreeze_from == "none" and task.model.config.head == "bigru"
        training.train_sampling_strategy, origin = "group_by_length" if only_steps else "random", "default"
        arguments.flags["train_sampling_strategy"] = training.train_sampling_strategy
    return [f"Order of the rows: {training.train_sampling_strategy} ({origin})."]


def _build_trainer(
    task: Task,
    arguments: Arguments[Any, Any],
    inputs: TrainingInputs,
    metrics: Metrics,
    loss: Callable[..., torch.Tensor] | None,
    freezing: FreezeCallback,
) -> ClassifierTrainer:
    training = arguments.training

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        return metrics(np.asarray(prediction.predictions), np.asarray(prediction.label_ids))

    callbacks: list[TrainerCallback] = [freezing, EpochLog(), *inputs.callbacks]
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
    counts = np.bincount(numbers_of(task.rows["train"], "label"), minlength=len(task.label_names))
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
    task.model.drop_training_parts()
    trainer.save_model(str(folder))
    trainer.save_state()
    trainer.save_metrics("train", metrics)
    if trainer.is_world_process_zero():
        (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle; hfkit.yaml says the same
        (folder / "model.safetensors").chmod(0o644)  # transformers writes it for the user alone
    trainer.accelerator.wait_for_everyone()
