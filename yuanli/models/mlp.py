"""The multilayer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.nn import Dropout, Linear, Module, ReLU, Sequential
from yuanli.tensor import Tensor


class MLP(Module):
    """f(x) = W₃ a(W₂ a(W₁ x)), each product with its bias: linear layers with an activation between them.

    (N, ...) → (N, out_features); images are flattened to in_features numbers.  `hidden` are the widths of the
    hidden layers, `activation` makes what follows each, `dropout` is the probability that a unit is off.
    Source: Rumelhart, Hinton & Williams 1986, Nature 323.
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int],
        out_features: int,
        activation: Callable[[], Module] = ReLU,
        dropout: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.layers = Sequential()
        for inputs, outputs in pairwise((in_features, *hidden)):
            self.layers.extend((Linear(inputs, outputs, rng=rng), activation()))
            if dropout:
                self.layers.append(Dropout(dropout, rng=rng))
        self.layers.append(Linear(hidden[-1] if hidden else in_features, out_features, rng=rng))

    def forward(self, x: Any) -> Tensor:
        return self.layers(ops.flatten(x, 1))
