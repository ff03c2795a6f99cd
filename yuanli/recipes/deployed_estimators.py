"""Estimators of `yuanli.classical` as Modules made of operations, in double precision as they compute.

Trees are walked by all rows at once, a step down for every level; the nearest neighbours are the smallest of
all distances; a kernel machine is its kernel with every support vector, and a product.
"""

from typing import Any

import numpy as np

from yuanli import ops
from yuanli.classical import knn, svm
from yuanli.classical.boosting import GradientBoostingClassifier, GradientBoostingRegressor
from yuanli.classical.gbdt import loss as losses
from yuanli.classical.gbdt.estimators import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from yuanli.classical.trees import DecisionTreeClassifier, DecisionTreeRegressor, PlainTree
from yuanli.errors import UnsupportedError
from yuanli.interchange.lookups import in_double, in_whole, nearest_few, take_along
from yuanli.recipes.deployed import Rows
from yuanli.recipes.estimator import EstimatorPredictor
from yuanli.tensor import Tensor

MOST_DIFFERENCES = 4_000_000  # numbers of all training rows, where each is compared by its differences


class Estimated(Rows):
    """Rows (N, …) → probabilities, or numbers: an estimator after its preprocessing."""

    def __init__(self, predictor: EstimatorPredictor) -> None:
        super().__init__(predictor)
        self.estimator, self.count = predictor.estimator, len(predictor.classes)

    def answer(self, rows: Any) -> Tensor:
        found = answer_of(self.estimator, in_double(ops.flatten(rows, 1)))
        if not self.count:
            return self.scaled(ops.reshape(found, (-1, 1)))
        known = np.asarray(self.estimator.classes_)
        return found if len(known) == self.count else found @ np.eye(self.count)[known]


def answer_of(estimator: Any, x: Tensor) -> Tensor:
    """Probabilities (N, K), or numbers (N,), of rows (N, D), as an EstimatorPredictor has them.

    Raises: UnsupportedError for an estimator, or options of one, that operations cannot say.
    """
    if isinstance(estimator, knn.Neighbors):
        return _neighbors(estimator, x)
    if isinstance(estimator, svm.SVR):
        return ops.reshape(_kernel_sums(estimator, x, estimator.dual_coef_.T), (-1,)) + estimator.intercept_
    if isinstance(estimator, svm.SVC):
        return _svc(estimator, x)
    if isinstance(estimator, DecisionTreeClassifier | DecisionTreeRegressor):
        values = _walk(x, *_joined([estimator.tree_]))[:, 0]
        return values if isinstance(estimator, DecisionTreeClassifier) else values[:, 0]
    if isinstance(estimator, GradientBoostingClassifier | GradientBoostingRegressor):
        return _plain_boosting(estimator, x)
    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        return _histogram_boosting(estimator, x)
    if hasattr(estimator, "coef_"):
        return _linear(estimator, x)
    raise UnsupportedError(f"{type(estimator).__name__} has no counterpart in ONNX here")


def _linear(estimator: Any, x: Tensor) -> Tensor:
    """Scores x Wᵀ + b; of two classes one score."""
    scores = x @ np.asarray(estimator.coef_, np.float64).T + np.asarray(estimator.intercept_, np.float64)
    if not hasattr(estimator, "classes_"):
        return ops.reshape(scores, (-1,))
    return ops.softmax(scores, 1) if len(estimator.classes_) > 2 else _two(scores)


def _two(score: Tensor) -> Tensor:
    """[1 − σ(score), σ(score)] of (N, 1)"""
    return ops.cat([ops.sigmoid(-score), ops.sigmoid(score)], 1)


# Neighbours -----------------------------------------------------------------------------------------------


def _neighbors(estimator: Any, x: Tensor) -> Tensor:
    train = np.asarray(estimator._fit_X, np.float64)
    numbers = nearest_few(_distances(estimator, x, train), k=estimator.n_neighbors)
    weights = _vote_weights(estimator, x, train, numbers)
    y = np.asarray(estimator._y)
    if isinstance(estimator, knn.KNeighborsRegressor):
        if y.ndim != 1:
            raise UnsupportedError("neighbours with several targets have no counterpart in ONNX here")
        values = ops.squeeze(Tensor(y.astype(np.float64)[:, None])[numbers], 2)
        return ops.sum(values * weights, 1) / ops.sum(weights, 1)
    votes = Tensor(np.eye(len(estimator.classes_))[y])[numbers]  # (N, k, K)
    votes = ops.sum(votes * ops.unsqueeze(weights, 2), 1)
    return votes / ops.sum(votes, 1, True)


