"""What costs next to nothing, and how a model is compared with it."""

import numpy as np
import pytest

from hfkit.evaluation import baselines
from hfkit.evaluation.baselines import (
    Baseline,
    compare_baseline,
    draw_rows,
    predict_majority,
    predict_word_pieces,
    score_predictions,
)
from hfkit.evaluation.intervals import accuracy_interval
from hfkit.report.baselines import baseline_table, compared_baselines, shown_baselines


def pair_rows(number: int, seed: int) -> tuple[list[list[int]], np.ndarray]:
    """Return rows of tokens 10 to 19, which say nothing one by one: class 1 has the pair 10 11, class 0 has it turned."""
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    noise = generator.integers(12, 20, (number, 4)).tolist()
    pairs = {0: [11, 10], 1: [10, 11]}
    return [[1, *pairs[label], *rest, 2] for label, rest in zip(labels.tolist(), noise, strict=True)], labels


def test_word_pieces_read_pairs_in_their_order() -> None:
    train, labels = pair_rows(80, 0)
    shown, references = pair_rows(40, 1)
    baseline = predict_word_pieces(iter(train), labels, iter(shown))
    assert baseline.predictions.tolist() == references.tolist()
    assert baseline.seconds > 0
    again = predict_word_pieces(
        train, labels, [[], [2**31 - 1]]
    )  # an empty row and an unknown token are rows like others
    assert len(again.predictions) == 2


def test_word_pieces_of_many_classes_keep_few_ngrams(monkeypatch: pytest.MonkeyPatch) -> None:
    train, labels = pair_rows(80, 0)
    monkeypatch.setattr(baselines, "MAX_WEIGHTS", 10)
    predicted = predict_word_pieces(train, labels, train).predictions
    assert (predicted == labels).mean() > 0.4


@pytest.mark.parametrize(
    ("train", "labels", "reason"), [([[5]] * 3, [1, 1, 1], "one class"), ([[], []], [0, 1], "empty vocabulary")]
)
def test_word_pieces_that_cannot_be_had(train: list[list[int]], labels: list[int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        predict_word_pieces(train, np.array(labels), train)


def test_the_majority_class() -> None:
    assert predict_majority(np.array([2, 0, 2, 1]), 3).predictions.tolist() == [2, 2, 2]


def test_rows_are_drawn_of_very_many() -> None:
    assert draw_rows(100) is None
    drawn = draw_rows(1000, limit=100)
    assert drawn is not None
    assert len(set(drawn.tolist())) == 100
    assert drawn.tolist() == sorted(drawn.tolist())


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
