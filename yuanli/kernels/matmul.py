"""The matrix product on all threads.

NumPy's BLAS is kept to one thread where compiled kernels run: its threads and Numba's, taking turns, would
wait for each other.  So small products are BLAS's, and large ones are shared out here.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, numba, parallel, prange
from yuanli.kernels.dispatch import choose
from yuanli.kernels.memory import empty

if numba:
    from yuanli.kernels.simd import dot_tile

PIXELS = 8 if AVX512 else 6  # rows of a register tile
LANES = 16  # columns of a register tile
ROWS = 12 * PIXELS  # rows that one thread works off at a time
WORTH = 1 << 21  # multiplications from which on sharing out (10 µs) pays


def matmul_numpy(a, b):
    """c[i, j] = Σₖ a[i, k]·b[k, j]"""
    return a @ b


def _matmul(a, b):
    if a.dtype != np.float32 or b.dtype != np.float32 or a.shape[0] * b.size < WORTH:
        return matmul_numpy(a, b)
    (M, K), N = a.shape, b.shape[1]
    out = empty((M, N))
    panels = empty((-(-N // LANES), K, LANES))
    _product(np.ascontiguousarray(a), b, panels, np.zeros(LANES, np.float32), out)
    return out


@parallel
def _product(a, b, panels, zero, out):
    for panel in prange(len(panels)):
        _pack(b, panel * LANES, panels[panel])
    for task in prange((len(a) + ROWS - 1) // ROWS):
        _some_rows(a, panels, zero, out, task * ROWS, min(len(a), (task + 1) * ROWS))


@jit
def _pack(b, first, panel):
    """Columns first … first + LANES − 1 of b, filled up with zeros."""
    K, N = b.shape
    for k in range(K):
        for j in range(LANES):
            panel[k, j] = b[k, first + j] if first + j < N else 0


@jit
def _some_rows(a, panels, zero, out, first, last):
    K, N = a.shape[1], out.shape[1]
    for panel in range(len(panels)):
        j = panel * LANES
        for i in range(first, last, PIXELS):
            source, target = a.ctypes.data + 4 * i * K, out.ctypes.data + 4 * (i * N + j)
            w, count, width = panels[panel].ctypes.data, min(PIXELS, last - i), min(LANES, N - j)
            if count == PIXELS:
                dot_tile(
                    source, w, zero.ctypes.data, target, 1, 1, 1, K, 0, 0, 0, K, N, count, width,
                    PIXELS, 1, 16,
                )  # fmt: skip
            else:  # rows past the end must not be read
                for r in range(i, last):
                    source, target = a.ctypes.data + 4 * r * K, out.ctypes.data + 4 * (r * N + j)
                    dot_tile(
                        source, w, zero.ctypes.data, target, 1, 1, 1, K, 0, 0, 0, K, N, 1, width, 1, 1, 16,
                    )  # fmt: skip


matmul = choose(matmul_numpy, lambda: _matmul)
