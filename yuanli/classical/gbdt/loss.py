"""What boosting minimises: for every loss the constant to start from, gradients, and how scores are read.

Scores `raw` are (K, N): one row an output.  y is (N,), floats; classes are 0 … K − 1.  g = ∂ℓ/∂raw and
h = ∂²ℓ/∂raw².  Where ℓ is no parabola anywhere, h is 1 and `leaf` gives the best value of a leaf.

Source: Friedman 2001, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29.
"""

from typing import Any

import numpy as np
from scipy.special import expit, logsumexp, softmax, xlogy

from yuanli.kernels.memory import empty
from yuanli.kernels.softmax import softmax as softmax_rows
from yuanli.kernels.tree_values import logistic_gradients

Weight = np.ndarray | None
EPS = float(np.finfo(np.float64).eps)  # the least probability to start from


class Loss:
    """The squared error ½(y − raw)², and what the other losses share with it."""

    outputs = 1
    raw_dtype: type = np.float64  # while trees are grown; of y too
    smooth = True  # a leaf's best value follows from g and h
    halved = True  # half of what is reported: the squared error, the deviance

    def start(self, y: np.ndarray, weight: Weight) -> np.ndarray:
        return np.array([np.average(y, weights=weight)])

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        return (raw - y).astype(dtype), np.ones(raw.shape, dtype)

    def adapt(self, y: np.ndarray, raw: np.ndarray, weight: Weight) -> None:
        """Before the gradients of a round: what the loss itself takes from the residuals."""

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return (y - raw[0]) ** 2 / 2

    def leaf(self, rest: np.ndarray, weight: Weight) -> float:
        """The best constant for a leaf whose rows have the residuals `rest`."""
        raise NotImplementedError

    def answer(self, raw: np.ndarray) -> np.ndarray:
        return raw[0]

    def mean(self, y: np.ndarray, raw: np.ndarray, weight: Weight) -> float:
        return float(np.average(self.each(y, raw.astype(np.float64)), weights=weight))


class Quantile(Loss):
    """The pinball loss: (y − raw)·(q − 1[y < raw]); q = ½ is half the absolute error."""

    smooth = halved = False

    def __init__(self, q: float) -> None:
        self.q = q

    def start(self, y: np.ndarray, weight: Weight) -> np.ndarray:
        return np.array([quantile(y, self.q, weight)])

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        return np.where(y >= raw, dtype(-self.q), dtype(1 - self.q)), np.ones(raw.shape, dtype)

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        rest = y - raw[0]
        return rest * (self.q - (rest < 0))

    def leaf(self, rest: np.ndarray, weight: Weight) -> float:
        return quantile(rest, self.q, weight)


class Absolute(Quantile):
    """|y − raw|: the median."""

    def __init__(self) -> None:
        super().__init__(0.5)

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        return np.where(raw > y, dtype(1), dtype(-1)), np.ones(raw.shape, dtype)

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return np.abs(y - raw[0])


class Huber(Loss):
    """½(y − raw)² up to δ, beyond it δ·(|y − raw| − δ/2); δ is the q-quantile of |y − raw| at the time."""

    smooth = halved = False

    def __init__(self, q: float) -> None:
        self.q = q
        self.delta = 0.0

    def start(self, y: np.ndarray, weight: Weight) -> np.ndarray:
        return np.array([quantile(y, 0.5, weight)])

    def adapt(self, y: np.ndarray, raw: np.ndarray, weight: Weight) -> None:
        self.delta = quantile(np.abs(y - raw[0]), self.q, weight)

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        return np.clip(raw - y, -self.delta, self.delta).astype(dtype), np.ones(raw.shape, dtype)

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        rest = np.abs(y - raw[0])
        return np.where(rest <= self.delta, rest**2 / 2, self.delta * (rest - self.delta / 2))

    def leaf(self, rest: np.ndarray, weight: Weight) -> float:
        """The median and one step from it.  Friedman 2001, algorithm 4."""
        middle = quantile(rest, 0.5, weight)
        return middle + float(np.average(np.clip(rest - middle, -self.delta, self.delta), weights=weight))


class Poisson(Loss):
    """e^raw − y·raw for counts y ≥ 0; the answer is e^raw.  As half the deviance, it is 0 at its best."""

    def start(self, y: np.ndarray, weight: Weight) -> np.ndarray:
        return np.log([np.average(y, weights=weight)])

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        rate = np.exp(raw)
        return (rate - y).astype(dtype), rate.astype(dtype)

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return xlogy(y, y) - y * raw[0] - y + np.exp(raw[0])

    def answer(self, raw: np.ndarray) -> np.ndarray:
        return np.exp(raw[0])


class Logistic(Loss):
    """ln(1 + e^raw) − y·raw for y in {0, 1}; the answers are 1 − p and p = 1 / (1 + e^−raw)."""

    raw_dtype = np.float32  # log odds are small and their gradients float32: half the memory to pass through

    def start(self, y: np.ndarray, weight: Weight) -> np.ndarray:
        p = np.clip(np.average(y.astype(np.float64), weights=weight), EPS, 1 - EPS)
        return np.log([p / (1 - p)])

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        g, h = empty((2, *raw.shape), dtype)
        logistic_gradients(y, raw[0], g[0], h[0])
        return g, h

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, raw[0]) - y * raw[0]

    def answer(self, raw: np.ndarray) -> np.ndarray:
        return np.stack([expit(-raw[0]), expit(raw[0])], axis=1)


class Multinomial(Loss):
    """ln Σⱼ e^rawⱼ − raw of the class; the answers are softmax(raw).  A tree for each class each time."""

    halved = False

    def __init__(self, classes: int) -> None:
        self.outputs = classes

    def start(self, y: np.ndarray, weight: Weight) -> np.ndarray:
        counts = np.bincount(y.astype(np.int64), weight, self.outputs)
        scores = np.log(np.maximum(counts / counts.sum(), EPS))
        return scores - scores.mean()

    def gradients(
        self, y: np.ndarray, raw: np.ndarray, dtype: Any = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        p = np.ascontiguousarray(softmax_rows(np.ascontiguousarray(raw.T, dtype)).T)
        h = p * (1 - p)
        p[y.astype(np.int64), np.arange(len(y))] -= 1
        return p, h

    def each(self, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return logsumexp(raw, axis=0) - raw[y.astype(np.int64), np.arange(len(y))]

    def answer(self, raw: np.ndarray) -> np.ndarray:
        return softmax(raw.T, axis=1)


def quantile(values: np.ndarray, q: float, weight: Weight = None) -> float:
    """The value with the share q below it: between two neighbours, or with weights the lower one."""
    if weight is None:
        return float(np.quantile(values, q))
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weight[order])
    at = np.searchsorted(below, q * below[-1])
    while at < len(order) - 1 and weight[order[at]] == 0:
        at += 1
    return float(values[order[at]])
