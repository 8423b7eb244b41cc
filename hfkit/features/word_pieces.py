"""The baseline of word pieces: the linear classifier of n-grams alone, fitted on a part of very many rows."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from ..data.ngrams import Rows, find_special_ids
from ..data.stored_rows import read_column
from ..evaluation.baselines import WORD_PIECES, Baseline
from .ngram_classifier import fit_ngram_classifier

MOST_ROWS = 100_000
"""Rows that it is fitted on; of more a part is drawn."""
SEED = 0
_ROWS_AT_ONCE = 10_000


def predict_word_pieces(
    train: Dataset, train_labels: np.ndarray, shown: Sequence[Dataset], tokenizer: PreTrainedTokenizerBase
) -> Baseline:
    """Fit a linear SVM on the TF-IDF of 1- and 2-grams of train's token ids, and predict the shown rows.

    It is the classifier that `--ngrams` puts beside a net. Nothing is tuned: each n-gram of train counts, in however few rows.

    Args:
        train: With token ids in `input_ids`.
        train_labels: (rows,) label ids of train, or (rows, labels) of 0 and 1 with any number of labels a row.
        shown: Splits with token ids.
        tokenizer: Says which ids are no piece of a text.

    Returns:
        The predictions of the splits, one behind the other.

    Raises:
        ValueError: Train has one class, or not a single token.

    """
    start = time.perf_counter()
    chosen = draw_baseline_rows(len(train_labels))
    if chosen is not None:
        train, train_labels = train.select(chosen), train_labels[chosen]
    several = train_labels.ndim > 1
    classes, labels = np.unique(train_labels, return_inverse=True)
    count = train_labels.shape[1] if several else len(classes)
    if count < 2:
        raise ValueError("train has one class")
    special_ids = find_special_ids(tokenizer)
    classifier = fit_ngram_classifier(
        *(read_column(train, "input_ids"), train_labels if several else labels, count, special_ids),
        seed=SEED,
        min_document_frequency=1,
    )
    if classifier is None:
        raise ValueError("train has no word pieces")
    scores = _score(shown, classifier.scores)
    predictions = scores > 0 if several else classes[scores.argmax(axis=1)]
    return Baseline(WORD_PIECES, predictions, time.perf_counter() - start)


def _score(shown: Sequence[Dataset], score: Callable[[Rows], np.ndarray]) -> np.ndarray:
    """Return the scores (rows, classes) of the rows of some splits, one behind the other."""
    scores = []
    for rows in shown:
        for start_row in range(0, len(rows), _ROWS_AT_ONCE):  # not all ids are in memory at a time
            part = rows.select(range(start_row, min(start_row + _ROWS_AT_ONCE, len(rows))))
            scores.append(score(read_column(part, "input_ids")))
    return np.concatenate(scores) if scores else np.zeros((0, 1))


def draw_baseline_rows(total: int, limit: int = MOST_ROWS) -> np.ndarray | None:
    """Return which rows of train the baseline is fitted on, in their order; None: all."""
    if total <= limit:
        return None
    return np.sort(np.random.default_rng(SEED).choice(total, limit, replace=False))
