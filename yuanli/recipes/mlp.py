"""A multilayer perceptron with two hidden layers."""

import numpy as np

from yuanli.data import Dataset
from yuanli.models import MLP
from yuanli.nn import Module
from yuanli.recipes.network import Network, epochs_for
from yuanli.recipes.settings import Settings
from yuanli.recipes.supervised import width


class Perceptron(Network):
    """128 and 64 hidden units, ReLU; on a table it stops when validation no longer gets better."""

    name = "mlp"
    title = "Multilayer perceptron"
    title_zh = "多层感知机"
    takes_dropout = True

    def settings(self, data: Dataset) -> Settings:
        epochs = epochs_for(data, 1500, 64, most=400)
        patience = 20 if data.is_table else None
        return Settings(epochs=epochs, lr=0.003, batch_size=64, l2=1e-4, dropout=0.2, patience=patience)

    def build(
        self, shape: tuple[int, ...], outputs: int, settings: Settings, rng: np.random.Generator
    ) -> Module:
        return MLP(width(shape), (128, 64), outputs, dropout=settings.dropout, rng=rng)
