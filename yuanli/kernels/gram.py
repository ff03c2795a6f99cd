"""Rows of a Gram matrix, k(aᵢ, bⱼ): inner products in register tiles, made values of the kernel at once.

A support vector machine asks for many rows over the same columns, so the columns are laid out once.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, numba, parallel, share
from yuanli.kernels.dispatch import choose

if numba:
    from yuanli.kernels.exponential import exponential, tanh
    from yuanli.kernels.simd import address_of, dot_product
    from yuanli.kernels.simd_products import dot_tile

LINEAR, POLY, RBF, SIGMOID = range(4)
ROWS = 8 if AVX512 else 6  # of a register tile
VECTORS = 2 if AVX512 else 1  # of 16 columns each
WIDE, QUARTER = 16 * VECTORS, 4 * VECTORS
NEAR = 1 << 16  # floats of columns gone through for each tile of rows: they stay in the cache
TASK = 128  # rows whose sums one thread makes at a time
AT_ONCE = 1 << 18  # values made in one go without register tiles


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


def squares_of(a):
    """‖aᵢ‖²"""
    return np.einsum("nd,nd->n", a, a)


class ColumnsNumpy:
    """The columns b (N, D) of a Gram matrix, and the kernel."""

    def __init__(self, b, kind, gamma, coef0, degree):
        self.b, self.kernel = b, (kind, gamma, coef0, degree)

    def values(self, a):
        """k(aᵢ, bⱼ)"""
        return gram_numpy(a, self.b, *self.kernel)

    def rows(self, a, out, places):
        """out[places[i]] = the row of aᵢ"""
        out[places] = self.values(a)

    def sums(self, a, weights, squares=None):
        """Σⱼ k(aᵢ, bⱼ)·weights[j, m] in float64, never the whole matrix at once; squares: ‖aᵢ‖², if known."""
        out = np.zeros((a.shape[0], weights.shape[1]))
        step = max(128, AT_ONCE // max(1, self.b.shape[0]))
        for first in range(0, len(out), step):
            out[first : first + step] = self.values(a[first : first + step]).astype(np.float64) @ weights
        return out


class Columns(ColumnsNumpy):
    """The same, float32 columns laid out for register tiles."""

    def __init__(self, b, kind, gamma, coef0, degree):
        super().__init__(b, kind, gamma, coef0, degree)
        if b.dtype == np.float32:
            self.squares = np.zeros(-(-len(b) // WIDE) * WIDE, np.float32)
            self.squares[: len(b)] = squares_of(b)
            self.panels = np.empty((len(self.squares) // WIDE, b.shape[1], WIDE), np.float32)
            _pack(b, self.panels)
            self.compiled = (kind, np.float32(gamma), np.float32(coef0), degree)

    def rows(self, a, out, places):
        if self.b.dtype != np.float32:
            super().rows(a, out, places)
            return
        a = np.ascontiguousarray(a)
        _rows(a, squares_of(a), self.panels, self.squares, self.compiled, out, places)

    def sums(self, a, weights, squares=None):
        """Float32 within a stretch of columns, float64 from one stretch to the next."""
        if self.b.dtype != np.float32:
            return super().sums(a, weights)
        a, out = np.ascontiguousarray(a), np.zeros((len(a), weights.shape[1]))
        padded = np.zeros((weights.shape[1], len(self.squares)), np.float32)
        padded[:, : len(weights)] = weights.T
        squares = squares_of(a) if squares is None else squares
        _sums(a, squares, self.panels, self.squares, self.compiled, padded, out)
        return out


@parallel
def _pack(thread, b, panels):
    for panel in share(thread, len(panels)):
        first = panel * WIDE
        for d in range(b.shape[1]):
            for j in range(WIDE):
                panels[panel, d, j] = b[first + j, d] if first + j < len(b) else 0


@parallel
def _rows(thread, a, squares, panels, column_squares, kernel, out, places):
    stretch = _stretch(panels)
    for task in share(thread, (len(panels) + stretch - 1) // stretch):
        first, last = task * stretch, min(len(panels), (task + 1) * stretch)
        strip, zero = np.empty((ROWS, (last - first) * WIDE), np.float32), np.zeros(WIDE, np.float32)
        for i in range(0, len(a), ROWS):
            _fill(strip, a, i, squares, panels[first:last], column_squares[first * WIDE :], kernel, zero)
            for r in range(min(ROWS, len(a) - i)):
                row = out[places[i + r]]
                for j in range(min(strip.shape[1], len(row) - first * WIDE)):
                    row[first * WIDE + j] = strip[r, j]


@parallel
def _sums(thread, a, squares, panels, column_squares, kernel, weights, out):
    stretch = _stretch(panels)
    for task in share(thread, (len(a) + TASK - 1) // TASK):
        strip, zero = np.empty((ROWS, stretch * WIDE), np.float32), np.zeros(WIDE, np.float32)
        some = a[task * TASK : (task + 1) * TASK]
        for first in range(0, len(panels), stretch):
            part = panels[first : first + stretch]
            for i in range(0, len(some), ROWS):
                _fill(
                    strip, some, i, squares[task * TASK :], part, column_squares[first * WIDE :], kernel, zero
                )
                for r in range(min(ROWS, len(some) - i)):
                    for m in range(len(weights)):
                        w = weights[m, first * WIDE :]
                        total = dot_product(address_of(strip[r]), address_of(w), len(part), QUARTER)
                        out[task * TASK + i + r, m] += total


@jit
def _stretch(panels):
    """How many panels are gone through for each tile of rows."""
    return max(1, NEAR // max(1, panels[:1].size))


@jit
def _fill(strip, a, i, squares, panels, column_squares, kernel, zero):
    """strip[r] = the kernel's values of row i + r with the panels' columns."""
    count, depth, start, wide = min(ROWS, len(a) - i), a.shape[1], address_of(zero), strip.shape[1]
    for panel in range(len(panels)):
        w = address_of(panels[panel])
        if count == ROWS:
            dot_tile(
                address_of(a[i]), w, start, address_of(strip[0, panel * WIDE :]), 1, 1, 1, depth,
                0, 0, 0, depth, 0, 0, 0, wide, ROWS, WIDE, ROWS, VECTORS, 16,
            )  # fmt: skip
        else:  # rows past the end must not be read
            for r in range(count):
                dot_tile(
                    address_of(a[i + r]), w, start, address_of(strip[r, panel * WIDE :]), 1, 1, 1, depth,
                    0, 0, 0, depth, 0, 0, 0, wide, 1, WIDE, 1, VECTORS, 16,
                )  # fmt: skip
    for r in range(count):
        _values(strip[r, : len(panels) * WIDE], squares[i + r], column_squares, kernel)


@jit
def _values(products, square, column_squares, kernel):
    """The kernel's values in the place of inner products."""
    kind, gamma, coef0, degree = kernel
    if kind == RBF:
        for j in range(len(products)):
            d2 = square + column_squares[j] - np.float32(2) * products[j]
            power, p = exponential(-gamma * max(d2, np.float32(0)))
            products[j] = power + power * p
    elif kind == SIGMOID:
        for j in range(len(products)):
            products[j] = tanh(gamma * products[j] + coef0)
    elif kind == POLY:
        factor = gamma * products + coef0
        products[:] = np.float32(1)
        for _ in range(degree):
            for j in range(len(products)):
                products[j] *= factor[j]


columns = choose(ColumnsNumpy, lambda: Columns)
