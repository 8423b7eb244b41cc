"""Linear heads by iteration, many problems at once: of the squared hinge loss, and of more rows than a closed form takes.

Folds and penalties make dozens of problems on the same rows. Solved together, a pass over the rows is a product of matrices
for all of them, which takes about as long as the product with one vector. It is L-BFGS (Liu and Nocedal 1989, Mathematical
Programming 45:503) with Armijo's rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix

from .linear import LinearFit, Problem, make_targets

TOLERANCE = 0.003
"""How much of the first gradient may be left where candidates are compared."""
FINAL_TOLERANCE = 3e-4
"""The same of what is chosen: on 6,420 tweets 0.01 cost 0.1 to 0.5 points of accuracy, and 1e-4 gave no more than 1e-3."""
MEMORY = 8
"""Pairs of steps and gradients that L-BFGS keeps."""
MEMORY_BYTES = 2_000_000_000
"""Memory for the problems that are solved together; of more of them some are solved after others."""
_COPIES = 2 * MEMORY + 8
"""Numbers that each weight of a problem takes: steps, differences, points, gradients, directions."""


def fit_by_iteration(
    dense: torch.Tensor | None,
    sparse: csr_matrix | None,
    labels: np.ndarray,
    classes: int,
    problems: Sequence[Problem],
    tolerance: float = TOLERANCE,
    iterations: int = 300,
    positive_weights: Sequence[float] | None = None,
) -> list[LinearFit]:
    """Solve all problems, as many together as memory has room for, and return a fit for each.

    Args:
        dense: (rows, dense features) in float32, about standardised; None: no dense features.
        sparse: (rows, sparse features) in float32; None: no sparse features.
        labels: (rows,) label ids, or (rows, classes) of 0 and 1 with any number of labels a row.
        classes: How many there are; two of them, of which each row has one, get one logit.
        problems: What is fitted.
        tolerance: A problem is solved when its gradient is shorter than this share of the first one, or no step lowers it.
        iterations: Steps after which it counts as solved, too.
        positive_weights: How much each label counts in the rows that have it, of any number of labels a row; None: 1.

    """
    columns = sum(part.shape[1] for part in (dense, sparse) if part is not None)
    together = max(1, most_features(classes) // (columns + 1))
    fits: list[LinearFit] = []
    for first in range(0, len(problems), together):
        some = problems[first : first + together]
        objective = _Objective(dense, sparse, labels, classes, some, positive_weights)
        fits += _fit_together(objective, some, tolerance, iterations)
    return fits


def most_features(classes: int) -> int:
    """Return how many features of one problem, or of several together, there is memory for."""
    return MEMORY_BYTES // (4 * _COPIES * (1 if classes == 2 else classes))


def _fit_together(
    objective: "_Objective", problems: Sequence[Problem], tolerance: float, iterations: int
) -> list[LinearFit]:
    """Solve problems in the same steps; see `fit_by_iteration`."""
    start = torch.zeros(len(problems), objective.logits, objective.features + 1)
    solution = _minimise(objective, start, tolerance, iterations).transpose(1, 2).numpy()
    dense_features = objective.dense_features
    scales = np.array([problem.state_weight for problem in problems], np.float32)[:, None, None]
    return [
        LinearFit(weights[:dense_features] * scale, weights[dense_features:-1], weights[-1])
        for weights, scale in zip(solution, scales, strict=True)
    ]


class _Objective:
    """Values and gradients of problems at given weights, (problems, logits, features + 1), the last feature the bias.

    Products have the features behind: the other way round they take ten times as long where there are few columns.
    """

    def __init__(
        self,
        dense: torch.Tensor | None,
        sparse: csr_matrix | None,
        labels: np.ndarray,
        classes: int,
        problems: Sequence[Problem],
        positive_weights: Sequence[float] | None,
    ) -> None:
        self.dense, self.sparse = dense, sparse
        self.transposed = None if sparse is None else sparse.T.tocsr()
        self.dense_features = 0 if dense is None else dense.shape[1]
        self.features = self.dense_features + (0 if sparse is None else sparse.shape[1])
        self.targets = make_targets(labels, classes)
        self.logits = len(self.targets)
        self.importance = torch.ones(1, 1)  # (logits, rows), of labels where they are there
        if positive_weights is not None:
            positive = torch.tensor(positive_weights, dtype=torch.float32)[:, None]
            self.importance = torch.where(self.targets > 0, positive, 1.0)
        weights = np.stack([problem.penalty * problem.row_weights for problem in problems])
        self.weights = torch.from_numpy(weights.astype(np.float32))[:, None]  # (problems, 1, rows)
        self.is_hinge = torch.tensor([problem.loss == "hinge" for problem in problems])[:, None, None]
        self.scales = torch.tensor([problem.state_weight for problem in problems], dtype=torch.float32)[:, None, None]

    def __call__(self, weights: torch.Tensor, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the values (problems,) in float64 of the problems `which`, and the gradients."""
        scales, row_weights = self.scales[which], self.weights[which] * self.importance
        missing = 1 - self.targets * self._logits(weights, scales)
        missing = torch.where(self.is_hinge[which], missing.clamp(min=0), missing)
        errors = -2 * self.targets * missing * row_weights
        losses = (missing.square() * row_weights).sum(dim=(1, 2), dtype=torch.float64)
        flat = errors.flatten(0, 1)
        gradient = weights.clone()
        gradient[..., -1] = errors.sum(dim=2)
        if self.dense is not None:
            gradient[..., : self.dense_features] += (flat @ self.dense).reshape(*weights.shape[:2], -1) * scales
        if self.transposed is not None:
            product = self.transposed @ np.ascontiguousarray(flat.numpy().T)
            gradient[..., self.dense_features : -1] += torch.from_numpy(product.T).reshape(*weights.shape[:2], -1)
        penalty = weights[..., :-1].square().sum(dim=(1, 2), dtype=torch.float64) / 2
        return losses + penalty, gradient

    def _logits(self, weights: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return (problems, logits, rows)."""
        flat = weights.flatten(0, 1)
        logits = flat[:, -1:].repeat(1, self.targets.shape[1])
        if self.dense is not None:
            scaled = (weights[..., : self.dense_features] * scales).flatten(0, 1)
            logits += scaled @ self.dense.T
        if self.sparse is not None:
            part = np.ascontiguousarray(flat[:, self.dense_features : -1].numpy().T)
            logits += torch.from_numpy((self.sparse @ part).T)
        return logits.reshape(*weights.shape[:2], -1)


@dataclass
class _State:
    """Where the problems stand that are not solved yet: numbers, points, values, gradients, last steps, first slopes."""

    which: torch.Tensor
    points: torch.Tensor
    values: torch.Tensor
    gradients: torch.Tensor
    history: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
    slopes: torch.Tensor

    def keep(self, kept: torch.Tensor) -> None:
        """Drop the problems that are solved."""
        self.which, self.points = self.which[kept], self.points[kept]
        self.values, self.gradients, self.slopes = self.values[kept], self.gradients[kept], self.slopes[kept]
        self.history = [(change[kept], difference[kept], inverse[kept]) for change, difference, inverse in self.history]


Evaluate = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def _minimise(objective: Evaluate, start: torch.Tensor, tolerance: float, iterations: int) -> torch.Tensor:
    """Return where each problem has its minimum; `start` is (problems, ...)."""
    shape = start.shape[1:]

    def evaluate(points: torch.Tensor, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, gradients = objective(points.reshape(-1, *shape), which)
        return values, gradients.flatten(1)

    result = start.flatten(1).clone()
    everything = torch.arange(len(start))
    values, gradients = evaluate(result, everything)
    state = _State(everything, result.clone(), values, gradients, [], gradients.norm(dim=1))
    for iteration in range(iterations):
        directions = -_apply_inverse_hessian(state.history, state.gradients)
        steps = torch.ones(len(directions)) if iteration else _first_steps(evaluate, state)
        points, values, gradients = _search(evaluate, state, directions, steps)
        change, difference = points - state.points, gradients - state.gradients
        curvature = (change * difference).sum(dim=1)
        inverse = torch.where(curvature > 1e-10, 1 / curvature.clamp(min=1e-10), 0)
        state.history = [*state.history, (change, difference, inverse)][-MEMORY:]
        moved = (state.points != points).any(dim=1)
        going = moved & (gradients.norm(dim=1) > tolerance * state.slopes)
        state.points, state.values, state.gradients = points, values, gradients
        result[state.which] = points
        if not bool(going.any()):
            break
        if not bool(going.all()):
            state.keep(going)
    return result.reshape(start.shape)


def _first_steps(evaluate: Evaluate, state: _State) -> torch.Tensor:
    """Return how far to go along the negative gradients: to where the slope ends, as its change over a short way tells."""
    sizes = state.gradients.norm(dim=1).clamp(min=1e-12)
    _, gradients = evaluate(state.points - 1e-2 * state.gradients / sizes[:, None], state.which)
    curvature = ((state.gradients - gradients) * state.gradients).sum(dim=1) / (1e-2 * sizes)
    return 1 / curvature.clamp(min=1e-12)


def _search(
    evaluate: Evaluate, state: _State, directions: torch.Tensor, steps: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Go along the directions, each problem half as far until it falls as Armijo asks (Nocedal and Wright 2006, ch. 3)."""
    slopes = (state.gradients * directions).sum(dim=1).double()
    points, values, gradients = state.points.clone(), state.values.clone(), state.gradients.clone()
    left = torch.arange(len(directions))
    for _ in range(12):
        tried = state.points[left] + steps[left, None] * directions[left]
        new_values, new_gradients = evaluate(tried, state.which[left])
        falls = new_values <= state.values[left] + 1e-4 * steps[left] * slopes[left] + 1e-9 * state.values[left].abs()
        done = left[falls]
        points[done], values[done], gradients[done] = tried[falls], new_values[falls], new_gradients[falls]
        left = left[~falls]
        if not len(left):
            break
        steps[left] /= 2
    return points, values, gradients  # one that does not fall any more stays where it was


def _apply_inverse_hessian(
    history: Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor]], gradients: torch.Tensor
) -> torch.Tensor:
    """Return what L-BFGS's two loops make of the gradients."""
    result = gradients.clone()
    factors = []
    for change, difference, inverse in reversed(history):
        factor = inverse * (change * result).sum(dim=1)
        result -= factor[:, None] * difference
        factors.append(factor)
    if history:
        change, difference, inverse = history[-1]
        size = difference.square().sum(dim=1)
        scale = torch.where(inverse > 0, 1 / (inverse * size).clamp(min=1e-20), torch.ones_like(size))
        result *= scale[:, None]
    for (change, difference, inverse), factor in zip(history, reversed(factors), strict=True):
        result += (factor - inverse * (difference * result).sum(dim=1))[:, None] * change
    return result
