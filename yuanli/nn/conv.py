"""Conv1d, Conv2d, ConvTranspose2d."""

from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ValueRangeError
from yuanli.nn.linear import fan_in_uniform_
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import Pair, many, positive
from yuanli.tensor import Tensor

Rng = np.random.Generator | None


class _Conv(Module):
    """What the convolutions have in common: their options, and weight and bias from U(±1/√fan_in)."""

    axes: int  # of space
    transposed = False

    def __init__(self, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng):
        layer, axes = type(self).__name__, self.axes
        positive(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueRangeError(
                f"{layer} needs channels that groups divide, "
                f"got {in_channels} → {out_channels} in {groups} groups"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = many(layer, "kernel_size", kernel_size, axes)
        self.stride = many(layer, "stride", stride, axes)
        self.dilation = many(layer, "dilation", dilation, axes)
        self.padding = _padding(layer, padding, self.stride, axes)
        to, per_group = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(np.empty((to, per_group // groups, *self.kernel_size), np.float32))
        self.bias = Parameter(np.empty(out_channels, np.float32)) if bias else None
        fan_in_uniform_(self.weight, self.bias, rng)

    def extra_repr(self) -> str:
        shown = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * self.axes:
            shown += f", padding={self.padding!r}"
        if self.dilation != (1,) * self.axes:
            shown += f", dilation={self.dilation}"
        if self.groups != 1:
            shown += f", groups={self.groups}"
        return shown if self.bias is not None else shown + ", bias=False"


class Conv1d(_Conv):
    """(N, C, L) → (N, O, L'), L' = ⌊(L + 2P − D(F − 1) − 1)/S⌋ + 1; weight (O, C/groups, F), bias (O,)."""

    axes = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: int | tuple[int] | str = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng)

    def forward(self, x: Any) -> Tensor:
        return ops.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """(N, C, H, W) → (N, O, H', W'), H' = ⌊(H + 2P − D(F − 1) − 1)/S⌋ + 1.

    weight (O, C/groups, F, F), bias (O,); both start as U(±1/√(F·F·C/groups)).
    `padding` is a number, one for each axis, "same" (H' = H, for stride 1) or "valid" (none).
    """

    axes = 2

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng)

    def forward(self, x: Any) -> Tensor:
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_Conv):
    """(N, C, H, W) → (N, O, H', W'), H' = (H − 1)S − 2P + D(F − 1) + output_padding + 1.

    The gradient of Conv2d with respect to its input, as a layer of its own.
    weight (C, O/groups, F, F), bias (O,); both start as U(±1/√(F·F·O/groups)).
    """

    axes = 2
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
        rng: Rng = None,
    ) -> None:
        if isinstance(padding, str):
            raise ValueRangeError(f"ConvTranspose2d needs padding as numbers, got {padding!r}")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng)
        self.output_padding = many("ConvTranspose2d", "output_padding", output_padding, 2, least=0)
        if any(extra >= step for extra, step in zip(self.output_padding, self.stride, strict=True)):
            raise ValueRangeError(
                f"ConvTranspose2d needs output_padding below stride {self.stride}, got {output_padding}"
            )

    def forward(self, x: Any) -> Tensor:
        return ops.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown + f", output_padding={self.output_padding}" if any(self.output_padding) else shown


def _padding(layer: str, padding: Any, stride: tuple[int, ...], axes: int) -> tuple[int, ...] | str:
    if not isinstance(padding, str):
        return many(layer, "padding", padding, axes, least=0)
    if padding not in ("same", "valid"):
        raise ValueRangeError(f"{layer} needs padding as numbers, 'same' or 'valid', got {padding!r}")
    if padding == "same" and stride != (1,) * axes:
        raise ValueRangeError(f"{layer} needs stride 1 for padding 'same', got {stride}")
    return padding
