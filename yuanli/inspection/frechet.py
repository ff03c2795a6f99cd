"""How far apart two sets of features are: the Fréchet distance of the normal distributions that fit them."""

import numpy as np

from yuanli.errors import ShapeError


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖μ_a − μ_b‖² + tr(C_a + C_b − 2 (C_a C_b)^½)  for features (N, D) and (M, D), N and M at least 2.

    μ are the means and C the covariances.  The trace of the root is Σ √λᵢ over the eigenvalues λᵢ of
    C_a^½ C_b C_a^½, which is symmetric.
    Source: Dowson & Landau 1982; for generated images Heusel 2017, arXiv:1706.08500, equation 6.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ShapeError(
            f"a Fréchet distance needs features (N, D) and (M, D), at least two rows of each, "
            f"got {a.shape} and {b.shape}"
        )
    a, b = a.astype(np.float64), b.astype(np.float64)
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    apart = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return float(max(0.0, apart + np.trace(cov_a) + np.trace(cov_b) - 2 * mixed))
