"""LeNet-5."""

from typing import Any

import numpy as np

from yuanli.errors import ShapeError
from yuanli.nn import AvgPool2d, Conv2d, Linear, Module
from yuanli.nn.options import Pair, many
from yuanli.ops import flatten, tanh
from yuanli.tensor import Tensor

SMALLEST = 12  # pixels: 12 → C1 12 → S2 6 → C3 2 → S4 1


class LeNet5(Module):
    """C1 – S2 – C3 – S4 – C5 – F6 – output: 61,706 parameters for 32×32×1 and 10 classes.

    (N, in_channels, H, W) → scores (N, num_classes).  C1 pads images below 32 by 2 on every side, so that
    28 counts as 32; C5 spans all of S4, 5×5 for these sizes.
    Raises: ShapeError for images below 12×12, of which S4 would leave nothing.
    Source: LeCun 1998, Gradient-based learning applied to document recognition, section II.B and fig. 2.
    Differs: C3 sees all maps of S2 (the paper: 60 of 96 pairs); S2 and S4 are plain averages, without
    coefficient, bias and squashing; tanh(x) stands for 1.7159 tanh(2x/3), linear scores for distances to RBF
    centres.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: Pair = 32,
        rng: np.random.Generator | None = None,
    ) -> None:
        size = many("LeNet5", "image_size", image_size, 2)
        if min(size) < SMALLEST:
            raise ShapeError(
                f"LeNet5 needs images of at least {SMALLEST}×{SMALLEST} pixels, "
                f"got {size[0]}×{size[1]}; enlarge them"
            )
        padding = [2 if n < 32 else 0 for n in size]
        s2 = [(n + 2 * p - 4) // 2 for n, p in zip(size, padding, strict=True)]
        s4 = [(n - 4) // 2 for n in s2]
        self.image = (in_channels, *size)
        self.c1 = Conv2d(in_channels, 6, 5, padding=padding, rng=rng)
        self.s2 = AvgPool2d(2)
        self.c3 = Conv2d(6, 16, 5, rng=rng)
        self.s4 = AvgPool2d(2)
        self.c5 = Conv2d(16, 120, s4, rng=rng)
        self.f6 = Linear(120, 84, rng=rng)
        self.output = Linear(84, num_classes, rng=rng)

    def forward(self, x: Any) -> Tensor:  # (N, 1, 32, 32)
        if np.shape(x)[1:] != self.image:
            raise ShapeError(
                f"this LeNet5 needs x of shape (N, {', '.join(map(str, self.image))}), got {np.shape(x)}"
            )
        x = self.s2(tanh(self.c1(x)))  # (N, 6, 14, 14)
        x = self.s4(tanh(self.c3(x)))  # (N, 16, 5, 5)
        x = tanh(self.c5(x))  # (N, 120, 1, 1)
        x = tanh(self.f6(flatten(x, 1)))  # (N, 84)
        return self.output(x)  # (N, 10)
