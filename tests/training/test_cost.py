"""What a training is said to take before it begins."""

import numpy as np
from datasets import Dataset

from hfkit.training.cost import rows_of_pass


def test_rows_that_stand_for_a_pass_are_of_all_lengths_with_those_of_similar_length_together() -> None:
    """A few long texts neither lengthen the others by padding nor count more than there are of them."""
    lengths = np.random.default_rng(0).permutation(np.r_[np.arange(5, 45).repeat(25), np.full(40, 500)])
    parts = rows_of_pass(Dataset.from_dict({"length": lengths}))
    chosen = [lengths[part] for part in parts]
    assert sum(map(len, parts)) == 64
    assert abs(np.concatenate(chosen).mean() - lengths.mean()) < 0.1 * lengths.mean()
    padded = sum(part.max() * len(part) for part in chosen)
    assert padded < 1.5 * np.concatenate(chosen).sum()


def test_rows_without_length_stand_for_a_pass_as_they_are() -> None:
    """Images have no length, and few rows are all taken."""
    assert rows_of_pass(Dataset.from_dict({"label": [0] * 10})) == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
