"""Operations that estimators need in a graph, and networks do not: the nearest few, a number of each row."""

import numpy as np

from yuanli.tensor import differentiable


@differentiable
def nearest_few(distances, k):
    """The places of the k smallest of each row, nearest first, of equal ones the first: (N, M) → (N, k)."""
    return np.argsort(distances, axis=1, kind="stable")[:, :k], (None,)


@differentiable
def take_along(input, indices):
    """input[n, indices[n, j]]: of each row the numbers at its own places, (N, D), (N, J) → (N, J)."""
    rows = np.arange(len(input))[:, None]

    def grad_input(dy):
        dx = np.zeros_like(input)
        np.add.at(dx, (rows, indices), dy)
        return dx

    return input[rows, indices], (grad_input, None)


@differentiable
def in_double(input):
    """The same numbers in double precision."""
    return input.astype(np.float64), (lambda dy: dy,)


@differentiable
def in_whole(input):
    """The whole numbers below, for looking things up; no gradient."""
    return input.astype(np.int64), (None,)
