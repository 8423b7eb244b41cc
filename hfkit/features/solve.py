"""A head solved as one convex problem on stored features and n-grams; everything about it is chosen inside the training rows."""

import time
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix

from ..data.ngrams import MOST_NGRAMS, NgramVocabulary, fit_ngrams, ngram_matrix
from ..evaluation.calibration import expected_calibration_error, fit_temperature
from .by_iteration import FINAL_TOLERANCE, most_features
from .candidates import PENALTIES, STATE_WEIGHTS, Candidate, Scored, list_layer_sets
from .choose import CHOICE_ROWS, Search, choose
from .folds import can_be_scored, draw_rows, group_images, group_texts, make_folds
from .linear import LinearFit, Problem
from .linear_fits import fit_linear
from .solution import Solution, SolverInputs
from .standardise import Standardiser

SELECTION_ROWS = 10_000
"""More rows are sampled for what folds tell; the chosen head is fitted on all."""
FIT_BYTES = 4_000_000_000
"""Memory of the features that the chosen head is fitted on; where all rows take more, it is fitted on a sample."""


def solve_head(inputs: SolverInputs, say: Callable[[Scored], None] = lambda scored: None) -> Solution:
    """Choose layers, poolings, n-grams and penalties by folds inside the rows, fit the chosen head on all, and calibrate it.

    Neither validation nor test rows have a part in it. Near-duplicates stand in one fold.

    Args:
        inputs: The rows.
        say: Is told each candidate as soon as it is scored.

    """
    started = time.perf_counter()
    rows, remarks = _sample_rows(inputs)
    standardiser = Standardiser.fit(inputs.features)
    weights = weigh_rows(inputs)
    every = read_ngrams(inputs, rows, 1) if inputs.token_ids is not None else None
    rows, groups, unscored = _group(inputs, standardiser, rows, every)
    folds = make_folds(inputs.labels[rows], groups, inputs.seed)
    best = None
    if folds:
        ngrams = _ngram_matrices(inputs, rows, None if unscored else every) if inputs.with_ngrams else {}
        search = Search(inputs, rows, standardiser, folds, weights, say, ngrams)
        sample = search.on_sample(
            CHOICE_ROWS, "candidates", lambda some: _ngram_matrices(inputs, some, None) if ngrams else {}
        )
        best = search.finish(choose(sample).candidate)
        remarks = (*remarks, *search.remarks, *unscored)
    else:
        remarks = (
            *remarks,
            "all classes but one have a single row, or near-duplicates alone: nothing is chosen or calibrated",
        )
    candidate = best.candidate if best else _default_candidate(inputs)
    temperature, out_of_fold, calibration = 1.0, None, None
    if best is not None:
        logits, labels = two_sided(best.logits), inputs.labels[rows]
        temperature = fit_temperature(logits, labels)
        out_of_fold = logits / temperature
        scores = inputs.kind.scores
        calibration = tuple(expected_calibration_error(scores(part), labels) for part in (logits, out_of_fold))
    fit, vocabulary, fit_remarks = _fit(inputs, candidate, standardiser, weights)
    fit = LinearFit(fit.dense / temperature, fit.sparse / temperature, fit.bias / temperature)
    return Solution(
        candidate=candidate,
        standardiser=standardiser,
        fit=fit,
        vocabulary=vocabulary,
        temperature=temperature,
        rows=rows,
        groups=groups,
        out_of_fold=out_of_fold,
        scored=tuple(item.without_logits() for item in search.scored) if best else (),
        calibration=calibration,  # type: ignore[arg-type]
        seconds=time.perf_counter() - started,
        remarks=(*remarks, *fit_remarks),
        folds=tuple(folds),
        is_multi_label=inputs.labels.ndim == 2,
    )


