"""A head solved as one convex problem on stored features and n-grams; everything about it is chosen inside the training rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix

from ..data.ngrams import MOST_NGRAMS, NgramVocabulary, fit_ngrams, ngram_matrix
from ..evaluation.calibration import expected_calibration_error, fit_temperature
from ..evaluation.metrics import softmax
from .candidates import (
    LARGER_PENALTIES,
    PENALTIES,
    SMALLER_PENALTIES,
    STATE_WEIGHTS,
    Candidate,
    Scored,
    choose_best,
    list_layer_sets,
    score_candidates,
)
from .convex import FINAL_TOLERANCE, TOLERANCE, LinearFit, Problem, fit_linear, most_features
from .folds import can_be_scored, group_images, group_texts, make_folds
from .solution import Solution, SolverInputs
from .standardise import Standardiser

LAYER_ROWS = 3_000
"""Layers and poolings differ by much: they are compared on a sample."""
SELECTION_ROWS = 10_000
"""More rows are sampled for the choice; the chosen head is fitted on all."""
FIT_BYTES = 4_000_000_000
"""Memory of the features that the chosen head is fitted on; where all rows take more, it is fitted on a sample."""


@dataclass
class _Search:
    """The rows of a choice, and what has been compared on them."""

    inputs: SolverInputs
    rows: np.ndarray
    standardiser: Standardiser
    folds: list[np.ndarray]
    weights: np.ndarray
    say: Callable[[Scored], None]
    scored: list[Scored] = field(default_factory=list)
    ngrams: dict[int, csr_matrix] = field(default_factory=dict)

    def compare(self, candidates: Sequence[Candidate]) -> Scored:
        """Score candidates that read the same features, and return the best of them."""
        scored = self._score(candidates, TOLERANCE)
        self.scored += scored
        for item in scored:
            self.say(item)
        return choose_best(scored)

    def finish(self, candidate: Candidate) -> Scored:
        """Score the chosen candidate again by fits that are as exact as the one on all rows, which its calibration is for."""
        [exact] = self._score([candidate], FINAL_TOLERANCE)
        self.scored = [*(item for item in self.scored if item.candidate != candidate), exact]
        return exact

    def _score(self, candidates: Sequence[Candidate], tolerance: float) -> list[Scored]:
        first, labels, weights = candidates[0], self.inputs.labels[self.rows], self.weights[self.rows]
        features = self.standardiser.apply(self.inputs.features, first.groups, self.rows) if first.groups else None
        ngrams = self.ngrams[first.min_document_frequency] if first.min_document_frequency else None
        count = self.inputs.classes
        return score_candidates(candidates, features, ngrams, labels, count, self.folds, weights, tolerance)


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
        search = _Search(inputs, rows, standardiser, folds, weights, say, ngrams=ngrams)
        best = search.finish(_choose(search).candidate)
        remarks = (*remarks, *unscored)
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
        calibration = tuple(expected_calibration_error(softmax(part), labels) for part in (logits, out_of_fold))
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


def _choose(search: _Search) -> Scored:
    """Compare layers, then penalties, then n-grams, then both together: their weights, then penalties."""
    inputs = search.inputs
    chosen = _choose_layers(search)
    layers = _choose_penalty(search, chosen)
    if not search.ngrams:
        return layers
    ngrams = choose_best(
        [
            _choose_penalty(search, Candidate(_name_ngrams(least), (), PENALTIES[1], 1.0, least))
            for least in search.ngrams
        ]
    )
    least = ngrams.candidate.min_document_frequency
    name = f"{chosen.name}, and {_name_ngrams(least)}"
    weighed = search.compare([Candidate(name, chosen.groups, PENALTIES[1], weight, least) for weight in STATE_WEIGHTS])
    both = _choose_penalty(search, weighed.candidate, weighed)
    return both if inputs.ngrams_are_given else choose_best([both, layers])


def _choose_penalty(search: _Search, candidate: Candidate, known: Scored | None = None) -> Scored:
    """Compare penalties, and go on past the smallest or the largest one for as long as that is better.

    Args:
        search: The rows.
        candidate: Whose penalty is chosen.
        known: Its score with its own penalty, where it has been compared already.

    """
    candidates = [replace(candidate, penalty=penalty) for penalty in PENALTIES]
    if known is None:
        best = search.compare(candidates)
    else:
        best = choose_best([known, search.compare([other for other in candidates if other != candidate])])
    for edge, further in ((PENALTIES[0], SMALLER_PENALTIES), (PENALTIES[-1], LARGER_PENALTIES)):
        for penalty in further:
            if best.candidate.penalty != edge:
                break
            best = choose_best([best, search.compare([replace(candidate, penalty=penalty)])])
            edge = penalty
    return best


def _choose_layers(search: _Search) -> Candidate:
    """Compare spans of layers and poolings on a sample, with one penalty."""
    inputs, sets = search.inputs, list_layer_sets(search.inputs.groups, search.inputs.layers_are_given)
    candidates = [Candidate(name, groups, PENALTIES[1]) for name, groups in sets.items()]
    if len(candidates) == 1:
        return candidates[0]
    labels = inputs.labels[search.rows]
    sample = search.rows if len(labels) <= LAYER_ROWS else search.rows[draw_rows(labels, LAYER_ROWS, inputs.seed)]
    places = np.searchsorted(search.rows, sample)
    folds = [np.flatnonzero(np.isin(places, fold)) for fold in search.folds]
    smaller = replace(search, rows=sample, folds=folds, ngrams={})
    return choose_best([smaller.compare([candidate]) for candidate in candidates]).candidate


def _name_ngrams(least: int) -> str:
    return "n-grams" if least == 1 else f"n-grams in {least} rows or more"


def _default_candidate(inputs: SolverInputs) -> Candidate:
    """Return what is fitted where nothing can be chosen."""
    name, groups = next(iter(list_layer_sets(inputs.groups, layers_are_given=True).items()))
    ngrams = inputs.token_ids is not None and inputs.with_ngrams and inputs.ngrams_are_given
    return Candidate(name, groups, PENALTIES[1], STATE_WEIGHTS[1] if ngrams else 1.0, int(ngrams))


def _sample_rows(inputs: SolverInputs) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the rows that the choice is made on, and what is to be said of them."""
    total = len(inputs.labels)
    if total <= SELECTION_ROWS:
        return np.arange(total), ()
    return draw_rows(inputs.labels, SELECTION_ROWS, inputs.seed), (
        f"the choice is made on {SELECTION_ROWS:,} of {total:,} rows",
    )


def draw_rows(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw about `count` rows, each class by its share and with at least two rows where it has them; in ascending order."""
    generator, share = np.random.default_rng(seed), count / len(labels)
    drawn = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        drawn.append(generator.choice(own, min(len(own), max(2, round(share * len(own)))), replace=False))
    return np.sort(np.concatenate(drawn))


def weigh_rows(inputs: SolverInputs) -> np.ndarray:
    """Return how much each row (rows,) counts: by the weight of its class."""
    if inputs.class_weights is None:
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
    problem = Problem(candidate.penalty, weights[rows], candidate.state_weight)
    [fit] = fit_linear(features, ngrams, inputs.labels[rows], inputs.classes, [problem], FINAL_TOLERANCE)
    return fit, vocabulary, remarks
