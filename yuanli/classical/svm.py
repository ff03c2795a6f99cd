"""Support vector machines with kernels: the widest margin, held by few of the training rows."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from yuanli.classical.base import check_choice, check_real, whole
from yuanli.classical.kernel_machine import KernelMachine
from yuanli.classical.platt import couple, decision_values_out_of_fold, fit_sigmoid, sigmoid
from yuanli.classical.sharing import share_out
from yuanli.classical.smo import Solution
from yuanli.errors import ValueRangeError


class SVC(ClassifierMixin, KernelMachine):
    """min ½‖w‖² + C Σ ξᵢ with yᵢ (w·φ(xᵢ) + b) ≥ 1 − ξᵢ, ξᵢ ≥ 0, for each pair of classes; pairs vote.

    The dual min ½ αᵀQα − Σα, 0 ≤ α ≤ C, Σ yα = 0 is solved by `classical.smo`, to LIBSVM's own tolerance.
    O(support vectors · N · D) for each pass.

    Source: Cortes & Vapnik 1995, Support-Vector Networks, eqs. 24-26; Platt 1998; Wu, Lin & Weng 2004
    (probabilities).  Differs: dual_coef_ is dense for sparse rows too; `probability` is not deprecated here,
    and its five folds are NumPy's permutation, not LIBSVM's.
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: Any = "scale",
        coef0: float = 0.0,
        shrinking: bool = True,
        probability: bool = False,
        tol: float = 1e-3,
        cache_size: float = 200,
        class_weight: Any = None,
        max_iter: int = -1,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        random_state: Any = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.probability = probability
        self.tol = tol
        self.cache_size = cache_size
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.random_state = random_state

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D) and their classes y; a weight multiplies its row's C, and 0 leaves it out.

        Raises: ValueError for fewer than two classes, also among rows of positive weight.
        """
        self._check()
        check_choice(self, "decision_function_shape", ("ovr", "ovo"))
        X, y = self._validate(X, y=y)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueRangeError(
                f"The number of classes has to be greater than one; got {len(self.classes_)} class"
            )
        self.class_weight_ = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        upper = self._upper(X, numbers, sample_weight)
        gram = self._remember(X)
        members = [np.flatnonzero((numbers == k) & (upper > 0)) for k in range(len(self.classes_))]
        pairs = [(i, j) for i in range(len(members)) for j in range(i + 1, len(members))]
        generators = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(pairs))

        def one_pair(number: int, check: Callable[[], None]) -> Any:
            i, j = pairs[number]
            rows = np.concatenate([members[i], members[j]])
            sign = np.where(numbers[rows] == i, 1.0, -1.0)
            solution = self._pair(gram.part(rows), sign, upper[rows], check)
            if not self.probability:
                return solution, None
            rng = np.random.default_rng(generators[number])
            values = decision_values_out_of_fold(
                lambda part: self._pair(gram.part(rows[part]), sign[part], upper[rows[part]], check),
                lambda part, other, beta: gram.sums(rows[part], beta, rows[other]),
                sign, rng,
            )  # fmt: skip
            return solution, fit_sigmoid(values, sign)

        found = share_out(one_pair, len(pairs))
        self._keep(X, members, pairs, found)
        return self

    def _upper(self, X: Any, numbers: np.ndarray, sample_weight: Any) -> np.ndarray:
        """The largest α of every row: C · its weight · its class's."""
        weight = np.ones(len(numbers))
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
            if not (weight > 0).any():
                raise ValueRangeError("Invalid input - all samples have zero or negative weights.")
            if len(np.unique(numbers[weight > 0])) < len(self.classes_):
                raise ValueRangeError(
                    "Invalid input - all samples with positive weights belong to the same class."
                    if len(np.unique(numbers[weight > 0])) == 1
                    else "Invalid input - a class has no sample with a positive weight."
                )
        return self.C * np.maximum(weight, 0) * self.class_weight_[numbers]

    def _pair(self, gram: Any, sign: np.ndarray, upper: np.ndarray, check: Callable) -> Solution:
        low, high = np.where(sign > 0, 0, -upper), np.where(sign > 0, upper, 0)
        return self._solve(gram, np.arange(len(sign)), sign, low, high, check)

    def _keep(self, X: Any, members: list, pairs: list, found: list) -> None:
        """Support vectors class by class; dual_coef_[j − 1] and [i] hold the coefficients of pair i < j."""
        n, K = X.shape[0], len(members)
        coefficients = np.zeros((K - 1, n))
        for (i, j), (solution, _) in zip(pairs, found, strict=True):
            split = len(members[i])
            coefficients[j - 1, members[i]] = solution.beta[:split]
            coefficients[i, members[j]] = solution.beta[split:]
        support = [rows[(coefficients[:, rows] != 0).any(0)] for rows in members]
        self.n_support_ = np.array([len(rows) for rows in support], np.int32)
        self._keep_support(X, np.concatenate(support))
        # of two classes the second is the positive one to the outside, the first to the solver
        sign = -1.0 if K == 2 else 1.0
        self.dual_coef_ = sign * coefficients[:, np.concatenate(support)]
        self.intercept_ = sign * np.array([solution.bias for solution, _ in found])
        self.n_iter_ = np.array([solution.iterations for solution, _ in found], np.int32)
        slopes = [sigmoid for _, sigmoid in found if sigmoid is not None]
        self.probA_, self.probB_ = np.array(slopes).reshape(-1, 2).T.copy()
        if not (np.isfinite(self.dual_coef_).all() and np.isfinite(self.intercept_).all()):
            raise ValueRangeError(
                "The dual coefficients or intercepts are not finite. The input data may contain large values "
                "and need to be preprocessed."
            )
        self._end(all(solution.converged for solution, _ in found))

    def _pair_weights(self) -> np.ndarray:
        """(support vectors, pairs): the coefficients of each pair's own machine."""
        K = len(self.classes_)
        ends = np.concatenate([[0], np.cumsum(self.n_support_)])
        weights = np.zeros((ends[-1], K * (K - 1) // 2))
        number = 0
        for i in range(K):
            for j in range(i + 1, K):
                mine, its = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
                weights[mine, number] = self.dual_coef_[j - 1, mine]
                weights[its, number] = self.dual_coef_[i, its]
                number += 1
        return weights

    def _pair_values(self, X: Any) -> np.ndarray:
        """(N, pairs): positive for the first class of the pair (of two classes: for the second)."""
        sums = self._sums(self._rows(X))
        pairs = [sums[i][:, j - 1] + sums[j][:, i] for i in range(len(sums)) for j in range(i + 1, len(sums))]
        return np.stack(pairs, 1) + self.intercept_

    def decision_function(self, X: Any) -> np.ndarray:
        """(N,) for two classes; else the pairs' values (N, pairs), or votes and confidence (N, classes)."""
        check_is_fitted(self)
        values = self._pair_values(X)
        if len(self.classes_) == 2:
            return values.ravel()
        return values if self.decision_function_shape == "ovo" else self._votes(values, with_confidence=True)

    def _votes(self, values: np.ndarray, with_confidence: bool = False) -> np.ndarray:
        K = len(self.classes_)
        votes, confidence = np.zeros((len(values), K)), np.zeros((len(values), K))
        number = 0
        for i in range(K):
            for j in range(i + 1, K):
                value = values[:, number]
                votes[:, i] += value > 0 if not with_confidence else value >= 0
                votes[:, j] += value <= 0 if not with_confidence else value < 0
                confidence[:, i] += value
                confidence[:, j] -= value
                number += 1
        # a confidence of less than a third breaks ties and changes no order
        return votes + confidence / (3 * (np.abs(confidence) + 1)) if with_confidence else votes

    def predict(self, X: Any) -> np.ndarray:
        """(N,): the class with most votes; of equal ones the first, or with `break_ties` the surest."""
        check_is_fitted(self)
        if self.break_ties and self.decision_function_shape == "ovo":
            raise ValueRangeError("break_ties must be False when decision_function_shape is 'ovo'")
        values = self._pair_values(X)
        if len(self.classes_) == 2:
            return self.classes_[(values.ravel() > 0).astype(np.intp)]
        return self.classes_[self._votes(values, with_confidence=bool(self.break_ties)).argmax(1)]

    def _has_probability(self) -> bool:
        if not self.probability:
            raise AttributeError("predict_proba is not available when probability=False")
        return True

    @available_if(_has_probability)
    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, classes): each pair's sigmoid of its decision value, coupled so that pairs agree best."""
        check_is_fitted(self)
        if not len(self.probA_):
            raise ValueRangeError("predict_proba is not available when fitted with probability=False")
        values = self._pair_values(X)
        if len(self.classes_) == 2:
            values = -values
        return couple(sigmoid(values, self.probA_, self.probB_), len(self.classes_))

    @available_if(_has_probability)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """(N, classes): log of `predict_proba`."""
        return np.log(self.predict_proba(X))


class SVR(RegressorMixin, KernelMachine):
    """min ½‖w‖² + C Σ (ξᵢ + ξᵢ*) with |yᵢ − w·φ(xᵢ) − b| ≤ ε + ξ: errors up to ε are free.

    Source: Drucker et al. 1996, Support Vector Regression Machines; solved as `SVC` is.
    """

    def __init__(
        self,
        *,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: Any = "scale",
        coef0: float = 0.0,
        tol: float = 1e-3,
        C: float = 1.0,
        epsilon: float = 0.1,
        shrinking: bool = True,
        cache_size: float = 200,
        max_iter: int = -1,
    ) -> None:
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.C = C
        self.epsilon = epsilon
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.max_iter = max_iter

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D) and their targets y; a weight multiplies its row's C."""
        self._check()
        check_real(self, "epsilon", 0, open_high=True)
        X, y = self._validate(X, y=y, y_numeric=True) if not callable(self.kernel) else self._validate(X, y=y)
        y = np.asarray(y, np.float64)
        upper = np.full(len(y), float(self.C))
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
            if not (weight > 0).any():
                raise ValueRangeError("Invalid input - all samples have zero or negative weights.")
            upper *= np.maximum(weight, 0)
        gram = self._remember(X)
        rows, n = np.flatnonzero(upper > 0), np.count_nonzero(upper > 0)
        y, upper, zero = y[rows], upper[rows], np.zeros(n)
        point, target = np.tile(np.arange(n), 2), np.concatenate([y - self.epsilon, y + self.epsilon])
        low, high = np.concatenate([zero, -upper]), np.concatenate([upper, zero])
        solution = self._solve(gram.part(rows), point, target, low, high, lambda: None)
        beta = solution.beta[:n] + solution.beta[n:]
        support = np.flatnonzero(beta)
        self._keep_support(X, rows[support])
        self.dual_coef_, self.intercept_ = beta[None, support], np.array([solution.bias])
        self.n_support_, self.n_iter_ = np.array([len(support)], np.int32), int(solution.iterations)
        self._end(solution.converged)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(N,): Σ β k(support vector, x) + b"""
        return self._sums(self._rows(X))[0].ravel() + self.intercept_
