"""K nearest neighbours: look at the k training rows that are closest, and let them vote."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import check_cv
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from yuanli.classical.base import check_choice, check_integer, check_real, whole
from yuanli.errors import ValueRangeError
from yuanli.kernels.distances import nearest

METRICS = {
    "minkowski": None, "manhattan": "l1", "cityblock": "l1", "l1": "l1", "euclidean": "l2", "l2": "l2",
    "chebyshev": "max", "cosine": "cosine",
}  # fmt: skip
WEIGHTS = ("uniform", "distance", None)


class Neighbors(BaseEstimator):
    """The rows seen in training, and the search among them."""

    n_neighbors: int
    p: float
    metric: str
    weights: Any = "uniform"

    def _remember(self, X: np.ndarray) -> Self:
        check_integer(self, "n_neighbors", 1)
        self._kernel_metric()
        if not callable(self.weights):
            check_choice(self, "weights", WEIGHTS)
        self._fit_X = _as_rows(X)
        self.n_samples_fit_ = len(X)
        return self

    def _kernel_metric(self) -> Any:
        """The metric as yuanli.kernels.distances calls it."""
        metric = METRICS[check_choice(self, "metric", METRICS)]
        if metric is not None:
            return metric
        p = check_real(self, "p", 0, open_low=True)
        return {1: "l1", 2: "l2", np.inf: "max"}.get(p) or p

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """The k nearest training rows: distances (Q, k), ascending, and the rows' numbers (Q, k).

        Without X the training rows themselves are looked up, and none is its own neighbour.
        Raises: ValueError where there are fewer than k rows.
        """
        check_is_fitted(self)
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if k <= 0:
            raise ValueRangeError(f"Expected n_neighbors > 0. Got {k}")
        if not isinstance(k, int | np.integer):
            raise TypeError(f"n_neighbors does not take {type(k)} value, enter integer value")
        if X is None:
            queries, needed = self._fit_X, k + 1
        else:
            queries, needed = _as_rows(validate_data(self, X, dtype=None, order="C", reset=False)), k
        if needed > self.n_samples_fit_:
            sign = "<" if X is None else "<="
            raise ValueRangeError(
                f"Expected n_neighbors {sign} n_samples_fit, but n_neighbors = {k}, "
                f"n_samples_fit = {self.n_samples_fit_}, n_samples = {len(queries)}"
            )
        distances, numbers = nearest(queries, self._fit_X, needed, self._kernel_metric())
        if X is None:
            distances, numbers = _without_oneself(distances, numbers)
        return (distances, numbers) if return_distance else numbers

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> Any:
        """Sparse (Q, N): 1 at each query's neighbours, or their distances with mode="distance"."""
        if mode not in ("connectivity", "distance"):
            raise ValueRangeError(
                f'Unsupported mode, must be one of "connectivity", or "distance" but got "{mode}" instead'
            )
        distances, numbers = self.kneighbors(X, n_neighbors)
        values = np.ones_like(distances) if mode == "connectivity" else distances
        ends = np.arange(0, numbers.size + 1, numbers.shape[1])
        return csr_matrix((values.ravel(), numbers.ravel(), ends), (len(numbers), self.n_samples_fit_))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fit_X")


class NearestNeighbors(Neighbors):
    """The nearest training rows of a query.

    d(x, y) = (Σ|x−y|ᵖ)^(1/p), or `metric`.
    Differs: always exact and by comparing with every row, so that `algorithm` and `leaf_size` have no place;
    equal distances come in the order of the rows, where scikit-learn leaves the order open.
    """

    def __init__(self, *, n_neighbors: int = 5, metric: str = "minkowski", p: float = 2) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.p = p

    @whole
    def fit(self, X: Any, y: Any = None) -> Self:
        return self._remember(validate_data(self, X, dtype=None, order="C"))


