"""The sweeps of batch normalisation over a matrix x (M, C), a row for every place: two forward, two backward.

Sums over rows are kept in float32 for STRETCH rows at a time and added up in float64.
"""

import numpy as np

from yuanli.kernels.compiler import parallel, prange, threads
from yuanli.kernels.dispatch import choose
from yuanli.kernels.elementwise import LARGE
from yuanli.kernels.memory import empty

STRETCH = 512


def column_sums(x):
    """s[c] = Σₘ x[m, c], as a product with a row of ones: faster than sum(0), and no less exact"""
    return np.ones(len(x), x.dtype) @ x


def statistics_numpy(x):
    """mean[c] = Σₘ x[m, c] / M and var[c] = Σₘ (x[m, c] − mean[c])² / M"""
    n = max(len(x), 1)  # over no rows both are 0
    mean = column_sums(x) / n
    centred = x - mean
    return mean, column_sums(centred * centred) / n


def scale_shift_numpy(x, mean, scale, shift):
    """y[m, c] = scale[c]·(x[m, c] − mean[c]) + shift[c]"""
    return (x - mean) * scale + shift


def grad_sums_numpy(x, dy, mean):
    """Σₘ dy[m, c] and Σₘ dy[m, c]·(x[m, c] − mean[c])"""
    return column_sums(dy), column_sums(dy * (x - mean))


def grad_x_numpy(x, dy, mean, scale, slope, shift):
    """dx[m, c] = scale[c]·dy[m, c] + slope[c]·(x[m, c] − mean[c]) + shift[c]"""
    return dy * scale + (x - mean) * slope + shift


def _statistics(x):
    if not _suits(x):
        return statistics_numpy(x)
    # sums around the first row lose no digits when the mean is far from 0
    wide, first = _widen(x), x[0]
    sums = np.zeros((threads(), 2, wide.shape[1]))
    _sums_around(wide, np.tile(first, wide.shape[1] // len(first)), sums)
    total, squares = sums.sum(0).reshape(2, -1, len(first)).sum(1) / len(x)
    return (first + total).astype(x.dtype), np.maximum(squares - total * total, 0).astype(x.dtype)


def _scale_shift(x, mean, scale, shift):
    if not _suits(x):
        return scale_shift_numpy(x, mean, scale, shift)
    wide, y = _widen(x), empty(x.shape)
    many = wide.shape[1] // x.shape[1]
    _scale_shift_sweep(wide, *(np.tile(v, many) for v in (mean, scale, shift)), y.reshape(wide.shape))
    return y


def _grad_sums(x, dy, mean):
    if not (_suits(x) and _suits(dy)):
        return grad_sums_numpy(x, dy, mean)
    wide = _widen(x)
    sums = np.zeros((threads(), 2, wide.shape[1]))
    _products_around(wide, dy.reshape(wide.shape), np.tile(mean, wide.shape[1] // len(mean)), sums)
    total, products = sums.sum(0).reshape(2, -1, len(mean)).sum(1).astype(x.dtype)
    return total, products


def _grad_x(x, dy, mean, scale, slope, shift):
    if not (_suits(x) and _suits(dy)):
        return grad_x_numpy(x, dy, mean, scale, slope, shift)
    wide, dx = _widen(x), empty(x.shape)
    many = wide.shape[1] // x.shape[1]
    channels = (np.tile(v, many) for v in (mean, scale, slope, shift))
    _grad_x_sweep(wide, dy.reshape(wide.shape), *channels, dx.reshape(wide.shape))
    return dx


def _suits(x):
    return x.size >= LARGE and x.dtype == np.float32 and x.flags.c_contiguous


def _widen(x):
    """Several rows side by side as one, so that the inner loop is worth its vectors."""
    rows, width = x.shape
    while width < 128 and rows % 2 == 0:
        rows, width = rows // 2, width * 2
    return x.reshape(rows, width)


@parallel
def _sums_around(x, middle, sums):
    parts = len(sums)
    each = -(-len(x) // parts)
    for part in prange(parts):
        total, squares = np.empty_like(middle), np.empty_like(middle)
        for start in range(part * each, min(len(x), (part + 1) * each), STRETCH):
            total[:] = 0
            squares[:] = 0
            for m in range(start, min(start + STRETCH, len(x), (part + 1) * each)):
                for c in range(len(middle)):
                    v = x[m, c] - middle[c]
                    total[c] += v
                    squares[c] += v * v
            for c in range(len(middle)):
                sums[part, 0, c] += total[c]
                sums[part, 1, c] += squares[c]


@parallel
def _products_around(x, dy, middle, sums):
    parts = len(sums)
    each = -(-len(x) // parts)
    for part in prange(parts):
        total, products = np.empty_like(middle), np.empty_like(middle)
        for start in range(part * each, min(len(x), (part + 1) * each), STRETCH):
            total[:] = 0
            products[:] = 0
            for m in range(start, min(start + STRETCH, len(x), (part + 1) * each)):
                for c in range(len(middle)):
                    total[c] += dy[m, c]
                    products[c] += dy[m, c] * (x[m, c] - middle[c])
            for c in range(len(middle)):
                sums[part, 0, c] += total[c]
                sums[part, 1, c] += products[c]


@parallel
def _scale_shift_sweep(x, mean, scale, shift, y):
    for m in prange(len(x)):
        for c in range(x.shape[1]):
            y[m, c] = (x[m, c] - mean[c]) * scale[c] + shift[c]


@parallel
def _grad_x_sweep(x, dy, mean, scale, slope, shift, dx):
    for m in prange(len(x)):
        for c in range(x.shape[1]):
            dx[m, c] = dy[m, c] * scale[c] + (x[m, c] - mean[c]) * slope[c] + shift[c]


statistics = choose(statistics_numpy, lambda: _statistics)
scale_shift = choose(scale_shift_numpy, lambda: _scale_shift)
grad_sums = choose(grad_sums_numpy, lambda: _grad_sums)
grad_x = choose(grad_x_numpy, lambda: _grad_x)
