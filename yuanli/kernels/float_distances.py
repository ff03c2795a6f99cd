"""The nearest of many rows of floats, exactly, at nearly the speed of a float32 matrix product.

|x − q|² − |q|² = 2·(|x|²/2 − q·x) costs one multiply-add a number in float32, but cancellation leaves few
digits.  So that finds candidates only, some more than k.  Their distances are then summed as they are
defined, in float64; and where a bound on the rounding errors cannot rule out that a point left behind is
nearer, the query is compared with every point in float64.  Other metrics are float64 from the start.

Differs from the usual, which returns what cancellation left (FAISS), or takes float64 throughout.
Source of the bound: Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share, threads
from yuanli.kernels.heap import replace_largest
from yuanli.kernels.memory import empty
from yuanli.kernels.simd import address_of
from yuanli.kernels.simd_distances import (
    DIFFERENCES,
    LANES,
    LARGEST,
    NEAR,
    PRODUCTS,
    ROWS,
    SQUARES,
    VECTORS,
    float_tile,
)

POWERS = -1  # Σ|x − q|ᵖ, which has no vector instruction
KINDS = {"l1": DIFFERENCES, "l2": SQUARES, "max": LARGEST, "cosine": PRODUCTS}
SPARE = 8  # candidates beyond k
SHALLOW = 16  # numbers in a row up to which the detour over candidates does not pay
PANELS = 1 << 23  # bytes of points packed at a time, which stay in the last-level cache
BLOCK = 1 << 18  # bytes of queries in a task, which stay in the second-level cache
SAMPLE = 4096  # points that stand for all where the middle is sought
EPSILON = 2.0**-24  # the largest relative error of one rounding to float32


def nearest(queries, points, k, metric):
    """queries (Q, D), points (N, D), k ≤ N -> distances, numbers (Q, k)."""
    kind = KINDS.get(metric, POWERS)
    scales = np.ones(len(queries)), np.ones(len(points))
    if kind == PRODUCTS:
        for x, scale in zip((queries, points), scales, strict=True):
            _one_over_lengths(x, scale)
    sure = np.zeros(len(queries), bool)
    keys, numbers = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    with np.errstate(all="ignore"):  # what overflows is not sure, and is compared again
        if kind in (SQUARES, PRODUCTS) and k + SPARE < len(points) and queries.shape[1] > SHALLOW:
            sure[:] = _by_candidates(queries, points, scales, kind == PRODUCTS, keys, numbers)
        if not sure.all():
            rest = np.flatnonzero(~sure)
            some = scales[0][rest], scales[1]
            power = float(metric) if kind == POWERS else 1.0
            middle = np.zeros(queries.shape[1])
            keys[rest], numbers[rest], _ = _smallest(queries[rest], points, some, middle, k, kind, power)
        if kind == PRODUCTS:
            return np.clip(1 + keys, 0, 2), numbers
        if kind == POWERS:
            return keys ** (1 / metric), numbers
        return np.sqrt(keys) if kind == SQUARES else keys, numbers


def _by_candidates(queries, points, scales, cosine, keys, numbers):
    """Fill in keys and numbers; returns for each query whether they are sure to be the smallest."""
    (Q, D), k = queries.shape, keys.shape[1]
    middle, factor = np.zeros(D), 1.0
    if not cosine:  # from the middle of the points, in units of their size, so that little is cancelled
        sample = points[:: -(-len(points) // SAMPLE)].astype(np.float64)
        middle = sample.mean(0)
        size = np.sqrt(((sample - middle) ** 2).sum(1).max())
        if not 1e-150 < size < 1e150:
            return False
        factor = 2.0 ** -np.round(np.log2(size))
        scales = tuple(scale * factor for scale in scales)
    rough, candidates, longest = _smallest(queries, points, scales, middle, k + SPARE, NEAR, 1.0)
    left_behind = rough[:, -1].astype(np.float64)  # no other point has a smaller rough key
    exact, lengths = np.empty(candidates.shape), np.empty(Q)
    _measure(queries, points, *scales, middle, candidates, cosine, exact, lengths)
    exact, candidates = _sorted(exact, candidates, k)
    keys[:], numbers[:] = exact, candidates
    roundings = (D + 4) * EPSILON
    error = 1.01 * roundings / (1 - roundings) * (longest / 2 + np.sqrt(longest) * lengths)
    tiny = (D + 4) * 2.0**-50  # as much for float64, with room to spare
    if cosine:
        return exact[:, -1] + tiny < left_behind - error
    most = exact[:, -1] * factor**2 * (1 + tiny)
    return most < lengths**2 * (1 - tiny) + 2 * (left_behind - error) - 1e-30


def _smallest(queries, points, scales, middle, k, kind, power):
    """The k smallest keys of every query, sorted, whose they are, and the longest packed point, squared."""
    (Q, D), N = queries.shape, len(points)
    dtype = np.float32 if kind == NEAR else np.float64
    rows, columns = ROWS.get(kind, 4), VECTORS * LANES * 4 // np.dtype(dtype).itemsize
    packed = empty((-(-Q // rows), D, rows), dtype)
    _pack(queries, middle, scales[0], packed, np.zeros((len(packed), rows), dtype))
    tiles = max(1, min(64 // rows, BLOCK // max(1, packed[0].nbytes), -(-len(packed) // threads())))
    parts = min(2 * threads(), max(1, threads() * tiles // len(packed)))
    keys = np.full((parts, Q, k), np.inf, dtype)
    numbers = np.full((parts, Q, k), N, np.int64)
    panels = empty(
        (max(1, min(PANELS // (D * columns * dtype().itemsize + 1), -(-N // columns))), D, columns), dtype
    )
    found = np.empty((threads(), rows, columns), dtype)
    longest = 0.0
    for first in range(0, N, len(panels) * columns):
        some = slice(first, first + len(panels) * columns)
        start = np.zeros((-(-len(points[some]) // columns), columns), dtype)
        here = panels[: len(start)]
        _pack(points[some], middle, scales[1][some], here, start)
        longest = max(longest, float(start.max()))
        start *= 0.5 if kind == NEAR else 0
        _compare(packed, here, start, first, N, tiles, keys, numbers, found, kind, power)
    keys, numbers = (np.swapaxes(a, 0, 1).reshape(Q, parts * k) for a in (keys, numbers))
    return *_sorted(keys, numbers, k), longest


def _sorted(keys, numbers, k):
    """The first k of each row's pairs, by key and then by number."""
    order = np.lexsort((numbers, keys), axis=1)[:, :k]
    return np.take_along_axis(keys, order, axis=1), np.take_along_axis(numbers, order, axis=1)


