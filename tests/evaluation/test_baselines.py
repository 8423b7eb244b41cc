"""What costs next to nothing, and how a model is compared with it."""

import numpy as np

from hfkit.evaluation.baselines import (
    Baseline,
    compare_baseline,
    predict_majority,
    score_predictions,
)
from hfkit.evaluation.intervals import accuracy_interval
from hfkit.report.baselines import baseline_table, compared_baselines, shown_baselines


def test_the_majority_class() -> None:
    assert predict_majority(np.array([2, 0, 2, 1]), 3).predictions.tolist() == [2, 2, 2]


def test_a_model_is_compared_on_the_same_rows() -> None:
    """And its table says the same after it has been a file."""
    references = np.arange(200) % 2
    model = np.where(np.arange(200) < 190, references, 1 - references)
    good, poor = Baseline("word pieces", model.copy(), 2.0), Baseline("the majority class", np.zeros(200, int), 0.0)
    compared = [compare_baseline(each, references, model, 2) for each in (good, poor)]
    assert [each.key for each in compared] == ["word_pieces", "majority_class"]
    assert compared[0].sentence().startswith("This model is not told apart from word pieces (difference 0.0 points")
    assert compared[0].sentence().endswith("p = 1.00), which took 2.0 s.")
    assert compared[1].sentence().startswith("This model is better than the majority class by 45.0 points")
    assert "which took" not in compared[1].sentence()
    own = score_predictions(references, model, 2)
    assert (own["accuracy_low"], own["accuracy_high"]) == accuracy_interval(190, 200)
    table = baseline_table(own, 30.0, compared, "test")
    assert [each.sentence() for each in compared_baselines(table)] == [each.sentence() for each in compared]
    shown = shown_baselines(table)
    assert shown.index.tolist() == ["this model", "word pieces", "majority class"]
    assert shown.iloc[0].tolist()[0].startswith("0.950 (0.9")
