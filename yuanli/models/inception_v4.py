"""Inception v4: three kinds of module, all of one width, and two that halve the picture."""

from typing import Any

import numpy as np

from yuanli.models.images import he_, need_images
from yuanli.models.inception_v3 import BasicConv2d, across, down
from yuanli.nn import AdaptiveAvgPool2d, AvgPool2d, Dropout, Linear, MaxPool2d, Module, Sequential
from yuanli.ops import cat, flatten
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


class Mixed3a(Module):
    """A maximum and a strided convolution side by side.  Figure 3, lower part."""

    def __init__(self, rng: Rng) -> None:
        self.maxpool = MaxPool2d(3, 2)
        self.conv = BasicConv2d(64, 96, 3, stride=2, rng=rng)

    def forward(self, x: Any) -> Tensor:
        return cat([self.maxpool(x), self.conv(x)], 1)  # (N, 160, 73, 73)


class Mixed4a(Module):
    """A 3×3, and a 3×3 behind a 7×7 in two parts.  Figure 3, middle."""

    def __init__(self, rng: Rng) -> None:
        self.branch0 = Sequential(BasicConv2d(160, 64, 1, rng=rng), BasicConv2d(64, 96, 3, rng=rng))
        self.branch1 = Sequential(
            BasicConv2d(160, 64, 1, rng=rng), across(64, 64, 7, rng), down(64, 64, 7, rng),
            BasicConv2d(64, 96, 3, rng=rng),
        )  # fmt: skip

    def forward(self, x: Any) -> Tensor:
        return cat([self.branch0(x), self.branch1(x)], 1)  # (N, 192, 71, 71)


class Mixed5a(Module):
    """A strided convolution and a maximum side by side.  Figure 3, upper part."""

    def __init__(self, rng: Rng) -> None:
        self.conv = BasicConv2d(192, 192, 3, stride=2, rng=rng)
        self.maxpool = MaxPool2d(3, 2)

    def forward(self, x: Any) -> Tensor:
        return cat([self.conv(x), self.maxpool(x)], 1)  # (N, 384, 35, 35)


class Branches(Module):
    """Four ways side by side, joined along the channels."""

    branch0: Module
    branch1: Module
    branch2: Module
    branch3: Module

    def forward(self, x: Any) -> Tensor:
        return cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], 1)


def average(ins: int, outs: int, rng: Rng) -> Sequential:
    """The average of 3×3 places, of those within the picture, then a 1×1."""
    return Sequential(AvgPool2d(3, 1, padding=1, count_include_pad=False), BasicConv2d(ins, outs, 1, rng=rng))


class InceptionA(Branches):
    """Figure 4, on 35×35 maps: 384 → 384 channels."""

    def __init__(self, rng: Rng) -> None:
        self.branch0 = BasicConv2d(384, 96, 1, rng=rng)
        self.branch1 = Sequential(
            BasicConv2d(384, 64, 1, rng=rng), BasicConv2d(64, 96, 3, padding=1, rng=rng)
        )
        self.branch2 = Sequential(
            BasicConv2d(384, 64, 1, rng=rng),
            BasicConv2d(64, 96, 3, padding=1, rng=rng),
            BasicConv2d(96, 96, 3, padding=1, rng=rng),
        )
        self.branch3 = average(384, 96, rng)


class ReductionA(Module):
    """Figure 7 with k, l, m, n = 192, 224, 256, 384: 35×35 → 17×17, 384 → 1024 channels."""

    def __init__(self, rng: Rng) -> None:
        self.branch0 = BasicConv2d(384, 384, 3, stride=2, rng=rng)
        self.branch1 = Sequential(
            BasicConv2d(384, 192, 1, rng=rng),
            BasicConv2d(192, 224, 3, padding=1, rng=rng),
            BasicConv2d(224, 256, 3, stride=2, rng=rng),
        )
        self.branch2 = MaxPool2d(3, 2)

    def forward(self, x: Any) -> Tensor:
        return cat([self.branch0(x), self.branch1(x), self.branch2(x)], 1)


