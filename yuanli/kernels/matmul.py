"""The matrix product on all threads.

NumPy's BLAS is kept to one thread where compiled kernels run: its threads and Numba's, taking turns, would
wait for each other.  So small products are BLAS's, and large ones are shared out here.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, numba, parallel, share, threads
from yuanli.kernels.dispatch import choose
from yuanli.kernels.memory import empty
from yuanli.kernels.pixels import copy

if numba:
    from yuanli.kernels.simd import address_of
    from yuanli.kernels.simd_products import dot_tile, outer_tile

PIXELS = 8 if AVX512 else 6  # rows of a register tile
LANES = 16  # columns of a register tile
ROWS = 12 * PIXELS  # rows that one thread works off at a time
# A register tile of sums over rows: 8 · 2 of 32 registers, or 4 · 2 of 16.
WIDE = 32 if AVX512 else 16
TALL = 8 if AVX512 else 4
STRETCH = 64  # rows added up at a time, so that they stay in the cache
WORTH = 1 << 21  # multiplications from which on sharing out (10 µs) pays
TOGETHER = 8192  # rows summed up in one go at most: rounding errors grow with their number


def matmul_numpy(a, b):
    """c[i, j] = Σₖ a[i, k]·b[k, j]"""
    return a @ b


def _matmul(a, b):
    if a.dtype != np.float32 or b.dtype != np.float32 or a.shape[0] * b.size < WORTH or b.shape[1] == 1:
        return matmul_numpy(a, b)  # one column's time is that of reading a, on one thread as on two
    (M, K), N = a.shape, b.shape[1]
    out = empty((M, N))
    panels = empty((-(-N // LANES), K, LANES))
    _pack(b, panels)
    _rows(np.ascontiguousarray(a), panels, np.zeros(len(panels) * LANES, np.float32), out)
    return out


@parallel
def _pack(thread, b, panels):
    """Columns LANES·p … LANES·(p + 1) − 1 of b to each panel p, filled up with zeros."""
    K, N = b.shape
    for p in share(thread, len(panels)):
        for k in range(K):
            for j in range(LANES):
                n = p * LANES + j
                panels[p, k, j] = b[k, n] if n < N else 0


@parallel
def _rows(thread, a, panels, start, out):
    for task in share(thread, (len(a) + ROWS - 1) // ROWS):
        some_rows(a, panels, start, out, task * ROWS, min(len(a), (task + 1) * ROWS))


@jit
def some_rows(a, panels, start, out, first, last):
    """out[i, j] = start[j] + Σₖ a[i, k]·b[k, j], b packed into panels, for rows first … last − 1 of a."""
    K, N = a.shape[1], out.shape[1]
    for panel in range(len(panels)):
        j = panel * LANES
        for i in range(first, last, PIXELS):
            source, target = address_of(a) + 4 * i * K, address_of(out) + 4 * (i * N + j)
            w, s = address_of(panels[panel]), address_of(start) + 4 * j
            count, width = min(PIXELS, last - i), min(LANES, N - j)
            if count == PIXELS:
                dot_tile(
                    source, w, s, target, 1, 1, 1, K, 0, 0, 0, K, 0, 0, 0, N, count, width,
                    PIXELS, 1, 16,
                )  # fmt: skip
            else:  # rows past the end must not be read
                for r in range(i, last):
                    source, target = address_of(a) + 4 * r * K, address_of(out) + 4 * (r * N + j)
                    dot_tile(
                        source, w, s, target, 1, 1, 1, K, 0, 0, 0, K, 0, 0, 0, N, 1, width,
                        1, 1, 16,
                    )  # fmt: skip


def sum_of_products_numpy(a, b):
    """c[i, j] = Σₖ a[k, i]·b[k, j], aᵀ b"""
    return a.T @ b


def _sum_of_products(a, b):
    (K, M), N = a.shape, b.shape[1]
    if a.dtype != np.float32 or b.dtype != np.float32 or K * M * N < WORTH or max(M, N) > 2 * K:
        return _matmul(a.T, b)
    if M > N:  # tiles are wider than high, and fill the wider of the two better
        return np.ascontiguousarray(_sum_of_products(b, a).T)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    parts = max(threads(), -(-K // TOGETHER))
    high, wide = -(-M // TALL), -(-N // WIDE)
    # copies, filled up with zeros: of b's rows the columns of each tile for themselves
    rows_a = np.zeros((threads(), STRETCH, high * TALL), np.float32)
    rows_b = np.zeros((threads(), wide, STRETCH, WIDE), np.float32)
    sums = np.zeros((parts, high, wide, TALL, WIDE), np.float32)
    _sums(a, b, rows_a, rows_b, sums)
    c = sums.sum(0).transpose(0, 2, 1, 3).reshape(high * TALL, wide * WIDE)
    return np.ascontiguousarray(c[:M, :N])


@parallel
def _sums(thread, a, b, rows_a, rows_b, sums):
    K, parts = len(a), len(sums)
    for part in share(thread, parts):
        first, last = K * part // parts, K * (part + 1) // parts
        _sums_over(a, b, rows_a[thread[0]], rows_b[thread[0]], sums[part], first, last)


@jit
def _sums_over(a, b, rows_a, rows_b, sums, first, last):
    """Rows first … last − 1."""
    for k in range(first, last, STRETCH):
        many = min(STRETCH, last - k)
        for i in range(many):
            copy(address_of(a[k + i]), address_of(rows_a[i]), a.shape[1])
            for j in range(len(rows_b)):
                width = min(WIDE, b.shape[1] - j * WIDE)
                copy(address_of(b[k + i]) + 4 * j * WIDE, address_of(rows_b[j, i]), width)
        for j in range(len(rows_b)):
            for i in range(len(sums)):
                outer_tile(
                    address_of(rows_a[0]) + 4 * i * TALL, address_of(rows_b[j]), address_of(sums[i, j]), 1, 1,
                    many, 0, 0, rows_a.shape[1], 0, 0, WIDE, TALL, WIDE,
                )  # fmt: skip


matmul = choose(matmul_numpy, lambda: _matmul)
sum_of_products = choose(sum_of_products_numpy, lambda: _sum_of_products)
