"""Near-duplicates are told by their cosine, exactly, however the rows are stored."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.preprocessing import normalize

from hfkit.data import near_duplicates
from hfkit.data.near_duplicates import group_near_duplicates


def random_rows(seed: int, number: int = 90) -> sparse.csr_matrix:
    """Return sparse rows, a third of them copies of others, half of those with a change."""
    generator = np.random.default_rng(seed)
    rows = sparse.random(number, 60, density=0.1, random_state=seed, data_rvs=lambda size: generator.random(size) + 0.1)
    rows = rows.toarray()
    for copy in range(0, number, 3):
        rows[copy] = rows[generator.integers(number)]
        rows[copy, generator.integers(60)] += generator.random() * (copy % 2)
    return sparse.csr_matrix(rows)


def groups_by_hand(rows: sparse.csr_matrix, threshold: float) -> list[int]:
    unit = normalize(rows).toarray()
    component = connected_components(unit @ unit.T >= threshold - 1e-6, directed=False)[1]
    first = {}
    return [first.setdefault(value, len(first)) for value in component.tolist()]


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("work", [4_000_000, 300])
def test_groups_are_those_of_all_cosines(threshold: float, work: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sparse and dense rows, in one block or in many, give what comparing each with each gives; the rows stay as they are."""
    monkeypatch.setattr(near_duplicates, "_WORK_AT_ONCE", work)
    for seed in range(2):
        rows = random_rows(seed)
        before = rows.copy()
        expected = groups_by_hand(rows, threshold)
        assert group_near_duplicates(rows, threshold).tolist() == expected
        assert group_near_duplicates(rows.toarray(), threshold).tolist() == expected
        assert (rows != before).nnz == 0
    assert len(set(expected)) < len(expected)


def test_neighbours_of_neighbours_and_empty_rows() -> None:
    angles = np.radians([0, 90, 30, 60, 0])
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    rows = np.concatenate([rows, np.zeros((2, 2))])
    assert group_near_duplicates(rows, 0.8).tolist() == [0, 0, 0, 0, 0, 1, 2]  # 30 degrees apart: 0.87
    assert group_near_duplicates(sparse.csr_matrix(rows), 0.9).tolist() == [0, 1, 2, 3, 0, 4, 5]


def test_many_copies_of_one_row_are_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not compared each with each."""
    compared: list[int] = []
    check = near_duplicates._check_pairs

    def count(rows: sparse.csr_matrix, first: np.ndarray, second: np.ndarray, limit: float) -> object:
        compared.append(len(first))
        return check(rows, first, second, limit)

    monkeypatch.setattr(near_duplicates, "_check_pairs", count)
    rows = sparse.csr_matrix(np.tile([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]], (500, 1)))
    assert group_near_duplicates(rows).tolist() == [0, 1] * 500
    assert sum(compared) <= 1


def test_a_threshold_that_is_no_cosine_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold is 0"):
        group_near_duplicates(np.eye(2), 0)
