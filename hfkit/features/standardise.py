"""Features of about length 1 in each row: standardised, divided by the root of their number; and a head for them as they were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import UserError
from ..models.layer_groups import FeatureGroup

_ROWS_AT_ONCE = 4096
CONSTANT = 1e-4
"""A feature whose standard deviation is below this share of its mean is constant, and dropped: it is near what is rounded."""
SMALL = 1e-4
"""So is one whose standard deviation is below this share of that of the median feature.

MiniLM has one whose scale is nearly 0. Its weight would be 1e8, and the first step of a training that goes on from the head
would move its product by more than all others together.
"""


@dataclass(frozen=True)
class Standardiser:
    """Mean and standard deviation of each column.

    Attributes:
        mean: (columns,) float64.
        deviation: (columns,) float64; infinite where the column is constant, so that it becomes 0.

    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, features: torch.Tensor) -> "Standardiser":
        """Compute both over all rows of `features` (rows, columns), block by block.

        Raises:
            UserError: A feature of a row is not a finite number.

        """
        columns = features.shape[1]
        shift = features[0].double()  # a column far from zero would lose digits in its sum of squares
        total, squares = torch.zeros(columns, dtype=torch.float64), torch.zeros(columns, dtype=torch.float64)
        for start in range(0, len(features), _ROWS_AT_ONCE):
            block = features[start : start + _ROWS_AT_ONCE].double() - shift
            broken = torch.nonzero(~block.isfinite().all(dim=1))
            if len(broken):
                raise UserError(
                    f"The backbone gives a number that is not finite for training row {start + int(broken[0])} (counted from 0, "
                    "after dropped rows): look at that row, or write --feature_cache_dtype float32 and --bf16 false."
                )
            total += block.sum(dim=0)
            squares += block.square().sum(dim=0)
        mean = total / len(features)
        deviation = (squares / len(features) - mean.square()).clamp(min=0).sqrt().numpy()
        center = (mean + shift).numpy()
        least = np.maximum(CONSTANT * np.abs(center), SMALL * np.median(deviation))
        return cls(center, np.where(deviation > least, deviation, np.inf))

    def scale(self, groups: Sequence[FeatureGroup]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the columns of some groups, their means, and what they are divided by."""
        columns = np.concatenate([np.arange(group.start, group.start + group.width) for group in groups])
        return columns, self.mean[columns], self.deviation[columns] * np.sqrt(len(columns))

    def apply(self, features: torch.Tensor, groups: Sequence[FeatureGroup], rows: np.ndarray) -> torch.Tensor:
        """Return the columns of some groups in some rows, standardised, (rows, width) in float32."""
        _, mean, scale = self.scale(groups)
        result = torch.empty(len(rows), len(mean))
        center, divisor = torch.from_numpy(mean).float(), torch.from_numpy(scale).float()
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            block = features[torch.from_numpy(rows[first : first + _ROWS_AT_ONCE])]
            parts = [block[:, group.start : group.start + group.width] for group in groups]
            result[first : first + _ROWS_AT_ONCE] = (torch.cat(parts, dim=1).float() - center) / divisor
        return result

    def fold(
        self, groups: Sequence[FeatureGroup], weights: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and bias in float64 that make of the columns as they are what the given ones make of standardised ones.

        Args:
            groups: What the columns are.
            weights: (width, logits) for standardised columns.
            bias: (logits,).

        """
        _, mean, scale = self.scale(groups)
        folded = weights.astype(np.float64) / scale[:, None]
        return folded, bias.astype(np.float64) - mean @ folded