@parallel
def _one_over_lengths(thread, x, scale):
    """1/|x| of each row; 1 for a row of zeros."""
    for i in share(thread, len(x)):
        largest = 0.0
        for d in range(x.shape[1]):
            largest = max(largest, abs(float(x[i, d])))
        if largest > 0:
            total = 0.0
            for d in range(x.shape[1]):
                total += (x[i, d] / largest) ** 2
            scale[i] = 1 / largest / np.sqrt(total)


@parallel
def _pack(thread, x, middle, scale, panels, squares):
    """(x − middle) · scale -> (panel, d, row in panel), then zeros; and |row|² of what is packed."""
    columns = panels.shape[2]
    for panel in share(thread, len(panels)):
        first = panel * columns
        for j in range(columns):
            if first + j < len(x):
                row, factor, total = x[first + j], scale[first + j], 0.0
                for d in range(len(row)):
                    value = (row[d] - middle[d]) * factor
                    panels[panel, d, j] = value
                    total += value * value
                squares[panel, j] = total
            else:
                panels[panel, :, j] = 0


@parallel
def _compare(thread, packed, panels, start, first, N, tiles, keys, numbers, found, kind, power):
    """Every query with the points first, first + 1, … in the panels."""
    parts = len(keys)
    for task in share(thread, (len(packed) + tiles - 1) // tiles * parts):
        block, part = task // parts * tiles, task % parts
        some = range(len(panels) * part // parts, len(panels) * (part + 1) // parts)
        here = found[thread[0]]
        _compare_some(
            packed[block : block + tiles], block * packed.shape[2], panels, start, some, first, N,
            keys[part], numbers[part], here, kind, power,
        )  # fmt: skip


@jit
def _compare_some(packed, query, panels, start, some, first, N, keys, numbers, found, kind, power):
    """A block of queries, the first of which is number `query`, with some of the panels."""
    tiles, rows = len(packed), packed.shape[2]
    columns = panels.shape[2]
    limits = np.empty((tiles, rows), packed.dtype)
    for t in range(tiles):
        for i in range(rows):
            q = query + t * rows + i
            limits[t, i] = keys[q, 0] if q < len(keys) else -np.inf
    for panel in some:
        for t in range(tiles):
            below = _tile(packed[t], panels[panel], start[panel], limits[t], found, kind, power)
            if below == 0:
                continue
            for i in range(rows):
                if below >> i & 1:
                    q = query + t * rows + i
                    for j in range(columns):
                        number = first + panel * columns + j
                        if found[i, j] < keys[q, 0] and number < N:
                            replace_largest(keys[q], numbers[q], found[i, j], number)
                    limits[t, i] = keys[q, 0]


@jit
def _tile(queries, points, start, limits, found, kind, power):
    """One tile of keys into `found`; a bit for each query that has one below its limit."""
    if kind == POWERS:
        return _power_tile(queries, points, limits, found, power)
    q_at, x_at, depth = address_of(queries), address_of(points), len(queries)
    start_at, limits_at, found_at = address_of(start), address_of(limits), address_of(found)
    if kind == NEAR:
        return float_tile(q_at, x_at, depth, start_at, limits_at, found_at, NEAR)
    if kind == DIFFERENCES:
        return float_tile(q_at, x_at, depth, start_at, limits_at, found_at, DIFFERENCES)
    if kind == SQUARES:
        return float_tile(q_at, x_at, depth, start_at, limits_at, found_at, SQUARES)
    if kind == LARGEST:
        return float_tile(q_at, x_at, depth, start_at, limits_at, found_at, LARGEST)
    return float_tile(q_at, x_at, depth, start_at, limits_at, found_at, PRODUCTS)


@jit
def _power_tile(queries, points, limits, found, power):
    below = 0
    for i in range(queries.shape[1]):
        for j in range(points.shape[1]):
            total = 0.0
            for d in range(len(queries)):
                total += abs(queries[d, i] - points[d, j]) ** power
            found[i, j] = total
            if total < limits[i]:
                below |= 1 << i
    return below


@parallel
def _measure(thread, queries, points, q_scale, x_scale, middle, candidates, cosine, keys, lengths):
    """Each query's candidates' keys in float64, rounded as float_tile rounds; and |q − middle|, scaled."""
    for i in share(thread, len(queries)):
        q, total = queries[i], 0.0
        for d in range(len(q)):
            total += ((q[d] - middle[d]) * q_scale[i]) ** 2
        lengths[i] = np.sqrt(total)
        for c in range(candidates.shape[1]):
            number, key = candidates[i, c], np.inf
            if number < len(points):
                key, x = 0.0, points[number]
                for d in range(len(q)):
                    if cosine:
                        key -= (q[d] * q_scale[i]) * (x[d] * x_scale[number])
                    else:
                        difference = np.float64(q[d]) - np.float64(x[d])
                        key += difference * difference
            keys[i, c] = key
