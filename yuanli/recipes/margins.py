"""Support vector machines."""

from typing import Any

from yuanli.classical import SVC, SVR
from yuanli.data import Dataset, preprocess
from yuanli.recipes.estimator import Estimator


class SupportVectors(Estimator):
    """A kernel machine on inputs of one scale: pixels from 0 to 1, columns standardised."""

    name = "svm"
    title = "Support vector machine, RBF kernel"
    title_zh = "支持向量机（RBF 核）"
    classifier = SVC
    regressor = SVR

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return [preprocess.ScaleToUnit(per="all")] if data.is_image else super().preprocessing(data)

    def defaults(self, data: Dataset) -> dict[str, Any]:
        return {"C": 10.0} if data.is_image else {}

    def size_of(self, estimator: Any) -> int:
        return int(estimator.support_vectors_.size + estimator.dual_coef_.size)
