"""Temperature and calibration error, against what is known of drawn labels."""

import numpy as np
import pytest

from hfkit.evaluation.calibration import HIGHEST, LOWEST, expected_calibration_error, fit_temperature, reliability_table
from hfkit.evaluation.metrics import softmax


def drawn(classes: int, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and labels that are drawn from their softmax."""
    generator = np.random.default_rng(classes)
    logits = 2 * generator.normal(size=(rows, classes))
    labels = (softmax(logits).cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)
    return logits, labels


@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize("factor", [0.2, 1.0, 8.0])
def test_temperature_of_drawn_labels(classes: int, factor: float) -> None:
    """Scores that were made too sure or too unsure are brought back; the order of the classes stays."""
    logits, labels = drawn(classes)
    temperature = fit_temperature(factor * logits, labels)
    assert temperature == pytest.approx(factor, rel=0.1)
    before = expected_calibration_error(softmax(factor * logits), labels)
    after = expected_calibration_error(softmax(factor * logits / temperature), labels)
    assert after < 0.03
    assert factor == 1 or after < before / 2


def test_few_rows_that_are_all_right_do_not_become_certain() -> None:
    logits = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    labels = np.array([0, 1, 0])
    temperature = fit_temperature(logits, labels)
    assert LOWEST < temperature < HIGHEST
    assert softmax(logits / temperature).max() < 0.99


def test_temperature_without_anything_to_learn_from() -> None:
    assert fit_temperature(np.zeros((0, 3)), []) == 1
    assert fit_temperature(np.ones((4, 1)), [0] * 4) == 1
    assert fit_temperature(np.zeros((2, 2)), [0, 1]) == 1


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.9 sure and half right, 0.6 sure and all right."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    labels = [0, 1, 1, 1]
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    assert expected_calibration_error(probabilities, labels, bins=1) == pytest.approx(0.0)
    assert expected_calibration_error(np.eye(3), [0, 1, 2]) == 0
    with pytest.raises(ValueError, match="no rows"):
        expected_calibration_error(np.zeros((0, 2)), [])


def test_bins_of_confidence_hold_every_row_once() -> None:
    confidences = np.array([0.55, 0.58, 0.91, 0.99, 1.0, 1.0])
    right = np.array([True, False, True, True, False, True])
    table = reliability_table(confidences, right)
    assert table["rows"].tolist() == [2, 4]
    assert table["accuracy"].tolist() == [0.5, 0.75]
    assert table["confidence"].tolist() == pytest.approx([0.565, 0.975])
    assert ((table["accuracy_low"] < table["accuracy"]) & (table["accuracy"] < table["accuracy_high"])).all()
