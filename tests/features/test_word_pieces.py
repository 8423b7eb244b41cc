"""The baseline of word pieces: the n-grams that are put beside a net, without the net."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from hfkit.data import ngrams
from hfkit.features import word_pieces
from hfkit.features.ngram_classifier import fit_ngram_classifier
from hfkit.features.word_pieces import draw_baseline_rows, predict_word_pieces

TOKENIZER: Any = SimpleNamespace(cls_token_id=1, sep_token_id=2)


def as_rows(ids: list[list[int]]) -> Dataset:
    """Return rows of token ids as a task has them."""
    return Dataset.from_dict({"input_ids": ids})


def pair_rows(number: int, seed: int) -> tuple[list[list[int]], np.ndarray]:
    """Return rows of tokens 10 to 19, which say nothing one by one: class 1 has the pair 10 11, class 0 has it turned."""
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    noise = generator.integers(12, 20, (number, 4)).tolist()
    pairs = {0: [11, 10], 1: [10, 11]}
    return [[1, *pairs[label], *rest, 2] for label, rest in zip(labels.tolist(), noise, strict=True)], labels


def test_word_pieces_read_pairs_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The splits come one behind the other, however many rows are read at once."""
    train, labels = pair_rows(80, 0)
    shown, references = pair_rows(40, 1)
    monkeypatch.setattr(word_pieces, "_ROWS_AT_ONCE", 7)
    baseline = predict_word_pieces(as_rows(train), labels, [as_rows(shown[:25]), as_rows(shown[25:])], TOKENIZER)
    assert baseline.predictions.tolist() == references.tolist()
    assert baseline.seconds > 0


def test_an_empty_row_and_an_unknown_token_are_rows_like_others() -> None:
    train, labels = pair_rows(80, 0)
    assert len(predict_word_pieces(as_rows(train), labels, [as_rows([[], [99_999]])], TOKENIZER).predictions) == 2
    assert len(predict_word_pieces(as_rows(train), labels, [], TOKENIZER).predictions) == 0


def test_it_is_the_classifier_beside_a_net() -> None:
    """With every n-gram, in however few rows."""
    random = np.random.default_rng(0)
    train, shown = random.integers(10, 40, (60, 5)).tolist(), random.integers(10, 40, (200, 5)).tolist()
    labels = random.integers(0, 3, 60)
    classifier = fit_ngram_classifier(train, labels, 3, (1, 2), min_document_frequency=1)
    assert classifier is not None
    expected = classifier.scores(shown).argmax(axis=1)
    assert (
        predict_word_pieces(as_rows(train), labels, [as_rows(shown)], TOKENIZER).predictions.tolist()
        == expected.tolist()
    )


def test_a_class_without_rows_in_train_is_never_predicted() -> None:
    random = np.random.default_rng(0)
    ids = random.integers(10, 40, (200, 5)).tolist()
    labels = random.choice([1, 4, 6], 200)
    predictions = predict_word_pieces(as_rows(ids), labels, [as_rows(ids)], TOKENIZER).predictions
    assert set(predictions.tolist()) == {1, 4, 6}


def test_word_pieces_of_many_classes_keep_few_ngrams(monkeypatch: pytest.MonkeyPatch) -> None:
    train, labels = pair_rows(80, 0)
    monkeypatch.setattr(ngrams, "MOST_WEIGHTS", 10)
    predicted = predict_word_pieces(as_rows(train), labels, [as_rows(train)], TOKENIZER).predictions
    assert (predicted == labels).mean() > 0.4


@pytest.mark.parametrize(
    ("train", "labels", "reason"),
    [([[5]] * 3, [1, 1, 1], "one class"), ([[1], [1]], [0, 1], "no word pieces")],
)
def test_word_pieces_that_cannot_be_had(train: list[list[int]], labels: list[int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        predict_word_pieces(as_rows(train), np.array(labels), [as_rows(train)], TOKENIZER)


def test_rows_are_drawn_of_very_many() -> None:
    assert draw_baseline_rows(100) is None
    drawn = draw_baseline_rows(1000, limit=100)
    assert drawn is not None
    assert len(set(drawn.tolist())) == 100
    assert drawn.tolist() == sorted(drawn.tolist())
