"""Fits of linear heads: least squares in closed form up to some thousand rows, all else by iteration."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix

from .by_iteration import FINAL_TOLERANCE, TOLERANCE, fit_by_iteration
from .closed_form import MOST_ROWS, RowProducts, fit_in_closed_form
from .linear import LinearFit, Loss, Problem


def fit_linear(
    dense: torch.Tensor | None,
    sparse: csr_matrix | None,
    labels: np.ndarray,
    classes: int,
    problems: Sequence[Problem],
    tolerance: float = TOLERANCE,
    positive_weights: Sequence[float] | None = None,
    products: RowProducts | None = None,
) -> list[LinearFit]:
    """Solve problems, see `linear`, and return a fit for each.

    Args:
        dense: (rows, dense features) in float32, about standardised; None: no dense features.
        sparse: (rows, sparse features) in float32; None: no sparse features.
        labels: (rows,) label ids, or (rows, classes) of 0 and 1 with any number of labels a row.
        classes: How many there are; two of them, of which each row has one, get one logit.
        problems: What is fitted, all with the same loss.
        tolerance: Of a solution by iteration, see `fit_by_iteration`; a closed form is in float64 from `FINAL_TOLERANCE` down.
        positive_weights: How much each label counts in the rows that have it, of any number of labels a row; None: 1.
        products: Of the rows, where they are known and the solution is in closed form.

    """
    if has_closed_form(len(labels), problems[0].loss, positive_weights):
        return fit_in_closed_form(dense, sparse, labels, classes, problems, products, tolerance <= FINAL_TOLERANCE)
    return fit_by_iteration(dense, sparse, labels, classes, problems, tolerance, positive_weights=positive_weights)


def has_closed_form(rows: int, loss: Loss, positive_weights: Sequence[float] | None) -> bool:
    """Tell whether problems on so many rows are solved in closed form; with weights for each label none is common to all."""
    return loss == "squares" and rows <= MOST_ROWS and positive_weights is None
