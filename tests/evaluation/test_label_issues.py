"""Doubtful labels, by hand."""

import numpy as np
import pandas as pd

from hfkit.evaluation.label_issues import DIFFERENT, UNLIKELY, list_label_issues, score_labels

PROBABILITIES = np.array([[0.9, 0.05, 0.05], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1], [0.05, 0.05, 0.9], [0.4, 0.5, 0.1]])
LABELS = [0, 1, 1, 0, 1]
NAMES = ["cat", "dog", "cow"]


def test_the_most_suspicious_come_first() -> None:
    table = list_label_issues(PROBABILITIES, LABELS, NAMES, rows=[11, 12, 13, 14, 15])
    assert table[["row", "label", "suggested"]].to_numpy().tolist() == [[14, "cat", "cow"], [12, "dog", "cow"]]
    assert table["score"].tolist() == [0.05, 0.3]
    assert set(table["reason"]) == {UNLIKELY}


def test_near_duplicates_with_different_labels_are_all_listed() -> None:
    """Row 0 and row 2 are of one group, and so are rows 1 and 4, which agree."""
    groups = [7, 3, 7, 5, 3]
    table = list_label_issues(PROBABILITIES, LABELS, NAMES, groups=groups)
    assert table["row"].tolist() == [3, 1, 0, 2]
    assert table["score"].tolist() == [0.05, 0.3, 0.5, 0.5]
    assert table["reason"].tolist() == [UNLIKELY, UNLIKELY, DIFFERENT, DIFFERENT]
    assert table["suggested"].tolist() == ["cow", "cow", "dog", "cat"]
    assert table["group"].tolist()[2:] == [7, 7]
    assert pd.isna(table["group"][0])
    assert score_labels(PROBABILITIES, [0, 1, 0, 0, 1], groups).tolist() == [0.9, 0.3, 0.2, 0.05, 0.5]


def test_nothing_is_doubtful() -> None:
    table = list_label_issues(np.eye(3), [0, 1, 2], NAMES, groups=[0, 0, 1])
    assert table["row"].tolist() == [0, 1]
    assert list_label_issues(np.eye(3), [0, 1, 2], NAMES).empty
