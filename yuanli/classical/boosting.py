"""Gradient boosting in its plain form: trees on the residuals of trees, one after another.

    F₀ = the best constant;   F_m = F_{m−1} + ν · tree_m,   tree_m fitted to the residuals −∂ℓ/∂F at F_{m−1}

For the squared error the residual is y − F.  For the other losses the tree finds the regions, and each leaf
then gets the value that lowers ℓ most, or, for the log loss, Newton's step −Σ g / Σ h.

Source: Friedman 2001, Greedy function approximation: a gradient boosting machine, algorithms 1, 2, 4–6.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from yuanli.classical.base import check_choice, check_integer, check_real, whole
from yuanli.classical.gbdt import loss as losses
from yuanli.classical.trees import PlainTree, grow, squared


class _GradientBoosting(BaseEstimator):
    """What regression and classification share: everything but the loss and the form of the answers."""

    def __init__(
        self,
        loss: str,
        learning_rate: float,
        n_estimators: int,
        min_samples_split: int,
        min_samples_leaf: int,
        max_depth: int | None,
        random_state: Any,
    ) -> None:
        self.loss = loss
        self.learning_rate = learning_rate
        self.n_estimators = n_estimators
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.random_state = random_state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "trees_" in state:
            state = state | {"trees_": [[PlainTree(*tree) for tree in each] for each in state["trees_"]]}
            for tree in (tree for each in state["trees_"] for tree in each):
                tree.check(state["n_features_in_"])
        super().__setstate__(state)

    def _fit(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None, loss: losses.Loss) -> None:
        self.rate_ = check_real(self, "learning_rate", 0)
        limits = (
            np.inf if self.max_depth is None else check_integer(self, "max_depth", 1),
            check_integer(self, "min_samples_split", 2),
            check_integer(self, "min_samples_leaf", 1),
        )
        rng = check_random_state(self.random_state)
        ones = np.ones(len(y)) if weight is None else weight
        self.start_ = loss.start(y, weight)
        raw = np.repeat(self.start_[:, None], len(y), axis=1)  # (K, N)
        self.trees_: list[list[PlainTree]] = []
        self.train_score_ = np.empty(check_integer(self, "n_estimators", 1))
        for m in range(self.n_estimators):
            loss.adapt(y, raw, weight)
            trees = []
            for k, (g, h) in enumerate(zip(*loss.gradients(y, raw, np.float64), strict=True)):
                tree = grow(x, -g[:, None], ones, squared, limits, rng)
                leaf = tree.apply(x)
                self._set_values(tree, leaf, loss, y - raw[k], g, h, weight)
                trees.append(tree)
                raw[k] += self.rate_ * tree.value[leaf, 0]
            self.trees_.append(trees)
            self.train_score_[m] = loss.mean(y, raw, weight) * (2 if loss.halved else 1)

    @staticmethod
    def _set_values(
        tree: PlainTree, leaf: np.ndarray, loss: losses.Loss, rest: np.ndarray, g: np.ndarray, h: np.ndarray,
        weight: np.ndarray | None,
    ) -> None:  # fmt: skip
        """The step of every leaf, in place."""
        for at in np.flatnonzero(tree.feature < 0):
            rows = leaf == at
            w = None if weight is None else weight[rows]
            if not loss.smooth:
                tree.value[at] = loss.leaf(rest[rows], w)
            elif type(loss) is not losses.Loss:
                down, bend = np.average(-g[rows], weights=w), np.average(h[rows], weights=w)
                share = (loss.outputs - 1) / loss.outputs if loss.outputs > 1 else 1  # Friedman 2001, eq. 33
                tree.value[at] = share * down / bend if bend > 1e-150 else 0.0

    def _staged_raw(self, X: Any) -> Iterator[np.ndarray]:
        """The scores (K, N) after one, two, … trees."""
        check_is_fitted(self)
        x = validate_data(self, X, reset=False, dtype=np.float64)
        raw = np.repeat(self.start_[:, None], len(x), axis=1)
        for trees in self.trees_:
            for k, tree in enumerate(trees):
                raw[k] += self.rate_ * tree.value[tree.apply(x), 0]
            yield raw

    def _raw(self, X: Any) -> np.ndarray:
        *_, last = self._staged_raw(X)
        return last

    @property
    def feature_importances_(self) -> np.ndarray:
        """What the cuts of each feature removed, as shares of 1."""
        check_is_fitted(self)
        total = np.zeros(self.n_features_in_)
        for tree in (tree for each in self.trees_ for tree in each):
            inner = tree.feature >= 0
            total += np.bincount(tree.feature[inner], tree.gain[inner], len(total))
        return total / total.sum() if total.sum() > 0 else total


class GradientBoostingRegressor(RegressorMixin, _GradientBoosting):
    """Trees on residuals, for numbers.

    `random_state` chooses between equal cuts.  Source: Friedman 2001.
    Differs: no subsampling of rows or features, and no early stopping: HistGradientBoostingRegressor has it.
    """

    def __init__(
        self,
        *,
        loss: str = "squared_error",
        learning_rate: float = 0.1,
        n_estimators: int = 100,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_depth: int | None = 3,
        alpha: float = 0.9,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            loss, learning_rate, n_estimators, min_samples_split, min_samples_leaf, max_depth, random_state
        )
        self.alpha = alpha

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "GradientBoostingRegressor":
        """X (N, F), y (N,)"""
        x, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        alpha = check_real(self, "alpha", 0, 1, open_low=True, open_high=True)
        kinds = {"squared_error": losses.Loss, "absolute_error": losses.Absolute}
        name = check_choice(self, "loss", (*kinds, "huber", "quantile"))
        loss = (
            kinds[name]()
            if name in kinds
            else {"huber": losses.Huber, "quantile": losses.Quantile}[name](alpha)
        )
        self._fit(x, np.asarray(y, np.float64), weight, loss)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(N,)"""
        return self._raw(X)[0]

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """`predict` after one, two, … trees."""
        for raw in self._staged_raw(X):
            yield raw[0].copy()


class GradientBoostingClassifier(ClassifierMixin, _GradientBoosting):
    """Trees on residuals, for classes: y − p, with p the probabilities of the scores so far.

    Source: Friedman 2001, algorithms 5 and 6.  Differs: as GradientBoostingRegressor.
    """

    def __init__(
        self,
        *,
        loss: str = "log_loss",
        learning_rate: float = 0.1,
        n_estimators: int = 100,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_depth: int | None = 3,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            loss, learning_rate, n_estimators, min_samples_split, min_samples_leaf, max_depth, random_state
        )

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "GradientBoostingClassifier":
        """X (N, F), labels y (N,)"""
        x, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        check_choice(self, "loss", ("log_loss",))
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        self.classes_, number = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"GradientBoostingClassifier needs 2 classes at least, got 1 class: {self.classes_}"
            )
        self._fit(x, number.astype(np.float64), weight, self._loss())
        return self

    def _loss(self) -> losses.Loss:
        return losses.Logistic() if len(self.classes_) == 2 else losses.Multinomial(len(self.classes_))

    def decision_function(self, X: Any) -> np.ndarray:
        """The scores: (N,) of the second class, or (N, K)."""
        raw = self._raw(X)
        return raw[0] if len(raw) == 1 else raw.T

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, K)"""
        raw = self._raw(X)
        return self._loss().answer(raw)

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest labels (N,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]

    def staged_predict_proba(self, X: Any) -> Iterator[np.ndarray]:
        """`predict_proba` after one, two, … trees."""
        for raw in self._staged_raw(X):
            yield self._loss().answer(raw)
