"""AlexNet, as in the paper and as torchvision has it."""

from math import prod
from typing import Any

import numpy as np

from yuanli.errors import ShapeError, ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import (
    AdaptiveAvgPool2d,
    Conv2d,
    Dropout,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)  # fmt: skip
from yuanli.nn.options import Pair, many
from yuanli.ops import flatten
from yuanli.tensor import Tensor

Rng = np.random.Generator | None
SMALLEST = {"torchvision": 63, "paper": 67}  # pixels


class AlexNet(Module):
    """Five convolutions and three linear layers, ReLU after all but the last, dropout before two.

    (N, in_channels, H, W) → (N, num_classes).  variant="torchvision": one tower, 61,100,840 parameters, any
    size from 63×63 up, averaged to 6×6 maps.  variant="paper": 60,965,224; convolutions 2, 4 and 5 in two
    groups (the two GPUs), more maps in the first ones, local response normalisation, no padding before the
    first, linear layers that see the maps of an image of `image_size`, and of no other.
    Raises: ShapeError for images that are too small, ValueRangeError for another variant.
    Source: Krizhevsky 2012, ImageNet Classification with Deep CNNs, sections 3 and 4; torchvision follows
    Krizhevsky 2014, arXiv:1404.5997.  Differs: the paper says 224 pixels, its own sizes need 227; in both
    variants weights start as He 2015 has them and biases at 0, where the paper draws from N(0, 0.01²) and
    starts the biases of convolutions 2, 4, 5 and of the hidden linear layers at 1; dropout is on what goes
    into the hidden linear layers, where the paper's is on what comes out of them.
    """

    def __init__(
        self,
        variant: str = "torchvision",
        num_classes: int = 1000,
        in_channels: int = 3,
        image_size: Pair = 227,
        dropout: float = 0.5,
        rng: Rng = None,
    ) -> None:
        if variant not in SMALLEST:
            raise ValueRangeError(f'AlexNet needs variant "paper" or "torchvision", got {variant!r}')
        self.in_channels, self.smallest = in_channels, SMALLEST[variant]
        self.image_size = many("AlexNet", "image_size", image_size, 2)
        if min(self.image_size) < self.smallest:
            raise ShapeError(
                f"AlexNet needs images of at least {self.smallest}×{self.smallest} pixels, "
                f"got {self.image_size[0]}×{self.image_size[1]}; enlarge them"
            )
        self.variant = variant
        if variant == "torchvision":
            self.features = _one_tower(in_channels, rng)
            self.avgpool = AdaptiveAvgPool2d(6)
            maps = 256 * 6 * 6
        else:
            self.features = _two_towers(in_channels, rng)
            maps = 256 * prod(_paper_maps(n) for n in self.image_size)
        self.classifier = Sequential(
            Dropout(dropout, rng=rng), Linear(maps, 4096, rng=rng), ReLU(),
            Dropout(dropout, rng=rng), Linear(4096, 4096, rng=rng), ReLU(),
            Linear(4096, num_classes, rng=rng),
        )  # fmt: skip
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224), in the paper's variant 227
        need_images(self, x, self.in_channels, self.smallest)
        if self.variant == "torchvision":
            return self.classifier(flatten(self.avgpool(self.features(x)), 1))
        if np.shape(x)[2:] != self.image_size:
            raise ShapeError(f"this AlexNet needs images of size {self.image_size}, got {np.shape(x)[2:]}")
        return self.classifier(flatten(self.features(x), 1))


def _one_tower(ins: int, rng: Rng) -> Sequential:
    return Sequential(
        Conv2d(ins, 64, 11, stride=4, padding=2, rng=rng), ReLU(), MaxPool2d(3, 2),
        Conv2d(64, 192, 5, padding=2, rng=rng), ReLU(), MaxPool2d(3, 2),
        Conv2d(192, 384, 3, padding=1, rng=rng), ReLU(),
        Conv2d(384, 256, 3, padding=1, rng=rng), ReLU(),
        Conv2d(256, 256, 3, padding=1, rng=rng), ReLU(), MaxPool2d(3, 2),
    )  # fmt: skip


def _two_towers(ins: int, rng: Rng) -> Sequential:
    def normalise() -> LocalResponseNorm:
        return LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)  # the paper's α = 1e-4, times size

    return Sequential(
        Conv2d(ins, 96, 11, stride=4, rng=rng), ReLU(), normalise(), MaxPool2d(3, 2),
        Conv2d(96, 256, 5, padding=2, groups=2, rng=rng), ReLU(), normalise(), MaxPool2d(3, 2),
        Conv2d(256, 384, 3, padding=1, rng=rng), ReLU(),
        Conv2d(384, 384, 3, padding=1, groups=2, rng=rng), ReLU(),
        Conv2d(384, 256, 3, padding=1, groups=2, rng=rng), ReLU(), MaxPool2d(3, 2),
    )  # fmt: skip


def _paper_maps(pixels: int) -> int:
    """What is left of so many pixels: 227 → 55 → 27 → 13 → 6."""
    after = (pixels - 11) // 4 + 1
    for _ in range(3):
        after = (after - 3) // 2 + 1
    return after
