"""The choice of a solved head: its penalty is no edge of what was compared."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hfkit.features import choose, solve
from hfkit.features.candidates import LARGER_PENALTIES, PENALTIES, SMALLER_PENALTIES, Scored
from hfkit.features.solution import Solution, SolverInputs
from hfkit.features.solve import solve_head
from hfkit.models.layer_groups import lay_out
from hfkit.training.solver import describe_solution


def draw_inputs(rows: int, width: int, noise: float) -> SolverInputs:
    """Return rows of which each feature says a little, and their labels, with noise of so many times what all say."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(rows, width, generator=generator)
    signal = features.mean(dim=1) * width**0.5
    labels = (signal + noise * torch.randn(rows, generator=generator) > 0).long().numpy()
    return SolverInputs(features, lay_out([0], [width], [["mean"]]), labels, 2, None, (), seed=1)


def draw_hidden_inputs() -> SolverInputs:
    """Return rows whose features all have one thing in common, beside which what tells the label is small."""
    inputs = draw_inputs(1000, 20, 0.0)
    common = torch.randn(1000, 1, generator=torch.Generator().manual_seed(2))
    return replace(inputs, features=inputs.features * torch.linspace(0.001, 0.3, 20) + 5 * common)


@pytest.mark.parametrize(
    ("inputs", "further"),
    [(draw_inputs(300, 300, 1.0), SMALLER_PENALTIES), (draw_hidden_inputs(), LARGER_PENALTIES)],
    ids=["noise wants a small one", "what is hidden wants a large one"],
)
def test_the_penalty_goes_on_past_an_edge(inputs: SolverInputs, further: tuple[float, ...]) -> None:
    solution = solve_head(inputs)
    own = [item for item in solution.scored if item.candidate.loss == solution.candidate.loss]
    tried = [item.candidate.penalty for item in own]
    right = {item.candidate.penalty: item.right for item in own}
    chosen = solution.candidate.penalty
    assert chosen in further
    assert right[chosen] == max(right.values()) > max(right[penalty] for penalty in PENALTIES)
    ends = (min(tried), max(tried))
    assert chosen not in ends or chosen in (SMALLER_PENALTIES[-1], LARGER_PENALTIES[-1])
    np.testing.assert_array_equal(sorted(set(tried)), sorted(tried))


def test_rows_that_are_all_near_duplicates_choose_nothing() -> None:
    solution = solve_head(draw_inputs(2000, 3, 0.0))
    assert solution.scored == ()
    assert any("nothing is chosen or calibrated" in remark for remark in solution.remarks)


def draw_layers(rows: int) -> SolverInputs:
    """Return rows with three layers, of which the last tells the label."""
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    features = generator.normal(size=(rows, 12)).astype(np.float32)
    features[:, 8:] += 2 * labels[:, None]
    return SolverInputs(torch.from_numpy(features), lay_out([0, 1, 2], [4] * 3, [["mean"]] * 3), labels, 2)


def test_each_candidate_is_scored_once_on_the_same_rows() -> None:
    told: list[Scored] = []
    solution = solve_head(draw_layers(200), told.append)
    assert len({item.candidate for item in told}) == len(told) == len(solution.scored)
    assert not solution.remarks


def test_large_data_are_sampled_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers on the smallest sample, others on a larger one, what is chosen on a third; fitted on what memory has room for."""
    monkeypatch.setattr(choose, "LAYER_ROWS", 80)
    monkeypatch.setattr(solve, "CHOICE_ROWS", 100)
    monkeypatch.setattr(solve, "SELECTION_ROWS", 120)
    monkeypatch.setattr(solve, "FIT_BYTES", 4 * 4 * 160)
    told: list[Scored] = []
    inputs = draw_layers(200)
    solution = solve_head(inputs, told.append)
    width = sum(group.width for group in solution.candidate.groups)
    assert {len(item.logits) for item in told} == {80, 100}
    assert len(solution.rows) == len(solution.out_of_fold) == 120  # type: ignore[arg-type]
    assert np.bincount(inputs.labels[solution.rows]).tolist() == [60, 60]
    assert solution.remarks == (
        "what is chosen is scored on 120 of 200 rows",
        "candidates are compared on 100 of 200 rows",
        "losses, layers and poolings are compared on 80 of 200 rows",
        f"the head is fitted on {4 * 160 // width} of 200 rows",
    )
    said = describe_solution(solution)
    assert all(remark in said for remark in solution.remarks)
    assert f"the best of {len({item.candidate for item in told})} candidates" in said


# --- class weights ---


def test_class_weights_count_in_the_fit_and_in_the_choice() -> None:
    """Rows of a rare class that count four times as much are told, where else all rows would be taken for the frequent one."""
    inputs = draw_inputs(400, 8, 2.0)
    labels = np.where((inputs.labels == 1) & (np.arange(400) % 4 > 0), 0, inputs.labels)
    weights = (400 / 2 / np.bincount(labels)).tolist()  # as --class_weights balanced has them
    plain, weighted = (solve_head(replace(inputs, labels=labels, class_weights=each)) for each in (None, weights))
    recalls = [
        (solution.out_of_fold.argmax(axis=1) == labels)[labels == 1].mean()  # type: ignore[union-attr]
        for solution in (plain, weighted)
    ]
    assert recalls[0] < 0.1
    assert recalls[1] > 0.4
    logits = [standardise(each, inputs) @ each.fit.dense + each.fit.bias for each in (plain, weighted)]
    assert (logits[1] > 0).mean() > (logits[0] > 0).mean() + 0.2
    best = max(weighted.scored, key=lambda item: item.weight)
    assert best.candidate == weighted.candidate
    expected = np.array(weights)[labels[weighted.rows]][weighted.out_of_fold.argmax(axis=1) == labels[weighted.rows]]  # type: ignore[union-attr]
    assert best.weight == pytest.approx(expected.sum(), rel=1e-6)


def standardise(solution: Solution, inputs: SolverInputs) -> np.ndarray:
    """Return what a solution's weights are for, of all rows."""
    rows = np.arange(len(inputs.labels))
    return solution.standardiser.apply(inputs.features, solution.candidate.groups, rows).numpy()


