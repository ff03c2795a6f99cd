"""What machines with kernels share: the kernel, the rows it is taken of, the sums over them."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from yuanli.classical.base import check_choice, check_integer, check_real
from yuanli.classical.gram import KINDS, Kernel, KernelGram, MatrixGram
from yuanli.classical.smo import Dual, Solution
from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.kernels.gram import squares_of


class KernelMachine(BaseEstimator):
    """A machine whose answer is Σ coefficient·k(support vector, x) + b."""

    kernel: Any
    gamma: Any
    coef0: float
    degree: int
    C: float
    tol: float
    cache_size: float
    shrinking: bool
    max_iter: int

    def _check(self) -> None:
        if not callable(self.kernel):
            check_choice(self, "kernel", (*KINDS, "precomputed"))
        if not isinstance(self.gamma, Real):
            check_choice(self, "gamma", ("scale", "auto"))
        else:
            check_real(self, "gamma", 0, open_high=True)
        check_integer(self, "degree", 0)
        check_real(self, "coef0", -np.inf, open_low=True, open_high=True)
        check_real(self, "C", 0, open_low=True, open_high=True)
        check_real(self, "tol", 0, open_low=True, open_high=True)
        check_real(self, "cache_size", 0, open_low=True, open_high=True)
        check_integer(self, "max_iter", -1)

    def _validate(self, X: Any, **options: Any) -> Any:
        """X (and y) as numbers; what a function is the kernel of may be anything."""
        if callable(self.kernel):
            if options.pop("reset", True) and not hasattr(X, "shape"):
                X = np.asarray(X)
            return X if "y" not in options else (X, np.asarray(options["y"]))
        if sparse.issparse(X) and self.kernel == "precomputed":
            raise DTypeError("Sparse precomputed kernels are not supported.")
        return validate_data(
            self, X, dtype=[np.float64, np.float32], order="C", accept_sparse="csr",
            accept_large_sparse=False, **options,
        )  # fmt: skip

    def _remember(self, X: Any) -> Any:
        """The Gram matrix of training rows, and what it is made of for rows to come."""
        n = X.shape[0]
        self.shape_fit_ = tuple(X.shape)
        self._sparse = sparse.issparse(X) and not callable(self.kernel)
        if callable(self.kernel):
            self._seen = X
            return MatrixGram(self._of_function(X))
        if self.kernel == "precomputed":
            if n != X.shape[1]:
                raise ShapeError(
                    f"Precomputed matrix must be a square matrix. Input is a {n}x{X.shape[1]} matrix."
                )
            return MatrixGram(X)
        if self._sparse:
            X = X.astype(np.float64)
            X.sort_indices()
        self._gamma = self._scaled(X)
        self._centre = np.zeros(0) if self._sparse else X.mean(0, dtype=np.float64)
        self._precise = self._kernel.needs_float64(X, self._centre, self.tol)
        return KernelGram(self._kernel, self._kernel.prepare(X, self._centre, self._precise))

    @property
    def _kernel(self) -> Kernel:
        return Kernel(self.kernel, float(self._gamma), float(self.coef0), int(self.degree))

    def _scaled(self, X: Any) -> float:
        """γ; "scale" is 1 / (D · variance of all numbers), "auto" 1 / D"""
        if isinstance(self.gamma, Real):
            return float(self.gamma)
        if self.gamma == "auto":
            return 1 / X.shape[1]
        if sparse.issparse(X):
            variance = X.multiply(X).mean() - X.mean() ** 2
        else:
            variance = X.var(dtype=np.float64)
        return float(1 / (X.shape[1] * variance)) if variance != 0 else 1.0

    def _of_function(self, X: Any) -> np.ndarray:
        matrix = self.kernel(X, self._seen)
        matrix = np.asarray(matrix.toarray() if sparse.issparse(matrix) else matrix, np.float64)
        needed = (X.shape[0], self._seen.shape[0])
        if matrix.shape != needed:
            raise ShapeError(f"the kernel function needs to give shape {needed}, got {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ValueRangeError("the kernel function gave NaN or infinity")
        return matrix

    def _keep_support(self, X: Any, support: np.ndarray) -> None:
        self.support_ = support.astype(np.int32)
        if callable(self.kernel) or self.kernel == "precomputed":
            self.support_vectors_ = np.empty((0, 0))
        else:
            self.support_vectors_ = X[support]

    def _sums(self, X: Any) -> list[np.ndarray]:
        """For each class Σ over its support vectors of dual_coef_·k(x, support vector): (N, K − 1) each."""
        ends = np.concatenate([[0], np.cumsum(self.n_support_)])
        parts = [slice(a, b) for a, b in pairwise(ends)]
        if callable(self.kernel) or self.kernel == "precomputed":
            matrix = (self._of_function(X) if callable(self.kernel) else X)[:, self.support_]
            return [matrix[:, part] @ self.dual_coef_[:, part].T for part in parts]
        prepare = lambda rows: self._kernel.prepare(rows, self._centre, self._precise)
        rows, support = prepare(X), prepare(self.support_vectors_)
        squares = None if self._sparse else squares_of(rows)
        return [
            self._kernel.columns(support[part]).sums(rows, self.dual_coef_[:, part].T, squares)
            for part in parts
        ]

    def _rows(self, X: Any) -> Any:
        """X, checked, of the form (dense or sparse) that fit saw."""
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if callable(self.kernel):
            return X
        if self.kernel == "precomputed" and X.shape[1] != self.shape_fit_[0]:
            raise ShapeError(
                f"X.shape[1] = {X.shape[1]} should be equal to {self.shape_fit_[0]}, "
                "the number of samples at training time"
            )
        if sparse.issparse(X) and not self._sparse:
            raise ValueRangeError(f"cannot use sparse input in {type(self).__name__!r} trained on dense data")
        return sparse.csr_array(X).astype(np.float64) if self._sparse else X

    def _solve(self, gram: Any, point: Any, target: Any, low: Any, high: Any, check: Callable) -> Solution:
        return Dual(
            gram, point, target, low, high, tol=self.tol, cache_size=self.cache_size * 2**20,
            max_iter=self.max_iter, shrinking=bool(self.shrinking), check=check,
        ).solve()  # fmt: skip

    def _end(self, converged: bool) -> None:
        self.fit_status_ = int(not converged)
        if not converged:
            warnings.warn(
                f"Solver terminated early (max_iter={self.max_iter}).  Consider pre-processing your data "
                "with StandardScaler or MinMaxScaler.",
                ConvergenceWarning,
                stacklevel=4,
            )

    @property
    def coef_(self) -> Any:
        """The weights of the features, with the linear kernel only: (pairs of classes, D)."""
        if self.kernel != "linear":
            raise AttributeError("coef_ is only available when using a linear kernel")
        return self._pair_weights().T @ self.support_vectors_

    def _pair_weights(self) -> np.ndarray:
        """(support vectors, machines): the coefficients of each machine."""
        return self.dual_coef_.T

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "support_vectors_"):
            number, own = int(self.n_support_.sum()), not callable(self.kernel) and self.kernel in KINDS
            needed = (number, self.n_features_in_) if own else (0, 0)
            if self.support_vectors_.shape != needed or self.dual_coef_.shape[1] != number:
                raise ShapeError(f"support vectors of shape {needed} are needed, with a coefficient each")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = self.kernel != "precomputed"
        return tags
