"""The paired comparison of two classifiers: by hand, against simulation, and in words."""

import numpy as np
import pytest
from scipy.stats import binom

from hfkit.evaluation import paired
from hfkit.evaluation.paired import PairedResult, compare_paired


def rights(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_difference_and_test_by_hand() -> None:
    result = compare_paired(*rights(900, 40, 15, 45))
    assert result.difference == pytest.approx(0.025)
    assert result.p_value == pytest.approx(2 * binom.cdf(15, 55, 0.5))
    spread = 1.96 * np.sqrt((55 / 1000 - 0.025**2) / 1000)
    assert (result.low, result.high) == pytest.approx((0.025 - spread, 0.025 + spread), abs=0.002)
    assert compare_paired(*rights(900, 40, 15, 45)) == result


def test_the_other_way_round() -> None:
    forth, back = compare_paired(*rights(50, 30, 5, 15)), compare_paired(*rights(50, 5, 30, 15))
    assert back.difference == -forth.difference
    assert back.p_value == pytest.approx(forth.p_value)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low), abs=0.02)


def test_few_rows_are_not_certain() -> None:
    """Two rows that both have right leave the difference open; so do many rows less."""
    few, many = compare_paired(*rights(2, 0, 0, 0)), compare_paired(*rights(2000, 0, 0, 0))
    assert few.p_value == many.p_value == 1
    assert few.low <= -0.5
    assert few.high >= 0.5
    assert -0.002 < many.low < 0 < many.high < 0.002


def test_equal_classifiers_are_seldom_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "DRAWS", 10)  # the test needs none
    generator = np.random.default_rng(5)
    draws = [generator.random((2, 300)) < 0.9 for _ in range(200)]
    assert np.mean([compare_paired(a, b).is_told_apart for a, b in draws]) <= 0.08


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            PairedResult(0.008, 0.001, 0.015, 0.031),
            "The model is better than word pieces by 0.8 points (0.1 to 1.5, p = 0.03).",
        ),
        (
            PairedResult(0.18, 0.02, 0.34, 0.049),  # "0.05" would not say on which side it is
            "The model is better than word pieces by 18.0 points (2.0 to 34.0, p = 0.049).",
        ),
        (
            PairedResult(0.18, 0.02, 0.34, 0.0497),
            "The model is better than word pieces by 18.0 points (2.0 to 34.0, p = 0.0497).",
        ),
        (
            PairedResult(0.18, 0.02, 0.34, 0.05004),
            "The model is not told apart from word pieces (difference 18.0 points, 2.0 to 34.0, p = 0.05004).",
        ),
        (
            PairedResult(-0.1, -0.15, -0.05, 1e-5),
            "The model is worse than word pieces by 10.0 points (5.0 to 15.0, p < 0.001).",
        ),
        (
            PairedResult(-0.002, -0.007, 0.004, 0.5),
            "The model is not told apart from word pieces (difference -0.2 points, -0.7 to 0.4, p = 0.50).",
        ),
    ],
)
def test_sentences(result: PairedResult, sentence: str) -> None:
    assert result.sentence("The model", "word pieces") == sentence


def test_other_rows_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="the same rows twice"):
        compare_paired([True], [True, False])
    with pytest.raises(ValueError, match="the same rows twice"):
        compare_paired([], [])