class KNeighborsClassifier(ClassifierMixin, Neighbors):
    """The class most of the k nearest training rows have.

    Source: Fix & Hodges 1951; Cover & Hart 1967, Nearest Neighbor Pattern Classification.
    """

    def __init__(
        self, n_neighbors: int = 5, *, weights: Any = "uniform", metric: str = "minkowski", p: float = 2
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.p = p

    @whole
    def fit(self, X: Any, y: Any) -> Self:
        X, y = validate_data(self, X, y, dtype=None, order="C")
        check_classification_targets(y)
        self.classes_, self._y = np.unique(y, return_inverse=True)
        return self._remember(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """(Q, classes): the share of the neighbours' weights that each class has."""
        return self._shares(*self.kneighbors(X))

    def predict(self, X: Any) -> np.ndarray:
        """(Q,): the class with the largest share; of equal ones the first in `classes_`."""
        return self._answer(*self.kneighbors(X))

    def _shares(self, distances: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        weights = _weights(self, distances)
        votes = np.zeros((len(numbers), len(self.classes_)))
        np.add.at(votes, (np.arange(len(numbers))[:, None], self._y[numbers]), weights)
        return votes / votes.sum(1, keepdims=True)

    def _answer(self, distances: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return self.classes_[self._shares(distances, numbers).argmax(1)]


class KNeighborsRegressor(RegressorMixin, Neighbors):
    """The weighted mean of the k nearest training rows' targets.

    Source: Cover 1968, Estimation by the Nearest Neighbor Rule.
    """

    def __init__(
        self, n_neighbors: int = 5, *, weights: Any = "uniform", metric: str = "minkowski", p: float = 2
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.p = p

    @whole
    def fit(self, X: Any, y: Any) -> Self:
        X, y = validate_data(self, X, y, dtype=None, order="C", multi_output=True, y_numeric=True)
        self._y = y
        return self._remember(X)

    def predict(self, X: Any) -> np.ndarray:
        """(Q,), or (Q, outputs) where y had outputs."""
        return self._answer(*self.kneighbors(X))

    def _answer(self, distances: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        weights = _weights(self, distances)
        weights /= weights.sum(1, keepdims=True)
        return np.einsum("qk,qk...->q...", weights, self._y[numbers])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class NeighborsChoice(NamedTuple):
    """`n_neighbors` has the best mean of `scores` (folds, candidates) among `candidates`."""

    n_neighbors: int
    candidates: tuple[int, ...]
    scores: np.ndarray


def choose_n_neighbors(
    estimator: Any, X: Any, y: Any, candidates: Sequence[int] = tuple(range(1, 21)), *, cv: Any = 5
) -> NeighborsChoice:
    """k by cross-validation: the score of every candidate on every fold, and the k with the best mean.

    One search a fold, for the largest k, serves all candidates; of equal means the smaller k is chosen.
    `cv`: a number of folds or one of scikit-learn's splitters; `estimator` is not fitted.
    Raises: ValueRangeError where a candidate is below 1; ValueError where a fold has fewer rows than that.
    """
    candidates = tuple(candidates)
    if not candidates or min(candidates) < 1:
        raise ValueRangeError(f"choose_n_neighbors needs candidates of at least 1, got {candidates}")
    X, y = np.asarray(X), np.asarray(y)
    metric = accuracy_score if is_classifier(estimator) else r2_score
    scores = []
    for train, test in check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y):
        fitted = clone(estimator).fit(X[train], y[train])
        distances, numbers = fitted.kneighbors(X[test], max(candidates))
        answers = (fitted._answer(distances[:, :k], numbers[:, :k]) for k in candidates)
        scores.append([metric(y[test], answer) for answer in answers])
    mean = np.mean(scores, axis=0)
    best = max(zip(mean, (-k for k in candidates), strict=True))
    return NeighborsChoice(-best[1], candidates, np.array(scores))


def _weights(estimator: Any, distances: np.ndarray) -> np.ndarray:
    """(Q, k): 1; or 1/d, where only rows at distance 0 count if there are any; or a function of d."""
    weights = estimator.weights
    if callable(weights):
        weights = np.array(weights(distances), np.float64)
        if weights.shape != distances.shape or not np.isfinite(weights).all() or (weights.sum(1) <= 0).any():
            raise ValueRangeError(
                "weights must give every neighbour a finite weight, and not all of them zero"
            )
        return weights
    if check_choice(estimator, "weights", WEIGHTS) != "distance":
        return np.ones_like(distances)
    with np.errstate(divide="ignore"):
        inverse = 1 / distances
    same = np.isinf(inverse)
    return np.where(same.any(1, keepdims=True), same, inverse)


def _without_oneself(distances: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Q, k+1) -> (Q, k) without query q's own number; where k+1 equal rows hide it, the first goes."""
    others = numbers != np.arange(len(numbers))[:, None]
    others[others.all(1), 0] = False
    shape = (len(numbers), numbers.shape[1] - 1)
    return distances[others].reshape(shape), numbers[others].reshape(shape)


def _as_rows(x: np.ndarray) -> np.ndarray:
    """Bytes and floats as they are, everything else as float64."""
    return x if x.dtype in (np.uint8, np.float32, np.float64) else x.astype(np.float64)
