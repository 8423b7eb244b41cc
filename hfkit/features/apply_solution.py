"""A solution becomes the head of a model: layers, weights, n-grams."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..models.layer_groups import FeatureGroup, kept_groups
from .solution import Solution
from .solve import two_sided

LARGEST_DIFFERENCE = 1e-5
"""Of a probability, by which weights for the features as they are may differ from weights for standardised ones."""
_CHECKED_ROWS = 512


@torch.no_grad()
def apply_solution(model: Any, solution: Solution, groups: Sequence[FeatureGroup], features: torch.Tensor) -> list[str]:
    """Let the head of a model be a solution; layers that it does not read are dropped.

    Args:
        model: A classifier with a linear head, or a head on all layers that were compared.
        solution: Of the features and n-grams of the training rows.
        groups: What the columns of the features are.
        features: (rows, columns) of the training rows, to check the head with.

    Returns:
        What there is to say of it.

    """
    chosen = list(solution.candidate.groups)
    layers = list(dict.fromkeys(group.layer for group in chosen))
    poolings = list(dict.fromkeys(group.pooling for group in chosen if group.pooling != "own")) or ["mean"]
    if model.config.head == "layers":
        model.keep_layers(layers, poolings)
        assert kept_groups(groups, layers, poolings) == chosen
    columns, mean, scale = solution.standardiser.scale(chosen)
    weight, bias = solution.standardiser.fold(chosen, solution.fit.dense, solution.fit.bias)
    rows = torch.from_numpy(features[:_CHECKED_ROWS][:, torch.from_numpy(columns)].float().numpy())
    difference = _difference(rows, weight, bias, solution, mean, scale)
    sentences = []
    if difference <= LARGEST_DIFFERENCE:
        fill_linear(model.classifier.linear, weight, bias)
    else:
        model.standardise_head()
        head: Any = model.classifier
        head.mean.copy_(torch.from_numpy(mean))
        moved = (head.mean.double().numpy() - mean) / scale  # what float32 rounds of a mean, the bias makes up for
        head.scale.copy_(torch.from_numpy(np.where(np.isfinite(scale), scale, 1.0)))
        fill_linear(
            model.classifier.linear,
            np.where(np.isfinite(scale)[:, None], solution.fit.dense, 0.0),
            solution.fit.bias + moved @ solution.fit.dense,
        )
        sentences.append(
            "The head keeps mean and scale of its features: folded into the weights they would move a probability by "
            f"{difference:.1g}."
        )
    vocabulary = solution.vocabulary
    if vocabulary is not None:
        scores = _for_logits(solution.fit.sparse, len(model.classifier.linear.bias))
        model.set_ngrams(vocabulary.keys, vocabulary.idf, scores, vocabulary.special_ids, vocabulary.longest)
    return sentences


def fill_linear(linear: torch.nn.Linear, weight: np.ndarray, bias: np.ndarray) -> None:
    """Copy weights (features, logits) and bias (logits,) into a linear layer; one logit can stand for two."""
    count = len(linear.bias)
    linear.weight.copy_(torch.from_numpy(_for_logits(weight, count)).T)
    linear.bias.copy_(torch.from_numpy(_for_logits(bias[None], count))[0])


def _for_logits(weights: np.ndarray, count: int) -> np.ndarray:
    """Return (features, count) weights; those of one logit become those of two where that is asked for."""
    return two_sided(weights) if weights.shape[1] < count else weights


def _difference(
    rows: torch.Tensor, weight: np.ndarray, bias: np.ndarray, solution: Solution, mean: np.ndarray, scale: np.ndarray
) -> float:
    """Return by how much folding in float32 moves a probability at most, against float64 and standardised features."""
    folded = rows @ torch.from_numpy(weight).float() + torch.from_numpy(bias).float()
    standardised = (rows.double().numpy() - mean) / scale
    exact = torch.from_numpy(standardised @ solution.fit.dense.astype(np.float64) + solution.fit.bias)
    by_label = solution.is_multi_label or folded.shape[1] == 1
    one, other = (logits.sigmoid() if by_label else logits.softmax(dim=1) for logits in (folded.double(), exact))
    return float((one - other).abs().max())
