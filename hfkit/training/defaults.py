"""Values that depend on model and data, where none were given."""

from typing import Any

import numpy as np

from ..flags.class_weights import BALANCED, NONE, match_class_weights, parse_class_weights
from ..flags.kinds import Arguments
from ..flags.solver import BOTH, is_solved
from ..flags.training_arguments import TrainingArguments
from ..notes import Note
from ..task import Task

FILLED_IN = ("bf16", "head_learning_rate", "learning_rate", "save_total_limit", "solver", "train_sampling_strategy")
"""Flags that are filled in by model, data and machine where they are not given."""


def lora_learning_rate(of_fine_tuning: float) -> float:
    """Return the default learning rate of adapters, of that of fine-tuning: ten times as much, from 2e-4 to 1e-3.

    The factor is what Schulman et al. measured ("LoRA Without Regret", Thinking Machines Lab, 2025). For
    RoBERTa-large, of a width of 1,024, that is 2e-4, of which Hu et al. (arXiv 2106.09685, table 9) have 2e-4 to 4e-4, and
    for BERT-base 3.6e-4, of which they have 4e-4 to 5e-4 for RoBERTa-base; GPT-3 had 2e-4.
    """
    return float(f"{min(max(10 * of_fine_tuning, 2e-4), 1e-3):.2g}")


def fill_learning_rates(training: TrainingArguments, arguments: Arguments[Any, Any], task: Task) -> list[Note]:
    """Fill in the learning rates that were not given, and say which; nothing for a head that is solved alone.

    The head's default is 1e-3, since it starts from random weights, be the backbone frozen or not; a head that was solved before
    trains at the backbone's rate.
    """
    if is_solved(training):
        return []
    origin = head_origin = "given"
    adapts = arguments.model.peft == "lora"
    if "learning_rate" not in arguments.given:
        default, origin = task.learning_rate
        if adapts:
            default, origin = lora_learning_rate(default), "default: ten times that of fine-tuning, from 2e-4 to 1e-3"
        if training.learning_rate is None:
            training.learning_rate = default
    if "head_learning_rate" not in arguments.given:
        head_origin = "as the backbone, since it starts solved" if training.solver == BOTH else "default"
        if training.head_learning_rate is None:
            training.head_learning_rate = training.learning_rate if training.solver == BOTH else 1e-3
    rates = f"head {training.head_learning_rate:g} ({head_origin})"
    if adapts or arguments.model.unfreeze_from != "none":
        rates = f"{'adapters' if adapts else 'backbone'} {training.learning_rate:g} ({origin}), {rates}"
    return [Note("learning_rates", f"Learning rates: {rates}.")]


def fill_order(training: TrainingArguments, arguments: Arguments[Any, Any], task: Task) -> list[Note]:
    """Fill in the order of the training rows where it was not given, and for texts say which.

    Batches of similar length cost accuracy where layers of the encoder train; random ones are computed in parts (see
    `encoders.encode_in_parts`). A BiGRU on a frozen encoder loses nothing by them, and its time is that of its steps, which parts
    would multiply.
    """
    if training.train_sampling_strategy is None:
        is_text = "length" in task.inputs["train"].column_names
        is_frozen = arguments.model.unfreeze_from == "none" and arguments.model.peft == "none"
        only_steps = is_text and is_frozen and task.model.config.head == "bigru"
        training.train_sampling_strategy = "group_by_length" if only_steps else "random"
    if is_solved(training):
        return []
    if training.train_sampling_strategy == BALANCED:
        rows, classes = len(task.rows["train"]), len(task.label_names)
        text = f"an epoch draws {rows:,} rows, about {rows / classes:,.0f} of each class, so that those of rare ones come again"
        return [Note("order", f"Order of the rows: balanced ({text}).")]
    if "length" not in task.inputs["train"].column_names:
        return []
    origin = "given" if "train_sampling_strategy" in arguments.given else "default"
    return [Note("order", f"Order of the rows: {training.train_sampling_strategy} ({origin}).")]


def weigh_classes(training: TrainingArguments, task: Task) -> tuple[tuple[float, ...] | None, list[Note]]:
    """Return a weight for each class where they are given or to be balanced, and what is said of them.

    With any number of labels a row a label counts by its weight in the rows that have it.
    """
    given = parse_class_weights(training.class_weights)
    if given == NONE:
        return None, []
    if isinstance(given, dict):
        weights = match_class_weights(given, task.label_names)
    else:
        weights = _balance(task.training_labels(), len(task.label_names))
    pairs = zip(task.label_names, weights, strict=True)
    what = "Weights of the labels where they are there" if task.is_multi_label else "Class weights"
    text = f"{what}: {', '.join(f'{name} {weight:.3f}' for name, weight in pairs)}."
    return weights, [Note("class_weights", text)]


def _balance(labels: np.ndarray, classes: int) -> tuple[float, ...]:
    """Return scikit-learn's balanced weights: rows / (classes * rows of the class).

    With any number of labels a row, (rows, labels), they are rows without the label / rows with it, so that both kinds of rows
    weigh the same.
    """
    if labels.ndim > 1:
        present = labels.sum(axis=0)
        varies = (present > 0) & (present < len(labels))
        return tuple(np.where(varies, (len(labels) - present) / np.maximum(present, 1), 1.0).tolist())
    counts = np.bincount(labels, minlength=classes)
    return tuple((counts.sum() / (len(counts) * np.maximum(counts, 1))).tolist())


def note_loss(training: TrainingArguments) -> list[Note]:
    """Say that the loss is a focal one, or one of adjusted logits."""
    if is_solved(training):
        return []
    notes = []
    if training.focal_gamma:
        gamma = f"{training.focal_gamma:g}"
        text = f"Loss: focal with gamma {gamma}: a row counts less, the better it is predicted (Lin et al. 2017)."
        notes.append(Note("focal_loss", text))
    if training.logit_adjustment:
        text = (
            f"Loss: of logits with {training.logit_adjustment:g} times the logarithm of each class's share of the rows, so that "
            "rare classes get a larger margin (Menon et al. 2021)."
        )
        notes.append(Note("logit_adjustment", text))
    return notes


def fill_checkpoints(training: TrainingArguments) -> None:
    """Keep two checkpoints while a net trains where no number was given: of one that is damaged there is the one before."""
    if training.save_total_limit is None:
        training.save_total_limit = 2


def leave_out_evaluations(training: TrainingArguments) -> None:
    """Let a run whose head is solved alone neither evaluate nor save on the way, for there is none."""
    if is_solved(training):
        training.eval_strategy, training.save_strategy, training.load_best_model_at_end = "no", "no", False