def _distances(estimator: Any, x: Tensor, train: np.ndarray) -> Tensor:
    """What orders the training rows as their distances do: (N, M)."""
    metric = estimator._kernel_metric()
    if metric == "l2":  # ‖x − t‖² without ‖x‖², which is the same for all t
        return (train**2).sum(1) - 2.0 * (x @ train.T)
    if metric == "cosine":
        norms = np.sqrt((train**2).sum(1))
        return -(x @ (train / np.where(norms > 0, norms, 1)[:, None]).T)
    if train.size > MOST_DIFFERENCES:
        raise UnsupportedError(
            f"only the distances l2 and cosine are products; {metric} of {len(train):,} rows would need all "
            "differences at once"
        )
    differences = ops.abs(ops.unsqueeze(x, 1) - train)  # (N, M, D)
    if metric == "max":
        return ops.max(differences, 2)
    return ops.sum(differences if metric == "l1" else differences ** float(metric), 2)


def _vote_weights(estimator: Any, x: Tensor, train: np.ndarray, numbers: Tensor) -> Tensor:
    """(N, k): 1, or 1/d, where rows at distance 0 count alone if there are any."""
    if callable(estimator.weights):
        raise UnsupportedError("a function of one's own weighs the neighbours, which ONNX cannot say")
    near = Tensor(train)[numbers]  # (N, k, D)
    zero = ops.sum(near, 2) * 0.0
    if estimator.weights != "distance":
        return zero + 1.0
    metric = estimator._kernel_metric()
    differences = ops.abs(near - ops.unsqueeze(x, 1))
    if metric == "cosine":
        raise UnsupportedError("neighbours weighed by cosine distance have no counterpart in ONNX here")
    if metric == "max":
        d = ops.max(differences, 2)
    elif metric == "l1":
        d = ops.sum(differences, 2)
    else:
        p = 2.0 if metric == "l2" else float(metric)
        d = ops.sum(differences**p, 2) ** (1 / p)
    same = ops.where(d == 0, zero + 1.0, zero)
    any_same = ops.max(same, 1, True)
    return ops.where(any_same > 0, same, 1.0 / ops.where(d == 0, zero + 1.0, d))


# Machines with kernels ------------------------------------------------------------------------------------


def _kernel_sums(estimator: Any, x: Tensor, weights: np.ndarray) -> Tensor:
    """Σ weight·k(x, support vector): (N, J)."""
    kind = estimator.kernel
    if callable(kind) or kind == "precomputed" or estimator._sparse:
        raise UnsupportedError(f"the kernel {kind!r:.40} has no counterpart in ONNX")
    support = np.asarray(estimator.support_vectors_, np.float64)
    gamma, coef0 = float(estimator._gamma), float(estimator.coef0)
    if kind == "rbf":
        centre = support.mean(0)
        x, support = x - centre, support - centre  # so that the squares are no larger than need be
        squares = ops.sum(x * x, 1, True) + (support**2).sum(1) - 2.0 * (x @ support.T)
        matrix = ops.exp(squares * -gamma)
    else:
        matrix = x @ support.T
        if kind != "linear":
            matrix = matrix * gamma + coef0
            matrix = matrix ** float(estimator.degree) if kind == "poly" else ops.tanh(matrix)
    return matrix @ weights


def _svc(estimator: Any, x: Tensor) -> Tensor:
    """The votes of all pairs, and a confidence that breaks ties; of two classes σ of the value."""
    classes = len(estimator.classes_)
    values = _kernel_sums(estimator, x, estimator._pair_weights()) + estimator.intercept_
    if estimator.probability:
        if classes > 2:
            raise UnsupportedError(
                "probabilities of several classes are coupled step by step: set probability=False"
            )
        return _two(estimator.probB_ - values * estimator.probA_)
    if classes == 2:
        return _two(values)
    i, j = np.triu_indices(classes, 1)
    first, second = np.eye(classes)[i], np.eye(classes)[j]  # (pairs, K)
    won = ops.where(values >= 0, np.ones(()), np.zeros(()))
    votes = won @ first + (1.0 - won) @ second
    confidence = values @ (first - second)
    scores = votes + confidence / ((ops.abs(confidence) + 1.0) * 3.0)
    if estimator.decision_function_shape == "ovo":
        scores = values
    return ops.softmax(scores, 1)


# Trees ----------------------------------------------------------------------------------------------------

Nodes = tuple[np.ndarray, ...]


def _joined(trees: list[PlainTree]) -> tuple[np.ndarray, Nodes, int]:
    """The roots, the nodes of all trees in a row, the steps to the deepest leaf; a leaf leads to itself."""
    roots = np.cumsum([0, *(len(tree.feature) for tree in trees)])[:-1]
    parts = []
    for root, tree in zip(roots, trees, strict=True):
        leaf = tree.feature < 0
        own = np.arange(len(leaf))
        left = np.where(leaf, own, tree.children_left) + root
        right = np.where(leaf, own, tree.children_right) + root
        parts.append(
            (np.maximum(tree.feature, 0), tree.threshold, left, right, tree.value, np.zeros(len(leaf), bool))
        )
    nodes = tuple(np.concatenate(part) for part in zip(*parts, strict=True))
    return roots, nodes, max(_depth(tree.children_left, tree.children_right, tree.feature) for tree in trees)


