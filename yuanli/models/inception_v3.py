"""Inception v3: large kernels replaced by several small ones, n×n by 1×n and n×1."""

from typing import Any, NamedTuple

import numpy as np

from yuanli.models.images import he_, need_images
from yuanli.nn import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Linear,
    MaxPool2d,
    Module,
)  # fmt: skip
from yuanli.nn.options import Pair
from yuanli.ops import cat, flatten
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


class InceptionOutputs(NamedTuple):
    """Scores in training: the network's, and those of its auxiliary head."""

    logits: Tensor
    aux_logits: Tensor


class BasicConv2d(Module):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self, ins: int, outs: int, kernel: Pair, stride: int = 1, padding: Pair = 0, rng: Rng = None
    ) -> None:
        self.conv = Conv2d(ins, outs, kernel, stride=stride, padding=padding, bias=False, rng=rng)
        self.bn = BatchNorm2d(outs, eps=0.001)

    def forward(self, x: Any) -> Tensor:
        return self.bn.forward_relu(self.conv(x))


def across(ins: int, outs: int, n: int, rng: Rng) -> BasicConv2d:
    """1×n; with `down` after it, an n×n for 2n instead of n² weights."""
    return BasicConv2d(ins, outs, (1, n), padding=(0, n // 2), rng=rng)


def down(ins: int, outs: int, n: int, rng: Rng) -> BasicConv2d:
    """n×1"""
    return BasicConv2d(ins, outs, (n, 1), padding=(n // 2, 0), rng=rng)


class InceptionA(Module):
    """A 5×5 and two 3×3 side by side with a 1×1 and an average.

    Figure 4 with its 3×3 doubled; the paper's table names figure 5, whose 5×5 is two 3×3 as well.
    """

    def __init__(self, ins: int, pool_features: int, rng: Rng) -> None:
        self.branch1x1 = BasicConv2d(ins, 64, 1, rng=rng)
        self.branch5x5_1 = BasicConv2d(ins, 48, 1, rng=rng)
        self.branch5x5_2 = BasicConv2d(48, 64, 5, padding=2, rng=rng)
        self.branch3x3dbl_1 = BasicConv2d(ins, 64, 1, rng=rng)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1, rng=rng)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, padding=1, rng=rng)
        self.pool = AvgPool2d(3, 1, padding=1)
        self.branch_pool = BasicConv2d(ins, pool_features, 1, rng=rng)

    def forward(self, x: Any) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return cat([self.branch1x1(x), five, double, self.branch_pool(self.pool(x))], 1)


class InceptionB(Module):
    """Half the height and width: strided convolutions beside a maximum.  Figure 10."""

    def __init__(self, ins: int, rng: Rng) -> None:
        self.branch3x3 = BasicConv2d(ins, 384, 3, stride=2, rng=rng)
        self.branch3x3dbl_1 = BasicConv2d(ins, 64, 1, rng=rng)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1, rng=rng)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2, rng=rng)
        self.pool = MaxPool2d(3, 2)

    def forward(self, x: Any) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return cat([self.branch3x3(x), double, self.pool(x)], 1)


class InceptionC(Module):
    """7×7 convolutions as 1×7 and 7×1.  Figure 6, n = 7."""

    def __init__(self, ins: int, c7: int, rng: Rng) -> None:
        self.branch1x1 = BasicConv2d(ins, 192, 1, rng=rng)
        self.branch7x7_1 = BasicConv2d(ins, c7, 1, rng=rng)
        self.branch7x7_2 = across(c7, c7, 7, rng)
        self.branch7x7_3 = down(c7, 192, 7, rng)
        self.branch7x7dbl_1 = BasicConv2d(ins, c7, 1, rng=rng)
        self.branch7x7dbl_2 = down(c7, c7, 7, rng)
        self.branch7x7dbl_3 = across(c7, c7, 7, rng)
        self.branch7x7dbl_4 = down(c7, c7, 7, rng)
        self.branch7x7dbl_5 = across(c7, 192, 7, rng)
        self.pool = AvgPool2d(3, 1, padding=1)
        self.branch_pool = BasicConv2d(ins, 192, 1, rng=rng)

    def forward(self, x: Any) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return cat([self.branch1x1(x), seven, double, self.branch_pool(self.pool(x))], 1)


class InceptionD(Module):
    """Half the height and width again, one branch through a 7×7 in two."""

    def __init__(self, ins: int, rng: Rng) -> None:
        self.branch3x3_1 = BasicConv2d(ins, 192, 1, rng=rng)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2, rng=rng)
        self.branch7x7x3_1 = BasicConv2d(ins, 192, 1, rng=rng)
        self.branch7x7x3_2 = across(192, 192, 7, rng)
        self.branch7x7x3_3 = down(192, 192, 7, rng)
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2, rng=rng)
        self.pool = MaxPool2d(3, 2)

    def forward(self, x: Any) -> Tensor:
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return cat([self.branch3x3_2(self.branch3x3_1(x)), self.branch7x7x3_4(seven), self.pool(x)], 1)


