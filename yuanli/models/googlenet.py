"""GoogLeNet (Inception v1), as in the paper and as torchvision has it."""

from typing import Any, NamedTuple

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Identity,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Module,
    Sequential,
)  # fmt: skip
from yuanli.ops import cat, flatten, relu
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


class GoogLeNetOutputs(NamedTuple):
    """Scores in training: the network's, and those of its auxiliary heads, each weighed 0.3 in the loss."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class BasicConv2d(Module):
    """Convolution, batch norm, ReLU; in the paper's variant convolution with a bias, and ReLU."""

    def __init__(self, ins: int, outs: int, kernel: int, norm: bool, rng: Rng, stride: int = 1) -> None:
        self.conv = Conv2d(ins, outs, kernel, stride=stride, padding=kernel // 2, bias=not norm, rng=rng)
        self.bn = BatchNorm2d(outs, eps=0.001) if norm else None

    def forward(self, x: Any) -> Tensor:
        y = self.conv(x)
        return self.bn.forward_relu(y) if self.bn else relu(y)


class Inception(Module):
    """1×1, 3×3 and 5×5 convolutions and a maximum side by side, joined along the channels.

    1×1 convolutions reduce the channels before the large ones.  Figure 2b.
    """

    def __init__(
        self, ins: int, ch1: int, red3: int, ch3: int, red5: int, ch5: int, proj: int, norm: bool, rng: Rng
    ) -> None:
        largest = 3 if norm else 5
        self.branch1 = BasicConv2d(ins, ch1, 1, norm, rng)
        self.branch2 = Sequential(BasicConv2d(ins, red3, 1, norm, rng), BasicConv2d(red3, ch3, 3, norm, rng))
        self.branch3 = Sequential(
            BasicConv2d(ins, red5, 1, norm, rng), BasicConv2d(red5, ch5, largest, norm, rng)
        )
        self.branch4 = Sequential(MaxPool2d(3, stride=1, padding=1), BasicConv2d(ins, proj, 1, norm, rng))

    def forward(self, x: Any) -> Tensor:
        return cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(Module):
    """A classifier half way up, whose gradient reaches the lower layers in training.  Section 5."""

    def __init__(self, ins: int, num_classes: int, norm: bool, rng: Rng) -> None:
        self.pool = AdaptiveAvgPool2d(4) if norm else AvgPool2d(5, 3)
        self.conv = BasicConv2d(ins, 128, 1, norm, rng)
        self.fc1 = Linear(2048, 1024, rng=rng)
        self.dropout = Dropout(0.7, rng=rng)
        self.fc2 = Linear(1024, num_classes, rng=rng)

    def forward(self, x: Any) -> Tensor:
        maps = self.conv(self.pool(x))  # (N, 128, 4, 4)
        return self.fc2(self.dropout(relu(self.fc1(flatten(maps, 1)))))


class GoogLeNet(Module):
    """Nine inception modules, and the average over the picture before one linear layer.

    (N, in_channels, H, W) → (N, num_classes); in training, with aux_logits, GoogLeNetOutputs.
    variant="torchvision": batch norm after every convolution, 3×3 where the paper has 5×5 (a mistake that
    was kept), auxiliary heads on averages over 4×4 parts; 6,624,904 parameters without heads.
    variant="paper": biases, 5×5, local response normalisation, heads on 5×5 averages with stride 3, for
    224×224 images; 6,998,552 without and 13,378,280 with heads.
    Raises: ShapeError below 15×15.
    Source: Szegedy 2014, arXiv:1409.4842, table 1.  State names are torchvision's.
    """

    smallest = 15

    def __init__(
        self,
        variant: str = "torchvision",
        num_classes: int = 1000,
        in_channels: int = 3,
        aux_logits: bool = True,
        dropout: float | None = None,
        rng: Rng = None,
    ) -> None:
        if variant not in ("paper", "torchvision"):
            raise ValueRangeError(f'GoogLeNet needs variant "paper" or "torchvision", got {variant!r}')
        norm = variant == "torchvision"
        self.in_channels = in_channels

        def pool(size: int = 3) -> MaxPool2d:
            return MaxPool2d(size, 2, ceil_mode=True)

        def response() -> Module:
            return Identity() if norm else LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)

        self.conv1 = BasicConv2d(in_channels, 64, 7, norm, rng, stride=2)
        self.maxpool1 = pool()
        self.norm1 = response()
        self.conv2 = BasicConv2d(64, 64, 1, norm, rng)
        self.conv3 = BasicConv2d(64, 192, 3, norm, rng)
        self.norm2 = response()
        self.maxpool2 = pool()
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32, norm, rng)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64, norm, rng)
        self.maxpool3 = pool()
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64, norm, rng)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64, norm, rng)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64, norm, rng)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64, norm, rng)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128, norm, rng)
        self.maxpool4 = pool(2 if norm else 3)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128, norm, rng)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128, norm, rng)
        self.aux1 = InceptionAux(512, num_classes, norm, rng) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, norm, rng) if aux_logits else None
        self.avgpool = AdaptiveAvgPool2d(1)
        self.dropout = Dropout((0.2 if norm else 0.4) if dropout is None else dropout, rng=rng)
        self.fc = Linear(1024, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Any:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, self.smallest)
        x = self.norm1(self.maxpool1(self.conv1(x)))  # (N, 64, 56, 56)
        x = self.maxpool2(self.norm2(self.conv3(self.conv2(x))))  # (N, 192, 28, 28)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (N, 480, 14, 14)
        low = self.inception4a(x)
        high = self.inception4d(self.inception4c(self.inception4b(low)))
        x = self.maxpool4(self.inception4e(high))  # (N, 832, 7, 7)
        x = self.avgpool(self.inception5b(self.inception5a(x)))  # (N, 1024, 1, 1)
        scores = self.fc(self.dropout(flatten(x, 1)))
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutputs(scores, self.aux2(high), self.aux1(low))
        return scores
