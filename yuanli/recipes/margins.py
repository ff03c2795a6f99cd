"""Machines with a margin, and logistic regression beside them."""

from typing import Any

import numpy as np

from yuanli.classical import SVC, SVR, LinearSVC, LogisticRegression, Perceptron
from yuanli.data import Dataset, preprocess
from yuanli.recipes.estimator import Estimator, EstimatorPredictor


class Machine(Estimator):
    """On inputs of one scale: pixels from 0 to 1, columns standardised."""

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return [preprocess.ScaleToUnit(per="all")] if data.is_image else super().preprocessing(data)

    def size_of(self, estimator: Any) -> int:
        return int(estimator.coef_.size + estimator.intercept_.size)

    def templates(self, predictor: EstimatorPredictor) -> np.ndarray | None:
        weights, shape = getattr(predictor.estimator, "coef_", None), predictor.shape
        if weights is None or len(shape) != 3 or len(weights) != len(predictor.classes):
            return None
        return weights.reshape(-1, *shape)


class LinearSupportVectors(Machine):
    """The widest margin between each class and the others."""

    name = "linear-svm"
    title = "Linear support vector machine"
    title_zh = "线性支持向量机"
    classifier = LinearSVC


class Logistic(Machine):
    """Log loss with an L2 penalty, at its optimum."""

    name = "logistic"
    title = "Logistic regression"
    title_zh = "逻辑回归"
    classifier = LogisticRegression


class RosenblattPerceptron(Machine):
    """The perceptron's rule, row by row."""

    name = "perceptron"
    title = "Perceptron"
    title_zh = "感知机"
    classifier = Perceptron


class SupportVectors(Machine):
    """A kernel machine."""

    name = "svm"
    title = "Support vector machine, RBF kernel"
    title_zh = "支持向量机（RBF 核）"
    classifier = SVC
    regressor = SVR

    def defaults(self, data: Dataset) -> dict[str, Any]:
        return {"C": 10.0} if data.is_image else {}

    def templates(self, predictor: EstimatorPredictor) -> np.ndarray | None:
        return None

    def size_of(self, estimator: Any) -> int:
        return int(estimator.support_vectors_.size + estimator.dual_coef_.size)
