"""Two classifiers on the same rows: whether one is better."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

SIGNIFICANCE = 0.05
"""Two classifiers are told apart where chance alone does as much in less than this share of the cases."""
DRAWS = 10_000
SEED = 0


@dataclass(frozen=True)
class PairedResult:
    """What a paired comparison of A with B gave.

    Attributes:
        difference: Accuracy of A less that of B.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Of McNemar's exact test.

    """

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def is_told_apart(self) -> bool:
        """Whether one of the two is better beyond chance."""
        return self.p_value < SIGNIFICANCE

    def sentence(self, name_a: str, name_b: str) -> str:
        """Say which is better, by how many points, or that they are not told apart; `name_a` begins the sentence."""
        interval = f"{100 * self.low:.1f} to {100 * self.high:.1f}, p {_describe_p(self.p_value)}"
        if not self.is_told_apart:
            points = 100 * self.difference
            return f"{name_a} is not told apart from {name_b} (difference {points:.1f} points, {interval})."
        points = 100 * abs(self.difference)
        if self.difference < 0:
            interval = f"{-100 * self.high:.1f} to {-100 * self.low:.1f}, p {_describe_p(self.p_value)}"
        return f"{name_a} is {'better' if self.difference > 0 else 'worse'} than {name_b} by {points:.1f} points ({interval})."


def compare_paired(right_a: npt.ArrayLike, right_b: npt.ArrayLike) -> PairedResult:
    """Compare two classifiers by the rows of which one is right and the other is not.

    The test is McNemar's, exact (McNemar 1947, Psychometrika 12:153): a binomial test of the discordant rows. The interval of
    the difference is by the percentile bootstrap over rows, which are of four kinds; half a row is added to each kind
    (Agresti and Min 2005, Statistics in Medicine 24:729), so that few rows without a difference do not read as certainty.

    Args:
        right_a: (rows,) booleans: which rows A has right.
        right_b: (rows,) the same of B, in the same order.

    Raises:
        ValueError: The two differ in length, or there are no rows.

    """
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(f"A paired comparison needs the same rows twice, not {a.shape} and {b.shape}.")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    counts = np.array([only_a, only_b, (a & b).sum(), (~a & ~b).sum()]) + 0.5
    draws = np.random.default_rng(SEED).multinomial(len(a), counts / counts.sum(), size=DRAWS)
    low, high = np.percentile((draws[:, 0] - draws[:, 1]) / len(a), [2.5, 97.5])
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant).pvalue) if discordant else 1.0
    return PairedResult((only_a - only_b) / len(a), float(low), float(high), p_value)


def _describe_p(p_value: float) -> str:
    """Write a p-value with its sign: two digits, more where it is small, and so many that it does not read as another verdict."""
    if p_value < 0.001:
        return "< 0.001"
    digits = 3 if p_value < 0.01 or abs(p_value - SIGNIFICANCE) < 0.005 else 2
    while p_value != SIGNIFICANCE and round(p_value, digits) == SIGNIFICANCE:
        digits += 1
    return f"= {p_value:.{digits}f}"
