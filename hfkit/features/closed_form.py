"""Least squares in closed form, by the inner products of rows: each fit is one Cholesky factorisation.

A problem (see `linear`) is solved in its dual (kernel ridge regression: Saunders, Gammerman and Vovk 1998, ICML): with the
products K = s^2 D D' + S S' of dense and sparse features and the targets t,

    (K + diag(1 / (2 * C * weight))) a = t - b,  sum(a) = 0,

a fit is D' a s^2 and S' a, with the bias b. Products are computed once for all penalties, weights and folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix

from .linear import LinearFit, Problem, make_targets

MOST_ROWS = 12_000
"""The time grows with the cube of the rows, the memory with their square: of so many about 4 GB."""

_MOST_FACTOR = 1000
"""By which penalty and weights may multiply what float32 rounds of a product; above it, all is computed in float64."""
_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class RowProducts:
    """Inner products (rows, rows) of dense and of sparse features, on and below the diagonal; None where there are none.

    Attributes:
        dense: Of the dense ones.
        sparse: Of the sparse ones.

    """

    dense: torch.Tensor | None
    sparse: torch.Tensor | None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.dense) if self.dense is not None else len(self.sparse)  # type: ignore[arg-type]

    def of(self, rows: torch.Tensor) -> "RowProducts":
        """Return those of some rows."""
        dense, sparse = (None if part is None else part[rows][:, rows] for part in (self.dense, self.sparse))
        return RowProducts(dense, sparse)

    def together(self, state_weight: float) -> torch.Tensor:
        """Return the products of both side by side, the dense ones with a weight; a new matrix."""
        if self.dense is None:
            assert self.sparse is not None
            return self.sparse.clone()
        scaled = self.dense * state_weight**2
        return scaled if self.sparse is None else scaled.add_(self.sparse)


def multiply(dense: torch.Tensor | None, sparse: csr_matrix | None) -> RowProducts:
    """Return the products of rows of dense and sparse features, either of which may be None."""
    return RowProducts(
        None if dense is None else multiply_dense(dense), None if sparse is None else multiply_sparse(sparse)
    )


def multiply_dense(features: torch.Tensor) -> torch.Tensor:
    """Return the products (rows, rows) of dense features (rows, features); where nothing reads, above the diagonal, may be 0."""
    result = torch.zeros(len(features), len(features), dtype=features.dtype)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, len(features))
        torch.mm(features[start:end], features[:end].T, out=result[start:end, :end])
    return result


def multiply_sparse(features: csr_matrix) -> torch.Tensor:
    """Return the products (rows, rows) of sparse features (rows, features); as `multiply_dense`."""
    rows = features.shape[0]
    result = torch.zeros(rows, rows, dtype=torch.float64 if features.dtype == np.float64 else torch.float32)
    for start in range(0, rows, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, rows)
        result[start:end, :end] = torch.from_numpy((features[start:end] @ features[:end].T).toarray())
    return result


def fit_in_closed_form(
    dense: torch.Tensor | None,
    sparse: csr_matrix | None,
    labels: np.ndarray,
    classes: int,
    problems: Sequence[Problem],
    products: RowProducts | None = None,
    exact: bool = True,
) -> list[LinearFit]:
    """Solve all problems, one after the other, and return a fit for each.

    Args:
        dense: (rows, dense features) in float32; None: no dense features.
        sparse: (rows, sparse features) in float32; None: no sparse features.
        labels: (rows,) label ids, or (rows, classes) of 0 and 1 with any number of labels a row.
        classes: How many there are; two of them, of which each row has one, get one logit.
        problems: What is fitted.
        products: Of the features, where they are known.
        exact: In float64. In float32, which takes half the time, logits of about 1 are off by up to 0.003 for C up to 10. What
            cannot be factorised so is solved in float64, and so is what large penalties or weights make inexact, with products
            of rows in float64, too.

    """
    every = range(len(problems))
    plain = [number for number in every if not _is_stiff(problems[number])]
    fits: dict[int, LinearFit | None] = dict.fromkeys(every)
    targets = make_targets(labels, classes).T.contiguous()
    if plain:
        features = _Features(dense, sparse, products or multiply(dense, sparse))
        fits |= dict(zip(plain, _fit(features, targets, [problems[number] for number in plain], exact), strict=True))
    left = [number for number in every if fits[number] is None]
    if left:
        wide = None if dense is None else dense.double(), None if sparse is None else sparse.astype(np.float64)
        features = _Features(*wide, multiply(*wide))
        some = _fit(features, targets.double(), [problems[number] for number in left], exact=True)
        fits |= dict(zip(left, some, strict=True))
    solved = [fit for fit in fits.values() if fit is not None]
    assert len(solved) == len(problems), "in float64 products with something above 0 on the diagonal have a factor"
    return solved


@dataclass(frozen=True)
class _Features:
    """Dense and sparse features of rows in one type, and their products."""

    dense: torch.Tensor | None
    sparse: csr_matrix | None
    products: RowProducts


def _fit(
    features: _Features, targets: torch.Tensor, problems: Sequence[Problem], exact: bool
) -> list[LinearFit | None]:
    """Return a fit for each problem, or None where its matrix cannot be factorised."""
    fits: dict[int, LinearFit | None] = {}
    for numbers in _by_rows(problems):
        rows = torch.from_numpy(np.flatnonzero(problems[numbers[0]].row_weights))
        of_rows = features.products.of(rows) if len(rows) < len(targets) else features.products
        for number in numbers:
            problem = problems[number]
            matrix = of_rows.together(problem.state_weight)
            matrix.diagonal().add_(0.5 / (problem.penalty * torch.from_numpy(problem.row_weights)[rows]))
            solved = _solve(matrix, targets[rows], exact)
            fits[number] = None if solved is None else _read_weights(features, problem, rows, *solved)
    return [fits[number] for number in range(len(problems))]


def _read_weights(
    features: _Features, problem: Problem, rows: torch.Tensor, own: torch.Tensor, bias: torch.Tensor
) -> LinearFit:
    """Return the weights of the features of dual weights (rows of the problem, logits)."""
    dual = torch.zeros(features.products.rows, own.shape[1], dtype=own.dtype).index_copy_(0, rows, own)
    dense = np.zeros((0, own.shape[1]))
    sparse = dense
    if features.dense is not None:
        dense = problem.state_weight**2 * (features.dense.T @ dual.to(features.dense.dtype)).numpy()
    if features.sparse is not None:
        sparse = np.asarray(features.sparse.T @ dual.numpy())
    return LinearFit(dense.astype(np.float32), sparse.astype(np.float32), bias.float().numpy())


def _by_rows(problems: Sequence[Problem]) -> list[list[int]]:
    """Return the numbers of the problems, those on the same rows together."""
    groups: dict[bytes, list[int]] = {}
    for number, problem in enumerate(problems):
        groups.setdefault(np.packbits(problem.row_weights > 0).tobytes(), []).append(number)
    return list(groups.values())


def _is_stiff(problem: Problem) -> bool:
    """Tell whether penalty and weights multiply what float32 rounds of a product by too much."""
    return 2 * problem.penalty * float(problem.row_weights.max()) * problem.state_weight**2 > _MOST_FACTOR


def _solve(matrix: torch.Tensor, targets: torch.Tensor, exact: bool) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return the dual weights (rows, logits) and the biases (logits,); above the diagonal the matrix is not read.

    None where what was rounded is all that is left of the matrix.
    """
    factor, is_broken = torch.linalg.cholesky_ex(matrix.double() if exact else matrix)
    if is_broken:
        return None
    ones = torch.ones(len(targets), 1)
    solved = torch.cholesky_solve(torch.cat([targets, ones], dim=1).to(factor.dtype), factor)
    bias = solved[:, :-1].sum(dim=0) / solved[:, -1].sum()
    return solved[:, :-1] - solved[:, -1:] * bias, bias
