"""N-grams beside a trained net: their score is fitted on train, weighed on validation, and made part of the model."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console

from ..data.ngrams import find_special_ids
from ..data.stored_rows import read_column
from ..evaluation.predict import predict_logits
from ..evaluation.weighing import WEIGHTS, Weighing, choose_weight
from ..features.ngram_classifier import NgramClassifier, fit_ngram_classifier
from ..models.ngrams import describe_lengths
from ..notes import Note
from ..task import Task
from .fitted import Fitted
from .settings import RunSettings


def add_ngrams(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> Fitted:
    """Fit n-grams on train and add their score to the trained net, with one weight and one temperature, if flags ask for them.

    All processes call it; the main one fits. Nothing but the last linear layer changes, and the model gets its n-grams.

    Returns:
        What training left, with what there is to say of the n-grams.

    """
    longest = settings.arguments.model.longest_ngram()
    if not longest or fitted.solved is not None:  # solved heads have theirs already
        return fitted
    start = perf_counter()
    validation = task.inputs["validation"]
    net = predict_logits(task.model, validation, task.collator, settings.training.per_device_eval_batch_size)
    if not np.isfinite(net).all():  # the training diverged, which the evaluation says
        return fitted
    classifier = _fit(task, settings, longest)
    metrics: dict[str, float] = {}
    if classifier is None:
        note = Note("ngrams", "N-grams: none, for the training rows have no n-gram or one class.")
    else:
        scores = classifier.scores(read_column(validation, "input_ids"))
        weighing = choose_weight(net, scores, read_column(validation, "labels"))
        note = Note("ngrams", describe(classifier, weighing))
        metrics = {"ngram_weight": weighing.weight, "ngram_seconds": round(perf_counter() - start, 3)}
        if weighing.weight:
            fold_in(task.model, classifier, weighing)
            metrics |= {"ngram_count": len(classifier.vocabulary), "temperature": round(weighing.temperature, 4)}
    console.print(f"\n{note.text}", markup=False, highlight=False, soft_wrap=True)
    return replace(fitted, metrics={**fitted.metrics, **metrics}, notes=[*fitted.notes, note])


def _fit(task: Task, settings: RunSettings, longest: int) -> NgramClassifier | None:
    """Let the main process fit, and return what it has to all."""
    state = PartialState()
    fitted: list[NgramClassifier | None] = [None]
    if state.is_main_process:
        train = task.inputs["train"]
        fitted = [
            fit_ngram_classifier(
                read_column(train, "input_ids"),
                read_column(train, "labels"),
                len(task.label_names),
                find_special_ids(task.processor),
                longest,
                settings.class_weights,
                settings.training.seed,
            )
        ]
    if state.num_processes > 1:
        broadcast_object_list(fitted)
    return fitted[0]


@torch.no_grad()
def fold_in(model: Any, classifier: NgramClassifier, weighing: Weighing) -> None:
    """Make weight, temperature and the score's bias part of the weights: of the last linear layer and of the n-grams.

    Args:
        model: A `TextClassifier`.
        classifier: N-grams and their scores.
        weighing: Weight and temperature.

    """
    last = model.classifier.linear
    share, vocabulary = weighing.weight / weighing.temperature, classifier.vocabulary
    weight, bias = classifier.weight * share, classifier.bias * share
    if len(last.bias) == 1:  # one sigmoid logit is the second class against the first
        weight, bias = weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]
    last.weight.div_(weighing.temperature)
    last.bias.div_(weighing.temperature).add_(torch.as_tensor(bias).to(last.bias))
    model.set_ngrams(vocabulary.keys, vocabulary.idf, weight, vocabulary.special_ids, vocabulary.longest)


def describe(classifier: NgramClassifier, weighing: Weighing) -> str:
    """Say what the n-grams are, how much they count, and what that changes on validation."""
    vocabulary = classifier.vocabulary
    kinds = describe_lengths(vocabulary.longest)
    dropped = f", {vocabulary.dropped:,} rarer ones were dropped" if vocabulary.dropped else ""
    chosen = classifier.describe_shares()
    how = f", {classifier.not_chosen}" if classifier.not_chosen else ""
    if chosen:
        how = f", chosen out of fold, near-duplicates in one fold, by the share that is right: {chosen}"
    if not classifier.has_converged:
        how += "; the solver stopped at the last of its iterations"
    least = classifier.min_document_frequency
    what = f"{len(vocabulary):,} {kinds} of word pieces{dropped}; each in {least} or more training rows"
    if not weighing.weight:
        return f"N-grams: none, for no weight of their score lowers the log-loss on validation ({what}{how})."
    tried = ", ".join(f"{weight:g}" for weight in WEIGHTS)
    return (
        f"N-grams: {what}{how}. Their score, of a linear SVM, counts {weighing.weight:g} times beside the net's logits (of "
        f"{tried}, by log-loss on validation), and the sum is divided by {weighing.temperature:.3g}. Validation "
        f"{weighing.describe()}."
    )