def _group(
    inputs: SolverInputs, standardiser: Standardiser, rows: np.ndarray, ngrams: csr_matrix | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the rows that can be scored out of fold, the numbers of their groups of near-duplicates, and what is said of others.

    Near-duplicates of texts are told by their n-grams (rows, count). The head is fitted on the other rows, too.
    """
    if ngrams is not None:
        groups = group_texts(ngrams)
    else:
        groups = group_images(standardiser.apply(inputs.features, list(inputs.groups)[-1:], rows).numpy())
    labels = inputs.labels[rows]
    is_scored = can_be_scored(labels, groups)
    if is_scored.all():
        return rows, groups, ()
    remark = (
        f"{len(np.unique(labels[~is_scored])):,} classes have a single row, or near-duplicates alone: the head is fitted on "
        f"these {np.sum(~is_scored):,} rows, and nothing is chosen or calibrated by them"
    )
    return rows[is_scored], groups[is_scored], (remark,)


def two_sided(logits: np.ndarray) -> np.ndarray:
    """Return (rows, classes) logits: one logit z of two classes becomes -z/2 and z/2, which have the same softmax."""
    return np.concatenate([-logits / 2, logits / 2], axis=1) if logits.shape[1] == 1 else logits


def _default_candidate(inputs: SolverInputs) -> Candidate:
    """Return what is fitted where nothing can be chosen."""
    name, groups = next(iter(list_layer_sets(inputs.groups, layers_are_given=True).items()))
    ngrams = inputs.token_ids is not None and inputs.with_ngrams and inputs.ngrams_are_given
    weight = STATE_WEIGHTS[1] if ngrams else 1.0
    return Candidate(name, groups, PENALTIES[1], weight, int(ngrams), inputs.losses[0])


def _sample_rows(inputs: SolverInputs) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the rows that the choice is made on, and what is to be said of them."""
    total = len(inputs.labels)
    if total <= SELECTION_ROWS:
        return np.arange(total), ()
    return draw_rows(inputs.labels, SELECTION_ROWS, inputs.seed), (
        f"what is chosen is scored on {SELECTION_ROWS:,} of {total:,} rows",
    )


def weigh_rows(inputs: SolverInputs) -> np.ndarray:
    """Return how much each row (rows,) counts: by the weight of its class."""
    if inputs.class_weights is None or inputs.positive_weights is not None:
        return np.ones(len(inputs.labels), np.float32)
    return np.asarray(inputs.class_weights, np.float32)[inputs.labels]


def _ngram_matrices(inputs: SolverInputs, rows: np.ndarray, every: csr_matrix | None) -> dict[int, csr_matrix]:
    """Return the TF-IDF of the n-grams of some rows, by the rows that an n-gram has to be in; `every` is that for 1."""
    if inputs.token_ids is None:
        return {}
    first = read_ngrams(inputs, rows, 1) if every is None else every
    matrices = {1: first, 2: read_ngrams(inputs, rows, 2)}
    return {least: matrix for least, matrix in matrices.items() if matrix.shape[1]}


def read_ngrams(inputs: SolverInputs, rows: np.ndarray, least: int) -> csr_matrix:
    """Return the TF-IDF (rows, count) of the n-grams that are in `least` of some rows or more; all these rows make the idf."""
    return _collect_ngrams(inputs, rows, least)[1]


def _collect_ngrams(inputs: SolverInputs, rows: np.ndarray, least: int) -> tuple[NgramVocabulary, csr_matrix]:
    """Return the n-grams of some rows, as many as there is memory for weights of all classes, and their TF-IDF (rows, count)."""
    assert inputs.token_ids is not None
    ids = [inputs.token_ids[int(row)] for row in rows]
    limit = min(MOST_NGRAMS, most_features(inputs.classes))
    vocabulary = fit_ngrams(ids, inputs.special_ids, inputs.longest, least, limit)
    return vocabulary, ngram_matrix(ids, vocabulary).astype(np.float32)


def _fit(
    inputs: SolverInputs, candidate: Candidate, standardiser: Standardiser, weights: np.ndarray
) -> tuple[LinearFit, NgramVocabulary | None, tuple[str, ...]]:
    """Fit the chosen head on all rows, or on a sample of those that memory has room for."""
    width = sum(group.width for group in candidate.groups)
    most = FIT_BYTES // max(4 * width, 1)
    rows = np.arange(len(inputs.labels))
    remarks: tuple[str, ...] = ()
    if len(rows) > most:
        rows = draw_rows(inputs.labels, most, inputs.seed)
        remarks = (f"the head is fitted on {len(rows):,} of {len(inputs.labels):,} rows",)
    vocabulary, ngrams = None, None
    if candidate.min_document_frequency:
        vocabulary, ngrams = _collect_ngrams(inputs, rows, candidate.min_document_frequency)
        if vocabulary.dropped:
            remarks = (*remarks, f"{vocabulary.dropped:,} rarer n-grams are left out")
    features = standardiser.apply(inputs.features, candidate.groups, rows) if candidate.groups else None
    problem = Problem(candidate.penalty, weights[rows], candidate.state_weight, candidate.loss)
    labels, positive = inputs.labels[rows], inputs.positive_weights
    [fit] = fit_linear(features, ngrams, labels, inputs.classes, [problem], FINAL_TOLERANCE, positive_weights=positive)
    return fit, vocabulary, remarks
