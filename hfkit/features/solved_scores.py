"""What a solved head says of rows whose features come from a pass that another head needs anyway."""

import numpy as np
import torch

from ..data.ngrams import Rows, ngram_matrix
from ..models.pooling import pool
from .candidates import predict_labels
from .solution import Solution


def read_vectors(features: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
    """Return one vector a row of what a head takes: the mean over tokens, or else all of it side by side.

    Args:
        features: (batch, tokens, width) of texts, or (batch, ...) of another head.
        attention_mask: (batch, tokens), 1 on real tokens; None for images.

    """
    if features.ndim == 3 and attention_mask is not None:
        return pool(features, attention_mask, "mean")
    return features.flatten(1)


def score_features(
    solution: Solution, features: torch.Tensor, attention_mask: torch.Tensor | None = None
) -> np.ndarray:
    """Return the logits (batch, logits) of a solved head without its n-grams, as of standardised features."""
    vectors = read_vectors(features, attention_mask).float().cpu()
    rows = np.arange(len(vectors))
    return solution.fit.logits(solution.standardiser.apply(vectors, solution.candidate.groups, rows), None)


def predict_rows(solution: Solution, logits: np.ndarray, token_ids: Rows | None) -> np.ndarray:
    """Return the label ids (rows,), or of any number of labels booleans (rows, labels), of what `score_features` gave.

    Args:
        solution: The head.
        logits: (rows, logits).
        token_ids: Of each row, whose n-grams are added; None for images.

    """
    if solution.vocabulary is not None:
        assert token_ids is not None
        logits = logits + ngram_matrix(token_ids, solution.vocabulary).astype(np.float32) @ solution.fit.sparse
    return logits > 0 if solution.is_multi_label else predict_labels(logits)
