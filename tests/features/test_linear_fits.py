"""Least squares in closed form and by iteration, and what is chosen inside train with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.svm import LinearSVC

from hfkit.data.ngrams import fit_ngrams, ngram_matrix
from hfkit.errors import UserError
from hfkit.features.by_iteration import fit_by_iteration
from hfkit.features.candidates import Candidate, list_layer_sets, predict_labels, read_held_out, score_candidates
from hfkit.features.choose import draw_rows
from hfkit.features.closed_form import RowProducts, fit_in_closed_form, multiply_dense, multiply_sparse
from hfkit.features.folds import make_folds
from hfkit.features.linear import LinearFit, Problem
from hfkit.features.linear_fits import has_closed_form
from hfkit.features.solution import SolverInputs
from hfkit.features.solve import solve_head, two_sided
from hfkit.features.standardise import Standardiser
from hfkit.models.layer_groups import FeatureGroup, lay_out

GROUPS = lay_out([0, 1, 2], [4] * 3, [["mean", "first"]] * 3)


def make_rows(classes: int, rows: int = 120) -> tuple[torch.Tensor, np.ndarray]:
    """Return features of which the last layer's mean tells the class, and labels."""
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    features = generator.normal(size=(rows, 24)) * 3 + 10
    features[:, 16:20] += 9 * np.eye(4)[labels % 4]
    return torch.from_numpy(features.astype(np.float32)), labels


def solve_by_iteration(*arguments: Any) -> list[LinearFit]:
    return fit_by_iteration(*arguments, 1e-9, 500)


BOTH = pytest.mark.parametrize("solve", [fit_in_closed_form, solve_by_iteration], ids=["closed form", "iteration"])


@BOTH
@pytest.mark.parametrize("classes", [2, 4])
def test_the_minimum_is_that_of_scikit_learn(classes: int, solve: Callable[..., list[LinearFit]]) -> None:
    """With weights of rows, of which some are 0, and a weight of the dense features."""
    generator = np.random.default_rng(1)
    labels = np.arange(90) % classes
    dense = generator.normal(size=(90, 6)).astype(np.float32)
    dense[:, 0] += labels
    words = sparse.random(90, 11, 0.3, "csr", np.float32, generator)
    rows = generator.choice([0.0, 1.0, 2.5], 90).astype(np.float32)
    [ours] = solve(torch.from_numpy(dense), words, labels, classes, [Problem(0.7, rows, 0.5)])
    both = np.concatenate([0.5 * dense, words.toarray()], axis=1)
    targets = 2.0 * (labels[:, None] == (np.arange(classes) if classes > 2 else [1])) - 1
    theirs = Ridge(1 / (2 * 0.7), solver="cholesky").fit(both, targets, rows)
    weights = np.concatenate([ours.dense / 0.5, ours.sparse])
    np.testing.assert_allclose(weights, theirs.coef_.reshape(-1, 17).T, atol=2e-3)
    np.testing.assert_allclose(ours.bias, theirs.intercept_, atol=2e-3)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_minimum_of_the_squared_hinge_loss_is_that_of_scikit_learn(classes: int) -> None:
    """With the bias penalised there as a feature of large size, it is all but free."""
    generator = np.random.default_rng(1)
    labels = np.arange(90) % classes
    dense = generator.normal(size=(90, 6)).astype(np.float32)
    dense[:, 0] += labels
    words = sparse.random(90, 11, 0.3, "csr", np.float32, generator)
    problem = Problem(0.7, np.ones(90, np.float32), loss="hinge")
    [ours] = fit_by_iteration(torch.from_numpy(dense), words, labels, classes, [problem], 1e-9, 500)
    both = sparse.hstack([sparse.csr_matrix(dense), words]).tocsr()
    theirs = LinearSVC(C=0.7, intercept_scaling=100, tol=1e-9, max_iter=10_000, dual=False).fit(both, labels)
    np.testing.assert_allclose(np.concatenate([ours.dense, ours.sparse]), theirs.coef_.T, atol=5e-3)
    np.testing.assert_allclose(ours.bias, theirs.intercept_, atol=5e-3)


