"""Gradient boosting on histograms: every tree is a step of Newton's method in the space of functions.

F ← F + ν · tree, the tree fitted to the gradients and hessians of the loss at F, and ν the learning rate.

Source: Friedman 2001, Greedy function approximation; Ke 2017, LightGBM, NeurIPS.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from yuanli.classical.base import check_choice, check_integer, check_real
from yuanli.classical.gbdt import loss as losses
from yuanli.classical.gbdt.binning import Bins, find_bins
from yuanli.classical.gbdt.forest import Forest, Tree
from yuanli.classical.gbdt.grower import Grower, Limits, bounds_of
from yuanli.errors import ValueRangeError
from yuanli.kernels.tree_growth import Rules
from yuanli.kernels.tree_values import FEATURES, add_leaves

CHUNK = 1 << 16  # rows predicted at a time: their codes stay near
MANY = 10_000  # rows above which early_stopping="auto" stops early
MIN_HESSIAN = 1e-3  # of a leaf


class HistGradientBoosting(BaseEstimator):
    """What regression and classification share: everything but the loss and the form of the answers."""

    def __init__(
        self,
        loss: str,
        learning_rate: float,
        max_iter: int,
        max_leaf_nodes: int | None,
        max_depth: int | None,
        min_samples_leaf: int,
        l2_regularization: float,
        max_bins: int,
        categorical_features: Any,
        monotonic_cst: Any,
        early_stopping: bool | str,
        validation_fraction: float | None,
        n_iter_no_change: int,
        tol: float,
        random_state: Any,
    ) -> None:
        self.loss = loss
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "forest_" in state:
            start, nodes = state["forest_"]
            state = state | {"forest_": Forest(start, Tree(*nodes)), "bins_": Bins(*state["bins_"])}
            state["forest_"].check(len(state["bins_"].bins))
        super().__setstate__(state)

    def _fit(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None, loss: losses.Loss) -> None:
        """Boost on checked data: y are floats, class numbers for a classifier."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.uint32).max, dtype="u8")
        rate = check_real(self, "learning_rate", 0, open_low=True)
        iterations = check_integer(self, "max_iter", 1)
        patience = check_integer(self, "n_iter_no_change", 1)
        tol = check_real(self, "tol", 0)
        limits = self._limits(x.shape[1])
        categorical = self._categorical(x)
        if np.any(limits.monotonic[categorical]):
            raise ValueRangeError("monotonic_cst needs 0 for categorical features: they have no direction")
        max_bins = check_integer(self, "max_bins", 2, 255)
        check_choice(self, "early_stopping", ("auto", True, False))
        stopping = len(x) > MANY if self.early_stopping == "auto" else bool(self.early_stopping)
        held = None
        if stopping and self.validation_fraction is not None:
            x, y, weight, held = self._hold_out(x, y, weight, seed)
        self.bins_ = find_bins(x, max_bins, categorical, weight, np.random.RandomState(seed))
        codes = self.bins_.encode(x)
        grower = Grower(codes, self.bins_, limits)
        self.start_ = loss.start(y, weight)
        y = y.astype(loss.raw_dtype)
        raw: np.ndarray = np.repeat(self.start_.astype(loss.raw_dtype)[:, None], len(y), axis=1)  # (K, N)
        train_score, validation_score = [], []
        if stopping:
            train_score.append(-loss.mean(y, raw, weight))
            if held is not None:
                held_codes, held_raw = self.bins_.encode(held[0]), np.tile(self.start_, (len(held[1]), 1))
                validation_score.append(-loss.mean(held[1], held_raw.T, held[2]))
        trees: list[Tree] = []
        while len(trees) < iterations * loss.outputs:
            trees += _next_trees(grower, loss, y, raw, weight, rate, seed=len(trees))
            if not stopping:
                continue
            train_score.append(-loss.mean(y, raw, weight))
            if held is not None:
                Forest.of(trees[-loss.outputs :]).add(held_codes, held_raw)
                validation_score.append(-loss.mean(held[1], held_raw.T, held[2]))
            if _no_longer_better(validation_score if held is not None else train_score, patience, tol):
                break
        self.forest_ = Forest.of(trees)
        self.n_iter_ = len(trees) // loss.outputs
        self.train_score_, self.validation_score_ = np.array(train_score), np.array(validation_score)
        self.do_early_stopping_, self.has_missing_ = stopping, grower.features[:, 1] > 0

    def _limits(self, features: int) -> Limits:
        leaves = np.inf if self.max_leaf_nodes is None else check_integer(self, "max_leaf_nodes", 2)
        depth = np.inf if self.max_depth is None else check_integer(self, "max_depth", 1)
        rules = Rules(
            check_integer(self, "min_samples_leaf", 1), MIN_HESSIAN, check_real(self, "l2_regularization", 0)
        )
        if features >= FEATURES:
            raise ValueRangeError(f"boosting takes up to {FEATURES - 1} features, got {features}")
        return Limits(leaves, depth, rules, self._monotonic(features))

    def _monotonic(self, features: int) -> np.ndarray:
        given = np.zeros(features) if self.monotonic_cst is None else self.monotonic_cst
        if isinstance(given, dict):
            names = list(getattr(self, "feature_names_in_", ()))
            unknown = [name for name in given if name not in names]
            if unknown:
                raise ValueRangeError(f"monotonic_cst names features that X lacks: {unknown}")
            given = [given.get(name, 0) for name in names]
        given = np.asarray(given)
        if given.shape != (features,) or not np.isin(given, (-1, 0, 1)).all():
            raise ValueRangeError(
                f"monotonic_cst needs −1, 0 or 1 for each of {features} features, got {given}"
            )
        return given.astype(np.int8)

    def _categorical(self, x: np.ndarray) -> np.ndarray:
        """Which features are categories, from a mask, numbers or names."""
        mask = np.zeros(x.shape[1], bool)
        if self.categorical_features is None:
            return mask
        given = np.atleast_1d(np.asarray(self.categorical_features))
        if given.dtype == bool and given.shape == mask.shape:
            return given
        if given.dtype.kind in "OU" and given.size:
            names = list(getattr(self, "feature_names_in_", ()))
            unknown = [name for name in given if name not in names]
            if unknown:
                raise ValueRangeError(f"categorical_features names features that X lacks: {unknown}")
            given = np.array([names.index(name) for name in given])
        if given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= x.shape[1]):
            raise ValueRangeError(
                f"categorical_features needs a mask of {x.shape[1]} features, their numbers or names, got "
                f"{self.categorical_features!r}"
            )
        mask[given.astype(np.int64)] = True
        return mask

    def _hold_out(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None, seed: int) -> tuple:
        """Part of the data for early stopping: the rest of x, y and weight, and the three of that part."""
        share = check_real(self, "validation_fraction", 0, 1, open_low=True, open_high=True)
        classes = y if isinstance(self, ClassifierMixin) else None
        rows = np.arange(len(y))
        kept, held = train_test_split(rows, test_size=share, stratify=classes, random_state=seed)
        w = (None, None) if weight is None else (weight[kept], weight[held])
        return x[kept], y[kept], w[0], (x[held], y[held], w[1])

    def _raw(self, x: Any) -> np.ndarray:
        """The scores (N, K)."""
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=[np.float64, np.float32], ensure_all_finite=False)
        raw = np.tile(self.start_, (len(x), 1))
        for first in range(0, len(x), CHUNK):
            self.forest_.add(self.bins_.encode(x[first : first + CHUNK]), raw[first : first + CHUNK])
        return raw

    def _staged_raw(self, x: Any) -> Iterator[np.ndarray]:
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=[np.float64, np.float32], ensure_all_finite=False)
        codes, raw, outputs = self.bins_.encode(x), np.tile(self.start_, (len(x), 1)), len(self.start_)
        for t in range(0, len(self.forest_), outputs):
            self.forest_.part(t, t + outputs).add(codes, raw)
            yield raw.copy()

    @property
    def feature_importances_(self) -> np.ndarray:
        """The loss that the splits on each feature removed, as shares of 1."""
        check_is_fitted(self)
        nodes = self.forest_.nodes
        inner = nodes.feature >= 0
        total = np.bincount(nodes.feature[inner], nodes.gain[inner], len(self.bins_.bins))
        return total / total.sum() if total.sum() > 0 else total


