"""Doubtful labels, by hand."""

import numpy as np
import pandas as pd

from hfkit.evaluation.label_issues import DIFFERENT, UNLIKELY, list_label_issues, list_label_set_issues, score_labels

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


SCORES = np.array([[0.9, 0.2], [0.7, 0.1], [0.3, 0.95], [0.1, 0.4]])
SETS = np.array([[1, 0], [0, 0], [1, 0], [0, 0]])


def test_of_several_labels_a_row_each_is_doubted_by_itself() -> None:
    """Row 2 has one label too many and lacks another; the other label of row 1 is as it should be."""
    table = list_label_set_issues(SCORES, SETS, ["toxic", "threat"])
    assert list(table.columns) == ["row", "label", "given", "suggested", "score", "reason"]
    assert table.iloc[:, :4].to_numpy().tolist() == [[2, "threat", 0, 1], [2, "toxic", 1, 0], [1, "toxic", 0, 1]]
    np.testing.assert_allclose(table["score"], [0.05, 0.3, 0.3])
    right = list_label_set_issues(SETS.astype(float), SETS, ["toxic", "threat"], groups=[0, 1, 2, 3])
    assert right.empty
    assert list(right.columns) == [*table.columns, "group"]


def test_near_duplicates_are_compared_label_by_label() -> None:
    """Rows 0 and 3 are of one group, and differ in the first label alone."""
    table = list_label_set_issues(SETS.astype(float), SETS, ["toxic", "threat"], groups=[4, 1, 2, 4])
    assert table[["row", "label", "given", "score", "reason", "group"]].to_numpy().tolist() == [
        [0, "toxic", 1, 0.5, DIFFERENT, 4],
        [3, "toxic", 0, 0.5, DIFFERENT, 4],
    ]
