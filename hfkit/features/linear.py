"""Linear heads on dense and sparse features: what is asked, and what comes of it.

Each problem is

    minimise  |w|^2 / 2 + C * sum over its rows of (weight of the row) * loss,

without a penalty on the bias. The target of a logit is 1 for its class and -1 for others. The loss is either of

- `squares`, (target - logit)^2 (ridge regression; as a classifier: Rifkin, Yeo and Poggio 2003, Regularized least-squares
  classification);
- `hinge`, max(0, 1 - target * logit)^2 (scikit-learn's LinearSVC; Fan et al. 2008, JMLR 9:1871).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.sparse import csr_matrix

Loss = Literal["squares", "hinge"]


@dataclass(frozen=True)
class Problem:
    """One fit on some of the rows.

    Attributes:
        penalty: C: the larger, the closer the fit.
        row_weights: (rows,) how much each row counts; 0 leaves it out.
        state_weight: Factor of the dense features.
        loss: Of a row.

    """

    penalty: float
    row_weights: np.ndarray
    state_weight: float = 1.0
    loss: Loss = "squares"


@dataclass(frozen=True)
class LinearFit:
    """Weights of a fit, for features as they were given.

    Attributes:
        dense: (dense features, logits).
        sparse: (sparse features, logits).
        bias: (logits,).

    """

    dense: np.ndarray
    sparse: np.ndarray
    bias: np.ndarray

    def logits(self, dense: torch.Tensor | None, sparse: csr_matrix | None) -> np.ndarray:
        """Return (rows, logits) of the features of some rows; two classes have one logit."""
        result = np.zeros((_count_rows(dense, sparse), len(self.bias)), np.float32) + self.bias
        if dense is not None:
            result += (dense @ torch.from_numpy(self.dense)).numpy()
        if sparse is not None:
            result += sparse @ self.sparse
        return result


def make_targets(labels: np.ndarray, classes: int) -> torch.Tensor:
    """Return 1 for the class or the labels of a row and -1 for others, (logits, rows)."""
    if labels.ndim == 2:
        return torch.from_numpy(np.ascontiguousarray(labels.T, dtype=np.float32)) * 2 - 1
    ids = torch.from_numpy(labels).long()
    is_class = ids[None] == (torch.arange(classes) if classes > 2 else torch.tensor([1]))[:, None]
    return is_class.float() * 2 - 1


def _count_rows(dense: torch.Tensor | None, sparse: csr_matrix | None) -> int:
    return len(dense) if dense is not None else sparse.shape[0]  # type: ignore[union-attr]
