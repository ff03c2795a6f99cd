"""MobileNet v1 and v2: a convolution as a filter for each channel, then a mixture of channels."""

from typing import Any

import numpy as np

from yuanli.models.images import he_, need_images
from yuanli.nn import BatchNorm2d, Conv2d, Dropout, Linear, Module, ReLU, ReLU6, Sequential
from yuanli.ops import adaptive_avg_pool2d, flatten
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


def depthwise(channels: int, stride: int, rng: Rng) -> Conv2d:
    """One 3×3 filter a channel: 9C weights, where a full convolution has 9C²."""
    return Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False, rng=rng)


def pointwise(ins: int, outs: int, rng: Rng) -> Conv2d:
    """1×1: mixes channels."""
    return Conv2d(ins, outs, 1, bias=False, rng=rng)


class Separable(Sequential):
    """Depthwise and pointwise convolution, each with batch norm and ReLU.  Howard 2017, figure 3."""

    def __init__(self, ins: int, outs: int, stride: int, rng: Rng = None) -> None:
        super().__init__(
            Sequential(depthwise(ins, stride, rng), BatchNorm2d(ins), ReLU()),
            Sequential(pointwise(ins, outs, rng), BatchNorm2d(outs), ReLU()),
        )


class MobileNetV1(Module):
    """A 3×3 convolution, 13 depthwise separable ones, the average, a linear layer: 4,231,976 parameters.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images; `width` is the paper's multiplier α.
    Source: Howard 2017, arXiv:1704.04861, table 1.  Differs: the table gives the last depthwise convolution a
    stride of 2, with which its own 7×7 maps after it would be 4×4; here it is 1.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        dropout: float = 0.001,
        rng: Rng = None,
    ) -> None:
        self.in_channels = in_channels
        ins = int(32 * width)
        self.features = Sequential(
            Sequential(
                Conv2d(in_channels, ins, 3, stride=2, padding=1, bias=False, rng=rng),
                BatchNorm2d(ins),
                ReLU(),
            )
        )
        for outs, stride in (
            (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1),
        ):  # fmt: skip
            self.features.append(Separable(ins, int(outs * width), stride, rng))
            ins = int(outs * width)
        self.classifier = Sequential(Dropout(dropout, rng=rng), Linear(ins, num_classes, rng=rng))
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, smallest=1)
        maps = self.features(x)  # (N, 1024, 7, 7)
        return self.classifier(flatten(adaptive_avg_pool2d(maps, 1), 1))


class InvertedResidual(Module):
    """Widen by a 1×1, filter each channel, narrow by a 1×1 without activation; add x where shapes allow.

    Source: Sandler 2018, arXiv:1801.04381, table 1.
    """

    def __init__(self, ins: int, outs: int, stride: int, expand_ratio: int, rng: Rng = None) -> None:
        wide = ins * expand_ratio
        self.adds = stride == 1 and ins == outs
        self.conv = Sequential()
        if expand_ratio != 1:
            self.conv.append(Sequential(pointwise(ins, wide, rng), BatchNorm2d(wide), ReLU6()))
        self.conv.append(Sequential(depthwise(wide, stride, rng), BatchNorm2d(wide), ReLU6()))
        self.conv.extend((pointwise(wide, outs, rng), BatchNorm2d(outs)))

    def forward(self, x: Any) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(Module):
    """A 3×3 convolution, 17 inverted residuals, a 1×1, the average, a linear layer: 3,504,872 parameters.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images.
    Source: Sandler 2018, arXiv:1801.04381, table 2.  State names are torchvision's.
    Differs: table 2 gives the stages' strides; they belong to the first block of each.
    """

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2, rng: Rng = None
    ) -> None:
        self.in_channels = in_channels
        first = Conv2d(in_channels, 32, 3, stride=2, padding=1, bias=False, rng=rng)
        self.features = Sequential(Sequential(first, BatchNorm2d(32), ReLU6()))
        ins = 32
        for t, c, n, s in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
            (6, 320, 1, 1),
        ):  # fmt: skip
            for i in range(n):
                self.features.append(InvertedResidual(ins, c, s if i == 0 else 1, t, rng))
                ins = c
        self.features.append(Sequential(pointwise(ins, 1280, rng), BatchNorm2d(1280), ReLU6()))
        self.classifier = Sequential(Dropout(dropout, rng=rng), Linear(1280, num_classes, rng=rng))
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, smallest=1)
        maps = self.features(x)  # (N, 1280, 7, 7)
        return self.classifier(flatten(adaptive_avg_pool2d(maps, 1), 1))
