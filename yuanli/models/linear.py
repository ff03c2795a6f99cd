"""Linear scores."""

from typing import Any

import numpy as np

from yuanli import ops
from yuanli.nn import Module, Parameter, init
from yuanli.nn.options import positive
from yuanli.tensor import Tensor


class LinearClassifier(Module):
    """f(x) = W x + b: a template (row of W) and a threshold for each class.

    (N, ...) → scores (N, num_classes); images are flattened to in_features numbers.  W starts as 0.01·randn
    and b as 0: no class is preferred, and the softmax loss is about ln K, the multiclass hinge loss K − 1.
    """

    def __init__(self, in_features: int, num_classes: int, rng: np.random.Generator | None = None) -> None:
        positive("LinearClassifier", in_features=in_features, num_classes=num_classes)
        self.weight = Parameter(np.empty((num_classes, in_features), np.float32))
        self.bias = Parameter(np.zeros(num_classes, np.float32))
        init.normal_(self.weight, std=0.01, rng=rng)

    def forward(self, x: Any) -> Tensor:
        return ops.linear(ops.flatten(x, 1), self.weight, self.bias)