def _next_trees(
    grower: Grower,
    loss: losses.Loss,
    y: np.ndarray,
    raw: np.ndarray,
    weight: np.ndarray | None,
    rate: float,
    seed: int,
) -> list[Tree]:
    """A tree for each output, and their answers added to `raw` (K, N)."""
    loss.adapt(y, raw, weight)
    with np.errstate(over="ignore"):  # infinite gradients are an error of their own
        gradients = loss.gradients(y, raw)
    trees = []
    for k, (g, h) in enumerate(zip(*gradients, strict=True)):
        if weight is not None:
            g, h = g * weight.astype(np.float32), h * weight.astype(np.float32)
        tree, leaves = grower.grow(g, h, seed + k)
        if loss.smooth:
            values = grower.values(leaves, g, h)
        else:
            rows = [grower.index[leaf.begin : leaf.end] for leaf in leaves]
            values = np.array(
                [loss.leaf(y[r] - raw[k, r], None if weight is None else weight[r]) for r in rows]
            )
        tree.value[[leaf.at for leaf in leaves]] = values
        tree.value[:] *= rate
        add_leaves(raw[k], grower.index, bounds_of(leaves), rate * values)
        trees.append(tree)
    return trees


def _no_longer_better(scores: list[float], patience: int, tol: float) -> bool:
    """Whether none of the last `patience` scores is better, by more than tol, than the one before them."""
    if len(scores) <= patience:
        return False
    return all(score <= scores[-patience - 1] + tol for score in scores[-patience:])
