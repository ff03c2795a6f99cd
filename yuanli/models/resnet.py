"""Residual networks: ResNet for large images and for CIFAR, and their plain twins."""

from typing import Any

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Identity,
    Linear,
    MaxPool2d,
    Module,
    Sequential,
)
from yuanli.ops import flatten, pad
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


def conv3x3(ins: int, outs: int, stride: int = 1, rng: Rng = None) -> Conv2d:
    return Conv2d(ins, outs, 3, stride=stride, padding=1, bias=False, rng=rng)


def conv1x1(ins: int, outs: int, stride: int = 1, rng: Rng = None) -> Conv2d:
    return Conv2d(ins, outs, 1, stride=stride, bias=False, rng=rng)


class BasicBlock(Module):
    """relu(x + F(x)), F two 3×3 convolutions; `downsample` brings x to F's shape.  Figure 5, left."""

    expansion = 1

    def __init__(self, ins: int, width: int, stride: int, downsample: Module, rng: Rng = None) -> None:
        self.conv1 = conv3x3(ins, width, stride, rng)
        self.bn1 = BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, rng=rng)
        self.bn2 = BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Any) -> Tensor:  # (N, C, H, W)
        residual = self.conv2(self.bn1.forward_relu(self.conv1(x)))
        return self.bn2.forward_add_relu(residual, self.downsample(x))


class Bottleneck(Module):
    """relu(x + F(x)), F a 1×1 that narrows, a 3×3, a 1×1 that widens fourfold.  Figure 5, right.

    Differs: the 3×3 takes the stride (torchvision, "v1.5"), in the paper the first 1×1 does.
    """

    expansion = 4

    def __init__(self, ins: int, width: int, stride: int, downsample: Module, rng: Rng = None) -> None:
        self.conv1 = conv1x1(ins, width, rng=rng)
        self.bn1 = BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride, rng)
        self.bn2 = BatchNorm2d(width)
        self.conv3 = conv1x1(width, 4 * width, rng=rng)
        self.bn3 = BatchNorm2d(4 * width)
        self.downsample = downsample

    def forward(self, x: Any) -> Tensor:
        narrow = self.bn1.forward_relu(self.conv1(x))
        narrow = self.bn2.forward_relu(self.conv2(narrow))
        return self.bn3.forward_add_relu(self.conv3(narrow), self.downsample(x))


class PlainBlock(BasicBlock):
    """relu(F(x)): a basic block without its shortcut, to show what the shortcut does."""

    def __init__(self, ins: int, width: int, stride: int, downsample: Module, rng: Rng = None) -> None:
        super().__init__(ins, width, stride, Identity(), rng)

    def forward(self, x: Any) -> Tensor:
        return self.bn2.forward_relu(self.conv2(self.bn1.forward_relu(self.conv1(x))))


def projection(ins: int, outs: int, stride: int, rng: Rng = None) -> Module:
    """Option B: a 1×1 convolution where the shapes differ, otherwise x itself."""
    if stride == 1 and ins == outs:
        return Identity()
    return Sequential(conv1x1(ins, outs, stride, rng), BatchNorm2d(outs))


class PaddedShortcut(Module):
    """Option A: every stride-th pixel, and zeros for the channels that are new; no parameters."""

    def __init__(self, new_channels: int, stride: int) -> None:
        self.new_channels = new_channels
        self.subsample = AvgPool2d(1, stride)

    def forward(self, x: Any) -> Tensor:
        before = self.new_channels // 2
        return pad(self.subsample(x), (0, 0, 0, 0, before, self.new_channels - before))


class ResNet(Module):
    """A 7×7 convolution, four stages of blocks, the average over the picture, a linear layer.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images.  `layers`: the blocks of each stage;
    ResNet-18 is ResNet(BasicBlock, (2, 2, 2, 2)), and ResNet(PlainBlock, …) its plain twin.
    Source: He 2015, arXiv:1512.03385, table 1.  Differs: see Bottleneck.  State names are torchvision's.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: tuple[int, int, int, int],
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: Rng = None,
    ) -> None:
        self.in_channels = in_channels
        self.conv1 = Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False, rng=rng)
        self.bn1 = BatchNorm2d(64)
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        e = block.expansion
        self.layer1 = stage(block, layers[0], 64, 64, 1, projection, rng)
        self.layer2 = stage(block, layers[1], 64 * e, 128, 2, projection, rng)
        self.layer3 = stage(block, layers[2], 128 * e, 256, 2, projection, rng)
        self.layer4 = stage(block, layers[3], 256 * e, 512, 2, projection, rng)
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc = Linear(512 * e, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, smallest=1)
        x = self.maxpool(self.bn1.forward_relu(self.conv1(x)))  # (N, 64, 56, 56)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512·expansion, 7, 7)
        return self.fc(flatten(self.avgpool(x), 1))


class CifarResNet(Module):
    """A 3×3 convolution and three stages of 16, 32 and 64 channels, depth = 6n + 2 layers with weights.

    (N, in_channels, H, W) → (N, num_classes), for 32×32 images; block=PlainBlock gives the plain twin, with
    the same parameters, because shortcuts have none (option A).
    Source: He 2015, arXiv:1512.03385, section 4.2.
    """

    def __init__(
        self,
        depth: int = 20,
        block: type[BasicBlock] = BasicBlock,
        num_classes: int = 10,
        in_channels: int = 3,
        rng: Rng = None,
    ) -> None:
        n, rest = divmod(depth - 2, 6)
        if n < 1 or rest:
            raise ValueRangeError(f"CifarResNet needs a depth of 6n + 2 layers: 8, 14, 20, …; got {depth}")
        self.in_channels = in_channels
        self.conv1 = conv3x3(in_channels, 16, rng=rng)
        self.bn1 = BatchNorm2d(16)
        self.layer1 = stage(block, n, 16, 16, 1, padded, rng)
        self.layer2 = stage(block, n, 16, 32, 2, padded, rng)
        self.layer3 = stage(block, n, 32, 64, 2, padded, rng)
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc = Linear(64, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 32, 32)
        need_images(self, x, self.in_channels, smallest=1)
        x = self.bn1.forward_relu(self.conv1(x))  # (N, 16, 32, 32)
        x = self.layer3(self.layer2(self.layer1(x)))  # (N, 64, 8, 8)
        return self.fc(flatten(self.avgpool(x), 1))


def padded(ins: int, outs: int, stride: int, rng: Rng = None) -> Module:
    return Identity() if stride == 1 and ins == outs else PaddedShortcut(outs - ins, stride)


def stage(block: Any, depth: int, ins: int, width: int, stride: int, shortcut: Any, rng: Rng) -> Sequential:
    """`depth` blocks of one width; the first takes the stride."""
    outs = width * block.expansion
    first = block(ins, width, stride, shortcut(ins, outs, stride, rng), rng)
    return Sequential(first, *(block(outs, width, 1, Identity(), rng) for _ in range(depth - 1)))
