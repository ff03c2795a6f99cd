"""The linear support vector machine, by dual coordinate descent or straight in its weights."""

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from yuanli.classical.base import check_choice, check_integer, check_real, whole
from yuanli.classical.linear_machine import LinearMachine
from yuanli.classical.sharing import share_out
from yuanli.classical.squared_hinge import AT_ONCE, squared_hinge
from yuanli.errors import ValueRangeError
from yuanli.kernels import dual_descent

PRIMAL = 1 << 14  # features up to which their D × D curvature is no burden


class LinearSVC(LinearMachine):
    """min ½‖(w, b)‖² + C Σ max(0, 1 − yᵢ (w·xᵢ + b))ᵖ for each class against the rest; p = 1 or 2.

    b is the weight of one more feature, the constant `intercept_scaling`, and penalised with the rest, as in
    liblinear.  dual=True changes one α after the other, O(N · D) a pass; rows whose α will stay at a bound
    are left out (shrinking).  dual=False, for p = 2 and dense rows, descends in w and b, of all classes at
    once, after O(N · D²) for the curvature.  "auto" is False where it can be, for D < N and up to PRIMAL.

    Source: Hsieh et al. 2008, algorithm 3; see `kernels.dual_descent` and `classical.squared_hinge`.
    Differs: scikit-learn's class also has an l1 penalty and Crammer & Singer's loss.
    """

    takes_sparse = True

    def __init__(
        self,
        *,
        loss: str = "squared_hinge",
        dual: Any = "auto",
        tol: float = 1e-4,
        C: float = 1.0,
        fit_intercept: bool = True,
        intercept_scaling: float = 1.0,
        class_weight: Any = None,
        random_state: Any = None,
        max_iter: int = 1000,
    ) -> None:
        self.loss = loss
        self.dual = dual
        self.tol = tol
        self.C = C
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.max_iter = max_iter

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D) and their classes y; a weight multiplies its row's C, 0 leaves it out."""
        squared = check_choice(self, "loss", ("hinge", "squared_hinge")) == "squared_hinge"
        dual = check_choice(self, "dual", ("auto", True, False))
        C = check_real(self, "C", 0, open_low=True, open_high=True)
        check_real(self, "tol", 0, open_low=True)
        check_integer(self, "max_iter", 0)
        scale = check_real(self, "intercept_scaling", 0, open_low=True) if self.fit_intercept else 0.0
        X, numbers, weight = self._validate(X, y, sample_weight)
        used = np.flatnonzero(weight > 0)
        X = X if len(used) == len(weight) else X[used]
        machines = self._machines(numbers[used], C * weight[used])
        in_primal = squared and not sparse.issparse(X)
        if dual is False and not in_primal:
            raise ValueRangeError(
                "dual=False needs loss='squared_hinge' and dense rows; take dual=True or 'auto'"
            )
        if dual is False or (dual == "auto" and in_primal and X.shape[1] < min(len(X), PRIMAL)):
            signs, Cs = (np.stack(columns, 1) for columns in zip(*machines, strict=True))
            w, self.n_iter_, converged = squared_hinge(X, scale, signs, Cs, self.tol, self.max_iter)
        else:
            w, self.n_iter_, converged = self._dual(Rows(X, scale), machines)
        width = X.shape[1]
        self.coef_ = w[:, :width].copy()
        self.intercept_ = scale * w[:, width] if self.fit_intercept else np.zeros(len(w))
        if not converged:
            warnings.warn(
                f"LinearSVC has not converged in max_iter={self.max_iter} sweeps or steps: scale the data "
                "or allow more",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _dual(
        self, rows: "Rows", machines: list[tuple[np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, int, bool]:
        """Weights with the constant's (K, ≥ D + 1), the most sweeps of a machine, whether all converged."""
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(machines))

        def one_class(number: int, check: Callable[[], None]) -> tuple[np.ndarray, int, bool]:
            rng = np.random.default_rng(seeds[number])
            return _descend(rows, *machines[number], self.loss, self.tol, self.max_iter, rng, check)

        weights, sweeps, converged = zip(*share_out(one_class, len(machines)), strict=True)
        return np.stack(weights), max(sweeps), all(converged)


class Rows:
    """Rows as the kernels take them: one feature more for the intercept, dense ones filled up with zeros."""

    def __init__(self, X: Any, constant: float) -> None:
        n, width = X.shape
        if sparse.issparse(X):
            extra = sparse.csr_array(np.full((n, 1), constant))
            matrix = sparse.csr_array(sparse.hstack([X, extra], format="csr"), dtype=np.float64)
            self.parts: tuple = (matrix.data, matrix.indices, matrix.indptr)
            self.sweep: Callable = dual_descent.sweep_sparse
            self.matrix, self.width = matrix, width + 1
            self.squares = np.asarray(matrix.multiply(matrix).sum(1)).ravel()
        else:
            self.width = -(-(width + 1) // dual_descent.WIDTH) * dual_descent.WIDTH
            self.matrix = np.zeros((n, self.width), X.dtype)
            self.matrix[:, :width] = X
            self.matrix[:, width] = constant
            self.parts, self.sweep = (self.matrix,), dual_descent.sweep
            self.squares = np.einsum("nd,nd->n", self.matrix, self.matrix, dtype=np.float64)
        self.at_once = max(1, AT_ONCE // self.width)


def _descend(
    rows: Rows,
    sign: np.ndarray,
    C: np.ndarray,
    loss: str,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    check: Callable[[], None],
) -> tuple[np.ndarray, int, bool]:
    """(w, sweeps, whether the projected gradients came within tol of each other)"""
    n = len(sign)
    hinge = loss == "hinge"
    diagonal = np.zeros(n) if hinge else 0.5 / C
    upper = C if hinge else np.full(n, np.inf)
    alpha, w = np.zeros(n), np.zeros(rows.width, rows.matrix.dtype)
    active, limits = np.arange(n), np.array([np.inf, -np.inf])
    for number in range(1, max_iter + 1):
        rng.shuffle(active)
        stays = np.empty(len(active), np.bool_)
        greatest, least = -np.inf, np.inf
        for first in range(0, len(active), rows.at_once):
            check()
            some = slice(first, first + rows.at_once)
            above, below = rows.sweep(
                *rows.parts, active[some], sign, alpha, w, rows.squares, diagonal, upper, limits, stays[some]
            )
            greatest, least = max(greatest, above), min(least, below)
        active = active[stays]
        if not greatest - least > tol:
            if len(active) == n:
                return _weights(rows, alpha * sign), number, True
            active, limits[:] = np.arange(n), (np.inf, -np.inf)
        else:
            limits[:] = (greatest if greatest > 0 else np.inf), (least if least < 0 else -np.inf)
    return _weights(rows, alpha * sign), max_iter, False


def _weights(rows: Rows, factors: np.ndarray) -> np.ndarray:
    """Σ αᵢ yᵢ xᵢ in float64: the sum carried along has rounded every step."""
    some = np.flatnonzero(factors)
    total = np.zeros(rows.width)
    for first in range(0, len(some), rows.at_once):
        part = some[first : first + rows.at_once]
        total += rows.matrix[part].T @ factors[part]
    return total
