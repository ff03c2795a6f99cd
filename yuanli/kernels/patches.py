"""Scores of an image's patches against bases -> features: an activation for every base, summed over regions.

scores (N, H, W, K) are w·b for each whitened patch w of an image and each base b; pool (down, across) is how
many regions of equal size, up to a row or column, the picture is cut into.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose

LANES = 16


def regions(length, many):
    """Where the regions of an axis begin, and where the last one ends."""
    return np.arange(many + 1) * length // many


def triangle_numpy(scores, squares, lengths, pool):
    """Σ max(0, mean distance − distance) over the patches of a region: how much nearer than usual a base is.

    squares (N, H, W): |w|²; lengths (K,): |b|² -> (N, *pool, K), of distances √(|w|² − 2 w·b + |b|²).
    """
    distances = np.sqrt(np.maximum(squares[..., None] - 2 * scores + lengths, 0))
    return _sums(np.maximum(distances.mean(-1, keepdims=True) - distances, 0), pool)


def threshold_numpy(scores, alpha, pool):
    """Σ max(0, w·b − α) and Σ max(0, −w·b − α) over the patches of a region -> (N, *pool, 2K)."""
    both = np.concatenate([scores, -scores], axis=-1)
    return _sums(np.maximum(both - scores.dtype.type(alpha), 0), pool)


def _sums(activations, pool):
    rows, columns = map(regions, activations.shape[1:3], pool)
    down = np.add.reduceat(activations, rows[:-1], axis=1)
    return np.add.reduceat(down, columns[:-1], axis=2)


def _triangle(scores, squares, lengths, pool):
    N, H, W, K = scores.shape
    out = np.zeros((N, *pool, K), scores.dtype)
    _triangles(scores, squares, lengths, regions(H, pool[0]), regions(W, pool[1]), scores.dtype.type(0), out)
    return out


@parallel
def _triangles(thread, scores, squares, lengths, rows, columns, zero, out):
    down, across, K = out.shape[1:]
    for task in share(thread, len(out) * down):
        n, i = task // down, task % down
        distances, parts = np.empty(K, out.dtype), np.empty(LANES, out.dtype)
        for j in range(across):
            sums = out[n, i, j]
            for h in range(rows[i], rows[i + 1]):
                for w in range(columns[j], columns[j + 1]):
                    _add_triangle(scores[n, h, w], squares[n, h, w], lengths, zero, distances, parts, sums)


@jit
def _add_triangle(scores, square, lengths, zero, distances, parts, sums):
    K = len(sums)
    for k in range(K):
        distances[k] = np.sqrt(max(square - scores[k] - scores[k] + lengths[k], zero))
    parts[:] = 0
    for k in range(0, K - K % LANES, LANES):  # as many sums as a vector has lanes
        for lane in range(LANES):
            parts[lane] += distances[k + lane]
    for k in range(K - K % LANES, K):
        parts[0] += distances[k]
    parts[0] = parts.sum() / K
    mean = parts[0]
    for k in range(K):
        sums[k] += max(mean - distances[k], zero)


def _threshold(scores, alpha, pool):
    N, H, W, K = scores.shape
    out = np.zeros((N, *pool, 2 * K), scores.dtype)
    alpha, zero = scores.dtype.type(alpha), scores.dtype.type(0)
    _thresholds(scores, alpha, regions(H, pool[0]), regions(W, pool[1]), zero, out)
    return out


@parallel
def _thresholds(thread, scores, alpha, rows, columns, zero, out):
    down, across, K = out.shape[1], out.shape[2], scores.shape[3]
    for task in share(thread, len(out) * down):
        n, i = task // down, task % down
        for j in range(across):
            above, below = out[n, i, j, :K], out[n, i, j, K:]
            for h in range(rows[i], rows[i + 1]):
                for w in range(columns[j], columns[j + 1]):
                    for k in range(K):
                        above[k] += max(scores[n, h, w, k] - alpha, zero)
                        below[k] += max(-scores[n, h, w, k] - alpha, zero)


triangle = choose(triangle_numpy, lambda: _triangle)
threshold = choose(threshold_numpy, lambda: _threshold)
