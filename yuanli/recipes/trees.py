"""Trees, and trees on the residuals of trees."""

from typing import Any, ClassVar

import numpy as np

from yuanli.classical import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from yuanli.data import Dataset, preprocess
from yuanli.recipes.estimator import Estimator


class Boosting(Estimator):
    """Histogram boosting: columns as they are, gaps and words included; pixels as they are."""

    name = "gbdt"
    title = "Gradient-boosted trees"
    title_zh = "梯度提升树"
    classifier = HistGradientBoostingClassifier
    regressor = HistGradientBoostingRegressor

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return []

    def defaults(self, data: Dataset) -> dict[str, Any]:
        words = [column for column, feature in enumerate(data.features) if feature.categories]
        return {"categorical_features": words} if words else {}

    def size_of(self, estimator: Any) -> int:
        return int(np.size(estimator.forest_.nodes.feature))


class PlainBoosting(Estimator):
    """Every cut of every column tried: the note's plain form, slow on many rows."""

    name = "boosting"
    title = "Gradient boosting, every cut tried"
    title_zh = "梯度提升（精确切分）"
    classifier = GradientBoostingClassifier
    regressor = GradientBoostingRegressor
    compared: ClassVar[bool] = False

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return encoded(data)

    def size_of(self, estimator: Any) -> int:
        return int(sum(tree.feature.size for stage in estimator.trees_ for tree in stage))


class OneTree(Estimator):
    """A single tree, until five rows are left in a leaf: grown to the end it would learn the noise."""

    name = "tree"
    title = "Decision tree"
    title_zh = "决策树"
    classifier = DecisionTreeClassifier
    regressor = DecisionTreeRegressor

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return encoded(data)

    def defaults(self, data: Dataset) -> dict[str, Any]:
        return {"min_samples_leaf": 5}

    def size_of(self, estimator: Any) -> int:
        return int(estimator.tree_.feature.size)


def encoded(data: Dataset) -> list[preprocess.Transformer]:
    """Words and gaps of a table as numbers; a tree needs no scaling."""
    return [] if data.is_image else [preprocess.EncodeTable(data.features)]
