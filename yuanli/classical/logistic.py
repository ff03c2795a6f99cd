"""Logistic regression: the probabilities of classes as the softmax of linear scores."""

import warnings
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from yuanli.classical import minimise
from yuanli.classical.base import check_choice, check_integer, check_real, whole
from yuanli.classical.linear_machine import LinearMachine
from yuanli.errors import ValueRangeError
from yuanli.kernels.logistic import logistic
from yuanli.kernels.matmul import matmul, sum_of_products

SAMPLE = 200  # rows a feature that show the curvature well enough to start with
FEATURES = 1000  # up to which Newton's (D, D) system is cheap


class LogisticRegression(LinearMachine):
    """min C Σ log loss + l1_ratio·‖w‖₁ + (1 − l1_ratio)/2·‖w‖²; the intercepts are not penalised.

    Two classes: p = σ(w·x + b); more: softmax.  `solver`: "newton" (two classes), "lbfgs", "proximal" (for
    l1_ratio > 0); "auto" takes the quickest that fits.  Stops when no entry of the mean loss's gradient is
    above tol.

    Source: Cox 1958; Hastie, Tibshirani & Friedman 2009, section 4.4; see `classical.minimise`.
    Differs: the solvers are these three, under their own names; C = inf leaves the penalty out.
    """

    takes_sparse = True

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        class_weight: Any = None,
        solver: str = "auto",
        max_iter: int = 1000,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.max_iter = max_iter

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D), their classes y, and what each row counts."""
        C = check_real(self, "C", 0, open_low=True)
        ratio, tol = check_real(self, "l1_ratio", 0, 1), check_real(self, "tol", 0, open_low=True)
        check_integer(self, "max_iter", 1)
        solver = check_choice(self, "solver", ("auto", "newton", "lbfgs", "proximal"))
        X, numbers, weight = self._validate(X, y, sample_weight)
        weight = weight * self.class_weight_[numbers]
        mean = weight / weight.sum()
        strength = 1 / (C * weight.sum())
        two, l1, l2 = len(self.classes_) == 2, strength * ratio, strength * (1 - ratio)
        loss: Any = (TwoClasses if two else Multinomial)(X, numbers, mean, l2, bool(self.fit_intercept))
        if solver == "auto":
            fits = two and not sparse.issparse(X) and X.shape[1] <= FEATURES
            solver = "proximal" if l1 > 0 else "newton" if fits else "lbfgs"
        if l1 > 0 and solver != "proximal":
            raise ValueRangeError(f"l1_ratio > 0 needs solver='proximal' or 'auto', got {solver!r}")
        if solver == "newton" and (not two or sparse.issparse(X)):
            raise ValueRangeError("solver='newton' is for two classes and dense rows; take 'lbfgs' or 'auto'")
        start = np.zeros(loss.size)
        if solver == "newton":
            found = minimise.newton(loss, loss.hessian, start, tol, self.max_iter)
        elif solver == "lbfgs":
            found = minimise.lbfgs(loss, start, tol, self.max_iter)
        else:
            found = minimise.proximal(loss, start, l1 * loss.penalised, tol, self.max_iter)
        parameters, iterations, converged = found
        self.coef_, self.intercept_ = loss.parts(parameters)
        self.n_iter_ = np.array([iterations], np.int32)
        if not converged:
            warnings.warn(
                f"LogisticRegression (solver={solver!r}) has not converged in {iterations} iterations: scale "
                "the data, raise tol, or allow more",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, classes): σ of the score for two classes, else softmax of the scores."""
        check_is_fitted(self)
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], 1)
        e = np.exp(scores - scores.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """(N, classes): log of `predict_proba`."""
        return np.log(self.predict_proba(X))


class TwoClasses:
    """Mean log loss + l2/2·‖w‖² of parameters (w, b), and its gradient."""

    def __init__(self, X: Any, numbers: np.ndarray, weight: np.ndarray, l2: float, intercept: bool) -> None:
        self.X, self.weight, self.l2, self.intercept = X, weight, l2, intercept
        self.sign = np.where(numbers == 1, 1.0, -1.0)
        self.size = X.shape[1] + intercept
        self.penalised = np.arange(self.size) < X.shape[1]
        self.scale = float(len(weight))  # float32 sums of slopes of about 1 keep more digits

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = parameters[: self.X.shape[1]], parameters[-1] if self.intercept else 0.0
        value, in_w, in_b, self.curvature = logistic(self.X, self.sign, self.scale * self.weight, w, b)
        gradient = np.concatenate([in_w, [in_b] if self.intercept else []]) / self.scale
        gradient += self.l2 * self.penalised * parameters
        return float(value / self.scale + self.l2 / 2 * (w @ w)), gradient

    def hessian(self, parameters: np.ndarray, whole: bool) -> np.ndarray:
        """Xᵀ diag(weight·σ(1 − σ)) X + l2 at the parameters last asked for, from all or every k-th row."""
        n, D = self.X.shape
        every = 1 if whole else max(1, n // (SAMPLE * (D + 1)))
        X, d = self.X[::every], self.scale * self.weight[::every] * self.curvature[::every]
        weighted = d.astype(X.dtype)[:, None] * X
        H = np.zeros((self.size, self.size))
        H[:D, :D] = sum_of_products(weighted, np.ascontiguousarray(X))
        if self.intercept:
            H[D, :D] = H[:D, D] = weighted.sum(0, dtype=np.float64)
            H[D, D] = d.sum()
        H *= every / self.scale
        H[np.diag_indices(self.size)] += self.l2 * self.penalised + 1e-12 * np.trace(H) / self.size
        return H

    def parts(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        D = self.X.shape[1]
        return parameters[None, :D].copy(), parameters[D:].copy() if self.intercept else np.zeros(1)


class Multinomial:
    """Mean cross-entropy of softmax(Wx + b) + l2/2·‖W‖², and its gradient; parameters: W's rows, then b."""

    def __init__(self, X: Any, numbers: np.ndarray, weight: np.ndarray, l2: float, intercept: bool) -> None:
        self.X, self.numbers, self.weight, self.l2, self.intercept = X, numbers, weight, l2, intercept
        self.classes = int(numbers.max()) + 1
        self.shape = (self.classes, X.shape[1])
        self.size = self.classes * (X.shape[1] + intercept)
        self.penalised = np.arange(self.size) < self.classes * X.shape[1]
        self.scale = float(len(weight))

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        W, b = self.parts(parameters)
        X, rows = self.X, np.arange(len(self.numbers))
        coef = np.ascontiguousarray(W.T, X.dtype)
        scores = (X @ coef if sparse.issparse(X) else matmul(X, coef)).astype(np.float64) + b
        scores -= scores.max(1, keepdims=True)
        own = scores[rows, self.numbers].copy()
        np.exp(scores, out=scores)
        total = scores.sum(1)
        value = self.weight @ (np.log(total) - own)
        scores /= total[:, None]
        scores[rows, self.numbers] -= 1
        scores *= (self.scale * self.weight)[:, None]
        in_b = scores.sum(0) if self.intercept else np.zeros(0)
        slopes = scores.astype(X.dtype)
        in_W = slopes.T @ X if sparse.issparse(X) else sum_of_products(slopes, X)
        gradient = np.concatenate([np.asarray(in_W, np.float64).ravel(), in_b]) / self.scale
        gradient += self.l2 * self.penalised * parameters
        return float(value + self.l2 / 2 * np.vdot(W, W)), gradient

    def parts(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        W = parameters[: self.classes * self.shape[1]].reshape(self.shape).copy()
        return W, parameters[W.size :].copy() if self.intercept else np.zeros(self.classes)