@pytest.mark.parametrize(("weight", "most"), [(1.0, 0.03), (300.0, 0.01)])
def test_large_penalties_and_weights_are_solved(weight: float, most: float) -> None:
    """What is chosen is in float64; so is a comparison that float32 cannot factorise, and products where that does not do."""
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(800, 3, generator=generator) @ torch.randn(3, 60, generator=generator)
    features = (common + 1e-3 * torch.randn(800, 60, generator=generator)) / 60**0.5
    labels = (common[:, 0] + torch.randn(800, generator=generator) > 0).long().numpy()
    rows = np.where(np.arange(800) % 6 == 0, weight, 1.0).astype(np.float32)
    problem = Problem(300.0, rows, 2.0)
    ridge = Ridge(1 / 600, solver="cholesky").fit(2.0 * features.double().numpy(), 2.0 * labels - 1, rows)
    expected = ridge.predict(2.0 * features.double().numpy())
    [exact] = fit_in_closed_form(features, None, labels, 2, [problem])
    np.testing.assert_allclose(exact.logits(features, None)[:, 0], expected, atol=most)
    [fast] = fit_in_closed_form(features, None, labels, 2, [problem], exact=False)
    assert np.mean((fast.logits(features, None)[:, 0] > 0) == (expected > 0)) > 0.97


@BOTH
def test_problems_solved_together_are_those_solved_alone(solve: Callable[..., list[LinearFit]]) -> None:
    features, labels = make_rows(3)
    features = (features - features.mean(dim=0)) / 10
    weights = [np.ones(120, np.float32), (np.arange(120) % 5 > 0).astype(np.float32)]
    problems = [Problem(penalty, rows, scale) for penalty in (0.1, 3.0) for rows in weights for scale in (0.5, 1.0)]
    together = solve(features, None, labels, 3, problems)
    for problem, fit in zip(problems, together, strict=True):
        [alone] = solve(features, None, labels, 3, [problem])
        np.testing.assert_allclose(fit.dense, alone.dense, atol=2e-3)


