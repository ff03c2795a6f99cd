"""The sweeps of batch normalisation over a matrix x (M, C), a row for every place: two forward, two backward.

A ReLU or ReLU6 that follows is done in the same sweeps: y is held between floor and ceiling, which are ∓∞ for
none; backward the sweeps find again from x what lay between, which costs less than to read y.  A shortcut is
added in the same sweep too; then y tells what lay above.  Sums over rows are kept in float32 for STRETCH
rows at a time and added up in float64.
"""

import numpy as np

from yuanli.kernels.compiler import parallel, share, threads
from yuanli.kernels.dispatch import choose
from yuanli.kernels.elementwise import LARGE
from yuanli.kernels.memory import empty

STRETCH = 512
FOLD = 16


def column_sums(x):
    """s[c] = Σₘ x[m, c], as a product with a row of ones: faster than sum(0), and no less exact.

    Of many rows FOLD are laid side by side, which makes few columns many, and then added up themselves.
    """
    folded = len(x) // FOLD
    if folded < FOLD:
        return np.ones(len(x), x.dtype) @ x
    side_by_side = x[: folded * FOLD].reshape(folded, -1)
    rows = (np.ones(folded, x.dtype) @ side_by_side).reshape(FOLD, -1)
    rest = x[folded * FOLD :]
    return np.ones(FOLD, x.dtype) @ rows + np.ones(len(rest), x.dtype) @ rest


def statistics_numpy(x):
    """mean[c] = Σₘ x[m, c] / M and var[c] = Σₘ (x[m, c] − mean[c])² / M"""
    n = max(len(x), 1)  # over no rows both are 0
    mean = column_sums(x) / n
    centred = x - mean
    return mean, column_sums(centred * centred) / n


def scale_shift_numpy(x, mean, scale, shift, floor=-np.inf, ceiling=np.inf):
    """y[m, c] = min(ceiling, max(floor, scale[c]·(x[m, c] − mean[c]) + shift[c]))"""
    return np.clip((x - mean) * scale + shift, x.dtype.type(floor), x.dtype.type(ceiling))


def scale_shift_add_relu_numpy(x, other, mean, scale, shift):
    """y[m, c] = max(0, scale[c]·(x[m, c] − mean[c]) + shift[c] + other[m, c])"""
    return np.maximum((x - mean) * scale + shift + other, 0)


def passed(x, dy, mean, scale, shift, floor, ceiling):
    """dy where scale·(x − mean) + shift is between floor and ceiling, else 0"""
    if (floor, ceiling) == (-np.inf, np.inf):
        return dy
    y = (x - mean) * scale + shift
    return dy * ((y > floor) & (y < ceiling))


def grad_sums_numpy(x, dy, mean, scale, shift, floor=-np.inf, ceiling=np.inf):
    """Σₘ g[m, c] and Σₘ g[m, c]·(x[m, c] − mean[c]), where g is dy between floor and ceiling, else 0"""
    g = passed(x, dy, mean, scale, shift, floor, ceiling)
    return column_sums(g), column_sums(g * (x - mean))


def grad_x_numpy(x, dy, mean, scale, shift, slope, offset, floor=-np.inf, ceiling=np.inf):
    """dx[m, c] = scale[c]·g[m, c] + slope[c]·(x[m, c] − mean[c]) + offset[c], g as above"""
    return passed(x, dy, mean, scale, shift, floor, ceiling) * scale + (x - mean) * slope + offset


