"""Network in network: 1×1 convolutions, a small perceptron at every place of the picture."""

from typing import Any

import numpy as np

from yuanli.models.images import he_, need_images
from yuanli.nn import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Dropout, MaxPool2d, Module, ReLU, Sequential, init
from yuanli.ops import flatten
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


def mlpconv(ins: int, kernel: int, widths: tuple[int, int, int], rng: Rng) -> list[Module]:
    """A convolution and two 1×1 ones, which act on the channels of one place only.  Equation 2."""
    first, second, third = widths
    return [
        Conv2d(ins, first, kernel, padding=kernel // 2, rng=rng), ReLU(),
        Conv2d(first, second, 1, rng=rng), ReLU(),
        Conv2d(second, third, 1, rng=rng), ReLU(),
    ]  # fmt: skip


class NiN(Module):
    """Three mlpconv layers with pooling between; the last makes a map a class, whose average is the score.

    (N, in_channels, H, W) → (N, num_classes), for 32×32 images; 966,986 parameters for ten classes.
    Raises: ShapeError below 4×4.
    Source: Lin 2013, arXiv:1312.4400, figure 2; widths of the authors' CIFAR-10 model.
    """

    smallest = 4

    def __init__(
        self, num_classes: int = 10, in_channels: int = 3, dropout: float = 0.5, rng: Rng = None
    ) -> None:
        self.in_channels = in_channels
        self.features = Sequential(
            *mlpconv(in_channels, 5, (192, 160, 96), rng), MaxPool2d(3, 2, ceil_mode=True),
            Dropout(dropout, rng=rng),
            *mlpconv(96, 5, (192, 192, 192), rng), AvgPool2d(3, 2, ceil_mode=True),
            Dropout(dropout, rng=rng),
            *mlpconv(192, 3, (192, 192, num_classes), rng)[:-1],
        )  # fmt: skip
        self.avgpool = AdaptiveAvgPool2d(1)
        he_(self, rng)
        init.normal_(self.features[-1].weight, std=0.01, rng=rng)  # scores near 0: no class is preferred

    def forward(self, x: Any) -> Tensor:  # (N, 3, 32, 32)
        need_images(self, x, self.in_channels, self.smallest)
        return flatten(
            self.avgpool(self.features(x)), 1
        )  # 16×16 after the first pooling, 8×8 after the second
