"""The choice of a solved head: its penalty is no edge of what was compared."""

import numpy as np
import pytest
import torch

from hfkit.features import choose, solve
from hfkit.features.candidates import LARGER_PENALTIES, PENALTIES, SMALLER_PENALTIES, Scored
from hfkit.features.solution import SolverInputs
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


@pytest.mark.parametrize(
    ("inputs", "further"),
    [(draw_inputs(300, 300, 1.0), SMALLER_PENALTIES), (draw_inputs(2000, 10, 0.0), LARGER_PENALTIES)],
    ids=["noise wants a small one", "what is exact wants a large one"],
)
def test_the_penalty_goes_on_past_an_edge(inputs: SolverInputs, further: tuple[float, ...]) -> None:
    solution = solve_head(inputs)
    tried = [item.candidate.penalty for item in solution.scored]
    right = {item.candidate.penalty: item.right for item in solution.scored}
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
    """Layers on the smallest sample, the rest of the choice on a larger one, and the fit on what memory has room for."""
    monkeypatch.setattr(choose, "LAYER_ROWS", 80)
    monkeypatch.setattr(solve, "SELECTION_ROWS", 120)
    monkeypatch.setattr(solve, "FIT_BYTES", 4 * 4 * 160)
    told: list[Scored] = []
    inputs = draw_layers(200)
    solution = solve_head(inputs, told.append)
    width = sum(group.width for group in solution.candidate.groups)
    assert {len(item.logits) for item in told} == {80, 120}
    assert len(solution.rows) == 120
    assert np.bincount(inputs.labels[solution.rows]).tolist() == [60, 60]
    assert solution.remarks == (
        "the choice is made on 120 of 200 rows",
        "layers and poolings are compared on 80 of 200 rows",
        f"the head is fitted on {4 * 160 // width} of 200 rows",
    )
    said = describe_solution(solution)
    assert all(remark in said for remark in solution.remarks)
    assert f"the best of {len({item.candidate for item in told})} candidates" in said
