"""The k nearest of many points, for many queries: exact, in memory for the answers only.

Equal distances are ordered by the points' numbers, the smaller first.  The distances of a metric:

    "l1" Σ|x−y|    "l2" √Σ(x−y)²    "max" max|x−y|    "cosine" 1 − x·y/(|x||y|)    a number p: (Σ|x−y|ᵖ)^(1/p)

Cost: O(Q·N·D) for Q queries and N points of D numbers; memory O(Q·k).
"""

from importlib import import_module

import numpy as np

from yuanli.kernels.dispatch import choose

ELEMENTS = 1 << 22  # differences that the twin holds at a time


def nearest_numpy(queries, points, k, metric):
    """queries (Q, D), points (N, D), k ≤ N -> distances (Q, k) ascending, and the points' numbers (Q, k)."""
    queries, points = np.asarray(queries, np.float64), np.asarray(points, np.float64)
    if metric == "cosine":
        queries, points = unit_rows(queries), unit_rows(points)
    distances = np.empty((len(queries), k))
    numbers = np.empty((len(queries), k), np.int64)
    rows = max(1, ELEMENTS // max(1, points.size))
    for start in range(0, len(queries), rows):
        some = slice(start, start + rows)
        with np.errstate(over="ignore"):
            every = distances_numpy(queries[some], points, metric)
        numbers[some] = np.argsort(every, axis=1, kind="stable")[:, :k]
        distances[some] = np.take_along_axis(every, numbers[some], axis=1)
    return distances, numbers


def distances_numpy(queries, points, metric):
    """(Q, D), (N, D) -> all the distances (Q, N); for "cosine" the rows have length 1 already."""
    if metric == "cosine":
        return np.clip(1 - queries @ points.T, 0, 2)
    difference = np.abs(queries[:, None] - points)
    if metric == "l1":
        return difference.sum(-1)
    if metric == "l2":
        return np.sqrt((difference**2).sum(-1))
    if metric == "max":
        return difference.max(-1)
    return (difference**metric).sum(-1) ** (1 / metric)


def unit_rows(x):
    """Rows divided by their length; a row of zeros stays as it is."""
    largest = np.abs(x).max(1, keepdims=True)
    x = x / np.where(largest == 0, 1, largest)  # so that no square overflows
    length = np.sqrt((x * x).sum(1, keepdims=True))
    return x / np.where(length == 0, 1, length)


nearest = choose(nearest_numpy, lambda: import_module("yuanli.kernels.fast_distances").nearest)
