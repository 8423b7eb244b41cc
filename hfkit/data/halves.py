"""Two halves of validation: one chooses, the other certifies what was chosen."""

import numpy as np
from datasets import DatasetDict

from ..errors import UserError
from .splits import SPLIT_SEED
from .stored_rows import read_column

CERTIFICATION = "certification"
"""The split of the rows that choose nothing."""


def halve(labels: np.ndarray, seed: int = SPLIT_SEED) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of two halves of rows, each in ascending order, with stratification.

    Neither the halves nor their shares of a class differ by more than one row, of which the first half has the odd one.

    Args:
        labels: (rows,) ids of their classes.
        seed: What they are drawn by.

    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return np.sort(by_class[::2]), np.sort(by_class[1::2])


def halve_validation(splits: DatasetDict) -> DatasetDict:
    """Return splits with one half of validation's rows in `validation`, and behind it the other in `certification`.

    Raises:
        UserError: Validation has one row.

    """
    rows = splits["validation"]
    if len(rows) < 2:
        raise UserError("--max_error halves validation, which has 1 row: bring more of them, or leave the flag out.")
    choosing, certifying = (rows.select(half) for half in halve(read_column(rows, "label")))
    others = {split: others for split, others in splits.items() if split not in ("train", "validation")}
    return DatasetDict({"train": splits["train"], "validation": choosing, CERTIFICATION: certifying, **others})
