"""Convolution: both formulas with the reader's numbers, and what a few filters see in a digit."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli import ops
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.errors import ValueRangeError
from yuanli.inspection.images import grid
from yuanli.inspection.receptive_field import Span
from yuanli.inspection.style import save
from yuanli.nn import Conv2d
from yuanli.tensor import Tensor, no_grad

FILTERS = {
    "edges, left to right": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],  # Sobel & Feldman 1968
    "edges, top to bottom": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "blur": [[1 / 9] * 3] * 3,
    "spots": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}


def conv(
    out: Path,
    seed: int = 0,
    *,
    size: int = 32,
    channels: int = 3,
    filters: int = 10,
    kernel: int = 5,
    stride: int = 1,
    padding: int = 2,
    dilation: int = 1,
    groups: int = 1,
) -> Demonstration:
    """The size of the output and the number of parameters: from the formulas, and from the layer itself."""
    least_1 = {
        "size": size, "channels": channels, "filters": filters, "kernel": kernel,
        "stride": stride, "dilation": dilation, "groups": groups,
    }  # fmt: skip
    for name, number in least_1.items():
        if number < 1:
            raise ValueRangeError(f"a convolution needs {name} of at least 1, got {number}")
    if padding < 0:
        raise ValueRangeError(f"a convolution needs padding of at least 0, got {padding}")
    layer = Conv2d(
        channels, filters, kernel, stride, padding, dilation, groups, rng=np.random.default_rng(seed)
    )
    after = ops.conv_output_size(size, kernel, stride, padding, dilation)
    parameters = kernel * kernel * (channels // groups) * filters + filters
    with no_grad():
        y = layer(Tensor(np.zeros((1, channels, size, size), np.float32)))
    counted = sum(p.size for p in layer.parameters())
    sees = Span().window(kernel, stride, padding, dilation).size
    macs = after * after * filters * kernel * kernel * (channels // groups)
    reach = f"{dilation}·({kernel} − 1) − 1" if dilation > 1 else f"{kernel}"
    settings = f"stride {stride}, padding {padding}, dilation {dilation}, groups {groups}"
    lines = [
        f"input {size}×{size}×{channels}; {filters} filters {kernel}×{kernel}, {settings}",
        "",
        "H₂ = ⌊(H₁ − F + 2P) / S⌋ + 1" if dilation == 1 else "H₂ = ⌊(H₁ − D(F − 1) − 1 + 2P) / S⌋ + 1",
        f"   = ⌊({size} − {reach} + 2·{padding}) / {stride}⌋ + 1 = {after}",
        f"output {after}×{after}×{filters}   (the layer gave {y.shape[2]}×{y.shape[3]}×{y.shape[1]})",
        "",
        "parameters = F·F·C·K + K" if groups == 1 else "parameters = F·F·(C/groups)·K + K",
        f"           = {kernel}·{kernel}·{channels // groups}·{filters} + {filters} = {parameters:,}"
        f"   (the layer has {counted:,})",
        f"multiplications for an image: {macs:,}",
        f"an output sees {sees}×{sees} pixels of the input, the next one {stride} further on",
    ]
    numbers = {
        "output": [after, after, filters],
        "layer": [*y.shape[2:], y.shape[1]],
        "parameters": parameters,
        "counted": counted,
        "multiplications": macs,
        "sees": sees,
    }
    return Demonstration(lines, numbers, [save(_filtered(seed), out / "conv.png")])


def _filtered(seed: int) -> Figure:
    """A digit, and what each of the filters makes of it."""
    digits = load("digits").test.x
    digit = digits[seed % len(digits), 0] / np.float32(255)
    weight = np.array(list(FILTERS.values()), np.float32)[:, None]  # (4, 1, 3, 3)
    seen = ops.conv2d(digit[None, None], weight, padding=1).data[0]
    return grid([digit, *seen], ["a digit", *FILTERS], columns=5, size=1.7)
