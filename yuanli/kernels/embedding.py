"""The gradient of taking rows of a table by number: what belongs to one row is added up, in order."""

import numpy as np

from yuanli.kernels.compiler import jit
from yuanli.kernels.dispatch import choose


def add_rows_numpy(dy, indices, rows):
    """dw[v] = Σ dy[m] over the places m with indices[m] = v; dy (M, D), indices (M,) -> (rows, D)

    It is the one-hot matrix of the indices, transposed, times dy.
    """
    from scipy.sparse import csr_array

    many = len(indices)
    return csr_array((np.ones(many, dy.dtype), (indices, np.arange(many))), (rows, many)) @ dy


def _add_rows(dy, indices, rows):
    dw = np.zeros((rows, dy.shape[1]), dy.dtype)
    _add_to_rows(np.ascontiguousarray(dy), np.ascontiguousarray(indices, np.int64), dw)
    return dw


@jit
def _add_to_rows(dy, indices, dw):
    for m in range(len(indices)):
        v = indices[m]
        for d in range(dy.shape[1]):
            dw[v, d] += dy[m, d]


add_rows = choose(add_rows_numpy, lambda: _add_rows)
