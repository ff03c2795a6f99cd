"""Decision trees in their plain form: every cut between two neighbouring values of every feature is tried.

With y as a matrix (N, K), the targets or the classes as unit vectors, one formula serves both: the best cut
makes  Σ_sides ‖Σ y‖² / rows  largest, which is the squared error, and Gini's impurity, that it removes.

Source: Breiman, Friedman, Olshen & Stone 1984, Classification and regression trees, ch. 4 and 8.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from yuanli.classical.base import check_choice, check_integer, whole


class PlainTree(NamedTuple):
    """One entry a node, the root first, a child after its parent; a leaf's children and feature are −1."""

    children_left: np.ndarray
    children_right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray  # x ≤ threshold goes left
    value: np.ndarray  # (nodes, K): the mean of y
    n_node_samples: np.ndarray
    gain: np.ndarray  # what the split removes

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The leaf that each row of x (N, F) reaches."""
        at = np.zeros(len(x), np.int64)
        rows = np.arange(len(x))
        while True:
            rows = rows[self.feature[at[rows]] >= 0]
            if not len(rows):
                return at
            node = at[rows]
            left = x[rows, self.feature[node]] <= self.threshold[node]
            at[rows] = np.where(left, self.children_left[node], self.children_right[node])

    def check(self, features: int) -> None:
        """Raise ValueError unless every step from the root stays within the tree and ends."""
        n = len(self.feature)
        inner = self.feature >= 0
        own = np.arange(n)[inner]
        for child in (self.children_left, self.children_right):
            if not ((child[inner] > own) & (child[inner] < n)).all():
                raise ValueError("its tree has nodes that lead nowhere")
        if n == 0 or {len(part) for part in self} != {n} or self.feature.max() >= features:
            raise ValueError("its tree is not whole")


def squared(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """‖Σ y‖² / Σ w: what a mean explains.  total (…, K), weight (…)"""
    return (total**2).sum(-1) / weight


def information(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Σ_k n_k ln p_k: minus the rows' entropy, for classes as unit vectors."""
    return xlogy(total, total / weight[..., None]).sum(-1)


def grow(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    explained: Any,
    limits: tuple,
    rng: np.random.RandomState,
) -> PlainTree:
    """The tree for x (N, F), y (N, K): nodes are split in turn, left before right, until a limit is met."""
    max_depth, min_split, min_leaf = limits
    nodes: list[list] = []
    waiting = [(np.flatnonzero(weight > 0), 0, -1, 0)]  # rows, depth, parent, which child
    while waiting:
        rows, depth, parent, side = waiting.pop()
        here = len(nodes)
        total, mass = weight[rows] @ y[rows], weight[rows].sum()
        nodes.append([-1, -1, -1, np.nan, total / mass, len(rows), 0.0])
        if parent >= 0:
            nodes[parent][side] = here
        spread = weight[rows] @ (y[rows] - total / mass) ** 2 / mass
        if (
            depth >= max_depth
            or len(rows) < max(min_split, 2 * min_leaf)
            or spread.sum() <= np.finfo(float).eps
        ):
            continue
        features = rng.permutation(x.shape[1])
        found = best_cut(x[rows], y[rows], weight[rows], explained, min_leaf, features)
        if found is None:
            continue
        feature, threshold, after = found
        left = x[rows, feature] <= threshold
        nodes[here][2:4] = feature, threshold
        nodes[here][6] = after - float(explained(total, mass))
        waiting += [(rows[~left], depth + 1, here, 1), (rows[left], depth + 1, here, 0)]
    kinds = (np.int64, np.int64, np.int64, np.float64, np.float64, np.int64, np.float64)
    return PlainTree(
        *(np.array(part, kind) for part, kind in zip(zip(*nodes, strict=True), kinds, strict=True))
    )


