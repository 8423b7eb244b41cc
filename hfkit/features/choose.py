"""The choice of a solved head by folds: its layers and poolings, its penalty, and whether n-grams are part of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.sparse import csr_matrix

from .by_iteration import FINAL_TOLERANCE, TOLERANCE
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
from .closed_form import RowProducts, multiply_dense, multiply_sparse
from .folds import draw_rows
from .linear_fits import has_closed_form
from .solution import SolverInputs
from .standardise import Standardiser

CHOICE_ROWS = 4_000
"""Penalties, weights and n-grams are compared on so many rows at most; what is chosen is then scored on all."""
LAYER_ROWS = 3_000
"""Layers and poolings differ by more."""


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
        products: Inner products of these rows, by the groups of features, or the rows that an n-gram has to be in.
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
    products: dict[object, torch.Tensor] = field(default_factory=dict)
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
        """Score the chosen candidate again, to the end as the fit on all rows, which its calibration is for."""
        [exact] = self._score([candidate], FINAL_TOLERANCE)
        self.products.clear()  # they take much memory
        self.scored = [*(item for item in self.scored if item.candidate != candidate), exact]
        return exact

    def on_sample(self, count: int, what: str, ngrams: Callable[[np.ndarray], dict[int, csr_matrix]]) -> "Search":
        """Return a search on about `count` of the rows at most, in the same folds.

        Args:
            count: How many.
            what: What is compared on them, for people.
            ngrams: Gives the n-grams of some rows.

        """
        if len(self.rows) <= count:
            return self
        sample = self.rows[draw_rows(self.inputs.labels[self.rows], count, self.inputs.seed)]
        places = np.searchsorted(sample, self.rows)
        is_drawn = np.isin(self.rows, sample)
        folds = [places[fold[is_drawn[fold]]] for fold in self.folds]
        self.remarks.append(f"{what} are compared on {len(sample):,} of {len(self.inputs.labels):,} rows")
        return replace(self, rows=sample, folds=folds, ngrams=ngrams(sample), known={}, products={})

    def _score(self, candidates: Sequence[Candidate], tolerance: float) -> list[Scored]:
        first, labels, weights = candidates[0], self.inputs.labels[self.rows], self.weights[self.rows]
        features = self.standardiser.apply(self.inputs.features, first.groups, self.rows) if first.groups else None
        ngrams = self.ngrams[first.min_document_frequency] if first.min_document_frequency else None
        count, positive = self.inputs.classes, self.inputs.positive_weights
        products = (
            self._multiply(first, features, ngrams) if has_closed_form(len(labels), first.loss, positive) else None
        )
        return score_candidates(
            candidates, features, ngrams, labels, count, self.folds, weights, tolerance, positive, products
        )

    def _multiply(self, candidate: Candidate, features: torch.Tensor | None, ngrams: csr_matrix | None) -> RowProducts:
        """Return the inner products of the rows, each computed once."""
        if features is not None and candidate.groups not in self.products:
            self.products[candidate.groups] = multiply_dense(features)
        least = candidate.min_document_frequency
        if ngrams is not None and least not in self.products:
            self.products[least] = multiply_sparse(ngrams)
        return RowProducts(
            None if features is None else self.products[candidate.groups],
            None if ngrams is None else self.products[least],
        )


def choose(search: Search) -> Scored:
    """Compare losses, then layers, then penalties, then n-grams, then both together: their weights, then penalties."""
    inputs = search.inputs
    chosen = _choose_layers(search)
    layers = _choose_penalty(search, chosen)
    if not search.ngrams:
        return layers
    alone = [Candidate(_name_ngrams(least), (), PENALTIES[1], 1.0, least, chosen.loss) for least in search.ngrams]
    ngrams = choose_best([search.compare([candidate]) for candidate in alone])
    least = ngrams.candidate.min_document_frequency
    both = replace(chosen, name=f"{chosen.name}, and {_name_ngrams(least)}", min_document_frequency=least)
    weighed = search.compare([replace(both, state_weight=weight) for weight in STATE_WEIGHTS])
    best = choose_best([weighed, _choose_penalty(search, weighed.candidate)])
    return (
        best if inputs.ngrams_are_given else choose_best([layers, best])
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
    """Compare losses and penalties with all features, then with the best of them spans of layers and poolings; on a sample."""
    sets = list_layer_sets(search.inputs.groups, search.inputs.layers_are_given)
    sample = search.on_sample(LAYER_ROWS, "losses, layers and poolings", lambda rows: {})
    name, groups = max(sets.items(), key=lambda item: sum(group.width for group in item[1]))
    losses = [
        sample.compare([Candidate(name, groups, penalty, loss=loss) for penalty in PENALTIES])
        for loss in search.inputs.losses
    ]
    best = choose_best(losses).candidate
    return choose_best(
        [sample.compare([replace(best, name=name, groups=groups)]) for name, groups in sets.items()]
    ).candidate


def _name_ngrams(least: int) -> str:
    return "n-grams" if least == 1 else f"n-grams in {least} rows or more"