class InceptionB(Branches):
    """Figure 5, on 17×17 maps: 1024 → 1024 channels, 7×7 as 1×7 and 7×1."""

    def __init__(self, rng: Rng) -> None:
        self.branch0 = BasicConv2d(1024, 384, 1, rng=rng)
        self.branch1 = Sequential(
            BasicConv2d(1024, 192, 1, rng=rng), across(192, 224, 7, rng), down(224, 256, 7, rng)
        )
        self.branch2 = Sequential(
            BasicConv2d(1024, 192, 1, rng=rng), down(192, 192, 7, rng), across(192, 224, 7, rng),
            down(224, 224, 7, rng), across(224, 256, 7, rng),
        )  # fmt: skip
        self.branch3 = average(1024, 128, rng)


class ReductionB(Module):
    """Figure 8: 17×17 → 8×8, 1024 → 1536 channels."""

    def __init__(self, rng: Rng) -> None:
        self.branch0 = Sequential(
            BasicConv2d(1024, 192, 1, rng=rng), BasicConv2d(192, 192, 3, stride=2, rng=rng)
        )
        self.branch1 = Sequential(
            BasicConv2d(1024, 256, 1, rng=rng), across(256, 256, 7, rng), down(256, 320, 7, rng),
            BasicConv2d(320, 320, 3, stride=2, rng=rng),
        )  # fmt: skip
        self.branch2 = MaxPool2d(3, 2)

    def forward(self, x: Any) -> Tensor:
        return cat([self.branch0(x), self.branch1(x), self.branch2(x)], 1)


class InceptionC(Module):
    """Figure 6, on 8×8 maps: 1536 → 1536 channels, 1×3 and 3×1 side by side."""

    def __init__(self, rng: Rng) -> None:
        self.branch0 = BasicConv2d(1536, 256, 1, rng=rng)
        self.branch1_0 = BasicConv2d(1536, 384, 1, rng=rng)
        self.branch1_1a = across(384, 256, 3, rng)
        self.branch1_1b = down(384, 256, 3, rng)
        self.branch2_0 = BasicConv2d(1536, 384, 1, rng=rng)
        self.branch2_1 = down(384, 448, 3, rng)
        self.branch2_2 = across(448, 512, 3, rng)
        self.branch2_3a = across(512, 256, 3, rng)
        self.branch2_3b = down(512, 256, 3, rng)
        self.branch3 = average(1536, 256, rng)

    def forward(self, x: Any) -> Tensor:
        one = self.branch1_0(x)
        two = self.branch2_2(self.branch2_1(self.branch2_0(x)))
        return cat(
            [
                self.branch0(x),
                self.branch1_1a(one),
                self.branch1_1b(one),
                self.branch2_3a(two),
                self.branch2_3b(two),
                self.branch3(x),
            ],
            1,
        )


class InceptionV4(Module):
    """The stem, 4 × A, a reduction, 7 × B, a reduction, 3 × C, the average, a linear layer.

    (N, in_channels, H, W) → (N, num_classes), for 299×299 images; 42,679,816 parameters.
    Raises: ShapeError below 75×75.
    Source: Szegedy 2016, arXiv:1602.07261, figures 3 to 9.  torchvision has no such network; the state names
    are those of the weights that are published for torch (`features.0.conv.weight`, `last_linear`).
    """

    smallest = 75

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2, rng: Rng = None
    ) -> None:
        self.in_channels = in_channels
        self.features = Sequential(
            BasicConv2d(in_channels, 32, 3, stride=2, rng=rng),
            BasicConv2d(32, 32, 3, rng=rng),
            BasicConv2d(32, 64, 3, padding=1, rng=rng),
            Mixed3a(rng), Mixed4a(rng), Mixed5a(rng),
            *(InceptionA(rng) for _ in range(4)), ReductionA(rng),
            *(InceptionB(rng) for _ in range(7)), ReductionB(rng),
            *(InceptionC(rng) for _ in range(3)),
        )  # fmt: skip
        self.avgpool = AdaptiveAvgPool2d(1)
        self.dropout = Dropout(dropout, rng=rng)
        self.last_linear = Linear(1536, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 299, 299)
        need_images(self, x, self.in_channels, self.smallest)
        maps = self.avgpool(self.features(x))  # (N, 1536, 1, 1)
        return self.last_linear(self.dropout(flatten(maps, 1)))
