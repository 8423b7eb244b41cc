"""The choice of a solved head: its penalty is no edge of what was compared."""

import numpy as np
import pytest
import torch

from hfkit.features.candidates import LARGER_PENALTIES, PENALTIES, SMALLER_PENALTIES
from hfkit.features.solution import SolverInputs
from hfkit.features.solve import solve_head
from hfkit.models.layer_groups import lay_out


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
