"""The fully connected layer y = max(floor, x Wᵀ + b) over a matrix x (M, K): one sweep there, one back.

With floor 0 that is a ReLU's layer, with −∞ a plain one.  A thread turns W into panels, multiplies a few rows
by them, starting at b, and bounds the result while it lies in the cache.
"""

import numpy as np

from yuanli.kernels.compiler import jit, numba, parallel, share
from yuanli.kernels.dispatch import LARGE, choose
from yuanli.kernels.elementwise import relu_grad
from yuanli.kernels.matmul import LANES, PIXELS, ROWS, WORTH, some_rows
from yuanli.kernels.memory import empty
from yuanli.kernels.normalisation import column_sums

if numba:
    from yuanli.kernels.simd import address_of
    from yuanli.kernels.simd_products import transpose_tile

FLOAT32 = np.dtype(np.float32)


def linear_numpy(x, weight, bias, floor):
    """y[m, n] = max(floor, Σₖ x[m, k]·weight[n, k] + bias[n])"""
    y = x @ weight.T
    if bias is not None:
        y = np.add(y, bias, out=y if y.dtype == bias.dtype else None)
    return y if floor == -np.inf else np.maximum(y, y.dtype.type(floor), out=y)


def passed_numpy(dy, y, floor):
    """g[m, n] = dy[m, n] where y[m, n] is above the floor, else 0; and Σₘ g[m, n]"""
    g = dy if floor == -np.inf else relu_grad(dy, y)
    return g, column_sums(g)


def _linear(x, weight, bias, floor):
    (M, K), N = x.shape, len(weight)
    narrow = x.dtype == weight.dtype == FLOAT32 and (bias is None or bias.dtype == FLOAT32)
    if M < PIXELS or not narrow:  # few rows are not worth packing W
        return linear_numpy(x, weight, bias, floor)
    if bias is not None and N % LANES == 0:
        start = np.ascontiguousarray(bias)
    else:
        start = np.zeros(-(-N // LANES) * LANES, np.float32)
        if bias is not None:
            start[:N] = bias
    panels, y = empty((len(start) // LANES, K, LANES)), empty((M, N))
    x, weight = np.ascontiguousarray(x), np.ascontiguousarray(weight)
    if M * K * N >= WORTH:
        _turn(weight, panels)
        _rows(x, panels, start, floor, y)
    else:
        _layer(x, weight, panels, start, floor, y)
    return y


def _passed(dy, y, floor):
    if floor == -np.inf or y.size >= LARGE or not dy.dtype == y.dtype == FLOAT32:
        return passed_numpy(dy, y, floor)
    g, sums = np.empty_like(y), np.zeros(y.shape[1], np.float32)
    _passed_here(np.ascontiguousarray(dy), y, g, sums)
    return g, sums


@parallel
def _turn(thread, weight, panels):
    for panel in share(thread, len(panels)):
        _pack(weight, panel * LANES, panels[panel])


@parallel
def _rows(thread, x, panels, start, floor, y):
    for task in share(thread, (len(x) + ROWS - 1) // ROWS):
        _bounded_rows(x, panels, start, floor, y, task * ROWS, min(len(x), (task + 1) * ROWS))


@jit
def _layer(x, weight, panels, start, floor, y):
    """All of it on one thread."""
    for panel in range(len(panels)):
        _pack(weight, panel * LANES, panels[panel])
    for first in range(0, len(x), ROWS):
        _bounded_rows(x, panels, start, floor, y, first, min(len(x), first + ROWS))


@jit
def _bounded_rows(x, panels, start, floor, y, first, last):
    least = np.float32(floor)
    some_rows(x, panels, start, y, first, last)
    for m in range(first, last):
        for n in range(y.shape[1]):
            y[m, n] = least if y[m, n] < least else y[m, n]


@jit
def _pack(weight, first, panel):
    """panel[k, j] = weight[first + j, k], and 0 for rows past the last."""
    N, K = weight.shape
    for k in range(0, K, LANES):
        source, target = address_of(weight) + 4 * (first * K + k), address_of(panel) + 4 * k * LANES
        transpose_tile(source, K, min(LANES, N - first), min(LANES, K - k), target, LANES, LANES, 16)


@jit
def _passed_here(dy, y, g, sums):
    for m in range(len(y)):
        for n in range(len(sums)):
            g[m, n] = dy[m, n] if y[m, n] > 0 else np.float32(0)
            sums[n] += g[m, n]


linear = choose(linear_numpy, lambda: _linear)
passed = choose(passed_numpy, lambda: _passed)
