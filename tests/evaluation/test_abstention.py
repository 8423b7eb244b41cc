"""Thresholds of confidence: by hand, what is promised is held, and why nothing can be promised."""

import numpy as np
import pytest
from scipy.stats import binom

from hfkit.evaluation.abstention import ScoredRows, choose_threshold, confidences_by_logits, error_by_coverage


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences from 1/2 to 1, and whether rows are right: with just that probability."""
    generator = np.random.default_rng(seed)
    confidences = 1 - generator.random(rows) ** 2 / 2
    return confidences, generator.random(rows) < confidences


def test_the_threshold_is_the_lowest_that_passes() -> None:
    """It is tested exactly on the certifying rows, and the next lower one of the sequence fails."""
    choosing, certifying = drawn(2000, 0), drawn(2000, 1)
    result = choose_threshold(*choosing, *certifying, max_error=0.05)
    assert result.threshold is not None
    answers = certifying[0] >= result.threshold
    assert (result.answered, result.wrong) == (answers.sum(), (answers & ~certifying[1]).sum())
    assert binom.cdf(result.wrong, result.answered, 0.05) <= 0.05
    lower = np.sort(choosing[0][choosing[0] < result.threshold])[-11]
    more = certifying[0] >= lower
    assert binom.cdf((more & ~certifying[1]).sum(), more.sum(), 0.05) > 0.05
    assert 0.3 < result.coverage < 0.8
    assert f"{result.wrong} of these {result.answered:,} wrongly" in result.sentence()
    assert choose_threshold(*choosing, *certifying, max_error=0.05) == result
    assert choose_threshold(*choosing, *certifying, max_error=0.3).coverage == 1  # nothing need be left unanswered


@pytest.mark.parametrize(("draws", "allowed"), [(150, 0.1), pytest.param(1000, 0.064, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["calibrated", "useless"])
def test_the_promise_is_held(kind: str, draws: int, allowed: float) -> None:
    """Also where confidences say nothing and a little more than the share that is asked for is wrong: any answer breaks it."""
    broken = 0
    for draw in range(draws):
        confidences, right = drawn(1000, draw)
        if kind == "useless":
            right = np.random.default_rng(10_000 + draw).random(1000) < 0.8999
        parts = confidences[:500], right[:500], confidences[500:], right[500:]
        threshold = choose_threshold(*parts, max_error=0.1).threshold
        if threshold is None:
            continue
        # Above t confidences have density 1 / sqrt(2 (1 - c)): the mean error there is (1 - t) / 3.
        broken += 0.1001 > 0.1 if kind == "useless" else (1 - threshold) / 3 > 0.1
    assert broken / draws <= allowed


def test_why_nothing_can_be_promised() -> None:
    """Few rows: the sentence says how many it takes, and those are enough. A model that is never good enough: none are."""
    few = choose_threshold(*drawn(2000, 0), *drawn(30, 1), max_error=0.05)
    assert few.threshold is None
    assert few.rows_needed is not None
    assert 30 < few.rows_needed < 1000
    assert f"from 30 certifying rows: it would take at least about {few.rows_needed:,}." in few.sentence()
    passed = [
        choose_threshold(*drawn(2000, 0), *drawn(2 * few.rows_needed, seed), max_error=0.05).threshold is not None
        for seed in range(1, 30)
    ]
    assert np.mean(passed) > 0.5
    never = choose_threshold(np.linspace(0.5, 1, 50), np.zeros(50, bool), *drawn(500, 2), max_error=0.05)
    assert (never.threshold, never.rows_needed) == (None, None)
    assert "it is wrong too often" in never.sentence()
    assert choose_threshold(*drawn(100, 0), [], [], max_error=0.05).threshold is None


def test_equal_confidences_are_answered_together() -> None:
    result = choose_threshold([1.0] * 100, [True] * 100, [1.0] * 100, [True] * 99 + [False], max_error=0.06)
    assert (result.answered, result.wrong) == (100, 1)
    assert (
        choose_threshold([1.0] * 9, [True] * 9, [1.0] * 100, [True] * 90 + [False] * 10, max_error=0.06).threshold
        is None
    )


def test_confidences_are_those_of_a_saved_model_in_float32() -> None:
    """Near 1 those of many rows are one, and it is them all or none."""
    logits = np.array([[0, 20], [0, 30], [3, 0], [0, 0]], dtype=np.float32)
    confidences = confidences_by_logits(logits)
    assert confidences.dtype == np.float64
    assert confidences[0] == confidences[1] == 1
    np.testing.assert_allclose(confidences[2:], [1 / (1 + np.exp(-3)), 0.5], atol=1e-7)
    scored = ScoredRows.from_logits(logits, np.array([1, 0, 0, 0]))
    assert scored.right.tolist() == [True, False, True, True]
    assert np.array_equal(scored.confidences, confidences)


def test_no_row_that_chooses_stands_on_a_threshold() -> None:
    """A row whose scores differ by a rounding error when it is scored again is answered, or not, as before."""
    choosing, certifying = drawn(2000, 0), drawn(2000, 1)
    threshold = choose_threshold(*choosing, *certifying, max_error=0.05).threshold
    assert threshold is not None
    assert np.abs(choosing[0] - threshold).min() > 0
    below, above = choosing[0][choosing[0] < threshold].max(), choosing[0][choosing[0] >= threshold].min()
    assert threshold == pytest.approx((below + above) / 2)


@pytest.mark.parametrize(("max_error", "delta"), [(0, 0.05), (1, 0.05), (0.1, 0), (0.1, 1)])
def test_shares_that_are_none(max_error: float, delta: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        choose_threshold(*drawn(10, 0), *drawn(10, 1), max_error=max_error, delta=delta)
    with pytest.raises(ValueError, match="no rows to choose"):
        choose_threshold([], [], *drawn(10, 1), max_error=0.1)


def test_error_by_coverage_by_hand() -> None:
    """Rows that are equally sure are answered together, the surest first; at the end all are."""
    scored = ScoredRows(np.array([0.6, 0.9, 0.8, 0.8]), np.array([False, True, False, True]))
    table = error_by_coverage(scored)
    assert table["threshold"].tolist() == [0.9, 0.8, 0.6]
    assert table["coverage"].tolist() == [0.25, 0.75, 1.0]
    assert table["error"].tolist() == pytest.approx([0, 1 / 3, 0.5])
    assert ((table["error_low"] <= table["error"]) & (table["error"] <= table["error_high"])).all()


def test_error_by_coverage_of_many_rows_is_short_and_whole() -> None:
    generator = np.random.default_rng(0)
    table = error_by_coverage(ScoredRows(generator.random(20_000), generator.random(20_000) < 0.7))
    assert len(table) == 200
    assert table["coverage"].iloc[-1] == 1
    assert table["coverage"].is_monotonic_increasing
