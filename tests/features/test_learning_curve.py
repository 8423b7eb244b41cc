"""The learning curve of a solved head: nested parts, the same held-out rows, and what is said of it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hfkit.evaluation.intervals import accuracy_interval
from hfkit.evaluation.paired import compare_paired
from hfkit.features.folds import make_folds
from hfkit.features.learning_curve import SHARES, CurvePoint, NoCurveError, draw_part, measure_learning_curve
from hfkit.features.solution import SolverInputs
from hfkit.features.solve import solve_head
from hfkit.models.layer_groups import FeatureGroup
from hfkit.report.learning_curve import curve_table, describe_curve, write_curve

GROUPS = [FeatureGroup("features", "own", 0, 12)]


def make_inputs(classes: int, signal: float, rows: int = 240, texts: bool = False) -> SolverInputs:
    """Return features with so much of the class in each, and texts of random tokens, all from one generator."""
    generator = np.random.default_rng(5)
    labels = np.arange(rows) % classes
    features = generator.normal(size=(rows, 12)) + signal * generator.normal(size=(classes, 12))[labels]
    ids = [generator.integers(5, 60, 9) for _ in range(rows)] if texts else None
    return SolverInputs(torch.from_numpy(features.astype(np.float32)), GROUPS, labels, classes, ids)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_parts_are_nested_stratified_and_outside_their_fold(classes: int) -> None:
    labels = np.random.default_rng(0).integers(0, classes, 400)
    folds = make_folds(labels, np.arange(400), 0)
    parts = [draw_part(labels, folds, share, 3) for share in SHARES]
    assert all((small <= large).all() for small, large in pairwise(parts))
    for number, fold in enumerate(folds):
        outside = np.setdiff1d(np.arange(400), fold)
        assert not any(part[number, fold].any() for part in parts)
        assert parts[-1][number].sum() == len(outside)
        for share, part in zip(SHARES, parts, strict=True):
            expected = share * np.bincount(labels[outside])
            assert np.abs(np.bincount(labels[part[number]], minlength=classes) - expected).max() <= 0.5
    assert (draw_part(labels, folds, 0.5, 3) == parts[2]).all()
    assert (draw_part(labels, folds, 0.5, 4) != parts[2]).any()


@pytest.mark.parametrize("texts", [False, True])
def test_the_last_point_is_the_choice_and_more_rows_help(texts: bool) -> None:
    inputs = make_inputs(3, 0.8, texts=texts)
    solution = solve_head(inputs)
    points = measure_learning_curve(inputs, solution)
    chosen = next(item for item in solution.scored if item.candidate == solution.candidate)
    assert [point.share for point in points] == list(SHARES)
    assert [point.rows for point in points] == pytest.approx([24, 48, 96, 192], abs=1)
    assert {len(point.right) for point in points} == {240}
    assert points[-1].right.sum() == chosen.right
    assert points[-1].right.mean() > points[0].right.mean() + 0.05


def test_no_row_is_predicted_by_a_fit_that_saw_it() -> None:
    """Labels that nothing tells are guessed, with as many features as there are rows in a part."""
    inputs = make_inputs(2, 0.0)
    right = [point.right.mean() for point in measure_learning_curve(inputs, solve_head(inputs))]
    assert max(right) < 0.65


def test_where_there_is_no_curve() -> None:
    inputs = make_inputs(2, 1.0, rows=41)
    inputs.labels[:] = [2, *[0] * 40]
    alone = SolverInputs(inputs.features, GROUPS, inputs.labels, 3)
    with pytest.raises(NoCurveError, match="no rows are scored out of fold"):
        measure_learning_curve(alone, solve_head(alone))
    few = make_inputs(2, 1.0, rows=8)
    with pytest.raises(NoCurveError, match="an eighth of the rows has fewer than two classes"):
        measure_learning_curve(few, solve_head(few))


def make_points(right: list[int], rows: int = 400) -> list[CurvePoint]:
    sizes = [40, 80, 160, 320]
    return [
        CurvePoint(share, size, np.arange(rows) < count)
        for share, size, count in zip(SHARES, sizes, right, strict=True)
    ]


def test_the_curve_is_told_by_a_paired_test() -> None:
    points = make_points([240, 300, 320, 360])
    paired = compare_paired(points[3].right, points[2].right)
    last = curve_table(points).iloc[-1]
    assert (last["gain"], last["gain_low"], last["gain_high"]) == (paired.difference, paired.low, paired.high)
    line = describe_curve(points, 400)
    low, high = accuracy_interval(240, 400)
    assert f"out of fold on 400 training rows: 0.6000 ({low:.4f} to {high:.4f}) with 1/8 (40 rows), " in line
    assert f"The last doubling gave 10.0 points ({100 * paired.low:.1f} to {100 * paired.high:.1f})." in line
    same = describe_curve(make_points([240, 300, 320, 321]), 9_000)
    assert "out of fold on 400 of 9,000 training rows" in same
    paired = compare_paired(np.arange(400) < 321, np.arange(400) < 320)
    interval = f"{100 * paired.low:.1f} to {100 * paired.high:.1f}"
    assert same.endswith(f"The last doubling is not told apart from no gain (0.2 points, {interval}).")


def test_the_curve_is_written_and_drawn(tmp_path: Path) -> None:
    points = make_points([240, 300, 320, 360])
    write_curve(tmp_path, points, np.arange(400) % 2)
    table = pd.read_csv(tmp_path / "report" / "learning_curve.csv")
    assert list(table["accuracy"]) == [0.6, 0.75, 0.8, 0.9]
    assert (table["accuracy_low"] < table["accuracy"]).all()
    assert (tmp_path / "report" / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
