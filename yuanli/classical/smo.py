"""The dual of a support vector machine, solved working set by working set.

A few hundred variables that violate optimality most are chosen; their rows of the Gram matrix are made in one
product; `kernels.smo` moves them, two at a time, within the small matrix they share; the residuals of all
points follow.  Variables that sit at a bound and will stay there are left out (shrinking), and looked at
again before the end.

Source: Joachims 1999, Making large-scale SVM learning practical; Fan, Chen & Lin 2005, JMLR 6; Chang & Lin,
LIBSVM, section 5.1 (shrinking); Wen et al. 2018, ThunderSVM, JMLR 19 (half of the set is kept).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from yuanli.classical.gram import RowCache
from yuanli.errors import ValueRangeError
from yuanli.kernels import smo

WORKING_SET = 256
PAIRS = 20_000  # moved in one compiled call at most, a fraction of a second
SHRINK_EVERY = 8  # working sets
WORTH = 0.75  # leave variables out when so few or fewer remain


@dataclass(frozen=True)
class Solution:
    """β, the bias b of Σ β k(x, ·) + b, the pairs that were moved, and whether the tolerance was met."""

    beta: np.ndarray
    bias: float
    iterations: int
    converged: bool


class Dual:
    """Minimise ½ βᵀKβ − targetᵀβ with Σβ = 0 and low ≤ β ≤ high; variable t belongs to row point[t] of K.

    Classification has target = ±1, and 0 ≤ β ≤ C or −C ≤ β ≤ 0; regression has two variables a point, with
    targets y − ε (0 ≤ β ≤ C) and y + ε (−C ≤ β ≤ 0).
    """

    def __init__(
        self,
        gram: Any,
        point: np.ndarray,
        target: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        *,
        tol: float,
        cache_size: float,
        max_iter: int,
        shrinking: bool,
        check: Callable[[], None],
    ) -> None:
        self.point, self.target, self.low, self.high = point, target, low, high
        self.tol, self.shrinking, self.check = tol, shrinking, check
        self.left = max_iter if max_iter >= 0 else max(10_000_000, 100 * len(target))  # LIBSVM's own
        self.gram, self.rows = gram, RowCache(gram, cache_size)
        self.beta = np.zeros(len(target))
        self.negative_f = np.zeros(gram.size)  # −Kβ of every point
        self.active = np.arange(len(target))  # variables
        self.points = np.arange(gram.size)  # theirs
        self.newest = np.empty(0, np.int64)
        self.looked_again = False

    def solve(self) -> Solution:
        """Working set by working set."""
        moved, rounds = 0, 0
        while True:
            self.check()
            v = self.target[self.active] + self.negative_f[self.point[self.active]]
            beta, low, high = (a[self.active] for a in (self.beta, self.low, self.high))
            rising, falling = np.where(beta < high, v, -np.inf), np.where(beta > low, v, np.inf)
            top, bottom = rising.max(initial=-np.inf), falling.min(initial=np.inf)
            whole = len(self.active) == len(self.target)
            converged, spent = not top - bottom >= self.tol, moved >= self.left
            if (converged or spent or self._nearly(top - bottom)) and not whole:
                self.looked_again = True
                self._restore()
                continue
            if converged or spent:
                return Solution(self.beta, self._bias(v, beta, low, high, top, bottom), moved, converged)
            rounds += 1
            if self.shrinking and rounds % SHRINK_EVERY == 0:
                stays = ~((rising == -np.inf) & (v > top) | (falling == np.inf) & (v < bottom))
                if stays.mean() <= WORTH:
                    self._leave_out(stays)
                    continue
            moved += self._improve(self._choose(rising, falling), v, top - bottom, self.left - moved)

    def _nearly(self, gap: float) -> bool:
        return not self.looked_again and gap < 10 * self.tol

    def _choose(self, rising: np.ndarray, falling: np.ndarray) -> np.ndarray:
        """Places in `active`: the newer half of the last working set, and the worst violators besides."""
        size = min(WORKING_SET, self.rows.capacity, len(rising))
        size -= size % 2
        chosen = self.newest[: size // 2 if size >= 4 else 0]
        number = (size - len(chosen)) // 2
        for score in (rising, -falling):
            score = score.copy()
            score[chosen] = -np.inf
            best = (
                np.argpartition(-score, number - 1)[:number] if number < len(score) else np.arange(len(score))
            )
            best = best[score[best] > -np.inf]
            chosen = np.concatenate([chosen, best])
        self.newest = chosen[::-1]
        return np.sort(chosen)

    def _improve(self, chosen: np.ndarray, v: np.ndarray, gap: float, most: int) -> int:
        """Minimise over the chosen variables; gives how many pairs moved."""
        t = self.active[chosen]
        own, which = np.unique(self.point[t], return_inverse=True)  # regression may choose both of a point
        places = self.rows.take(own)
        column = np.searchsorted(self.points, own)
        K = smo.square(self.rows.buffer, places, column)
        if len(self.target) > self.gram.size:
            K = K[np.ix_(which, which)]
        if not np.isfinite(K).all():
            raise ValueRangeError(
                "The dual coefficients or intercepts would not be finite: values of the kernel overflow. "
                "The input data may contain large values and need to be preprocessed."
            )
        beta, residual = self.beta[t], v[chosen]
        tol, moved = max(self.tol / 2, gap / 10), 0
        while moved < most:
            step = smo.descend(K, beta, residual, self.low[t], self.high[t], tol, min(PAIRS, most - moved))
            moved += step
            if step < PAIRS:
                break
            self.check()
        change = np.bincount(which, beta - self.beta[t], len(own))
        f = self.negative_f[self.points]
        smo.subtract_rows(f, change, self.rows.buffer, places)
        self.negative_f[self.points], self.beta[t] = f, beta
        return moved

    def _leave_out(self, stays: np.ndarray) -> None:
        self.active = self.active[stays]
        points = np.unique(self.point[self.active])
        columns = np.searchsorted(self.points, points)
        self.rows.restrict(points, columns)
        self.points, self.newest = points, self.newest[:0]

    def _restore(self) -> None:
        """All variables take part again, with the residuals of those that were left out."""
        everyone = np.arange(self.gram.size)
        away = np.setdiff1d(everyone, self.points, assume_unique=True)
        weight = np.bincount(self.point, self.beta, self.gram.size)
        support = np.flatnonzero(weight)
        if len(away):
            self.rows.restrict(away)
            f = np.zeros(len(away))
            step = max(1, min(WORKING_SET, self.rows.capacity))
            for first in range(0, len(support), step):
                self.check()
                some = support[first : first + step]
                smo.subtract_rows(f, weight[some], self.rows.buffer, self.rows.take(some))
            self.negative_f[away] = f
        self.rows.restrict(everyone)
        self.active, self.points, self.newest = np.arange(len(self.target)), everyone, self.newest[:0]

    @staticmethod
    def _bias(v, beta, low, high, top, bottom) -> float:
        """Free variables have v = b; without any, b is the middle of what is allowed."""
        free = (low < beta) & (beta < high)
        if free.any():
            return float(v[free].mean())
        return float((top + bottom) / 2) if np.isfinite(top + bottom) else 0.0
