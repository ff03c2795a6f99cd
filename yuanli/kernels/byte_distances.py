"""The nearest of many rows of bytes, by whole numbers: exact, 64 bytes an instruction where there is one.

|x − q|₁ is summed as it stands.  |x − q|² = |q|² + (|x|² − 256·Σx) − 2·x·(q − 128): the instruction for x·q
wants one operand signed, hence q − 128, and |q|² is the same for all x, so that it can wait.

A task is a block of queries against a part of the points: each point is packed once for the whole block, a
tile of points is compared with all the block's queries while it is in the nearest cache, and only keys that
are smaller than the largest one kept leave the tile.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share, threads
from yuanli.kernels.heap import replace_largest
from yuanli.kernels.memory import empty
from yuanli.kernels.simd import address_of
from yuanli.kernels.simd_distances import POINTS, QUERIES, VNNI, WIDTH, byte_tile

LONGEST = 1 << 15  # bytes in a row: 2¹⁵ · 255² < 2³¹
BLOCK = 1 << 19  # bytes of queries in a task, which stay in the second-level cache
LEAST, MOST = -(2**31), 2**31 - 1


def nearest(queries, points, k, metric):
    """queries (Q, D), points (N, D) of bytes, metric "l1" or "l2" -> distances, numbers (Q, k)."""
    (Q, D), l2 = queries.shape, metric == "l2"
    kind = np.int16 if l2 and not VNNI else np.uint8
    lanes = WIDTH // np.dtype(kind).itemsize
    steps = -(-D // lanes)
    tiles = max(1, min(128 // QUERIES, BLOCK // (steps * WIDTH * QUERIES), -(-Q // (threads() * QUERIES))))
    blocks = -(-Q // (tiles * QUERIES))
    if l2:
        queries = (queries.astype(np.int16) - 128).astype(np.int8 if VNNI else np.int16)
    parts = max(1, min(2 * threads() // blocks, len(points) // 1024))
    keys = np.full((parts, Q, k), MOST, np.int32)
    numbers = np.full((parts, Q, k), len(points), np.int64)
    packed = empty((threads(), tiles, steps, QUERIES, lanes), np.int8 if l2 and VNNI else kind)
    tile = empty((threads(), steps, POINTS, lanes), kind)
    scratch = np.empty((threads(), tiles + 2, QUERIES * POINTS), np.int32)
    shifts = np.zeros(len(points), np.int32)
    if l2:
        _shift(points, shifts)
    _search(queries, points, shifts, l2, tiles, keys, numbers, packed, tile, scratch)
    keys, numbers = (np.swapaxes(a, 0, 1).reshape(Q, parts * k) for a in (keys, numbers))
    order = np.lexsort((numbers, keys), axis=1)[:, :k]
    keys, numbers = (np.take_along_axis(a, order, axis=1) for a in (keys, numbers))
    if not l2:
        return keys.astype(np.float64), numbers
    shifted = queries.astype(np.int32) + 128
    lengths = np.einsum("qd,qd->q", shifted, shifted, dtype=np.int64)
    return np.sqrt(keys + lengths[:, None]), numbers


@parallel
def _search(thread, queries, points, shifts, l2, tiles, keys, numbers, packed, tile, scratch):
    blocks, parts = -(-len(queries) // (tiles * QUERIES)), len(keys)
    for task in share(thread, blocks * parts):
        block, part = task // parts, task % parts
        here = thread[0]
        first = block * tiles * QUERIES
        last = min(len(queries), first + tiles * QUERIES)
        start, stop = len(points) * part // parts, len(points) * (part + 1) // parts
        _compare(
            queries[first:last], points, shifts, start, stop, l2,
            keys[part, first:last], numbers[part, first:last], packed[here], tile[here], scratch[here],
        )  # fmt: skip


@jit
def _compare(queries, points, shifts, start, stop, l2, keys, numbers, packed, tile, scratch):
    """One block of queries with the points start … stop − 1."""
    tiles, steps = -(-len(queries) // QUERIES), len(tile)
    limits, shift, found = scratch[:tiles], scratch[-2], scratch[-1]
    limits[:] = LEAST
    for t in range(tiles):
        _pack(queries, t * QUERIES, len(queries), packed[t])
        limits[t, : (len(queries) - t * QUERIES) * POINTS] = MOST
    for n in range(start, stop, POINTS):
        _pack(points, n, stop, tile)
        for i in range(QUERIES * POINTS):
            shift[i] = shifts[min(n + i % POINTS, stop - 1)]
        for t in range(tiles):
            q_at, x_at, limit = address_of(packed[t]), address_of(tile), address_of(limits[t])
            if l2:
                below = byte_tile(q_at, x_at, steps, address_of(shift), limit, address_of(found), -2)
            else:
                below = byte_tile(q_at, x_at, steps, address_of(shift), limit, address_of(found), 1)
            if below:
                for i in range(QUERIES * POINTS):
                    q, x = t * QUERIES + i // POINTS, n + i % POINTS
                    if found[i] < limits[t, i] and x < stop:
                        replace_largest(keys[q], numbers[q], found[i], x)
                        row = i // POINTS * POINTS
                        limits[t, row : row + POINTS] = keys[q, 0]


@jit
def _pack(x, first, stop, tile):
    """Rows first, first + 1, … before `stop` -> (step, row, lane), filled up with zeros."""
    steps, rows, lanes = tile.shape
    whole = x.shape[1] // lanes
    if whole < steps:
        tile[whole] = 0
    for r in range(rows):
        if first + r < stop:
            row = x[first + r]
            for step in range(whole):
                for b in range(lanes):
                    tile[step, r, b] = row[step * lanes + b]
            for b in range(len(row) - whole * lanes):
                tile[whole, r, b] = row[whole * lanes + b]
        else:
            tile[:, r] = 0


@parallel
def _shift(thread, x, shifts):
    """|x|² − 256·Σx for each point."""
    for n in share(thread, len(x)):
        total = np.int32(0)
        for d in range(x.shape[1]):
            value = np.int32(x[n, d])
            total += value * (value - np.int32(256))
        shifts[n] = total
