"""Linear scores W x + b under two losses."""

import numpy as np

from yuanli.data import Dataset, Split
from yuanli.models import LinearClassifier
from yuanli.nn import Module
from yuanli.ops import multiclass_hinge_loss
from yuanli.recipes.network import Loss, Network, epochs_for
from yuanli.recipes.predictor import NetworkPredictor
from yuanli.recipes.settings import Settings
from yuanli.recipes.supervised import width


class Linear(Network):
    """Softmax regression for classes, linear regression for a number."""

    name = "linear"
    title = "Linear model, softmax for classes"
    title_zh = "线性模型（分类用 softmax）"

    def settings(self, data: Dataset) -> Settings:
        epochs = epochs_for(data, 1000, 64, most=400)
        return Settings(epochs=epochs, lr=0.01, batch_size=64, schedule="cosine", l2=1e-3)

    def build(
        self, shape: tuple[int, ...], outputs: int, settings: Settings, rng: np.random.Generator
    ) -> Module:
        return LinearClassifier(width(shape), outputs, rng=rng)

    def templates(self, predictor: NetworkPredictor) -> np.ndarray | None:
        assert isinstance(predictor.model, LinearClassifier)
        weight, shape = predictor.model.weight.data, predictor.shape
        return weight.reshape(-1, *shape) if len(shape) == 3 else None


class Hinge(Linear):
    """The same scores under the multiclass hinge loss: a linear support vector machine."""

    name = "hinge"
    title = "Linear scores, hinge loss"
    title_zh = "线性分类器（合页损失）"

    def unsuited(self, data: Split) -> str:
        reason = (
            "" if data.train.is_classification else "the hinge loss separates classes, and this is a number"
        )
        return super().unsuited(data) or reason

    def loss(self, settings: Settings) -> Loss:
        return multiclass_hinge_loss
