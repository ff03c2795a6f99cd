"""Bases learned from vectors without labels: by k-means, and by sparse coding."""

import numpy as np
from scipy.sparse import csr_matrix

from yuanli.kernels.matmul import matmul

ROWS = 8192  # vectors compared with all bases at a time
FADING = 0.9  # how much of the earlier batches' codes a step of sparse coding still takes into account


def k_means(x: np.ndarray, bases: int, max_iter: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """(N, D) -> (bases, D): centres b with a small Σ min_b |x − b|², by Lloyd's two steps in turn.

    Every vector goes to its nearest centre; every centre becomes the mean of its vectors; one that has none
    starts again at a vector drawn at random.  Stops early when no vector moves; returns the steps made, too.
    Source: Lloyd 1982, Least Squares Quantization in PCM.
    """
    centres = x[rng.choice(len(x), bases, replace=False)]
    nearest = None
    for step in range(max_iter):
        before, nearest = nearest, _nearest(x, centres)
        if before is not None and (nearest == before).all():
            return centres, step
        one = np.ones(len(x), x.dtype)
        sums = csr_matrix((one, (nearest, np.arange(len(x)))), (bases, len(x))) @ x
        counts = np.bincount(nearest, minlength=bases)
        empty = counts == 0
        sums[empty] = x[rng.choice(len(x), empty.sum())]
        centres = sums / np.maximum(counts, 1)[:, None].astype(x.dtype)
    return centres, max_iter


def _nearest(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """For each vector the centre with the largest x·b − |b|²/2, which is the nearest."""
    half = (centres * centres).sum(1) / 2
    parts = [x[i : i + ROWS] for i in range(0, len(x), ROWS)]
    return np.concatenate([(matmul(part, centres.T) - half).argmax(1) for part in parts])


def sparse_coding(
    x: np.ndarray, bases: int, alpha: float, max_iter: int, rng: np.random.Generator
) -> np.ndarray:
    """(N, D) -> (bases, D) of length 1: Σ ½|x − s·B|² + α|s|₁ is small for the best codes s (N, bases).

    A batch a step: its codes by proximal gradient steps, then each base in turn as suits the codes so far.
    Source: Olshausen & Field 1996, Emergence of simple-cell receptive field properties; the steps are Mairal
    et al. 2009, Online Dictionary Learning for Sparse Coding, algorithms 1 and 2.
    """
    batch = min(len(x), max(256, 2 * bases))
    basis = _unit(x[rng.choice(len(x), bases, replace=False)])
    overlap, seen = np.zeros((bases, bases), x.dtype), np.zeros_like(basis)
    for _ in range(max_iter):
        some = x[rng.choice(len(x), batch, replace=False)]
        codes = sparse_codes(some, basis, alpha)
        overlap, seen = FADING * overlap + codes.T @ codes, FADING * seen + codes.T @ some
        for k in range(bases):
            if overlap[k, k] < 1e-6 * batch:  # nobody uses it
                basis[k] = _unit(some[rng.integers(batch)][None])[0]
                overlap[k] = overlap[:, k] = seen[k] = 0
            else:
                basis[k] = _unit((basis[k] + (seen[k] - overlap[k] @ basis) / overlap[k, k])[None])[0]
    return basis


def sparse_codes(x: np.ndarray, basis: np.ndarray, alpha: float, steps: int = 40) -> np.ndarray:
    """(N, bases): the s with the least ½|x − s·B|² + α|s|₁, by `steps` accelerated proximal gradient steps.

    Source: Beck & Teboulle 2009, A Fast Iterative Shrinkage-Thresholding Algorithm, section 4.
    """
    gram, scores = basis @ basis.T, x @ basis.T
    rate = x.dtype.type(1 / max(np.linalg.eigvalsh(basis.T @ basis)[-1], 1e-12))
    codes = ahead = np.zeros_like(scores)
    t = 1.0
    for _ in range(steps):
        step = ahead - rate * (ahead @ gram - scores)
        new = np.sign(step) * np.maximum(np.abs(step) - rate * alpha, 0)
        faster = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead = new + x.dtype.type((t - 1) / faster) * (new - codes)
        codes, t = new, faster
    return codes


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), rows.dtype.type(1e-12))
