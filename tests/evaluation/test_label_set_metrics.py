"""Metrics of any number of labels a row: against scikit-learn, and what they are of chosen rows."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, hamming_loss

from hfkit.evaluation.baselines import (
    compare_baseline,
    measure_chance_accuracy,
    measure_chance_loss,
    predict_majority,
)
from hfkit.evaluation.calibration import expected_calibration_error, fit_temperature
from hfkit.evaluation.label_kinds import MultiLabel, SingleLabel
from hfkit.evaluation.label_set_intervals import label_set_intervals, mean_average_precision
from hfkit.evaluation.label_set_metrics import choose_thresholds, report_label_sets
from hfkit.evaluation.metrics import evaluate_split, make_metrics
from hfkit.evaluation.weighing import choose_weight
from hfkit.report.label_sets import label_table

NAMES = ["toxic", "threat", "micro avg"]


def make_rows(rows: int = 80, signal: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of three labels that say something of them, and the labels, of which the last is rare."""
    generator = np.random.default_rng(0)
    references = (generator.random((rows, 3)) < [0.5, 0.3, 0.1]).astype(float)
    logits = generator.normal(size=(rows, 3)) + signal * (references - 0.5)
    return logits.astype(np.float32), references


def test_metrics_are_those_of_scikit_learn() -> None:
    logits, references = make_rows()
    kind = MultiLabel((0.5, 0.3, 0.7))
    given = 1 / (1 + np.exp(-logits)) >= np.array([0.5, 0.3, 0.7])
    result = evaluate_split(logits, references, make_metrics(3, kind=kind), kind)
    for average in ("micro", "macro", "weighted"):
        assert result[f"{average}_f1"] == pytest.approx(f1_score(references, given, average=average))
    assert result["accuracy"] == accuracy_score(references, given)
    assert result["hamming_loss"] == pytest.approx(hamming_loss(references, given))
    assert result["map"] == pytest.approx(average_precision_score(references, logits, average="macro"), abs=1e-6)
    binary = -(references * np.log(kind.scores(logits)) + (1 - references) * np.log(1 - kind.scores(logits)))
    assert result["loss"] == pytest.approx(binary.mean(), abs=1e-6)
    for name in ("accuracy", "micro_f1", "macro_f1", "weighted_f1", "map", "hamming_loss"):
        assert result[f"{name}_low"] <= result[name] <= result[f"{name}_high"]


def test_equal_scores_are_one_step_of_the_precision() -> None:
    scores = np.array([[0.9], [0.5], [0.5], [0.5], [0.1]])
    references = np.array([[True], [False], [True], [False], [True]])
    assert mean_average_precision(scores, references) == pytest.approx(average_precision_score(references, scores))
    assert mean_average_precision(scores[::-1], references[::-1]) == pytest.approx(
        mean_average_precision(scores, references)
    )
    assert mean_average_precision(scores, np.zeros((5, 1), dtype=bool)) == 0


def test_intervals_are_narrower_of_more_rows() -> None:
    rows = (make_rows(40), make_rows(640))
    few, many = (label_set_intervals(logits > 0, references == 1, logits) for logits, references in rows)
    for name in ("micro_f1", "macro_f1", "map", "hamming_loss"):
        widths = [high - low for low, high in (few.averages[name], many.averages[name])]
        assert widths[1] < widths[0]


@pytest.mark.parametrize("rows", [1, 5, 50, 500])
def test_rows_that_are_all_right_or_all_wrong_have_an_interval(rows: int) -> None:
    """About as wide as that of the exact match: what was not seen in a few rows can be in others."""
    references = np.tile([[True, False], [False, True]], (rows, 1))
    for is_right in (True, False):
        decisions = references if is_right else ~references
        drawn = label_set_intervals(decisions, references, decisions.astype(float))
        width = np.ptp(drawn.accuracy)
        values = {"hamming_loss": 0.0 if is_right else 1.0, "map": mean_average_precision(decisions * 1.0, references)}
        for name, (low, high) in drawn.averages.items():
            assert low <= values.get(name, float(is_right)) <= high
            assert width / 6 < high - low < 3 * width
        for low, high in drawn.labels:
            assert low <= is_right <= high
            assert width / 3 < high - low < 3 * width