def best_cut(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, explained: Any, min_leaf: int, features: np.ndarray
) -> tuple[int, float, float] | None:
    """The feature, threshold and explained sum of the best cut, of equals the first in `features`, if any."""
    n = len(x)
    order = np.argsort(x, axis=0, kind="stable")  # (N, F)
    values = np.take_along_axis(x, order, axis=0)
    mass = np.cumsum(weight[order], axis=0)
    total = np.cumsum((weight[:, None] * y)[order], axis=0)  # (N, F, K)
    cut = slice(min_leaf - 1, n - min_leaf)  # rows up to which the left side may reach
    score = explained(total[cut], mass[cut]) + explained(total[-1] - total[cut], mass[-1] - mass[cut])
    score[values[1:][cut] <= values[:-1][cut]] = -np.inf
    best = score.max(axis=0)
    if best.max() == -np.inf:
        return None
    enough = best.max() - 1e-12 * (weight @ y**2).sum()  # what differs by rounding alone is equal
    feature = int(features[np.argmax(best[features] >= enough)])
    at = min_leaf - 1 + int(np.argmax(score[:, feature] >= enough))
    low, high = values[at, feature], values[at + 1, feature]
    threshold = low / 2 + high / 2
    return feature, float(threshold if threshold < high else low), float(score[at - min_leaf + 1, feature])


class _DecisionTree(BaseEstimator):
    """What the two trees share."""

    def __init__(
        self,
        criterion: str,
        max_depth: int | None,
        min_samples_split: int,
        min_samples_leaf: int,
        random_state: Any,
    ) -> None:
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "tree_" in state:
            state = state | {"tree_": PlainTree(*state["tree_"])}
            state["tree_"].check(state["n_features_in_"])
        super().__setstate__(state)

    def _grow(self, x: np.ndarray, y: np.ndarray, weight: Any, criteria: dict[str, Any]) -> None:
        explained = criteria[check_choice(self, "criterion", tuple(criteria))]
        limits = (
            np.inf if self.max_depth is None else check_integer(self, "max_depth", 1),
            check_integer(self, "min_samples_split", 2),
            check_integer(self, "min_samples_leaf", 1),
        )
        weight = _check_sample_weight(weight, x, dtype=np.float64, ensure_non_negative=True)
        self.tree_ = grow(x, y, weight, explained, limits, check_random_state(self.random_state))

    def apply(self, X: Any) -> np.ndarray:
        """The number of the leaf each row reaches."""
        check_is_fitted(self)
        return self.tree_.apply(validate_data(self, X, reset=False, dtype=np.float64))

    def get_depth(self) -> int:
        """The most cuts that a row meets."""
        check_is_fitted(self)
        depth = np.zeros(len(self.tree_.feature), int)
        for node in np.flatnonzero(self.tree_.feature >= 0):
            depth[[self.tree_.children_left[node], self.tree_.children_right[node]]] = depth[node] + 1
        return int(depth.max())

    @property
    def feature_importances_(self) -> np.ndarray:
        """What the cuts of each feature removed, as shares of 1."""
        check_is_fitted(self)
        inner = self.tree_.feature >= 0
        total = np.bincount(self.tree_.feature[inner], self.tree_.gain[inner], self.n_features_in_)
        return total / total.sum() if total.sum() > 0 else total


class DecisionTreeRegressor(RegressorMixin, _DecisionTree):
    """Means of boxes, cut to remove the most squared error.

    `random_state` chooses between equal cuts of several features.  Source: Breiman et al. 1984, ch. 8.
    Differs: values stay float64, where scikit-learn rounds them to float32.
    """

    def __init__(
        self,
        *,
        criterion: str = "squared_error",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        random_state: Any = None,
    ) -> None:
        super().__init__(criterion, max_depth, min_samples_split, min_samples_leaf, random_state)

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "DecisionTreeRegressor":
        """X (N, F), y (N,)"""
        x, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._grow(x, np.asarray(y, np.float64)[:, None], sample_weight, {"squared_error": squared})
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(N,)"""
        leaves = self.apply(X)
        return self.tree_.value[leaves, 0]


class DecisionTreeClassifier(ClassifierMixin, _DecisionTree):
    """Shares of classes in boxes, cut to remove the most impurity: Gini's, or the entropy.

    Source: Breiman et al. 1984, ch. 4.  Differs: as DecisionTreeRegressor.
    """

    def __init__(
        self,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        random_state: Any = None,
    ) -> None:
        super().__init__(criterion, max_depth, min_samples_split, min_samples_leaf, random_state)

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "DecisionTreeClassifier":
        """X (N, F), labels y (N,)"""
        x, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, number = np.unique(y, return_inverse=True)
        criteria = {"gini": squared, "entropy": information}
        self._grow(x, np.eye(len(self.classes_))[number], sample_weight, criteria)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, K): the shares of the classes in a row's leaf."""
        leaves = self.apply(X)
        return self.tree_.value[leaves]

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest labels (N,)."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(1)]
