"""Splits are cut as scikit-learn cuts them: to the row, so that runs stay comparable with those that it cut."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from hfkit.data.splits import SPLIT_SEED
from hfkit.data.stratified import cut_stratified


@pytest.mark.parametrize("seed", range(60))
def test_the_rows_are_those_that_scikit_learn_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    classes = int(random.integers(2, 30))
    shares = random.dirichlet([float(random.choice([0.3, 3, 100]))] * classes)
    labels = np.array([f"class {index}" for index in range(classes)] * 2, dtype=object)
    more = random.choice(labels[:classes], int(random.integers(2 * classes, 2000)), p=shares)
    labels = random.permutation(np.concatenate([labels, more]))
    number = int(random.integers(classes, len(labels) - classes + 1))
    rest, taken = cut_stratified(labels, number, SPLIT_SEED)
    other_rest, other_taken = train_test_split(
        np.arange(len(labels)), test_size=number, stratify=labels, random_state=SPLIT_SEED
    )
    assert (rest.tolist(), taken.tolist()) == (sorted(other_rest), sorted(other_taken))


@pytest.mark.parametrize(
    ("labels", "number", "match"),
    [("aab", 2, "one row only"), ("aabbcc", 2, "2 and 4 rows for 3 classes"), ("aabb", 4, "4 and 0 rows")],
)
def test_too_few_rows_are_refused(labels: str, number: int, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        cut_stratified(np.array(list(labels), dtype=object), number, SPLIT_SEED)
