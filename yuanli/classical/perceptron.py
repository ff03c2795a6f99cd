"""The perceptron: correct what is wrong, by the row itself."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from yuanli.classical.base import check_integer, check_real, whole
from yuanli.classical.linear_machine import LinearMachine
from yuanli.classical.sharing import share_out
from yuanli.kernels.perceptron import perceptron

AT_ONCE = 1 << 26  # numbers gone through in one compiled call


class Perceptron(LinearMachine):
    """w ← w + η y x for every row with y (w·x + b) ≤ 0, each class against the rest.

    Ends where the mean loss max(0, −y (w·x + b)) seen during a pass has not become smaller by `tol` for
    `n_iter_no_change` passes.  Where a margin γ separates the classes and ‖x‖ ≤ R, at most (R/γ)² rows are
    corrected.

    Source: Rosenblatt 1958; Novikoff 1962.  Differs: scikit-learn's also has penalties and early stopping.
    """

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-3,
        shuffle: bool = True,
        eta0: float = 1.0,
        n_iter_no_change: int = 5,
        random_state: Any = 0,
        class_weight: Any = None,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.eta0 = eta0
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.class_weight = class_weight

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D) and their classes y; a weight multiplies its row's corrections."""
        check_integer(self, "max_iter", 1)
        check_integer(self, "n_iter_no_change", 1)
        rate = check_real(self, "eta0", 0, open_low=True, open_high=True)
        check_real(self, "tol", 0)
        X, numbers, weight = self._validate(X, y, sample_weight)
        X = X.astype(np.float64)
        machines = self._machines(numbers, rate * weight)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(machines))

        def one_class(number: int, check: Callable[[], None]) -> tuple[np.ndarray, int]:
            return self._learn(X, *machines[number], np.random.default_rng(seeds[number]), check)

        found = share_out(one_class, len(machines))
        w = np.stack([w for w, _ in found])
        self.coef_, self.intercept_ = w[:, :-1].copy(), w[:, -1].copy()
        self.n_iter_ = max(passes for _, passes in found)
        return self

    def _learn(self, X, sign, rate, rng, check) -> tuple[np.ndarray, int]:
        w, order, best, waited = np.zeros(X.shape[1] + 1), np.arange(len(X)), np.inf, 0
        step = max(1, AT_ONCE // X.shape[1])
        for number in range(1, self.max_iter + 1):
            if self.shuffle:
                rng.shuffle(order)
            loss = 0.0
            for first in range(0, len(order), step):
                check()
                loss += perceptron(X, order[first : first + step], sign, rate, w)
                if not self.fit_intercept:
                    w[-1] = 0
            loss /= len(order)
            waited = waited + 1 if loss > best - self.tol else 0
            best = min(best, loss)
            if waited >= self.n_iter_no_change or loss == 0:
                return w, number
        return w, self.max_iter
