"""VGG: depth from 3×3 convolutions alone."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from yuanli.errors import ShapeError, ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)  # fmt: skip
from yuanli.nn.options import Pair, many
from yuanli.ops import flatten
from yuanli.tensor import Tensor

# Convolutions in each of the five stages, of 64, 128, 256, 512 and 512 channels: the paper's A, B, D and E.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
SMALLEST = 32  # pixels: five poolings halve it to 1


class VGG(Module):
    """Five stages of 3×3 convolutions, each closed by a 2×2 maximum, and three linear layers.

    (N, in_channels, H, W) → (N, num_classes).  `depth` counts the layers with weights: 11, 13, 16 or 19.
    The first linear layer sees the maps of an image of `image_size`, 512×7×7 for 224; other sizes are brought
    to that by averages.  `hidden`: the widths of the linear layers before the last; () for none.
    Raises: ShapeError below 32×32, ValueRangeError for another depth.
    Source: Simonyan & Zisserman 2014, arXiv:1409.1556, table 1.  State names are torchvision's.
    Differs: weights start as in He 2015, so no shallower net need be trained first; with batch_norm, which
    came later, after every convolution.
    """

    def __init__(
        self,
        depth: int = 16,
        batch_norm: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
        image_size: Pair = 224,
        hidden: Sequence[int] = (4096, 4096),
        dropout: float = 0.5,
        rng: np.random.Generator | None = None,
    ) -> None:
        if depth not in STAGES:
            raise ValueRangeError(f"VGG needs a depth of {', '.join(map(str, STAGES))}, got {depth!r}")
        height, width = many("VGG", "image_size", image_size, 2)
        if min(height, width) < SMALLEST:
            raise ShapeError(
                f"VGG needs images of at least {SMALLEST}×{SMALLEST} pixels, "
                f"got {height}×{width}; enlarge them"
            )
        self.in_channels = in_channels
        self.features = Sequential()
        ins = in_channels
        for convolutions, outs in zip(STAGES[depth], WIDTHS, strict=True):
            for _ in range(convolutions):
                self.features.append(Conv2d(ins, outs, 3, padding=1, rng=rng))
                self.features.extend([BatchNorm2d(outs), ReLU()] if batch_norm else [ReLU()])
                ins = outs
            self.features.append(MaxPool2d(2))
        maps = (height // 32, width // 32)
        self.avgpool = AdaptiveAvgPool2d(maps)
        self.classifier = Sequential()
        for inputs, outputs in pairwise((512 * maps[0] * maps[1], *hidden)):
            self.classifier.extend((Linear(inputs, outputs, rng=rng), ReLU(), Dropout(dropout, rng=rng)))
        last = hidden[-1] if hidden else 512 * maps[0] * maps[1]
        self.classifier.append(Linear(last, num_classes, rng=rng))
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, SMALLEST)
        x = self.avgpool(self.features(x))  # (N, 512, 7, 7)
        return self.classifier(flatten(x, 1))
