"""What a head is solved on, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..data.ngrams import NgramVocabulary, Rows
from ..evaluation.label_kinds import SINGLE, LabelKind, MultiLabel
from ..models.layer_groups import FeatureGroup
from .candidates import Candidate, Scored
from .linear import LinearFit, Loss
from .standardise import Standardiser


@dataclass(frozen=True)
class SolverInputs:
    """What a head is solved on.

    Attributes:
        features: (rows, columns), mapped from a file or in memory, in any type.
        groups: What the columns are.
        labels: (rows,) label ids, or (rows, classes) of 0 and 1 with any number of labels a row.
        classes: How many there are.
        token_ids: Token ids of each text, by which near-duplicates are told; None for images.
        with_ngrams: Whether n-grams of them may be part of the head.
        special_ids: Ids that are in no n-gram.
        longest: Tokens of the longest n-grams.
        layers_are_given: Whether the layers are those that the user named.
        ngrams_are_given: Whether n-grams are part of the head whatever the folds say.
        class_weights: A weight for each class, or with any number of labels a row for the rows that have a label; None: equal
            ones.
        seed: What folds and samples are drawn by.
        losses: Of which folds choose one.

    """

    features: torch.Tensor
    groups: Sequence[FeatureGroup]
    labels: np.ndarray
    classes: int
    token_ids: Rows | None = None
    with_ngrams: bool = True
    special_ids: Sequence[int] = ()
    longest: int = 2
    layers_are_given: bool = False
    ngrams_are_given: bool = False
    class_weights: Sequence[float] | None = None
    seed: int = 0
    losses: Sequence[Loss] = ("squares", "hinge")

    @property
    def kind(self) -> LabelKind:
        """Of the labels."""
        return MultiLabel() if self.labels.ndim == 2 else SINGLE

    @property
    def positive_weights(self) -> Sequence[float] | None:
        """How much each label counts in the rows that have it, where a row has any number of labels."""
        return self.class_weights if self.labels.ndim == 2 else None


@dataclass(frozen=True)
class Solution:
    """A solved head.

    Attributes:
        candidate: What was chosen.
        standardiser: Of the features that it reads.
        fit: Weights for standardised features and n-grams, divided by the temperature.
        vocabulary: Of the n-grams, or None.
        temperature: What the logits were divided by.
        rows: (sample,) indices of the rows that the choice was made on.
        groups: (sample,) numbers of the groups of near-duplicates.
        out_of_fold: (sample, classes) calibrated logits, each row's by a fit without its fold, to which n-grams of
            the fold alone are unknown, while idf, mean and scale are those of all rows; None without a choice.
        scored: All candidates, as they were compared, without their logits, some on a sample and on more rows; the chosen one
            last, by fits as exact as that on all rows.
        calibration: Expected calibration error out of fold, before and after the temperature.
        seconds: How long choice and fit took.
        remarks: What was sampled or not chosen, and why.
        folds: Of `rows`, the places in each fold; none without a choice.
        is_multi_label: Whether it gives each row any number of labels.

    """

    candidate: Candidate
    standardiser: Standardiser
    fit: LinearFit
    vocabulary: NgramVocabulary | None
    temperature: float
    rows: np.ndarray
    groups: np.ndarray
    out_of_fold: np.ndarray | None
    scored: tuple[Scored, ...]
    calibration: tuple[float, float] | None
    seconds: float
    remarks: tuple[str, ...] = ()
    folds: tuple[np.ndarray, ...] = ()
    is_multi_label: bool = False

    @property
    def chosen(self) -> Scored | None:
        """The score of what was chosen, without its logits; None without a choice."""
        return self.scored[-1] if self.scored else None
