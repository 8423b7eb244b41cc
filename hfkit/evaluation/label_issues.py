"""Labels that are unlikely: by out-of-fold scores, and where near-duplicates have different labels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

COLUMNS = ("row", "label", "suggested", "score", "reason")
UNLIKELY = "unlikely label"
DIFFERENT = "near-duplicates with other labels"


def score_labels(probabilities: np.ndarray, labels: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> np.ndarray:
    """Return how likely each row's given label is, from 0 to 1; the lowest are the most suspicious.

    It is the probability of the given label (self-confidence: Northcutt et al. 2021, JAIR 70:1373), and where near-duplicates
    differ in their labels at most the share of the group that has the same label.

    Args:
        probabilities: (rows, classes) out of fold: of models that were not trained on the row, nor on its near-duplicates.
        labels: (rows,) ids of the given labels.
        groups: (rows,) numbers of the groups of near-duplicates, see `hfkit.data.near_duplicates`.

    """
    given = np.asarray(labels, dtype=np.int64)
    scores = probabilities[np.arange(len(given)), given].astype(np.float64)
    if groups is None:
        return scores
    return np.minimum(scores, _shares_of_groups(given, np.asarray(groups), probabilities.shape[1]))


def list_label_issues(
    probabilities: np.ndarray,
    labels: npt.ArrayLike,
    label_names: Sequence[str],
    rows: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """List the rows whose label is doubtful, the most suspicious first.

    A row is listed where another label is more probable out of fold, or where near-duplicates of it have other labels; all rows
    of such a group stand in the table, whatever the model says of them.

    Args:
        probabilities: (rows, classes), out of fold.
        labels: (rows,) ids of the given labels.
        label_names: By id.
        rows: (rows,) what each row is called; default: its position.
        groups: (rows,) numbers of the groups of near-duplicates.

    Returns:
        Columns `row`, `label`, `suggested` (the most probable other label), `score` (how likely the given label is, see
        `score_labels`), `reason`, and with `groups` also `group`, where a group has different labels.

    """
    given = np.asarray(labels, dtype=np.int64)
    scores = score_labels(probabilities, given, groups)
    others = probabilities.astype(np.float64)  # a copy
    others[np.arange(len(given)), given] = -1
    differs = np.zeros(len(given), dtype=bool)
    if groups is not None:
        differs = _shares_of_groups(given, np.asarray(groups), probabilities.shape[1]) < 1
    is_unlikely = probabilities.argmax(axis=1) != given
    names = np.array([*label_names], dtype=object)
    table = pd.DataFrame(
        {
            "row": np.arange(len(given)) if rows is None else np.asarray(rows),
            "label": names[given],
            "suggested": names[others.argmax(axis=1)],
            "score": scores,
            "reason": np.where(differs, DIFFERENT, UNLIKELY),
        }
    )
    if groups is not None:
        table["group"] = pd.array(np.asarray(groups), dtype="Int64")
        table.loc[~differs, "group"] = pd.NA
    return table[is_unlikely | differs].sort_values("score", kind="stable").reset_index(drop=True)


def list_label_set_issues(
    scores: np.ndarray,
    labels: np.ndarray,
    label_names: Sequence[str],
    groups: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """List what is doubtful of rows with any number of labels, the most suspicious first: label by label.

    Each label is a question of its own, which a row answers by yes or no: it is listed as by `list_label_issues`. A row may stand
    in the table for several of its labels.

    Args:
        scores: (rows, labels) of 0 to 1, out of fold.
        labels: (rows, labels), 0 or 1.
        label_names: By id.
        groups: (rows,) numbers of the groups of near-duplicates.

    Returns:
        Columns `row` (its position), `label` (which one is doubtful), `given` and `suggested` (0 or 1: whether the row has it),
        `score` (how likely the given answer is), `reason`, and with `groups` also `group`.

    """
    tables = []
    for place, name in enumerate(label_names):
        positive = scores[:, place].astype(np.float64)
        answers = np.stack([1 - positive, positive], axis=1)
        table = list_label_issues(answers, labels[:, place], ["0", "1"], groups=groups)
        table = table.rename(columns={"label": "given"}).astype({"given": int, "suggested": int})
        table.insert(1, "label", pd.Series(name, index=table.index, dtype=object))
        tables.append(table)
    return pd.concat(tables).sort_values("score", kind="stable").reset_index(drop=True)


def _shares_of_groups(labels: np.ndarray, groups: np.ndarray, num_labels: int) -> np.ndarray:
    """Return for each row the share of its group that has the same label."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    _, kind, counts = np.unique(group * num_labels + labels, return_inverse=True, return_counts=True)
    return counts[kind] / sizes[group]