def test_products_of_rows_are_computed_once_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those on and below the diagonal; a fit with them is the one that computes them itself."""
    features, labels = make_rows(2)
    features = (features - features.mean(dim=0)) / 10
    words = sparse.random(120, 30, 0.2, "csr", np.float32, np.random.default_rng(2))
    monkeypatch.setattr("hfkit.features.closed_form._ROWS_AT_ONCE", 50)
    products = RowProducts(multiply_dense(features), multiply_sparse(words))
    torch.testing.assert_close(products.dense.tril(), (features @ features.T).tril())  # type: ignore[union-attr]
    problems = [Problem(1.0, (np.arange(120) % 3 > 0).astype(np.float32), 0.5)]
    monkeypatch.setattr("hfkit.features.closed_form._ROWS_AT_ONCE", 500)
    fits = [fit_in_closed_form(features, words, labels, 2, problems, known)[0] for known in (products, None)]
    np.testing.assert_allclose(fits[0].dense, fits[1].dense, atol=1e-5)
    np.testing.assert_allclose(fits[0].sparse, fits[1].sparse, atol=1e-5)


def test_many_rows_are_solved_by_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    """So are weights of labels, for which no factorisation serves all; the choice is made in closed form on a sample."""
    features, labels = make_rows(3)
    assert has_closed_form(120, "squares", None)
    assert not has_closed_form(120, "hinge", None)
    assert not has_closed_form(120, "squares", [1.0, 2.0, 3.0])
    known = solve_head(SolverInputs(features, GROUPS, labels, 3))
    monkeypatch.setattr("hfkit.features.linear_fits.MOST_ROWS", 110)
    monkeypatch.setattr("hfkit.features.solve.SELECTION_ROWS", 90)
    used: list[int] = []

    def count(*arguments: Any, **options: Any) -> list[LinearFit]:
        used.append(len(arguments[2]))
        return fit_by_iteration(*arguments, **options)

    monkeypatch.setattr("hfkit.features.linear_fits.fit_by_iteration", count)
    solution = solve_head(SolverInputs(features, GROUPS, labels, 3))
    assert set(used) == {90, 120}  # the squared hinge loss, and the fit on all
    assert solution.out_of_fold is not None
    assert len(solution.rows) < 110
    rows = np.arange(120)
    for result in (known, solution):
        standardised = result.standardiser.apply(features, result.candidate.groups, rows)
        assert (predict_labels(result.fit.logits(standardised, None)) == labels).mean() > 0.9


def test_near_duplicates_stay_in_one_fold() -> None:
    labels = np.repeat([0, 1], 40)
    groups = np.arange(80) // 4
    folds = make_folds(labels, groups, 0)
    assert sorted(np.concatenate(folds)) == list(range(80))
    for group in range(20):
        assert sum(bool(np.isin(np.flatnonzero(groups == group), fold).any()) for fold in folds) == 1


def test_one_class_of_several_rows_leaves_nothing_to_choose() -> None:
    features, labels = make_rows(2)
    labels = np.zeros_like(labels)
    labels[:2] = 1, 2
    assert make_folds(labels, np.arange(120), 0) == []
    solution = solve_head(SolverInputs(features, GROUPS, labels, 3))
    assert solution.out_of_fold is None
    assert solution.temperature == 1
    assert any("all classes but one have a single row" in remark for remark in solution.remarks)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_layer_that_knows_is_chosen_and_calibrated(classes: int) -> None:
    features, labels = make_rows(classes)
    told = []
    solution = solve_head(SolverInputs(features, GROUPS, labels, classes), told.append)
    assert {item.candidate for item in told} == {item.candidate for item in solution.scored}
    assert solution.scored[-1].candidate == solution.candidate
    assert any(group.layer == 2 and group.pooling == "mean" for group in solution.candidate.groups)
    assert solution.out_of_fold is not None
    assert (solution.out_of_fold.argmax(axis=1) == labels).mean() > 0.95
    assert solution.calibration is not None
    assert solution.calibration[1] < 0.1


def test_neither_shift_nor_size_of_a_feature_matters() -> None:
    features, labels = make_rows(2)
    moved = features * torch.logspace(-2, 2, 24) + torch.linspace(-50, 50, 24)
    solutions = [solve_head(SolverInputs(part, GROUPS, labels, 2)) for part in (features, moved)]
    assert solutions[0].candidate == solutions[1].candidate
    np.testing.assert_allclose(solutions[0].out_of_fold, solutions[1].out_of_fold, atol=0.05)


@pytest.mark.parametrize(("scale", "mean"), [(0.0, 7.0), (1e-5, 7.0), (1e-9, 0.0)], ids=["constant", "rounded", "tiny"])
def test_constant_features_are_dropped(scale: float, mean: float) -> None:
    """So are those that vary by little, of their size or beside the others: their weights would be huge."""
    features, _ = make_rows(2)
    features[:, 3] = mean + scale * features[:, 3]
    standardiser = Standardiser.fit(features)
    assert not standardiser.apply(features, GROUPS, np.arange(120))[:, 3].any()
    weight, _ = standardiser.fold(GROUPS, np.ones((24, 1)), np.zeros(1))
    assert weight[3] == 0


def test_folded_weights_give_the_logits_of_standardised_features() -> None:
    features, _ = make_rows(2)
    standardiser = Standardiser.fit(features)
    generator = np.random.default_rng(3)
    weights, bias = generator.normal(size=(24, 2)), generator.normal(size=2)
    folded, shift = standardiser.fold(GROUPS, weights, bias)
    standardised = standardiser.apply(features, GROUPS, np.arange(120)).double().numpy()
    np.testing.assert_allclose(features.double().numpy() @ folded + shift, standardised @ weights + bias, atol=1e-4)


def test_a_sample_holds_every_class() -> None:
    labels = np.array([0] * 1000 + [1] * 3 + [2])
    rows = draw_rows(labels, 50, 0)
    assert set(labels[rows]) == {0, 1, 2}
    assert len(rows) < 60


def test_one_logit_stands_for_two_classes() -> None:
    logits = np.array([[2.0], [-1.0]])
    np.testing.assert_array_equal(predict_labels(logits), [1, 0])
    np.testing.assert_array_equal(two_sided(logits).argmax(axis=1), [1, 0])


def test_given_layers_are_not_chosen() -> None:
    assert {group.layer for groups in list_layer_sets(GROUPS, True).values() for group in groups} == {0, 1, 2}
    assert len(list_layer_sets(GROUPS, False)) > len(list_layer_sets(GROUPS, True))
    features = [FeatureGroup("blocks.1", "mean", 0, 4), FeatureGroup("features", "own", 4, 6)]
    assert all(groups for groups in list_layer_sets(features, False).values())


@pytest.mark.parametrize("solve", [fit_in_closed_form, fit_by_iteration], ids=["closed form", "iteration"])
@pytest.mark.parametrize("classes", [2, 3])
def test_many_rare_features_are_fitted_as_well_as_by_scikit_learn(
    classes: int, solve: Callable[..., list[LinearFit]]
) -> None:
    """Classes of equal size and features of few rows each: the first step lowers the problem by next to nothing."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, classes, 3000)
    columns = generator.integers(0, 900, (3000, 8)) + 900 * (labels[:, None] * (generator.random((3000, 8)) < 0.3))
    rows = np.repeat(np.arange(3000), 8)
    words = sparse.csr_matrix((np.full(len(rows), 8**-0.5, np.float32), (rows, columns.ravel())))
    train = (np.arange(3000) % 5 > 0).astype(np.float32)
    [ours] = solve(None, words, labels, classes, [Problem(1.0, train)])
    theirs = RidgeClassifier(0.5).fit(words[train > 0], labels[train > 0])
    held_out = train == 0
    accuracy = (predict_labels(ours.logits(None, words[held_out])) == labels[held_out]).mean()
    assert accuracy > 0.6
    assert accuracy >= theirs.score(words[held_out], labels[held_out]) - 0.02


