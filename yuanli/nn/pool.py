"""MaxPool2d, AvgPool2d, AdaptiveAvgPool2d."""

from typing import Any

from yuanli import ops
from yuanli.errors import ValueRangeError
from yuanli.nn.module import Module
from yuanli.nn.options import Pair, many
from yuanli.tensor import Tensor


class MaxPool2d(Module):
    """The largest value of each window: (N, C, H, W) → (N, C, H', W'), H' = ⌊(H + 2P − D(F − 1) − 1)/S⌋ + 1.

    The stride is the kernel's size unless given; ceil_mode rounds H' and W' up.
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = many("MaxPool2d", "kernel_size", kernel_size, 2)
        self.stride = self.kernel_size if stride is None else many("MaxPool2d", "stride", stride, 2)
        self.padding = _padding("MaxPool2d", padding, self.kernel_size)
        self.dilation = many("MaxPool2d", "dilation", dilation, 2)
        self.ceil_mode = ceil_mode

    def forward(self, x: Any) -> Tensor:
        return ops.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of each window: (N, C, H, W) → (N, C, H', W'), H' = ⌊(H + 2P − F)/S⌋ + 1.

    With count_include_pad the zeros of the padding count as elements.
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = many("AvgPool2d", "kernel_size", kernel_size, 2)
        self.stride = self.kernel_size if stride is None else many("AvgPool2d", "stride", stride, 2)
        self.padding = _padding("AvgPool2d", padding, self.kernel_size)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Any) -> Tensor:
        return ops.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Means over windows that divide the picture into output_size parts: (N, C, H, W) → (N, C, *output_size).

    output_size 1 is global average pooling; None along an axis leaves that axis as it is.
    """

    def __init__(self, output_size: int | tuple[int | None, int | None]) -> None:
        sizes = (
            tuple(1 if n is None else n for n in output_size)
            if isinstance(output_size, tuple | list)
            else output_size
        )
        many("AdaptiveAvgPool2d", "output_size", sizes, 2)
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return ops.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


def _padding(layer: str, padding: Pair, kernel: tuple[int, ...]) -> tuple[int, ...]:
    pads = many(layer, "padding", padding, 2, least=0)
    if any(2 * p > k for p, k in zip(pads, kernel, strict=True)):
        raise ValueRangeError(
            f"{layer} needs padding of at most half the kernel, or windows would hold padding alone; "
            f"got padding {pads} for kernel {kernel}"
        )
    return pads
