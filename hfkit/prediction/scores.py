"""From logits to scores by numpy; it travels with exported models."""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the scores (rows, classes) of logits in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def confidences(logits: np.ndarray) -> np.ndarray:
    """Return how sure a model is, (rows,): the highest softmax, computed in float32 as thresholds are."""
    shifted = np.exp(logits.astype(np.float32) - logits.max(axis=-1, keepdims=True))
    return np.asarray((shifted / shifted.sum(axis=-1, keepdims=True)).max(axis=-1).astype(np.float64))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return the score of each label for itself (rows, labels) in float64, computed in float32 as thresholds are."""
    with np.errstate(over="ignore"):  # of logits far below zero, whose score is 0
        return np.asarray((1 / (1 + np.exp(-logits.astype(np.float32)))).astype(np.float64))