class InceptionE(Module):
    """1×3 and 3×1 side by side instead of in turn: more maps from the smallest pictures.  Figure 7."""

    def __init__(self, ins: int, rng: Rng) -> None:
        self.branch1x1 = BasicConv2d(ins, 320, 1, rng=rng)
        self.branch3x3_1 = BasicConv2d(ins, 384, 1, rng=rng)
        self.branch3x3_2a = across(384, 384, 3, rng)
        self.branch3x3_2b = down(384, 384, 3, rng)
        self.branch3x3dbl_1 = BasicConv2d(ins, 448, 1, rng=rng)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3, padding=1, rng=rng)
        self.branch3x3dbl_3a = across(384, 384, 3, rng)
        self.branch3x3dbl_3b = down(384, 384, 3, rng)
        self.pool = AvgPool2d(3, 1, padding=1)
        self.branch_pool = BasicConv2d(ins, 192, 1, rng=rng)

    def forward(self, x: Any) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(three),
                self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(self.pool(x)),
            ],
            1,
        )


class InceptionAux(Module):
    """A classifier on the 17×17 maps, for training.  Section 4."""

    def __init__(self, ins: int, num_classes: int, rng: Rng) -> None:
        self.pool = AvgPool2d(5, 3)
        self.conv0 = BasicConv2d(ins, 128, 1, rng=rng)
        self.conv1 = BasicConv2d(128, 768, 5, rng=rng)
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc = Linear(768, num_classes, rng=rng)

    def forward(self, x: Any) -> Tensor:
        return self.fc(flatten(self.avgpool(self.conv1(self.conv0(self.pool(x)))), 1))


class InceptionV3(Module):
    """A stem of small convolutions, eleven inception modules of five kinds, the average, a linear layer.

    (N, in_channels, H, W) → (N, num_classes), for 299×299 images; in training, with aux_logits,
    InceptionOutputs.  23,834,568 parameters, 27,161,264 with the auxiliary head.
    Raises: ShapeError below 75×75, in training with aux_logits below 299×299, of which the head sees 17×17.
    Source: Szegedy 2015, arXiv:1512.00567, table 1.  State names are torchvision's.  Differs, as the authors'
    published network and torchvision's do: the table's last three convolutions before the modules (3×3 to
    80 maps, 3×3 of stride 2 to 192, 3×3 to 288) are a 1×1 to 80, a 3×3 to 192 and a maximum of stride 2.
    """

    smallest = 75
    smallest_for_head = 299

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        aux_logits: bool = True,
        dropout: float = 0.5,
        rng: Rng = None,
    ) -> None:
        self.in_channels = in_channels
        self.Conv2d_1a_3x3 = BasicConv2d(in_channels, 32, 3, stride=2, rng=rng)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3, rng=rng)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1, rng=rng)
        self.maxpool1 = MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1, rng=rng)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3, rng=rng)
        self.maxpool2 = MaxPool2d(3, 2)
        self.Mixed_5b = InceptionA(192, 32, rng)
        self.Mixed_5c = InceptionA(256, 64, rng)
        self.Mixed_5d = InceptionA(288, 64, rng)
        self.Mixed_6a = InceptionB(288, rng)
        self.Mixed_6b = InceptionC(768, 128, rng)
        self.Mixed_6c = InceptionC(768, 160, rng)
        self.Mixed_6d = InceptionC(768, 160, rng)
        self.Mixed_6e = InceptionC(768, 192, rng)
        self.AuxLogits = InceptionAux(768, num_classes, rng) if aux_logits else None
        self.Mixed_7a = InceptionD(768, rng)
        self.Mixed_7b = InceptionE(1280, rng)
        self.Mixed_7c = InceptionE(2048, rng)
        self.avgpool = AdaptiveAvgPool2d(1)
        self.dropout = Dropout(dropout, rng=rng)
        self.fc = Linear(2048, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Any:  # (N, 3, 299, 299)
        head = self.AuxLogits if self.training else None
        need_images(self, x, self.in_channels, self.smallest if head is None else self.smallest_for_head)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # (N, 64, 147, 147)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.maxpool1(x)))  # (N, 192, 71, 71)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(self.maxpool2(x))))  # (N, 288, 35, 35)
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))  # (N, 768, 17, 17)
        y = self.avgpool(self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))))  # (N, 2048, 1, 1)
        scores = self.fc(flatten(self.dropout(y), 1))
        return scores if head is None else InceptionOutputs(scores, head(x))
