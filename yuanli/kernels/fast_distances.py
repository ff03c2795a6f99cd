"""Which compiled kernel looks for which neighbours, a bounded number of queries at a time.

Rows of bytes under L1 and L2 are compared as whole numbers, everything else as floats: byte_distances.py and
float_distances.py.  distances.py has the definition.
"""

import numpy as np

from yuanli.errors import ShapeError
from yuanli.kernels import byte_distances, float_distances
from yuanli.kernels.distances import nearest_numpy

AT_ONCE = 1 << 37  # differences of bytes in a call, about a second: Ctrl-C is heard between calls
PACKED = 1 << 22  # numbers of queries packed at a time


def nearest(queries, points, k, metric):
    """The same as nearest_numpy."""
    queries, points = np.asarray(queries), np.asarray(points)
    (Q, D), N = queries.shape, len(points)
    if points.shape != (N, D) or not 0 < k <= N:
        raise ShapeError(f"nearest needs points (N, {D}) and k from 1 to N, got {points.shape} and k = {k}")
    distances, numbers = np.empty((Q, k)), np.empty((Q, k), np.int64)
    bytewise = queries.dtype == points.dtype == np.uint8 and metric in ("l1", "l2")
    if bytewise and D <= byte_distances.LONGEST:
        kernel, rows = byte_distances.nearest, AT_ONCE // max(1, N * D)
    else:
        kernel, rows = float_distances.nearest, PACKED // max(1, D)
        kind = np.result_type(queries.dtype, points.dtype, np.float32)
        queries, points = queries.astype(kind, copy=False), points.astype(kind, copy=False)
    rows = max(256, rows)
    points = np.require(points, requirements="CW")  # one layout is compiled
    for start in range(0, Q, rows):
        some = slice(start, start + rows)
        distances[some], numbers[some] = kernel(
            np.require(queries[some], requirements="CW"), points, k, metric
        )
    lost = np.flatnonzero((numbers == N).any(1))  # distances that overflow are no smaller than any limit
    if len(lost):
        distances[lost], numbers[lost] = nearest_numpy(queries[lost], points, k, metric)
    return distances, numbers
