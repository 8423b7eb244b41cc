"""N-grams of token ids: which ones the texts have, and a matrix of their TF-IDF, by the definitions of scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from transformers import PreTrainedTokenizerBase

from ..models.ngrams import LONGEST, MOST_IDS, pack_ngrams

MOST_NGRAMS = 2**18
"""How many n-grams are kept: the most frequent ones."""

MOST_WEIGHTS = 2**27
"""N-grams times classes: a gigabyte of weights as float64; where there are many classes, fewer n-grams are kept."""

Rows = Sequence[npt.ArrayLike] | np.ndarray
"""Token ids of each row: lists, or arrays as `read_column` gives them."""


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams that are known, and how much each of them says.

    Attributes:
        keys: (count,) int64, ascending: see `pack_ngrams`.
        idf: (count,) float64, ln((1 + rows) / (1 + document frequency)) + 1.
        longest: Tokens of the longest n-grams.
        special_ids: Ids that are in no n-gram.
        dropped: How many n-grams with enough rows were more than the limit.

    """

    keys: np.ndarray
    idf: np.ndarray
    longest: int
    special_ids: tuple[int, ...]
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.keys)


def find_special_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the ids that stand for no piece of a text: of its begin and end, of padding and of masks.

    An unknown word and tokens that were added for handles or addresses are pieces of a text.
    """
    names = ("bos_token_id", "eos_token_id", "sep_token_id", "pad_token_id", "cls_token_id", "mask_token_id")
    return sorted({number for name in names if (number := getattr(tokenizer, name, None)) is not None})


def limit_ngrams(classes: int) -> int:
    """Return how many n-grams a linear classifier of so many classes has room for."""
    return min(MOST_NGRAMS, max(MOST_WEIGHTS // max(classes, 1), 1))


def fit_ngrams(
    rows_of_ids: Rows,
    special_ids: Sequence[int] = (),
    longest: int = 2,
    min_document_frequency: int = 1,
    limit: int = MOST_NGRAMS,
) -> NgramVocabulary:
    """Collect the n-grams of texts.

    Args:
        rows_of_ids: Token ids of each text.
        special_ids: Ids that are in no n-gram; none goes across them.
        longest: Tokens of the longest n-grams; shorter ones are taken, too.
        min_document_frequency: In how many rows an n-gram has to be.
        limit: How many are kept; those in the most rows, and of equal ones those with the smallest keys.

    Raises:
        ValueError: `longest` is not 1, 2 or 3, or an id is too large for a key.

    """
    if not 1 <= longest <= LONGEST:
        raise ValueError(f"N-grams of up to {longest} tokens: write 1 to {LONGEST}.")
    keys, rows = _list_ngrams(rows_of_ids, special_ids, longest)
    known, numbers = np.unique(keys, return_inverse=True)
    frequency = np.diff(_count(rows, numbers, (len(rows_of_ids), len(known))).tocsc().indptr)
    enough = np.flatnonzero(frequency >= min_document_frequency)
    kept = np.sort(enough[np.argsort(-frequency[enough], kind="stable")[:limit]])
    idf = np.log((1 + len(rows_of_ids)) / (1 + frequency[kept])) + 1
    return NgramVocabulary(known[kept], idf, longest, tuple(map(int, special_ids)), len(enough) - len(kept))


def ngram_matrix(rows_of_ids: Rows, vocabulary: NgramVocabulary) -> sparse.csr_matrix:
    """Return the TF-IDF (rows, count) of the n-grams of texts that a vocabulary knows.

    It is (1 + ln(count in the row)) * idf, each row divided by its L2 norm; a row without a known n-gram is zero.
    """
    keys, rows = _list_ngrams(rows_of_ids, vocabulary.special_ids, vocabulary.longest)
    places = np.searchsorted(vocabulary.keys, keys)
    is_known = np.zeros(len(keys), dtype=bool)
    inside = places < len(vocabulary)
    is_known[inside] = vocabulary.keys[places[inside]] == keys[inside]
    matrix = _count(rows[is_known], places[is_known], (len(rows_of_ids), len(vocabulary)))
    matrix.data = (1 + np.log(matrix.data)) * vocabulary.idf[matrix.indices]
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    matrix.data /= np.repeat(norms, np.diff(matrix.indptr))
    return matrix


def drop_unseen_ngrams(
    matrix: sparse.csr_matrix, seen: sparse.csr_matrix, min_document_frequency: int
) -> sparse.csr_matrix:
    """Return the TF-IDF of texts as if the vocabulary were that of others: what is in too few of those is dropped.

    Args:
        matrix: (rows, count) of the texts.
        seen: (others, count) of the others.
        min_document_frequency: In how many of them an n-gram has to be.

    Returns:
        (rows, count), each row of length 1 again; a row without an n-gram that is left is zero.

    """
    is_kept = seen.getnnz(axis=0) >= min_document_frequency
    result = matrix.copy()
    result.data = result.data * is_kept[result.indices]
    norms = np.sqrt(np.asarray(result.multiply(result).sum(axis=1)).ravel())
    result.data /= np.repeat(np.where(norms > 0, norms, 1), np.diff(result.indptr)).astype(result.data.dtype)
    return result


def _count(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return how often each pair of a row and a column occurs, columns in ascending order."""
    matrix = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _list_ngrams(rows_of_ids: Rows, special_ids: Sequence[int], longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of all n-grams, with repetitions, and the row of each.

    Raises:
        ValueError: An id is too large for a key.

    """
    lengths = np.array([len(np.asarray(ids)) for ids in rows_of_ids], dtype=np.int64)
    ids = np.concatenate([np.zeros(0, np.int64), *(np.asarray(ids, dtype=np.int64) for ids in rows_of_ids)])
    if len(ids) and not 0 <= ids.min() <= ids.max() < MOST_IDS:
        raise ValueError(f"Token ids from {ids.min()} to {ids.max()}: those of n-grams are from 0 to {MOST_IDS - 1}.")
    rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    is_real = ~np.isin(ids, np.array(special_ids, dtype=np.int64))
    keys, where = [], []
    for length in range(1, longest + 1):
        count = max(len(ids) - length + 1, 0)
        starts = rows[:count]
        is_whole = starts == rows[length - 1 : length - 1 + count]
        for first in range(length):
            is_whole &= is_real[first : first + count]
        packed = pack_ngrams([ids[first : first + count] for first in range(length)])
        keys.append(packed[is_whole])
        where.append(starts[is_whole])
    return np.concatenate(keys), np.concatenate(where)
