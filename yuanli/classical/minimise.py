"""Ways down a smooth convex function, and one with λ‖w‖₁ added: L-BFGS, Newton's method, proximal steps.

A function gives (value, gradient).  Each method stops when no entry of the (generalised) gradient exceeds
`tol`, and gives (x, iterations, whether it got there).
"""

from collections import deque
from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]
Answer = tuple[np.ndarray, int, bool]
MEMORY = 10  # pairs that L-BFGS remembers
NOISE = 64 * np.finfo(np.float64).eps  # of a value: smaller gains cannot be told from rounding


def line_search(
    f: Function, x: np.ndarray, value: float, gradient: np.ndarray, direction: np.ndarray, step: float
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """A point along `direction` with enough descent and less slope (weak Wolfe conditions), by bisection.

    Source: Nocedal & Wright 2006, Numerical Optimization, eq. 3.6, c₁ = 1e-4, c₂ = 0.9.
    """
    slope, low, high = gradient @ direction, 0.0, np.inf
    if not slope < 0:
        return None
    for _ in range(50):
        new = x + step * direction
        found, its_gradient = f(new)
        if not found <= value + 1e-4 * step * slope + NOISE * abs(value):
            high = step
        elif its_gradient @ direction < 0.9 * slope:
            low = step
        else:
            return new, found, its_gradient
        step = (low + high) / 2 if high < np.inf else 2 * step
    return None


def lbfgs(f: Function, x: np.ndarray, tol: float, max_iter: int) -> Answer:
    """x ← x − s·H g, where H, the inverse curvature, is made of the last few steps and changes of gradient.

    Source: Liu & Nocedal 1989; Nocedal & Wright 2006, algorithms 7.4 and 7.5.
    """
    value, gradient = f(x)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)
    for iteration in range(max_iter):
        if np.abs(gradient).max(initial=0) <= tol:
            return x, iteration, True
        direction, factors = -gradient, []
        for s, y, rho in reversed(pairs):
            factors.append(rho * (s @ direction))
            direction = direction - factors[-1] * y
        if pairs:
            s, y, rho = pairs[-1]
            direction = direction / (rho * (y @ y))
        for (s, y, rho), factor in zip(pairs, reversed(factors), strict=True):
            direction = direction + (factor - rho * (y @ direction)) * s
        first = 1.0 if pairs else min(1.0, 1 / float(np.linalg.norm(gradient)))
        found = line_search(f, x, value, gradient, direction, first)
        if found is None:
            return x, iteration, False
        new, value, its_gradient = found
        step, change = new - x, its_gradient - gradient
        if step @ change > 0:
            pairs.append((step, change, 1 / (step @ change)))
        x, gradient = new, its_gradient
    return x, max_iter, bool(np.abs(gradient).max(initial=0) <= tol)


def newton(
    f: Function, hessian: Callable[[np.ndarray, bool], np.ndarray], x: np.ndarray, tol: float, max_iter: int
) -> Answer:
    """x ← x − s·H⁻¹ g with H by Cholesky; while that gains enough, H may be of some of the rows only.

    hessian(x, whole) gives H; where a step leaves more than half of the gradient, the next takes it whole.
    Source: Boyd & Vandenberghe 2004, algorithm 9.5; Byrd, Chin, Neveitt & Nocedal 2011 (subsampled Hessians).
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    value, gradient = f(x)
    whole = False
    for iteration in range(max_iter):
        size = np.abs(gradient).max(initial=0)
        if size <= tol:
            return x, iteration, True
        try:
            direction = -cho_solve(cho_factor(hessian(x, whole)), gradient)
        except LinAlgError:  # flat to all digits
            direction = -gradient
        found = line_search(f, x, value, gradient, direction, 1.0)
        if found is None:
            if whole:
                return x, iteration, False
            whole = True
            continue
        x, value, gradient = found
        whole = whole or np.abs(gradient).max() > size / 2
    return x, max_iter, bool(np.abs(gradient).max(initial=0) <= tol)


def proximal(f: Function, x: np.ndarray, threshold: np.ndarray, tol: float, max_iter: int) -> Answer:
    """x ← soft(z − s ∇f(z), s·threshold) from points z ahead of x: exact zeros, O(1/k²).

    The step s shrinks until the quadratic model is above f; momentum starts anew when it turns uphill.
    Source: Beck & Teboulle 2009, FISTA, section 4; O'Donoghue & Candès 2012, arXiv:1204.3982 (restart).
    """
    step, z, momentum = 1.0, x, 1.0
    for iteration in range(max_iter):
        value, gradient = f(z)
        while True:
            moved = z - step * gradient
            new = np.sign(moved) * np.maximum(np.abs(moved) - step * threshold, 0)
            difference = new - z
            model = value + gradient @ difference + difference @ difference / (2 * step)
            found, its_gradient = f(new)
            if found <= model + NOISE * abs(value) or step < 1e-12:
                break
            step /= 2
        # how far the least subgradient is from 0
        left = np.where(
            new != 0,
            np.abs(its_gradient + np.sign(new) * threshold),
            np.maximum(np.abs(its_gradient) - threshold, 0),
        )
        if left.max(initial=0) <= tol:
            return new, iteration + 1, True
        ahead = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        if (z - new) @ (new - x) > 0:
            z, momentum = new, 1.0
        else:
            z, momentum = new + (momentum - 1) / ahead * (new - x), ahead
        x, step = new, step * 1.2
    return x, max_iter, False