def _statistics(x):
    if not _suits(x):
        return statistics_numpy(x)
    # sums around the first row lose no digits when the mean is far from 0
    wide, first = _widen(x), x[0]
    sums = np.zeros((threads(), 2, wide.shape[1]))
    _sums_around(wide, np.tile(first, wide.shape[1] // len(first)), sums)
    total, squares = sums.sum(0).reshape(2, -1, len(first)).sum(1) / len(x)
    return (first + total).astype(x.dtype), np.maximum(squares - total * total, 0).astype(x.dtype)


def _scale_shift(x, mean, scale, shift, floor=-np.inf, ceiling=np.inf):
    if not _suits(x):
        return scale_shift_numpy(x, mean, scale, shift, floor, ceiling)
    wide, y = _widen(x), empty(x.shape)
    channels = _repeated(wide, x, mean, scale, shift)
    _scale_shift_sweep(wide, *channels, np.float32(floor), np.float32(ceiling), y.reshape(wide.shape))
    return y


def _scale_shift_add_relu(x, other, mean, scale, shift):
    if not (_suits(x) and _suits(other)):
        return scale_shift_add_relu_numpy(x, other, mean, scale, shift)
    wide, y = _widen(x), empty(x.shape)
    channels = _repeated(wide, x, mean, scale, shift)
    _scale_shift_add_relu_sweep(wide, other.reshape(wide.shape), *channels, y.reshape(wide.shape))
    return y


def _grad_sums(x, dy, mean, scale, shift, floor=-np.inf, ceiling=np.inf):
    if not (_suits(x) and _suits(dy)):
        return grad_sums_numpy(x, dy, mean, scale, shift, floor, ceiling)
    wide = _widen(x)
    sums = np.zeros((threads(), 2, wide.shape[1]))
    channels = _repeated(wide, x, mean, scale, shift)
    bounds = np.float32(floor), np.float32(ceiling)
    _products_around(wide, dy.reshape(wide.shape), *channels, *bounds, sums)
    total, products = sums.sum(0).reshape(2, -1, len(mean)).sum(1).astype(x.dtype)
    return total, products


def _grad_x(x, dy, mean, scale, shift, slope, offset, floor=-np.inf, ceiling=np.inf):
    if not (_suits(x) and _suits(dy)):
        return grad_x_numpy(x, dy, mean, scale, shift, slope, offset, floor, ceiling)
    wide, dx = _widen(x), empty(x.shape)
    channels = _repeated(wide, x, mean, scale, shift, slope, offset)
    bounds = np.float32(floor), np.float32(ceiling)
    _grad_x_sweep(wide, dy.reshape(wide.shape), *channels, *bounds, dx.reshape(wide.shape))
    return dx


def _suits(x):
    return x.size >= LARGE and x.dtype == np.float32 and x.flags.c_contiguous


def _widen(x):
    """Several rows side by side as one, so that the inner loop is worth its vectors."""
    rows, width = x.shape
    while width < 128 and rows % 2 == 0:
        rows, width = rows // 2, width * 2
    return x.reshape(rows, width)


def _repeated(wide, x, *vectors):
    """Numbers for the channels of x as numbers for the columns of the widened x."""
    return (np.tile(v, wide.shape[1] // x.shape[1]) for v in vectors)


@parallel
def _sums_around(thread, x, middle, sums):
    parts = len(sums)
    each = -(-len(x) // parts)
    for part in share(thread, parts):
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
def _products_around(thread, x, dy, middle, scale, shift, floor, ceiling, sums):
    parts = len(sums)
    each = -(-len(x) // parts)
    for part in share(thread, parts):
        total, products = np.empty_like(middle), np.empty_like(middle)
        for start in range(part * each, min(len(x), (part + 1) * each), STRETCH):
            total[:] = 0
            products[:] = 0
            for m in range(start, min(start + STRETCH, len(x), (part + 1) * each)):
                for c in range(len(middle)):
                    centred = x[m, c] - middle[c]
                    y = centred * scale[c] + shift[c]
                    g = dy[m, c] if (y > floor) & (y < ceiling) else np.float32(0)
                    total[c] += g
                    products[c] += g * centred
            for c in range(len(middle)):
                sums[part, 0, c] += total[c]
                sums[part, 1, c] += products[c]


@parallel
def _scale_shift_sweep(thread, x, mean, scale, shift, floor, ceiling, y):
    for m in share(thread, len(x)):
        for c in range(x.shape[1]):
            v = (x[m, c] - mean[c]) * scale[c] + shift[c]
            y[m, c] = floor if v < floor else ceiling if v > ceiling else v


@parallel
def _scale_shift_add_relu_sweep(thread, x, other, mean, scale, shift, y):
    for m in share(thread, len(x)):
        for c in range(x.shape[1]):
            v = (x[m, c] - mean[c]) * scale[c] + shift[c] + other[m, c]
            y[m, c] = np.float32(0) if v < 0 else v


@parallel
def _grad_x_sweep(thread, x, dy, mean, scale, shift, slope, offset, floor, ceiling, dx):
    for m in share(thread, len(x)):
        for c in range(x.shape[1]):
            centred = x[m, c] - mean[c]
            y = centred * scale[c] + shift[c]
            g = dy[m, c] if (y > floor) & (y < ceiling) else np.float32(0)
            dx[m, c] = g * scale[c] + centred * slope[c] + offset[c]


statistics = choose(statistics_numpy, lambda: _statistics)
scale_shift = choose(scale_shift_numpy, lambda: _scale_shift)
scale_shift_add_relu = choose(scale_shift_add_relu_numpy, lambda: _scale_shift_add_relu)
grad_sums = choose(grad_sums_numpy, lambda: _grad_sums)
grad_x = choose(grad_x_numpy, lambda: _grad_x)
