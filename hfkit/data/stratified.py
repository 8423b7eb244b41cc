"""Rows cut off with stratification: scikit-learn's own cut, to the row, without the second that its import takes."""

import numpy as np


def cut_stratified(labels: np.ndarray, number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Part rows so that each class has its share in both parts, as `train_test_split(..., stratify=labels)` does.

    Splits that were cut by that stay the same; a test compares them.

    Args:
        labels: (rows,) of classes, which can be put in order.
        number: How many rows are cut off.
        seed: What they are drawn by.

    Returns:
        The positions of the rest and of what is cut off, each in ascending order.

    Raises:
        ValueError: A class has one row, or a part has fewer rows than there are classes.

    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rest = len(labels) - number
    if counts.min() < 2:
        raise ValueError("a class has one row only")
    if min(number, rest) < len(counts):
        raise ValueError(f"{number} and {rest} rows for {len(counts)} classes are too few")
    random = np.random.RandomState(seed)
    of_rest = _share_out(counts, rest, random)
    of_cut = _share_out(counts - of_rest, number, random)  # all that are left, but it draws from `random`
    parts: tuple[list[np.ndarray], list[np.ndarray]] = [], []
    members = np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])
    for rows, kept, taken in zip(members, of_rest, of_cut, strict=True):
        drawn = rows[random.permutation(len(rows))]
        parts[0].append(drawn[:kept])
        parts[1].append(drawn[kept : kept + taken])
    return np.sort(np.concatenate(parts[0])), np.sort(np.concatenate(parts[1]))


def _share_out(counts: np.ndarray, number: int, random: np.random.RandomState) -> np.ndarray:
    """Return how many of `number` rows each class gets: its share rounded down, and one more where most is cut off by that."""
    shares = counts / counts.sum() * number
    whole = np.floor(shares)
    missing = int(number - whole.sum())
    rests = shares - whole
    for rest in np.unique(rests)[::-1]:
        if missing <= 0:
            break
        alike = np.flatnonzero(rests == rest)
        chosen = random.choice(alike, size=min(len(alike), missing), replace=False)
        whole[chosen] += 1
        missing -= len(chosen)
    return whole.astype(int)
