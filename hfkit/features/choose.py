"""The choice of a solved head by folds: its layers and poolings, its penalty, and whether n-grams are part of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix

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
from .convex import FINAL_TOLERANCE, TOLERANCE
from .folds import draw_rows
from .solution import SolverInputs
from .standardise import Standardiser

LAYER_ROWS = 3_000
"""Layers and poolings differ by much: they are compared on a sample."""


@dataclass
class Search:
    """The rows of a choice, and what has been compared on them.

    Attributes:
        inputs: All rows.
        rows: (sample,) indices of those of the choice.
        standardiser: Of the features of all rows.
        folds: Of `rows`, the places in each fold.
        weights: (rows,) how much each of all rows counts.
        say: Is told each candidate as soon as it is scored.
        ngrams: TF-IDF (sample, n-grams) by the rows that an n-gram has to be in; none: no n-grams are part of the head.
        scored: All candidates so far, also on a part of the rows.
        known: Those that were scored on these rows.
        remarks: What was sampled.

    """

    inputs: SolverInputs
    rows: np.ndarray
    standardiser: Standardiser
    folds: list[np.ndarray]
    weights: np.ndarray
    say: Callable[[Scored], None]
    ngrams: dict[int, csr_matrix] = field(default_factory=dict)
    scored: list[Scored] = field(default_factory=list)
    known: dict[Candidate, Scored] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def compare(self, candidates: Sequence[Candidate]) -> Scored:
        """Score candidates that read the same features, each once, and return the best of them."""
        new = [candidate for candidate in candidates if candidate not in self.known]
        for item in self._score(new, TOLERANCE) if new else ():
            self.known[item.candidate] = item
            self.scored.append(item)
            self.say(item)
        return choose_best([self.known[candidate] for candidate in candidates])

    def finish(self, candidate: Candidate) -> Scored:
        """Score the chosen candidate again by fits that are as exact as the one on all rows, which its calibration is for."""
        [exact] = self._score([candidate], FINAL_TOLERANCE)
        self.scored = [*(item for item in self.scored if item.candidate != candidate), exact]
        return exact

    def _score(self, candidates: Sequence[Candidate], tolerance: float) -> list[Scored]:
        first, labels, weights = candidates[0], self.inputs.labels[self.rows], self.weights[self.rows]
        features = self.standardiser.apply(self.inputs.features, first.groups, self.rows) if first.groups else None
        ngrams = self.ngrams[first.min_document_frequency] if first.min_document_frequency else None
        count, positive = self.inputs.classes, self.inputs.positive_weights
        return score_candidates(candidates, features, ngrams, labels, count, self.folds, weights, tolerance, positive)


def choose(search: Search) -> Scored:
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
    both = choose_best([weighed, _choose_penalty(search, weighed.candidate)])
    return (
        both if inputs.ngrams_are_given else choose_best([layers, both])
    )  # n-grams stay where they are right more often


def _choose_penalty(search: Search, candidate: Candidate) -> Scored:
    """Compare penalties, and go on past the smallest or the largest one for as long as that is better."""
    best = search.compare([replace(candidate, penalty=penalty) for penalty in PENALTIES])
    for edge, further in ((PENALTIES[0], SMALLER_PENALTIES), (PENALTIES[-1], LARGER_PENALTIES)):
        for penalty in further:
            if best.candidate.penalty != edge:
                break
            best = choose_best([best, search.compare([replace(candidate, penalty=penalty)])])
            edge = penalty
    return best


def _choose_layers(search: Search) -> Candidate:
    """Compare spans of layers and poolings on a sample, with one penalty."""
    inputs, sets = search.inputs, list_layer_sets(search.inputs.groups, search.inputs.layers_are_given)
    candidates = [Candidate(name, groups, PENALTIES[1]) for name, groups in sets.items()]
    if len(candidates) == 1:
        return candidates[0]
    labels = inputs.labels[search.rows]
    if len(labels) > LAYER_ROWS:
        sample = search.rows[draw_rows(labels, LAYER_ROWS, inputs.seed)]
        places = np.searchsorted(search.rows, sample)
        folds = [np.flatnonzero(np.isin(places, fold)) for fold in search.folds]
        search.remarks.append(f"layers and poolings are compared on {len(sample):,} of {len(inputs.labels):,} rows")
        search = replace(search, rows=sample, folds=folds, ngrams={}, known={})
    return choose_best([search.compare([candidate]) for candidate in candidates]).candidate


def _name_ngrams(least: int) -> str:
    return "n-grams" if least == 1 else f"n-grams in {least} rows or more"
