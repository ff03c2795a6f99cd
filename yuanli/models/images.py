"""What every network for images checks before it computes."""

from typing import Any

import numpy as np

from yuanli.errors import ShapeError
from yuanli.nn import Conv2d, Module, init


def need_images(model: Module, x: Any, in_channels: int, smallest: int) -> None:
    """Raise unless x is (N, in_channels, H, W) with H and W of at least `smallest` pixels."""
    name, shape = type(model).__name__, np.shape(x)
    if len(shape) != 4 or shape[1] != in_channels:
        raise ShapeError(f"{name} needs images of shape (N, {in_channels}, H, W), got {shape}")
    if min(shape[2:]) < smallest:
        raise ShapeError(
            f"{name} needs images of at least {smallest}×{smallest} pixels, "
            f"got {shape[2]}×{shape[3]}; enlarge them"
        )


def he_(model: Module, rng: np.random.Generator | None = None) -> None:
    """Start every convolution from N(0, 2/fan_in) and its bias from 0; linear layers keep U(±1/√fan_in).

    Source: He 2015, arXiv:1502.01852, eq. 10.
    """
    for module in model.modules():
        if isinstance(module, Conv2d):
            init.kaiming_normal_(module.weight, rng=rng)
            if module.bias is not None:
                init.zeros_(module.bias)
