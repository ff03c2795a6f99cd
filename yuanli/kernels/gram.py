"""Rows of a Gram matrix, k(aᵢ, bⱼ): inner products in register tiles, made values of the kernel at once.

A support vector machine asks for many rows over the same columns, so the columns are laid out once.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, numba, parallel, prange
from yuanli.kernels.dispatch import choose

if numba:
    from yuanli.kernels.exponential import exponential, tanh
    from yuanli.kernels.simd import dot_tile

LINEAR, POLY, RBF, SIGMOID = range(4)
ROWS = 8 if AVX512 else 6  # of a register tile
VECTORS = 2 if AVX512 else 1  # of 16 columns each
WIDE = 16 * VECTORS
NEAR = 1 << 16  # floats of columns gone through for each tile of rows: they stay in the cache


def gram_numpy(a, b, kind, gamma, coef0, degree):
    """K[i, j] = a·b, (γ a·b + c)^degree, exp(−γ‖a − b‖²) or tanh(γ a·b + c), with a = aᵢ and b = bⱼ

    In float64, and rounded to a's type at the end.
    """
    dtype, a, b = a.dtype, a.astype(np.float64), b.astype(np.float64)
    products = a @ b.T
    if kind == LINEAR:
        values = products
    elif kind == RBF:
        d2 = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * products
        values = np.exp(-gamma * np.maximum(d2, 0))
    else:
        shifted = gamma * products + coef0
        values = shifted**degree if kind == POLY else np.tanh(shifted)
    return values.astype(dtype)


class ColumnsNumpy:
    """The columns b (N, D) of a Gram matrix, and the kernel."""

    def __init__(self, b, kind, gamma, coef0, degree):
        self.b, self.kernel = b, (kind, gamma, coef0, degree)

    def rows(self, a, out, places):
        """out[places[i]] = the row of aᵢ"""
        out[places] = gram_numpy(a, self.b, *self.kernel)


class Columns(ColumnsNumpy):
    """The same, float32 columns laid out for register tiles."""

    def __init__(self, b, kind, gamma, coef0, degree):
        super().__init__(b, kind, gamma, coef0, degree)
        if b.dtype == np.float32:
            self.squares = np.zeros(-(-len(b) // WIDE) * WIDE, np.float32)
            self.squares[: len(b)] = (b * b).sum(1)
            self.panels = np.empty((len(self.squares) // WIDE, b.shape[1], WIDE), np.float32)
            _pack(b, self.panels)

    def rows(self, a, out, places):
        if self.b.dtype != np.float32:
            super().rows(a, out, places)
            return
        kind, gamma, coef0, degree = self.kernel
        a = np.ascontiguousarray(a)
        _rows(
            a, (a * a).sum(1), self.panels, self.squares, np.zeros(WIDE, np.float32),
            kind, np.float32(gamma), np.float32(coef0), degree, out, places,
        )  # fmt: skip


@parallel
def _pack(b, panels):
    for panel in prange(len(panels)):
        first = panel * WIDE
        for d in range(b.shape[1]):
            for j in range(WIDE):
                panels[panel, d, j] = b[first + j, d] if first + j < len(b) else 0


@parallel
def _rows(a, squares, panels, column_squares, zero, kind, gamma, coef0, degree, out, places):
    group = max(1, NEAR // max(1, panels[:1].size))
    for task in prange((len(panels) + group - 1) // group):
        first, last = task * group, min(len(panels), (task + 1) * group)
        tile = np.empty((ROWS, WIDE), np.float32)
        for i in range(0, len(a), ROWS):
            for panel in range(first, last):
                d2 = column_squares[panel * WIDE : (panel + 1) * WIDE]
                _fill(tile, a, i, panels[panel], zero)
                for r in range(min(ROWS, len(a) - i)):
                    _values(tile[r], squares[i + r], d2, kind, gamma, coef0, degree)
                    _copy(tile[r], out[places[i + r]], panel * WIDE)


@jit
def _fill(tile, a, i, panel, zero):
    """Inner products of the rows i, i + 1, … with one panel's columns."""
    depth, start = a.shape[1], zero.ctypes.data
    if i + ROWS <= len(a):
        dot_tile(
            a[i].ctypes.data, panel.ctypes.data, start, tile.ctypes.data, 1, 1, 1, depth,
            0, 0, 0, depth, 0, 0, 0, WIDE, ROWS, WIDE, ROWS, VECTORS, 16,
        )  # fmt: skip
    else:  # rows past the end must not be read
        for r in range(len(a) - i):
            dot_tile(
                a[i + r].ctypes.data, panel.ctypes.data, start, tile[r].ctypes.data, 1, 1, 1, depth,
                0, 0, 0, depth, 0, 0, 0, WIDE, 1, WIDE, 1, VECTORS, 16,
            )  # fmt: skip


@jit
def _copy(values, row, first):
    if first + WIDE <= len(row):
        for j in range(WIDE):
            row[first + j] = values[j]
    else:
        for j in range(len(row) - first):
            row[first + j] = values[j]


@jit
def _values(products, square, column_squares, kind, gamma, coef0, degree):
    """The kernel's values in the place of inner products."""
    if kind == RBF:
        for j in range(WIDE):
            d2 = square + column_squares[j] - np.float32(2) * products[j]
            power, p = exponential(-gamma * max(d2, np.float32(0)))
            products[j] = power + power * p
    elif kind == SIGMOID:
        for j in range(WIDE):
            products[j] = tanh(gamma * products[j] + coef0)
    elif kind == POLY:
        factor = np.empty(WIDE, np.float32)
        for j in range(WIDE):
            factor[j] = gamma * products[j] + coef0
            products[j] = np.float32(1)
        for _ in range(degree):
            for j in range(WIDE):
                products[j] *= factor[j]


columns = choose(ColumnsNumpy, lambda: Columns)