def test_rows_without_labels_have_an_interval_too() -> None:
    none = np.zeros((20, 3), dtype=bool)
    drawn = label_set_intervals(none, none, none.astype(float))
    assert drawn.averages["hamming_loss"][0] == 0 < drawn.averages["hamming_loss"][1]
    assert drawn.averages["macro_f1"][0] == 0
    assert (drawn.labels == 0).all()


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Samples of 100 rows out of 20,000, whose micro F1 is known: about 95 of 100 intervals hold it."""
    logits, references = make_rows(20_000)
    truth = f1_score(references, logits > 0, average="micro")
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        rows = generator.choice(len(logits), 100, replace=False)
        low, high = label_set_intervals(logits[rows] > 0, references[rows] == 1, None).averages["micro_f1"]
        held += low <= truth <= high
    assert 88 <= held <= 100


def test_a_label_with_the_name_of_an_average_keeps_its_row() -> None:
    logits, references = make_rows()
    report = report_label_sets(logits, references, ["map", "macro avg", "micro avg"], MultiLabel())
    rows, average = report["classes"], report["averages"]["macro avg"]
    assert [row["support"] for row in rows.values()] == references.sum(axis=0).tolist()
    assert rows["map"]["threshold"] == 0.5
    assert average["f1-score_low"] <= average["f1-score"] <= average["f1-score_high"]
    assert average["f1-score"] == pytest.approx(np.mean([row["f1-score"] for row in rows.values()]))
    assert 0 < report["map"] < 1
    table = label_table(report)
    assert table.index.tolist() == ["map", "macro avg", "micro avg", "macro avg", "micro avg", "weighted avg"]
    assert table["threshold"].tolist() == ["0.5000"] * 3 + [""] * 3


def test_thresholds_have_the_highest_f1_of_each_label() -> None:
    logits, references = make_rows(150)
    scores = MultiLabel().scores(logits)
    chosen = choose_thresholds(scores, references)
    for label, threshold in enumerate(chosen):
        best = max(f1_score(references[:, label], scores[:, label] >= cut) for cut in np.unique(scores[:, label]))
        assert f1_score(references[:, label], scores[:, label] >= threshold) == pytest.approx(best)
    assert choose_thresholds(scores[:, :1], np.zeros((150, 1))) == [0.5]
    assert choose_thresholds(np.array([[0.2], [0.9]]), np.ones((2, 1)))[0] < 0.2


def test_a_score_that_just_reaches_its_threshold() -> None:
    logits = np.array([[0.0, -1e-9]], np.float32)
    assert MultiLabel().decide(logits).tolist() == [[True, True]]
    assert MultiLabel().scores(logits).tolist() == [[0.5, 0.5]]


def test_names_and_right_rows() -> None:
    kind = MultiLabel()
    given, true = np.array([[True, True, False], [False] * 3]), np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    assert kind.names(given, NAMES) == ["toxic, threat", ""]
    assert kind.right(given, true).tolist() == [True, False]
    assert SingleLabel().names(np.array([1, 0]), NAMES) == ["threat", "toxic"]


def test_the_most_frequent_set_is_the_baseline() -> None:
    train = np.array([[1, 0], [1, 0], [0, 0], [1, 1]], dtype=np.float32)
    baseline = predict_majority(train, 3)
    assert baseline.predictions.tolist() == [[True, False]] * 3
    references = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    compared = compare_baseline(baseline, references, references == 1, 2, MultiLabel())
    assert compared.key == "most_frequent_labels"
    assert compared.metrics["accuracy"] == pytest.approx(1 / 3)
    assert compared.paired.difference == pytest.approx(2 / 3)
    assert measure_chance_accuracy(train) == 0.5
    expected = -np.mean([0.75 * np.log(0.75) + 0.25 * np.log(0.25)] * 2)
    assert measure_chance_loss(train) == pytest.approx(expected)
    assert measure_chance_accuracy(np.array([0, 1, 1, 1])) == 0.75


def test_one_temperature_is_for_the_scores_of_all_labels() -> None:
    """Labels that are drawn by known scores, and logits that are four times too large."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 3)) * 2
    references = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int)
    assert fit_temperature(4 * logits, references) == pytest.approx(4, rel=0.1)
    scores = MultiLabel().scores
    assert expected_calibration_error(scores(logits), references) < 0.03
    assert expected_calibration_error(scores(4 * logits), references) > 0.08


def test_a_second_score_counts_where_it_helps() -> None:
    net, references = make_rows(300, 1.0)
    helpful, _ = make_rows(300, 8.0)
    weighing = choose_weight(net, helpful, references)
    assert weighing.weight > 0
    assert weighing.right[1] > weighing.right[0]
    assert choose_weight(net, np.zeros_like(net), references).weight == 0
