"""Features as codes of one byte: cuts at quantiles, categories by their rank, 0 for what is missing."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from yuanli.errors import DataError
from yuanli.kernels.codes import CODES, encode
from yuanli.kernels.compiler import threads

SAMPLE = 200_000  # rows from which quantiles are taken when there are more


class Bins(NamedTuple):
    """How values become codes: value x has code 1 + #{edges[f] < x}, of bins[f]; a category is its own edge.

    `edges` (F, 256) are infinite after the last one.
    """

    edges: np.ndarray
    bins: np.ndarray
    categorical: np.ndarray

    def encode(self, x: np.ndarray) -> np.ndarray:
        """The codes of x (N, F), a row's padded to a whole number of cache lines' halves."""
        return encode(np.ascontiguousarray(x), *self)


def find_bins(
    x: np.ndarray,
    max_bins: int,
    categorical: np.ndarray,
    weight: np.ndarray | None,
    rng: np.random.RandomState,
) -> Bins:
    """Edges halfway between neighbouring values, or at `max_bins` quantiles where there are more values.

    Of more than SAMPLE rows, as many drawn by weight stand for all, but not for categories.
    Raises: DataError for a categorical feature of more than `max_bins` categories.
    """
    sample = x
    if len(x) > SAMPLE:
        p = None if weight is None else weight / weight.sum()
        sample, weight = x[np.sort(rng.choice(len(x), SAMPLE, p=p))], None
    edges = np.full((x.shape[1], CODES), np.inf)
    bins = np.empty(x.shape[1], np.int64)

    def edges_of(f: int) -> np.ndarray:
        if categorical[f]:
            return _categories(np.ascontiguousarray(x[:, f]), f, max_bins)
        return _cuts(np.ascontiguousarray(sample[:, f]), max_bins, weight)

    with ThreadPoolExecutor(threads()) as pool:  # NumPy sorts without the interpreter's lock
        for f, found in enumerate(pool.map(edges_of, range(x.shape[1]))):
            edges[f, : len(found)] = found
            bins[f] = len(found) + (not categorical[f])
    return Bins(edges, bins, categorical)


def _categories(column: np.ndarray, f: int, max_bins: int) -> np.ndarray:
    found = np.unique(column[~np.isnan(column)])
    if len(found) > max_bins:
        raise DataError(
            f"categorical feature {f} needs at most max_bins = {max_bins} categories, got {len(found)}; "
            f"give it as a number, or join rare categories"
        )
    return found


def _cuts(column: np.ndarray, max_bins: int, weight: np.ndarray | None) -> np.ndarray:
    kept = ~np.isnan(column) if weight is None else ~np.isnan(column) & (weight > 0)
    if weight is None:
        values, below = np.sort(column[kept]), None
    else:
        order = np.argsort(column[kept], kind="stable")
        values, below = column[kept][order], np.cumsum(weight[kept][order])
    distinct = values[np.append(True, values[1:] != values[:-1])] if len(values) else values
    distinct = distinct.astype(np.float64)
    if len(distinct) <= max_bins:
        with np.errstate(invalid="ignore"):
            cuts = np.nan_to_num(distinct[1:] / 2 + distinct[:-1] / 2, nan=0.0, posinf=np.inf, neginf=-np.inf)
    else:
        cuts = np.unique(_quantiles(values, below, max_bins))
    return np.minimum(cuts, np.finfo(column.dtype).max)  # an infinite value lies above the last cut


def _quantiles(values: np.ndarray, below: np.ndarray | None, parts: int) -> np.ndarray:
    """The values with k / parts of the weight below them, k = 1 … parts − 1; two share a tie."""
    share = np.arange(1, parts)
    if below is None:
        at, rest = np.divmod(share * len(values), parts)
        tied = rest == 0
    else:
        wanted = share / parts * below[-1]
        at = np.minimum(np.searchsorted(below, wanted), len(values) - 1)
        tied = below[at] == wanted
        at = at + tied
    upper, lower = values[np.minimum(at, len(values) - 1)].astype(np.float64), values[at - 1]
    return np.where(tied, (lower.astype(np.float64) + upper) / 2, upper)
