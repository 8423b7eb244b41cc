"""N-grams of token ids against scikit-learn's TfidfVectorizer."""

import numpy as np
import pytest
from datasets import Dataset
from sklearn.feature_extraction.text import TfidfVectorizer
from transformers import PreTrainedTokenizerBase

from hfkit.data.ngrams import NgramVocabulary, find_special_ids, fit_ngrams, ngram_matrix
from hfkit.data.stored_rows import read_column
from hfkit.models.ngrams import BITS, MOST_IDS

SPECIAL = (0, 101, 102)


def random_rows(rows: int = 60, seed: int = 0, most: int = 40) -> list[list[int]]:
    """Return rows of ids of different length, some of them empty, with special ids at the ends and in between."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 25, rows)
    return [[101, *random.choice([*range(5, most), 102], length).tolist(), 102] for length in lengths] + [[], [102]]


def ngrams_of(ids: list[int], longest: int, special: tuple[int, ...] = SPECIAL) -> list[tuple[int, ...]]:
    """List the n-grams of a row the slow way."""
    windows = [tuple(ids[i : i + n]) for n in range(1, longest + 1) for i in range(len(ids) - n + 1)]
    return [window for window in windows if not set(window) & set(special)]


def tuples(vocabulary: NgramVocabulary) -> list[tuple[int, ...]]:
    """Unpack the keys."""
    unpacked = []
    for key in vocabulary.keys.tolist():
        parts = []
        while key:
            parts.append(key % 2**BITS - 1)
            key //= 2**BITS
        unpacked.append(tuple(reversed(parts)))
    return unpacked


@pytest.mark.parametrize("least", [1, 2])
@pytest.mark.parametrize("longest", [1, 2, 3])
def test_matrix_is_that_of_scikit_learn(longest: int, least: int) -> None:
    train, test = random_rows(), random_rows(30, seed=1, most=60)
    vectorizer = TfidfVectorizer(
        analyzer=lambda ids: ngrams_of(ids, longest), sublinear_tf=True, min_df=least, lowercase=False
    )
    expected = vectorizer.fit_transform(train)
    vocabulary = fit_ngrams(train, SPECIAL, longest, least)
    names = tuples(vocabulary)
    assert set(names) == set(vectorizer.vocabulary_)
    order = [vectorizer.vocabulary_[name] for name in names]
    np.testing.assert_allclose(vocabulary.idf, vectorizer.idf_[order], atol=1e-6)
    np.testing.assert_allclose(ngram_matrix(train, vocabulary).toarray(), expected.toarray()[:, order], atol=1e-6)
    expected = vectorizer.transform(test).toarray()[:, order]
    assert (expected.sum(axis=1) == 0).any()
    np.testing.assert_allclose(ngram_matrix(test, vocabulary).toarray(), expected, atol=1e-6)


def test_without_special_ids_it_is_the_usual_call() -> None:
    """As one would write it: ids as tokens, and every n-gram of neighbours."""
    rows = random_rows()
    vectorizer = TfidfVectorizer(
        tokenizer=lambda ids: ids,
        preprocessor=lambda ids: ids,
        token_pattern=None,
        ngram_range=(1, 2),
        sublinear_tf=True,
        lowercase=False,
    )
    texts = [[str(number) for number in ids] for ids in rows]
    expected = vectorizer.fit_transform(texts)
    vocabulary = fit_ngrams(rows)
    order = [vectorizer.vocabulary_[" ".join(map(str, name))] for name in tuples(vocabulary)]
    np.testing.assert_allclose(ngram_matrix(rows, vocabulary).toarray(), expected.toarray()[:, order], atol=1e-6)


def test_only_the_most_frequent_are_kept() -> None:
    rows = [[5, 6], [5, 6], [5, 7], [8]]
    whole = fit_ngrams(rows)
    assert tuples(whole) == [(5,), (6,), (7,), (8,), (5, 6), (5, 7)]
    assert whole.dropped == 0
    cut = fit_ngrams(rows, limit=3)
    assert tuples(cut) == [(5,), (6,), (5, 6)]
    assert cut.dropped == 3
    assert (np.diff(cut.keys) > 0).all()


def test_rows_from_arrow_are_the_same() -> None:
    rows = random_rows()
    column = read_column(Dataset.from_dict({"input_ids": rows}), "input_ids")
    vocabulary = fit_ngrams(column, SPECIAL)
    assert np.array_equal(vocabulary.keys, fit_ngrams(rows, SPECIAL).keys)
    assert (ngram_matrix(column, vocabulary) != ngram_matrix(rows, vocabulary)).nnz == 0


def test_no_rows_and_no_ngrams() -> None:
    assert len(fit_ngrams([])) == 0
    empty = fit_ngrams([[0], [101, 102]], SPECIAL)
    assert len(empty) == 0
    assert ngram_matrix([[7, 8], []], empty).shape == (2, 0)


def test_ids_and_lengths_out_of_range_are_refused() -> None:
    for ids in ([-1], [MOST_IDS]):
        with pytest.raises(ValueError, match="Token ids"):
            fit_ngrams([ids])
    largest = [MOST_IDS - 1] * 3
    assert tuples(fit_ngrams([largest], longest=3))[-1] == tuple(largest)
    for longest in (0, 4):
        with pytest.raises(ValueError, match="write 1 to 3"):
            fit_ngrams([[5]], longest=longest)


def test_an_unknown_word_is_no_special_token(tokenizer: PreTrainedTokenizerBase) -> None:
    special = find_special_ids(tokenizer)
    assert {tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id} <= set(special)
    assert tokenizer.unk_token_id not in special
