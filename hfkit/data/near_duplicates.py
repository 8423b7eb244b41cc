"""Rows that are almost the same: groups of near-duplicates, by the cosine of their vectors."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.preprocessing import normalize

_WORK_AT_ONCE = 4_000_000
"""Products, or cosines of dense rows, of one block: memory stays at some hundred MB whatever the number of rows."""


def group_near_duplicates(matrix: "sparse.csr_matrix | np.ndarray", threshold: float = 0.8) -> np.ndarray:
    """Put rows whose cosine is at least `threshold` into one group, and the neighbours of neighbours, too.

    Sparse rows, such as TF-IDF, are compared only where they share one of the rare columns that make up enough of their length
    (prefix filtering: Chaudhuri et al. 2006, Bayardo et al. 2007), which leaves no pair out: 6,420 tweets take 0.1 s on one
    core, 100,000 about a minute. Dense rows are all compared, in blocks: 100,000 of width 384 take some minutes. Vectors
    without negative values, such as those behind a ReLU, have large cosines anyway: centre them before.

    Args:
        matrix: (rows, columns); rows need not have length 1. A row of zeros is a near-duplicate of nothing.
        threshold: Smallest cosine of near-duplicates, above 0.

    Returns:
        (rows,) number of each row's group, from 0 in the order of first rows.

    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}: near-duplicates have a cosine above 0 and up to 1.")
    unit = normalize(matrix)
    first_rows, place = _find_equal_rows(unit)
    rows = unit[first_rows]
    limit = threshold - 1e-6  # equal rows differ from 1 by rounding
    pairs = _sparse_pairs(sparse.csr_matrix(rows), limit) if sparse.issparse(rows) else _dense_pairs(rows, limit)
    group = np.arange(len(first_rows))
    for first, second in pairs:  # block by block, so that the edges do not pile up
        group = _join(group, first, second)
    return np.unique(first_rows[group][place], return_inverse=True)[1]


def _find_equal_rows(rows: "sparse.csr_matrix | np.ndarray") -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each kind of equal rows, in their order, and for each row the place of its kind among them.

    Equal rows have equal products with random vectors; those of one template would be compared each with each otherwise.
    """
    number, columns = rows.shape
    marks = np.asarray(rows @ np.random.default_rng(0).normal(size=(columns, 2)))
    empty = ~marks.any(axis=1)
    alone = np.where(empty, np.arange(number), -1)  # rows of zeros are equal to nothing
    _, first, kind = np.unique(np.column_stack([marks, alone]), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[kind.ravel()]


def _join(group: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the groups after rows `first` and `second` are joined; a group is numbered by its first row."""
    number = len(group)
    edges = sparse.coo_matrix((np.ones(len(first), dtype=bool), (group[first], group[second])), (number, number))
    component = connected_components(edges, directed=False)[1][group]
    smallest = np.full(number, number)
    np.minimum.at(smallest, component, np.arange(number))
    return smallest[component]


def _dense_pairs(rows: np.ndarray, limit: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of rows block by block, each pair once."""
    step = max(1, _WORK_AT_ONCE // max(len(rows), 1))
    for start in range(0, len(rows), step):
        cosines = rows[start : start + step] @ rows[start:].T
        first, second = np.nonzero(cosines >= limit)
        yield first + start, second + start


def _sparse_pairs(rows: sparse.csr_matrix, limit: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of rows block by block, each pair once or twice."""
    prefixes = _cut_to_prefixes(rows, limit)
    frequencies = np.bincount(prefixes.indices, minlength=prefixes.shape[1])
    products = np.concatenate([[0], np.cumsum(frequencies[prefixes.indices])])[prefixes.indptr]
    columns = prefixes.T.tocsr()
    start = 0
    while start < rows.shape[0]:
        end = max(start + 1, int(np.searchsorted(products, products[start] + _WORK_AT_ONCE, side="right")) - 1)
        shared = (prefixes[start:end] @ columns).tocoo()
        first, second = shared.row + start, shared.col
        kept = first < second
        yield from _check_pairs(rows, first[kept], second[kept], limit)
        start = end


def _cut_to_prefixes(rows: sparse.csr_matrix, limit: float) -> sparse.csr_matrix:
    """Keep of each row, with its columns from rare to frequent, those before the rest is shorter than `limit`.

    Two rows that share no column there share columns only in the rest of one of them: their cosine is below `limit`.
    """
    frequencies = np.bincount(rows.indices, minlength=rows.shape[1])
    rank = np.empty(rows.shape[1], dtype=np.int64)
    rank[np.argsort(frequencies, kind="stable")] = np.arange(rows.shape[1])
    ordered = sparse.csr_matrix((rows.data.copy(), rank[rows.indices], rows.indptr), rows.shape)
    ordered.sort_indices()
    squares = np.concatenate([[0.0], np.cumsum(ordered.data.astype(np.float64) ** 2)])
    row = np.repeat(np.arange(rows.shape[0]), np.diff(ordered.indptr))
    rest = squares[ordered.indptr[1:]][row] - squares[:-1]
    kept = rest >= limit**2 - 1e-6
    ends = np.concatenate([[0], np.cumsum(kept)])[ordered.indptr]
    ones = np.ones(int(kept.sum()), dtype=np.int32)
    return sparse.csr_matrix((ones, ordered.indices[kept], ends), rows.shape)


def _check_pairs(
    rows: sparse.csr_matrix, first: np.ndarray, second: np.ndarray, limit: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield those of the pairs whose cosine is at least `limit`."""
    step = 50_000
    for start in range(0, len(first), step):
        one, other = first[start : start + step], second[start : start + step]
        cosines = np.asarray(rows[one].multiply(rows[other]).sum(axis=1)).ravel()
        kept = cosines >= limit
        yield one[kept], other[kept]
