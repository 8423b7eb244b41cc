"""The sum of two scores: how much the second counts, and one temperature for both, chosen on held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .calibration import expected_calibration_error, fit_temperature
from .intervals import accuracy_interval
from .label_kinds import SINGLE, LabelKind, MultiLabel

WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)
"""Weights of a second score beside the logits of a net, of which validation chooses one."""


@dataclass(frozen=True)
class Weighing:
    """What validation says of the sum of two scores.

    Attributes:
        weight: Of the second score.
        temperature: What the sum is divided by.
        rows: Of validation.
        right: How many of them are right by the first score alone, and by the sum.
        errors: Expected calibration error of the first score alone, and of the sum divided by the temperature.

    """

    weight: float
    temperature: float
    rows: int
    right: tuple[int, int]
    errors: tuple[float, float]

    def describe(self) -> str:
        """Say what the sum changes on validation."""
        before, after = (
            "{:.4f} ({:.4f} to {:.4f})".format(right / self.rows, *accuracy_interval(right, self.rows))
            for right in self.right
        )
        return (
            f"accuracy {before} before, {after} after; expected calibration error {self.errors[0]:.4f} before, "
            f"{self.errors[1]:.4f} after"
        )


def choose_weight(
    net: np.ndarray, scores: np.ndarray, labels: np.ndarray, weights: Sequence[float] = WEIGHTS
) -> Weighing:
    """Choose the weight of a second score by the log-loss of the calibrated sum; of equal ones the first.

    Args:
        net: (rows, classes) logits.
        scores: (rows, classes), added to them.
        labels: (rows,) ids of the true classes, or (rows, classes) of 0 and 1 with any number of labels a row.
        weights: What is tried, ascending from 0, which stands for the net alone.

    """
    kind: LabelKind = SINGLE if labels.ndim == 1 else MultiLabel()
    temperatures = {weight: fit_temperature(net + weight * scores, labels) for weight in weights}

    def log_loss(weight: float) -> float:
        probabilities = kind.scores((net + weight * scores) / temperatures[weight])
        if labels.ndim == 1:
            return float(-np.log(probabilities[np.arange(len(labels)), labels].clip(1e-12)).mean())
        return float(-np.log(np.where(labels == 1, probabilities, 1 - probabilities).clip(1e-12)).mean())

    best = min(weights, key=log_loss)
    whole = net + best * scores
    return Weighing(
        best,
        temperatures[best],
        len(labels),
        (int(kind.right(kind.decide(net), labels).sum()), int(kind.right(kind.decide(whole), labels).sum())),
        (
            expected_calibration_error(kind.scores(net), labels),
            expected_calibration_error(kind.scores(whole / temperatures[best]), labels),
        ),
    )
