"""The linear machine of the squared hinge straight in its weights, where its curvature is made nearly one.

    min over w of Σ_k ½|w_k|² + Σ_i C_ik max(0, 1 − y_ik w_k·x_i)²

Were every row inside its margin, the curvature would be H = I + 2 Σ C_i x_i x_iᵀ, the same for every class.
With H = L Lᵀ and v = Lᵀ w it is at most 1 in every direction of v, and seldom far below; so that correlated
features, which hold up a descent by one α or one weight at a time, cost no more steps than others.

Source: Keerthi & DeCoste 2005, A modified finite Newton method for fast solution of large scale linear SVMs
(the primal problem); Liu & Nocedal 1989 (L-BFGS).
"""

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from yuanli.classical import minimise
from yuanli.kernels.matmul import matmul, sum_of_products

AT_ONCE = 1 << 26  # numbers of X gone through in one compiled call, a fraction of a second


def squared_hinge(
    X: np.ndarray, constant: float, signs: np.ndarray, C: np.ndarray, tol: float, max_iter: int
) -> tuple[np.ndarray, int, bool]:
    """Rows X (N, D), each with one more feature `constant`; signs and C (N, K) -> weights (K, D + 1).

    Stops when no entry of the gradient by v is above tol·√(value at 0 / D): then the value is within about
    tol² of what the whole descent has gained; closer than X's digits a value is not known, so that tol is at
    least √ε of its type.  Gives also the number of steps, and whether it got there.
    """
    (n, width), classes = X.shape, signs.shape[1]
    many = max(1, AT_ONCE // width)
    parts = [slice(first, first + many) for first in range(0, n, many)]
    lower = cholesky(_curvature(X, constant, C.mean(1), parts), lower=True, overwrite_a=True)

    def value_and_gradient(v: np.ndarray) -> tuple[float, np.ndarray]:
        w = solve_triangular(lower, v.reshape(width + 1, classes), lower=True, trans=1)
        value, gradient = (w * w).sum() / 2, w.copy()
        for part in parts:
            scores = matmul(X[part], w[:width].astype(X.dtype)) + constant * w[width]
            slack = np.maximum(0, 1 - signs[part] * scores)
            slope = C[part] * slack
            value += (slope * slack).sum()
            slope *= -2 * signs[part]
            gradient[:width] += sum_of_products(X[part], slope.astype(X.dtype))
            gradient[width] += constant * slope.sum(0)
        return float(value), solve_triangular(lower, gradient, lower=True).ravel()

    tol = max(tol, np.sqrt(np.finfo(X.dtype).eps))
    enough = tol * np.sqrt(C.sum() / (width + 1))
    start = np.zeros((width + 1) * classes)
    v, steps, converged = minimise.lbfgs(value_and_gradient, start, enough, max_iter)
    w = solve_triangular(lower, v.reshape(width + 1, classes), lower=True, trans=1)
    return np.ascontiguousarray(w.T), steps, converged


def _curvature(X: np.ndarray, constant: float, C: np.ndarray, parts: list[slice]) -> np.ndarray:
    """I + 2 Σ C_i x_i x_iᵀ over the rows with their constant, in float64."""
    width = X.shape[1]
    sums, last = np.zeros((width, width), X.dtype), np.zeros(width)
    for part in parts:
        scaled = X[part] * np.sqrt(2 * C[part, None]).astype(X.dtype)
        sums += scaled.T @ scaled
        last += (2 * C[part]) @ X[part]
    curvature = np.eye(width + 1)
    curvature[:width, :width] += sums
    curvature[width, :width] += constant * last
    curvature[:width, width] = curvature[width, :width]
    curvature[width, width] += 2 * constant**2 * C.sum()
    return curvature
