"""Dual coordinate descent for linear support vector machines: one αᵢ at a time, exactly.

min over 0 ≤ α ≤ upper of ½ ‖Σ αᵢ yᵢ xᵢ‖² + Σ (diagonalᵢ αᵢ²/2 − αᵢ), with w = Σ αᵢ yᵢ xᵢ carried along.

Source: Hsieh, Chang, Lin, Keerthi & Sundararajan 2008, A dual coordinate descent method for large-scale
linear SVM, algorithm 3.
"""

import numpy as np

from yuanli.kernels.compiler import jit, numba
from yuanli.kernels.dispatch import choose

if numba:
    from yuanli.kernels.simd import address_of, dot_product

LANES = 16  # sums side by side
WIDTH = 4 * LANES  # rows are filled up with zeros to a multiple of it


def sweep_numpy(x, order, sign, alpha, w, squares, diagonal, upper, limits, stays):
    """Visit the rows in `order`, changing α and w; gives the greatest and the least projected gradient.

    stays[k] is False where row order[k] has α at a bound and a gradient beyond `limits` = (greatest, least)
    of the last sweep: it is to be left out of the next ones.
    """
    greatest, least = -np.inf, np.inf
    for k, i in enumerate(order):
        gradient = sign[i] * (x[i] @ w) - 1 + diagonal[i] * alpha[i]
        change, projected, stays[k] = _step(
            gradient, alpha[i], squares[i] + diagonal[i], upper[i], limits[0], limits[1]
        )
        if stays[k]:
            greatest, least = max(greatest, projected), min(least, projected)
            if change != 0:
                alpha[i] += change
                w += w.dtype.type(change * sign[i]) * x[i]
    return greatest, least


def sweep_sparse_numpy(data, indices, starts, order, sign, alpha, w, squares, diagonal, upper, limits, stays):
    """The same for rows in compressed sparse form."""
    greatest, least = -np.inf, np.inf
    for k, i in enumerate(order):
        places, values = indices[starts[i] : starts[i + 1]], data[starts[i] : starts[i + 1]]
        gradient = sign[i] * (values @ w[places]) - 1 + diagonal[i] * alpha[i]
        change, projected, stays[k] = _step(
            gradient, alpha[i], squares[i] + diagonal[i], upper[i], limits[0], limits[1]
        )
        if stays[k]:
            greatest, least = max(greatest, projected), min(least, projected)
            if change != 0:
                alpha[i] += change
                w[places] += change * sign[i] * values
    return greatest, least


@jit
def _step(gradient, alpha, curvature, upper, greatest, least):
    """(change of α, projected gradient, whether the row stays) for one row."""
    projected = gradient
    if alpha == 0:
        if gradient > greatest:
            return 0.0, 0.0, False
        projected = min(gradient, 0.0)
    elif alpha == upper:
        if gradient < least:
            return 0.0, 0.0, False
        projected = max(gradient, 0.0)
    if abs(projected) <= 1e-12 or curvature <= 0:
        return 0.0, projected, True
    new = min(max(alpha - gradient / curvature, 0.0), upper)
    return new - alpha, projected, True


@jit
def _sweep_float32(x, order, sign, alpha, w, squares, diagonal, upper, limits, stays):
    greatest, least, steps = -np.inf, np.inf, len(w) // WIDTH
    for k in range(len(order)):
        i = order[k]
        row = x[i]
        score = dot_product(address_of(row), address_of(w), steps, LANES)
        gradient = sign[i] * score - 1 + diagonal[i] * alpha[i]
        change, projected, stays[k] = _step(
            gradient, alpha[i], squares[i] + diagonal[i], upper[i], limits[0], limits[1]
        )
        if stays[k]:
            greatest, least = max(greatest, projected), min(least, projected)
            if change != 0:
                alpha[i] += change
                factor = np.float32(change * sign[i])
                for d in range(len(w)):
                    w[d] += factor * row[d]
    return greatest, least


@jit
def _sweep_float64(x, order, sign, alpha, w, squares, diagonal, upper, limits, stays):
    greatest, least, lanes = -np.inf, np.inf, np.zeros(LANES)
    for k in range(len(order)):
        i = order[k]
        row = x[i]
        lanes[:] = 0
        for first in range(0, len(w), LANES):
            for lane in range(LANES):
                lanes[lane] += row[first + lane] * w[first + lane]
        gradient = sign[i] * lanes.sum() - 1 + diagonal[i] * alpha[i]
        change, projected, stays[k] = _step(
            gradient, alpha[i], squares[i] + diagonal[i], upper[i], limits[0], limits[1]
        )
        if stays[k]:
            greatest, least = max(greatest, projected), min(least, projected)
            if change != 0:
                alpha[i] += change
                factor = change * sign[i]
                for d in range(len(w)):
                    w[d] += factor * row[d]
    return greatest, least


def _sweep(x, *rest):
    return (_sweep_float32 if x.dtype == np.float32 else _sweep_float64)(x, *rest)


@jit
def _sweep_sparse(data, indices, starts, order, sign, alpha, w, squares, diagonal, upper, limits, stays):
    greatest, least = -np.inf, np.inf
    for k in range(len(order)):
        i = order[k]
        score = 0.0
        for place in range(starts[i], starts[i + 1]):
            score += data[place] * w[indices[place]]
        gradient = sign[i] * score - 1 + diagonal[i] * alpha[i]
        change, projected, stays[k] = _step(
            gradient, alpha[i], squares[i] + diagonal[i], upper[i], limits[0], limits[1]
        )
        if stays[k]:
            greatest, least = max(greatest, projected), min(least, projected)
            if change != 0:
                alpha[i] += change
                factor = change * sign[i]
                for place in range(starts[i], starts[i + 1]):
                    w[indices[place]] += factor * data[place]
    return greatest, least


sweep = choose(sweep_numpy, lambda: _sweep)
sweep_sparse = choose(sweep_sparse_numpy, lambda: _sweep_sparse)