def test_n_grams_of_a_fold_alone_are_unknown_to_its_fit() -> None:
    """They count neither in the score of a row nor in its length, as in a text that comes later."""
    generator = np.random.default_rng(5)
    ids = [[int(number) for number in generator.integers(5, 40, 6)] + [1000 + row] for row in range(60)]
    labels = np.array([int(row[0] > 20) for row in ids])
    vocabulary = fit_ngrams(ids, (), 1, 1)
    matrix = ngram_matrix(ids, vocabulary).astype(np.float32)
    fold, others = np.arange(12), np.arange(12, 60)
    alone = ngram_matrix([ids[row] for row in fold], fit_ngrams([ids[row] for row in others], (), 1, 1))
    [held_out] = read_held_out(matrix, [fold], [others], 1)
    assert held_out.getnnz(axis=1).max() <= 7
    own = np.flatnonzero(np.isin(vocabulary.keys, fit_ngrams([[row] for row in range(1000, 1012)], (), 1, 1).keys))
    assert abs(held_out[:, own]).max() == 0
    np.testing.assert_allclose(held_out.multiply(held_out).sum(axis=1), 1, rtol=1e-5)
    assert alone.shape[0] == held_out.shape[0]
    [scored] = score_candidates(
        [Candidate("n-grams", (), 1.0, 1.0, 1)], None, matrix, labels, 2, [fold], np.ones(60, np.float32)
    )
    assert scored.logits[:12].any()


def test_classes_of_one_row_are_fitted_and_not_scored() -> None:
    features, labels = make_rows(3)
    labels[7] = 3
    solution = solve_head(SolverInputs(features, GROUPS, labels, 5))
    assert 7 not in solution.rows
    assert len(solution.rows) == 119
    assert solution.out_of_fold is not None
    assert solution.fit.bias.shape == (5,)
    assert any("1 classes have a single row" in remark for remark in solution.remarks)


def test_problems_beyond_memory_are_solved_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = make_rows(3)
    features = (features - features.mean(dim=0)) / 10
    problems = [Problem(penalty, np.ones(120, np.float32)) for penalty in (0.1, 1.0, 3.0)]
    together = fit_by_iteration(features, None, labels, 3, problems, 1e-8, 400)
    monkeypatch.setattr("hfkit.features.by_iteration.MEMORY_BYTES", 1)
    for fit, other in zip(fit_by_iteration(features, None, labels, 3, problems, 1e-8, 400), together, strict=True):
        np.testing.assert_allclose(fit.dense, other.dense, atol=2e-3)


def test_a_feature_that_is_no_number_names_its_row() -> None:
    features, labels = make_rows(2)
    features[5, 3] = float("nan")
    with pytest.raises(UserError, match="training row 5 "):
        solve_head(SolverInputs(features, GROUPS, labels, 2))
