"""Linear, Identity, Flatten, ChannelShuffle."""

import math
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ValueRangeError
from yuanli.nn import init
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import positive
from yuanli.tensor import Tensor


class Linear(Module):
    """y = x Wᵀ + b: (..., in_features) → (..., out_features); weight (out, in), bias (out,).

    Both start as U(±1/√in_features).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, rng: np.random.Generator | None = None
    ) -> None:
        positive("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), np.float32))
        self.bias = Parameter(np.empty(out_features, np.float32)) if bias else None
        fan_in_uniform_(self.weight, self.bias, rng)

    def forward(self, x: Any) -> Tensor:
        return ops.linear(x, self.weight, self.bias)

    def forward_relu(self, x: Any) -> Tensor:
        """max(0, self(x)), in one operation."""
        return ops.linear_relu(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class Identity(Module):
    """y = x"""

    def forward(self, x: Any) -> Any:
        return x


class Flatten(Module):
    """(N, C, H, W) → (N, C·H·W): the axes start_dim to end_dim become one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        if not isinstance(start_dim, int) or not isinstance(end_dim, int):
            raise ValueRangeError(f"Flatten needs two axes, got {start_dim!r} and {end_dim!r}")
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Tensor:
        return ops.flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class ChannelShuffle(Module):
    """The channels of `groups` groups dealt round; no parameters.  Source: Zhang 2017, arXiv:1707.01083."""

    def __init__(self, groups: int) -> None:
        positive("ChannelShuffle", groups=groups)
        self.groups = groups

    def forward(self, x: Any) -> Tensor:
        return ops.channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


def fan_in_uniform_(weight: Parameter, bias: Parameter | None, rng: np.random.Generator | None) -> None:
    """U(±1/√fan_in) for weight and bias: torch's default for linear and convolution layers."""
    init.kaiming_uniform_(weight, a=math.sqrt(5), rng=rng)
    if bias is not None:
        bound = 1 / math.sqrt(init.fans(weight)[0])
        init.uniform_(bias, -bound, bound, rng)
