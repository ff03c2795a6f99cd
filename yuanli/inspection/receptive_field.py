"""Receptive fields: which pixels of the input an output sees, also across branches and skips."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yuanli.nn import AvgPool2d, Conv2d, MaxPool2d, Module


@dataclass(frozen=True)
class Span:
    """Along one axis, output i sees the input's pixels low + i·stride … high + i·stride.

    Beyond the edge, below 0 for example, they are padding.  A window of kernel F, stride S, padding P and
    dilation D on top sees, with s = stride so far, low − sP … high − sP + sD(F − 1), in steps of sS.
    Stride 0: every output sees the same.
    Source: Araujo 2019, Computing Receptive Fields of Convolutional Neural Networks, equations 1 to 4.
    """

    low: int = 0
    high: int = 0
    stride: int = 1

    @property
    def size(self) -> int:
        return self.high - self.low + 1

    @property
    def centre(self) -> float:
        """The middle of what the first output sees, in pixels from the first one."""
        return (self.low + self.high) / 2

    def window(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> "Span":
        start = self.low - self.stride * padding
        end = self.high + self.stride * (dilation * (kernel - 1) - padding)
        return Span(start, end, self.stride * stride)

    def whole(self, outputs: int) -> "Span":
        """What all `outputs` see together: of a global average, or of a linear layer."""
        return Span(self.low, self.high + (outputs - 1) * self.stride, 0)

    def joined(self, other: "Span") -> "Span | None":
        """What a sum or a concatenation of both sees; None where their outputs lie in different steps."""
        if self.stride != other.stride:
            return None
        return Span(min(self.low, other.low), max(self.high, other.high), self.stride)


@dataclass(frozen=True)
class Field:
    """What an output sees down and across."""

    down: Span = Span()
    across: Span = Span()

    def joined(self, other: "Field") -> "Field | None":
        down, across = self.down.joined(other.down), self.across.joined(other.across)
        return Field(down, across) if down and across else None

    def whole(self, height: int, width: int) -> "Field":
        return Field(self.down.whole(height), self.across.whole(width))

    def through(self, layer: Module) -> "Field | None":
        """The field after a convolution or a pooling layer; None for other layers."""
        if not isinstance(layer, Conv2d | MaxPool2d | AvgPool2d):
            return None
        kernel, stride = layer.kernel_size, layer.stride
        dilation = (1, 1) if isinstance(layer, AvgPool2d) else layer.dilation
        padding: Any = layer.padding
        if padding == "valid":
            padding = (0, 0)
        elif padding == "same":
            padding = tuple(d * (f - 1) // 2 for d, f in zip(dilation, kernel, strict=True))
        return Field(
            self.down.window(kernel[0], stride[0], padding[0], dilation[0]),
            self.across.window(kernel[1], stride[1], padding[1], dilation[1]),
        )

    def pooled(self, size: Sequence[int], output: Sequence[int]) -> "Field | None":
        """After an adaptive average from maps of `size` to `output`; None where its parts are not alike."""
        spans = []
        for span, before, after in zip((self.down, self.across), size, output, strict=True):
            if after == 1:
                spans.append(span.whole(before))
            elif before % after == 0:
                spans.append(span.window(before // after, before // after))
            else:
                return None
        return Field(*spans)

    def to_json(self) -> dict[str, Any]:
        spans = (self.down, self.across)
        return {
            "size": [s.size for s in spans],
            "stride": [s.stride for s in spans],
            "centre": [s.centre for s in spans],
        }
