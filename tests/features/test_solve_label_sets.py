"""Heads that are solved for any number of labels a row: a problem for each label, folds, weights and the learning curve."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from hfkit.features.by_iteration import fit_by_iteration
from hfkit.features.folds import draw_rows, make_folds
from hfkit.features.learning_curve import measure_learning_curve
from hfkit.features.linear import Loss, Problem
from hfkit.features.ngram_classifier import fit_ngram_classifier
from hfkit.features.solution import SolverInputs
from hfkit.features.solve import solve_head
from hfkit.models.layer_groups import lay_out


def make_rows(rows: int = 150, labels: int = 3) -> tuple[torch.Tensor, np.ndarray]:
    """Return features of which each label moves one, and labels of different frequency."""
    generator = np.random.default_rng(0)
    present = (generator.random((rows, labels)) < np.linspace(0.5, 0.1, labels)).astype(np.int64)
    features = generator.normal(size=(rows, 8))
    features[:, :labels] += 3 * present
    return torch.from_numpy(features.astype(np.float32)), present


def solver_inputs(**options: Any) -> SolverInputs:
    features, labels = make_rows()
    return SolverInputs(features, lay_out([0], [8], [["mean"]]), labels, 3, None, (), seed=1, **options)


@pytest.mark.parametrize("loss", ["squares", "hinge"])
@pytest.mark.parametrize("labels", [2, 3])
def test_each_label_is_solved_as_by_scikit_learn(labels: int, loss: Loss) -> None:
    features, present = make_rows(labels=labels)
    weights = [1.0, 4.0, 7.0][:labels]
    rows = np.ones(len(features), np.float32)
    [ours] = fit_by_iteration(features, None, present, labels, [Problem(0.7, rows, loss=loss)], 1e-9, 500, weights)
    assert ours.bias.shape == (labels,)
    for label, weight in enumerate(weights):
        counts = np.where(present[:, label], weight, 1.0)
        if loss == "squares":
            theirs = Ridge(1 / (2 * 0.7)).fit(features, 2.0 * present[:, label] - 1, counts)
        else:
            machine = LinearSVC(C=0.7, intercept_scaling=100, tol=1e-9, max_iter=10_000, dual=False)
            theirs = machine.fit(features, present[:, label], counts)
        np.testing.assert_allclose(ours.dense[:, label], np.ravel(theirs.coef_), atol=5e-3)
        np.testing.assert_allclose(ours.bias[label], np.ravel(theirs.intercept_)[0], atol=5e-3)


def test_near_duplicates_stay_in_one_fold_and_labels_in_all() -> None:
    _, present = make_rows(200)
    groups = np.arange(200) // 2
    folds = make_folds(present, groups, 0)
    assert sorted(np.concatenate(folds).tolist()) == list(range(200))
    for fold in folds:
        assert not set(groups[fold]) & set(np.delete(groups, fold))
        assert (present[fold].sum(axis=0) > 0).all()
    assert make_folds(present[:4], np.arange(4), 0) == []


def test_a_sample_has_rows_of_each_label() -> None:
    present = np.zeros((1000, 2), dtype=np.int64)
    present[:3, 1] = 1
    rows = draw_rows(present, 50, 0)
    assert present[rows, 1].sum() >= 2
    assert 50 <= len(rows) <= 52


def test_a_head_is_solved_calibrated_and_measured() -> None:
    inputs = solver_inputs()
    solution = solve_head(inputs)
    assert solution.is_multi_label
    assert solution.fit.dense.shape == (8, 3)
    assert solution.out_of_fold is not None
    right = ((solution.out_of_fold > 0) == (inputs.labels[solution.rows] == 1)).all(axis=1)
    assert solution.scored[-1].right == right.sum()
    assert right.mean() > 0.6
    assert solution.calibration is not None
    points = measure_learning_curve(inputs, solution)
    assert [point.share for point in points] == [0.125, 0.25, 0.5, 1.0]
    assert points[-1].right.sum() == right.sum()
    assert points[0].right.mean() <= points[-1].right.mean()


def test_weights_make_a_rare_label_more_frequent() -> None:
    plain, weighed = (solve_head(solver_inputs(class_weights=weights)) for weights in (None, (1.0, 1.0, 20.0)))
    assert (weighed.fit.bias[2] - plain.fit.bias[2]) > 0


def test_ngrams_tell_each_label() -> None:
    _, present = make_rows(60)
    ids = [[10 + label for label in range(3) if row[label]] + [20, 21] for row in present]
    classifier = fit_ngram_classifier(ids, present, 3, ())
    assert classifier is not None
    assert ((classifier.scores(ids) > 0) == (present == 1)).all()
    assert classifier.weight.shape == (len(classifier.vocabulary), 3)
