"""The two estimators: which loss, and what the scores mean."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from yuanli.classical.base import check_choice, check_real, whole
from yuanli.classical.gbdt import loss as losses
from yuanli.classical.gbdt.boosting import HistGradientBoosting
from yuanli.errors import ValueRangeError


class HistGradientBoostingRegressor(RegressorMixin, HistGradientBoosting):
    """Boosted histogram trees, for numbers or counts.

    loss: "squared_error", "absolute_error", "poisson", "quantile" (`quantile` says which) and "huber" (up to
    that quantile residuals are squared).  nan is a missing value.  Source: Friedman 2001; Ke 2017, LightGBM.
    Differs from scikit-learn's class: "huber" is there; categories are numbers already; there is no
    warm_start, interaction_cst, max_features, and no scoring but the loss.
    """

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        quantile: float | None = None,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_bins: int = 255,
        categorical_features: Any = None,
        monotonic_cst: Any = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float | None = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            loss, learning_rate, max_iter, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization,
            max_bins, categorical_features, monotonic_cst, early_stopping, validation_fraction,
            n_iter_no_change, tol, random_state,
        )  # fmt: skip
        self.quantile = quantile

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "HistGradientBoostingRegressor":
        """Fit to X (N, F), where nan is a missing value, and targets y (N,)."""
        x, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False, y_numeric=True
        )
        weight = (
            None
            if sample_weight is None
            else _check_sample_weight(sample_weight, x, ensure_non_negative=True)
        )
        loss = self._loss()
        y = np.asarray(y, np.float64)
        if isinstance(loss, losses.Poisson) and (y.min() < 0 or y.sum() <= 0):
            raise ValueError("loss='poisson' requires non-negative y and sum(y) > 0.")
        self._fit(x, y, weight, loss)
        return self

    def _loss(self) -> losses.Loss:
        names = ("squared_error", "absolute_error", "huber", "quantile", "poisson")
        name = check_choice(self, "loss", names)
        given = self.quantile is not None or name == "quantile"
        share = check_real(self, "quantile", 0, 1) if given else 0.9
        if name in ("quantile", "huber"):
            return losses.Quantile(share) if name == "quantile" else losses.Huber(share)
        return {"squared_error": losses.Loss, "absolute_error": losses.Absolute, "poisson": losses.Poisson}[
            name
        ]()

    def predict(self, X: Any) -> np.ndarray:
        """(N,)"""
        raw = self._raw(X)
        return self._loss().answer(raw.T)

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """`predict` after one, two, … rounds."""
        for raw in self._staged_raw(X):
            yield self._loss().answer(raw.T)


class HistGradientBoostingClassifier(ClassifierMixin, HistGradientBoosting):
    """Boosted histogram trees, for classes: one tree a round for two of them, K trees for K.

    nan is a missing value.  Source: Friedman 2001, algorithms 5 and 6; Ke 2017, LightGBM.
    Differs: as HistGradientBoostingRegressor.
    """

    def __init__(
        self,
        loss: str = "log_loss",
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_bins: int = 255,
        categorical_features: Any = None,
        monotonic_cst: Any = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float | None = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        random_state: Any = None,
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            loss, learning_rate, max_iter, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization,
            max_bins, categorical_features, monotonic_cst, early_stopping, validation_fraction,
            n_iter_no_change, tol, random_state,
        )  # fmt: skip
        self.class_weight = class_weight

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "HistGradientBoostingClassifier":
        """Fit to X (N, F), where nan is a missing value, and labels y (N,)."""
        check_choice(self, "loss", ("log_loss",))
        x, y = validate_data(self, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False)
        check_classification_targets(y)
        weight = (
            None
            if sample_weight is None
            else _check_sample_weight(sample_weight, x, ensure_non_negative=True)
        )
        if self.class_weight is not None:
            weight = compute_sample_weight(self.class_weight, y) * (1.0 if weight is None else weight)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"HistGradientBoostingClassifier needs 2 classes at least, got 1 class: {self.classes_}"
            )
        if np.any(self._monotonic(x.shape[1])) and len(self.classes_) > 2:
            raise ValueRangeError("monotonic_cst is for two classes: with more, no class has the other side")
        self._fit(x, numbers.astype(np.float64), weight, self._loss())
        return self

    def _loss(self) -> losses.Loss:
        return losses.Logistic() if len(self.classes_) == 2 else losses.Multinomial(len(self.classes_))

    def decision_function(self, X: Any) -> np.ndarray:
        """The scores: (N,) of the second class, or (N, K)."""
        raw = self._raw(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, K)"""
        raw = self._raw(X)
        return self._loss().answer(raw.T)

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest labels (N,)."""
        raw = self._raw(X)
        return self._labels(raw)

    def _labels(self, raw: np.ndarray) -> np.ndarray:
        return self.classes_[(raw[:, 0] > 0).astype(int) if raw.shape[1] == 1 else raw.argmax(1)]

    def staged_decision_function(self, X: Any) -> Iterator[np.ndarray]:
        """`decision_function` after one, two, … rounds."""
        for raw in self._staged_raw(X):
            yield raw[:, 0] if raw.shape[1] == 1 else raw

    def staged_predict_proba(self, X: Any) -> Iterator[np.ndarray]:
        """`predict_proba` after one, two, … rounds."""
        for raw in self._staged_raw(X):
            yield self._loss().answer(raw.T)

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """`predict` after one, two, … rounds."""
        for raw in self._staged_raw(X):
            yield self._labels(raw)