# --- n-grams ---


def draw_texts(rows: int, by_tokens: bool) -> SolverInputs:
    """Return rows whose label either their tokens tell or their features."""
    generator = np.random.default_rng(3)
    labels = np.arange(rows) % 2
    ids = [[1, *generator.integers(20, 200, 8).tolist(), 10 + int(label) * by_tokens, 2] for label in labels]
    features = generator.normal(size=(rows, 6)).astype(np.float32)
    features[:, 0] += 0.8 * labels if by_tokens else 6 * labels
    groups = lay_out([0], [6], [["mean"]])
    return SolverInputs(torch.from_numpy(features), groups, labels, 2, ids, special_ids=(1, 2))


def test_ngrams_stay_where_they_help() -> None:
    inputs = draw_texts(160, by_tokens=True)
    solution = solve_head(inputs)
    assert solution.candidate.min_document_frequency > 0
    assert solution.vocabulary is not None
    assert len(solution.fit.sparse) == len(solution.vocabulary) > 0
    assert solution.chosen is not None
    alone = solve_head(replace(inputs, with_ngrams=False))
    assert alone.vocabulary is None
    assert alone.chosen is not None
    assert solution.chosen.accuracy > alone.chosen.accuracy + 0.2


@pytest.mark.parametrize("given", [False, True])
def test_ngrams_are_left_out_where_they_do_not_help_unless_they_are_given(given: bool) -> None:
    solution = solve_head(replace(draw_texts(160, by_tokens=False), ngrams_are_given=given))
    assert (solution.vocabulary is not None) == given
    assert any(item.candidate.min_document_frequency for item in solution.scored)  # they were compared


# --- near-duplicates ---


def draw_pairs(rows: int, of_texts: bool) -> SolverInputs:
    """Return rows of which each second one is the first one once more, all but the same."""
    generator = np.random.default_rng(4)
    labels = np.repeat(np.arange(rows // 2) % 2, 2)
    features = generator.normal(size=(rows // 2, 24)).repeat(2, axis=0).astype(np.float32)
    features += 1e-3 * generator.normal(size=features.shape).astype(np.float32)
    ids = [[*generator.integers(20, 2000, 30).tolist()] for _ in range(rows // 2)]
    texts = [[*ids[row // 2], 5000 + row] for row in range(rows)] if of_texts else None
    if of_texts:
        features = generator.normal(size=features.shape).astype(np.float32)
    return SolverInputs(torch.from_numpy(features), lay_out([0], [24], [["mean"]]), labels, 2, texts)


@pytest.mark.parametrize("of_texts", [True, False], ids=["texts", "images"])
def test_near_duplicates_are_solved_in_one_fold(of_texts: bool) -> None:
    """Texts are compared by their n-grams, images by their features; else a fit would know by heart what it is asked."""
    solution = solve_head(draw_pairs(80, of_texts))
    fold = np.zeros(80, dtype=int)
    for number, rows in enumerate(solution.folds):
        fold[rows] = number
    assert len(solution.folds) == 5
    np.testing.assert_array_equal(fold[::2], fold[1::2])
    np.testing.assert_array_equal(solution.groups[::2], solution.groups[1::2])
    assert len(np.unique(solution.groups)) == 40
    assert solution.chosen is not None
    assert solution.chosen.accuracy < 0.8  # labels are chance
