"""K nearest neighbours."""

from typing import Any

from yuanli.classical import KNeighborsClassifier, KNeighborsRegressor
from yuanli.data import Dataset, Split, preprocess
from yuanli.errors import ValueRangeError
from yuanli.recipes.estimator import Estimator


class Neighbors(Estimator):
    """Images are compared pixel by pixel as they are, bytes; the columns of tables are standardised first."""

    name = "knn"
    title = "K nearest neighbours"
    title_zh = "K 近邻"
    classifier = KNeighborsClassifier
    regressor = KNeighborsRegressor

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return [] if data.is_image else super().preprocessing(data)

    def remarks(self, settings: dict[str, Any], data: Split) -> list[str]:
        asked, rows = settings["n_neighbors"], len(data.train)
        if isinstance(asked, int) and asked > rows:
            raise ValueRangeError(f"n_neighbors needs at most the {rows} rows to learn from, got {asked}")
        return []

    def size_of(self, estimator: Any) -> int:
        return 0