def _depth(left: np.ndarray, right: np.ndarray, feature: np.ndarray) -> int:
    depth = np.zeros(len(feature), np.int64)
    for at in range(len(feature)):  # a child comes after its parent
        if feature[at] >= 0:
            depth[[left[at], right[at]]] = depth[at] + 1
    return int(depth.max())


def _walk(
    x: Tensor, roots: np.ndarray, nodes: Nodes, steps: int, asks: tuple[np.ndarray, np.ndarray] | None = None
) -> Tensor:
    """The values of the leaves that the rows come to: (N, trees, K).

    asks: which nodes ask for a category, and a table (nodes, C) of the categories that go left, the last
    column for those that are missing or unknown.
    """
    feature, threshold, left, right, value, missing_left = nodes
    features, lefts, rights, lost = (
        Tensor(t.astype(np.int64)) for t in (feature, left, right, np.where(missing_left, left, right))
    )
    zero = np.zeros((), np.int64)
    at = ops.add(ops.where(x[:, :1] == x[:, :1], zero, zero), roots.astype(np.int64))  # (N, trees)
    for _ in range(steps):
        number = take_along(x, features[at])
        below = ops.where(number <= Tensor(threshold)[at], lefts[at], rights[at])
        below = ops.where(number != number, lost[at], below)  # nan is a missing value
        if asks is not None:
            below = ops.where(
                Tensor(asks[0])[at] == 1, _by_category(number, at, lefts, rights, asks[1]), below
            )
        at = below
    return Tensor(np.asarray(value, np.float64))[at]


def _by_category(number: Tensor, at: Tensor, lefts: Tensor, rights: Tensor, table: np.ndarray) -> Tensor:
    """The child that a row's category leads to."""
    unknown = table.shape[1] - 1
    known = ops.where(number >= 0, ops.minimum(number, float(unknown)), np.full((), float(unknown)))
    bit = Tensor(table.reshape(-1))[ops.add(ops.mul(at, unknown + 1), in_whole(known))]
    return ops.where(bit == 1, lefts[at], rights[at])


def _categories(estimator: Any, asking: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `_walk` wants to know of nodes that ask for a category, a whole number from 0 up."""
    nodes, bins = estimator.forest_.nodes, estimator.bins_
    features = np.unique(nodes.feature[asking])
    known = {f: bins.edges[f, : bins.bins[f]] for f in features}
    largest = max(c.max() for c in known.values())
    if any((c < 0).any() or (c != np.rint(c)).any() for c in known.values()) or largest > 10_000:
        raise UnsupportedError("categories in a graph must be whole numbers from 0 to 10,000")
    bits = np.unpackbits(nodes.goes_left, axis=1).astype(np.int64)
    table = np.repeat(bits[:, :1], int(largest) + 2, axis=1)  # code 0 is a missing value
    for f, categories in known.items():
        rows = np.flatnonzero(asking & (nodes.feature == f))
        table[np.ix_(rows, categories.astype(np.int64))] = bits[rows, 1 : 1 + len(categories)]
    return asking.astype(np.int64), table


def _plain_boosting(estimator: Any, x: Tensor) -> Tensor:
    outputs = len(estimator.start_)
    trees = [tree for each in estimator.trees_ for tree in each]
    values = _walk(x, *_joined(trees))[:, :, 0] * float(estimator.rate_)
    return _boosted(estimator, values, outputs)


def _histogram_boosting(estimator: Any, x: Tensor) -> Tensor:
    forest = estimator.forest_
    nodes, roots = forest.nodes, forest.start[:-1]
    inner = nodes.feature >= 0
    asking = inner & np.isnan(nodes.threshold)
    asks = _categories(estimator, asking) if asking.any() else None
    base = np.repeat(roots, np.diff(forest.start))
    left = nodes.left + base
    right = np.where(inner, left + 1, left)
    feature, threshold = np.maximum(nodes.feature, 0), np.where(inner, nodes.threshold, 0.0)
    table = (feature, threshold, left, right, nodes.value[:, None], nodes.missing_left)
    depth = int(forest.depths().max(initial=0))
    return _boosted(estimator, _walk(x, roots, table, depth, asks)[:, :, 0], len(estimator.start_))


def _boosted(estimator: Any, values: Tensor, outputs: int) -> Tensor:
    """The answer of the loss to start + Σ values; tree t adds to output t mod K."""
    raw = ops.sum(ops.reshape(values, (-1, values.shape[1] // outputs, outputs)), 1) + estimator.start_
    loss = estimator._loss() if hasattr(estimator, "_loss") else None
    if isinstance(loss, losses.Logistic):
        return _two(raw)
    if isinstance(loss, losses.Multinomial):
        return ops.softmax(raw, 1)
    return ops.exp(raw[:, 0]) if isinstance(loss, losses.Poisson) else raw[:, 0]
