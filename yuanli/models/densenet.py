"""DenseNet: every layer sees the maps of all layers before it in its block."""

from typing import Any

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import AvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential
from yuanli.ops import adaptive_avg_pool2d, cat, flatten
from yuanli.tensor import Tensor

Rng = np.random.Generator | None
WIDEN = 4  # a bottleneck gives 4k maps


class DenseLayer(Module):
    """H(x): batch norm, ReLU, 3×3 convolution to k maps.  Section 3."""

    def __init__(self, ins: int, growth: int, drop: float, rng: Rng) -> None:
        self.norm1 = BatchNorm2d(ins)
        self.conv1 = Conv2d(ins, growth, 3, padding=1, bias=False, rng=rng)
        self.drop = Dropout(drop, rng=rng)

    def forward(self, x: Any) -> Tensor:
        return self.drop(self.conv1(self.norm1.forward_relu(x)))


class BottleneckLayer(Module):
    """H(x) with a 1×1 convolution to 4k maps before the 3×3: DenseNet-B.  Section 3."""

    def __init__(self, ins: int, growth: int, drop: float, rng: Rng) -> None:
        self.norm1 = BatchNorm2d(ins)
        self.conv1 = Conv2d(ins, WIDEN * growth, 1, bias=False, rng=rng)
        self.norm2 = BatchNorm2d(WIDEN * growth)
        self.conv2 = Conv2d(WIDEN * growth, growth, 3, padding=1, bias=False, rng=rng)
        self.drop = Dropout(drop, rng=rng)

    def forward(self, x: Any) -> Tensor:
        narrow = self.conv1(self.norm1.forward_relu(x))
        return self.drop(self.conv2(self.norm2.forward_relu(narrow)))


class DenseBlock(Sequential):
    """x_l = H_l([x_0, x_1, …, x_{l−1}]), and all of them joined at the end.  Equation 2."""

    def forward(self, x: Any) -> Any:
        for layer in self:
            x = cat([x, layer(x)], 1)
        return x


class Transition(Sequential):
    """Between blocks: a 1×1 convolution, and averages that halve height and width."""

    def __init__(self, ins: int, outs: int, rng: Rng) -> None:
        super().__init__(
            {
                "norm": BatchNorm2d(ins),
                "relu": ReLU(),
                "conv": Conv2d(ins, outs, 1, bias=False, rng=rng),
                "pool": AvgPool2d(2),
            }
        )


class DenseNet(Module):
    """A 7×7 convolution, four dense blocks of bottleneck layers, halving transitions, a linear layer.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images.  DenseNet-121 is the default;
    `block_config` has the layers of each block, `growth_rate` is k, `num_init_features` the first maps.
    Raises: ShapeError below 29×29.
    Source: Huang 2016, arXiv:1608.06993, table 1 (DenseNet-BC).  State names are torchvision's.
    """

    smallest = 29

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, ...] = (6, 12, 24, 16),
        num_init_features: int = 64,
        num_classes: int = 1000,
        in_channels: int = 3,
        drop_rate: float = 0.0,
        rng: Rng = None,
    ) -> None:
        self.in_channels = in_channels
        ins = num_init_features
        parts = {
            "conv0": Conv2d(in_channels, ins, 7, stride=2, padding=3, bias=False, rng=rng),
            "norm0": BatchNorm2d(ins),
            "relu0": ReLU(),
            "pool0": MaxPool2d(3, stride=2, padding=1),
        }
        ins = _blocks(parts, BottleneckLayer, block_config, ins, growth_rate, 0.5, drop_rate, rng)
        self.features = Sequential(parts)
        self.classifier = Linear(ins, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, self.smallest)
        maps = self.features(x)  # (N, 1024, 7, 7)
        return self.classifier(flatten(adaptive_avg_pool2d(maps, 1), 1))


class CifarDenseNet(Module):
    """A 3×3 convolution and three dense blocks of equally many layers, for 32×32 images.

    (N, in_channels, H, W) → (N, num_classes).  depth = 3n + 4 layers with weights; with `bottleneck`
    (DenseNet-BC) 6n + 4, and the transitions halve the maps.
    Raises: ShapeError below 4×4, ValueRangeError for a depth that is no 3n + 4 (6n + 4).
    Source: Huang 2016, arXiv:1608.06993, sections 3 and 4.2: k = 12, depth 40 or 100.
    """

    smallest = 4

    def __init__(
        self,
        depth: int = 40,
        growth_rate: int = 12,
        bottleneck: bool = False,
        num_classes: int = 10,
        in_channels: int = 3,
        drop_rate: float = 0.0,
        rng: Rng = None,
    ) -> None:
        each = 6 if bottleneck else 3
        n, rest = divmod(depth - 4, each)
        if n < 1 or rest:
            raise ValueRangeError(f"CifarDenseNet needs a depth of {each}n + 4 layers, got {depth}")
        self.in_channels = in_channels
        ins = 2 * growth_rate if bottleneck else 16
        parts: dict[str, Module] = {"conv0": Conv2d(in_channels, ins, 3, padding=1, bias=False, rng=rng)}
        layer, kept = (BottleneckLayer, 0.5) if bottleneck else (DenseLayer, 1.0)
        ins = _blocks(parts, layer, (n, n, n), ins, growth_rate, kept, drop_rate, rng)
        self.features = Sequential(parts)
        self.classifier = Linear(ins, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 32, 32)
        need_images(self, x, self.in_channels, self.smallest)
        maps = self.features(x)  # (N, C, 8, 8)
        return self.classifier(flatten(adaptive_avg_pool2d(maps, 1), 1))


def _blocks(
    parts: dict[str, Any], layer: Any, config: Any, ins: int, growth: int, kept: float, drop: float, rng: Rng
) -> int:
    """Add dense blocks, between them transitions that keep the share `kept` of the maps, norm and ReLU."""
    for i, depth in enumerate(config, 1):
        layers = {f"denselayer{j + 1}": layer(ins + j * growth, growth, drop, rng) for j in range(depth)}
        parts[f"denseblock{i}"] = DenseBlock(layers)
        ins += depth * growth
        if i < len(config):
            parts[f"transition{i}"] = Transition(ins, int(ins * kept), rng)
            ins = int(ins * kept)
    parts["norm5"], parts["relu5"] = BatchNorm2d(ins), ReLU()
    return ins
