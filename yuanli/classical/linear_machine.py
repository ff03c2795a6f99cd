"""What linear classifiers share: checked rows and classes, scores w·x + b, and the largest score's class."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from yuanli.errors import ShapeError, ValueRangeError
from yuanli.kernels.matmul import matmul


class LinearMachine(ClassifierMixin, BaseEstimator):
    """Scores of the classes, coef_ x + intercept_: one row of coef_ for two classes, else one a class."""

    coef_: np.ndarray
    intercept_: np.ndarray
    classes_: np.ndarray
    class_weight: Any
    takes_sparse = False

    def _validate(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """Rows, the numbers of their classes, and their weights; sets classes_ and class_weight_."""
        X, y = validate_data(
            self, X, y, accept_sparse="csr" if self.takes_sparse else False,
            dtype=[np.float64, np.float32], order="C", accept_large_sparse=False,
        )  # fmt: skip
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueRangeError(
                "This solver needs samples of at least 2 classes in the data, but the data contains only "
                f"one class: {self.classes_[0]!r}"
            )
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if sample_weight is not None and len(np.unique(numbers[weight > 0])) < 2:
            raise ValueRangeError("rows of positive weight need to be of 2 classes or more, and are of fewer")
        self.class_weight_ = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weight
        )
        return X, numbers, weight

    def _machines(self, numbers: np.ndarray, weight: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Signs and weights of the rows for each machine: two classes need one, more one a class.

        As in liblinear the weight of a class counts where it is the one against the rest.
        """
        if len(self.classes_) == 2:
            return [(np.where(numbers == 1, 1.0, -1.0), weight * self.class_weight_[numbers])]
        return [
            (np.where(numbers == k, 1.0, -1.0), weight * np.where(numbers == k, its, 1.0))
            for k, its in enumerate(self.class_weight_)
        ]

    def decision_function(self, X: Any) -> np.ndarray:
        """(N,) for two classes, positive for the second; else (N, classes)."""
        check_is_fitted(self)
        # NaN or infinity times a weight that is not 0 shows in the score: X need not be read once more for it
        shows = not sparse.issparse(X) and self.coef_.all()
        X = validate_data(
            self, X, accept_sparse="csr" if self.takes_sparse else False, dtype=[np.float64, np.float32],
            order="C", ensure_all_finite=not shows, reset=False,
        )  # fmt: skip
        coef = self.coef_.T.astype(X.dtype, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):
            products = X @ coef if sparse.issparse(X) else matmul(X, np.ascontiguousarray(coef))
            scores = products + self.intercept_.astype(X.dtype, copy=False)
        if shows and not np.isfinite(scores).all():
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        return scores.ravel() if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> np.ndarray:
        """(N,): the class of the largest score."""
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(1)]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "coef_"):
            rows = 1 if len(self.classes_) == 2 else len(self.classes_)
            if self.coef_.shape != (rows, self.n_features_in_) or self.intercept_.shape != (rows,):
                raise ShapeError(f"coef_ needs shape {(rows, self.n_features_in_)}, with as many intercepts")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        return tags
