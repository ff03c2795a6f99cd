"""LeNet-5, as it is built today and as it was in 1998."""

from typing import Any

import numpy as np

from yuanli.errors import ShapeError
from yuanli.models.images import need_images
from yuanli.nn import AvgPool2d, Conv2d, Linear, Module, ModuleList, Parameter
from yuanli.nn.options import Pair, many
from yuanli.ops import avg_pool2d, cat, flatten, tanh
from yuanli.random import generator
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


# Table I: the maps of S2 that each of C3's 16 maps sees: three in a row, four in a row, four with gaps, all.
TABLE_I = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class Subsampling(Module):
    """S2 and S4: the sum of 2×2, times a coefficient, plus a bias; two parameters a map."""

    def __init__(self, channels: int) -> None:
        self.coefficient = Parameter(np.full((channels, 1, 1), 0.25, np.float32))
        self.bias = Parameter(np.zeros((channels, 1, 1), np.float32))

    def forward(self, x: Any) -> Tensor:
        return squash(self.coefficient * (4 * avg_pool2d(x, 2)) + self.bias)


class LeNet1998(Module):
    """LeNet-5 with the parts of the paper that are left out today: 60,000 parameters.

    (N, 1, 32, 32) → scores (N, 10).  C3's maps see 3, 4 or 6 maps of S2 (table I); pooling has coefficients
    and biases; the squashing function is 1.7159 tanh(2x/3); a class is the nearest of fixed codes of ±1:
    score_k = −Σ (F6 − code_k)².
    Raises: ShapeError for images of another size.
    Source: LeCun 1998, Gradient-based learning applied to document recognition, section II.B, equations 5-7.
    Differs: the codes are drawn at random, where the paper draws characters of 7×12 pixels.
    """

    def __init__(self, rng: np.random.Generator | None = None) -> None:
        self.c1 = Conv2d(1, 6, 5, rng=rng)
        self.s2 = Subsampling(6)
        self.c3 = ModuleList(Conv2d(len(seen), 1, 5, rng=rng) for seen in TABLE_I)
        self.s4 = Subsampling(16)
        self.c5 = Conv2d(16, 120, 5, rng=rng)
        self.f6 = Linear(120, 84, rng=rng)
        self.register_buffer("codes", generator(rng).choice(np.array([-1, 1], np.float32), (10, 84)))

    codes: np.ndarray

    def forward(self, x: Any) -> Tensor:  # (N, 1, 32, 32)
        need_images(self, x, 1, 32)
        if np.shape(x)[2:] != (32, 32):
            raise ShapeError(f"LeNet1998 needs images of 32×32 pixels, got {np.shape(x)[2:]}; resize them")
        maps = self.s2(squash(self.c1(x)))  # (N, 6, 14, 14)
        seen = [cat([maps[:, i : i + 1] for i in row], 1) for row in TABLE_I]
        maps = cat([conv(part) for conv, part in zip(self.c3, seen, strict=True)], 1)  # (N, 16, 10, 10)
        maps = self.s4(squash(maps))  # (N, 16, 5, 5)
        f6 = squash(self.f6(flatten(squash(self.c5(maps)), 1)))  # (N, 84)
        apart = f6.reshape(-1, 1, 84) - self.codes
        return -(apart * apart).sum(-1)


def squash(x: Tensor) -> Tensor:
    """1.7159 tanh(2x/3): ±1 are mapped to ±1, where the curve bends most.  Appendix A."""
    return 1.7159 * tanh(x * (2 / 3))
