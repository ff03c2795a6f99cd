"""Operators with windows, over any number of axes: convolutions and pools.

Over one or two axes they are the engine's.  A convolution over three is a sum of convolutions over two, one
for every place of the kernel on the first axis; a maximum is taken along one axis after the other.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ShapeError
from yuanli.interchange.operators.node import Node, Operator, Value, array, is_float, room
from yuanli.kernels.windows import output_size
from yuanli.tensor import Tensor

Pads = list[tuple[int, int]]


def conv(node: Node, x: Value, weight: Value, bias: Value = None) -> Value:
    kernel = weight.shape[2:]
    strides, dilations = _lists(node, len(kernel))
    pads = _pads(node, x.shape[2:], kernel, strides, dilations)
    return convolve(x, weight, bias, strides, pads, dilations, node.get("group", 1))


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    pads: Pads,
    dilations: Sequence[int],
    groups: int,
) -> Tensor:
    """The convolution over the axes after the first two, padded as said."""
    if len(strides) > 2:
        return _over_first_axis(x, weight, bias, strides, pads, dilations, groups)
    if any(before != after for before, after in pads):
        x, pads = padded(x, pads, 0.0), [(0, 0)] * len(pads)
    function = ops.conv2d if len(strides) == 2 else ops.conv1d
    padding = tuple(before for before, _ in pads)
    return function(x, weight, bias, tuple(strides), padding, tuple(dilations), groups)


def _over_first_axis(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    pads: Pads,
    dilations: Sequence[int],
    groups: int,
) -> Tensor:
    """Σᵢ of the convolutions by weight[:, :, i] with x, moved by i·dilation along the first axis of space."""
    x = padded(x, [pads[0], *[(0, 0)] * (len(pads) - 1)], 0.0)
    n, c, deep, *rest = x.shape
    size = output_size(deep, weight.shape[2], strides[0], (0, 0), dilations[0])
    total: Tensor | None = None
    for i in range(weight.shape[2]):
        start = i * dilations[0]
        layers = x[:, :, start : start + (size - 1) * strides[0] + 1 : strides[0]]
        flat = ops.reshape(ops.permute(layers, (0, 2, 1, *range(3, x.ndim))), (n * size, c, *rest))
        y = convolve(flat, weight[:, :, i], bias, strides[1:], pads[1:], dilations[1:], groups)
        total, bias = y if total is None else ops.add(total, y), None
    if total is None:
        raise ShapeError("a convolution needs a kernel that is not empty")
    y = ops.reshape(total, (n, size, *total.shape[1:]))
    return ops.permute(y, (0, 2, 1, *range(3, y.ndim)))


def conv_transpose(node: Node, x: Value, weight: Value, bias: Value = None) -> Value:
    """Whole first, then cropped by the pads; output_padding and output_shape say how much."""
    kernel, groups = weight.shape[2:], node.get("group", 1)
    strides, dilations = _lists(node, len(kernel))
    y = transposed(x, weight, strides, dilations, groups)
    extra = node.get("output_padding", (0,) * len(kernel))
    wanted = node.get("output_shape")
    if wanted is None and node.get("auto_pad", "NOTSET").startswith("SAME"):
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    flat = node.get("pads", (0,) * (2 * len(kernel)))
    index, add = [slice(None)] * 2, []
    for i, n in enumerate(y.shape[2:]):
        before, after = flat[i], flat[i + len(kernel)]
        if wanted is not None:
            total = n + extra[i] - wanted[i]
            half = total // 2 if node.get("auto_pad") == "SAME_UPPER" else total - total // 2
            before, after = (half, total - half) if total >= 0 else (0, total)
        index.append(slice(before, min(n, n + extra[i] - after)))
        add.append((0, max(0, extra[i] - after)))
    y = padded(y[tuple(index)], add, 0.0)
    return y if bias is None else ops.add(y, ops.reshape(bias, (-1, *(1,) * len(kernel))))


def transposed(
    x: Tensor, weight: Tensor, strides: Sequence[int], dilations: Sequence[int], groups: int
) -> Tensor:
    """The transpose of the convolution without padding."""
    axes = len(strides)
    if axes == 1:
        x, weight = ops.unsqueeze(x, 2), ops.unsqueeze(weight, 2)
        return ops.squeeze(transposed(x, weight, (1, *strides), (1, *dilations), groups), 2)
    if axes == 2:
        return ops.conv_transpose2d(x, weight, None, tuple(strides), 0, 0, groups, tuple(dilations))
    n, c, deep, *rest = x.shape
    size = (deep - 1) * strides[0] + dilations[0] * (weight.shape[2] - 1) + 1
    flat = ops.reshape(ops.permute(x, (0, 2, 1, *range(3, x.ndim))), (n * deep, c, *rest))
    total: Tensor | None = None
    for i in range(weight.shape[2]):
        y = transposed(flat, weight[:, :, i], strides[1:], dilations[1:], groups)
        y = ops.permute(ops.reshape(y, (n, deep, *y.shape[1:])), (0, 2, 1, *range(3, y.ndim + 1)))
        y = _spread(y, strides[0], i * dilations[0], size)
        total = y if total is None else ops.add(total, y)
    if total is None:
        raise ShapeError("a convolution needs a kernel that is not empty")
    return total


def _spread(y: Tensor, stride: int, start: int, size: int) -> Tensor:
    """The layers of axis 2 at start, start + stride, …, and 0 between and around."""
    n, c, deep, *rest = y.shape
    wide = ops.pad(ops.unsqueeze(y, 3), [*(0, 0) * len(rest), 0, stride - 1])
    wide = ops.reshape(wide, (n, c, deep * stride, *rest))[:, :, : (deep - 1) * stride + 1]
    return ops.pad(wide, [*(0, 0) * len(rest), start, size - start - wide.shape[2]])


def max_pool(node: Node, x: Value) -> Value:
    """Also, where it is asked for, which element was the largest, counted through the whole input."""
    kernel = node.get("kernel_shape")
    strides, dilations = _lists(node, len(kernel))
    pads = _pads(node, x.shape[2:], kernel, strides, dilations)
    numbers = x if is_float(x) else Tensor(array(x).astype(np.float32))
    if len(kernel) == 2 and all(a == b and 2 * a <= k for (a, b), k in zip(pads, kernel, strict=True)):
        y = ops.max_pool2d(numbers, kernel, strides, [before for before, _ in pads], dilations)
    else:
        y = pooled(padded(numbers, pads, -np.inf), kernel, strides, dilations)
    y = y if is_float(x) else Tensor(array(y).astype(array(x).dtype))
    if node.outputs == 1:
        return y
    return y, Tensor(_where_largest(node, array(x), kernel, strides, dilations, pads))


def pooled(x: Tensor, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Tensor:
    """The maxima over the axes after the first two: of the last two, then along each of the others."""
    if len(kernel) == 1:
        y = pooled(ops.unsqueeze(x, 2), (1, *kernel), (1, *strides), (1, *dilations))
        return ops.squeeze(y, 2)
    if len(kernel) == 2:
        return ops.max_pool2d(x, tuple(kernel), tuple(strides), 0, tuple(dilations))
    n, c, deep, *rest = x.shape
    y = pooled(ops.reshape(x, (n, c * deep, *rest)), kernel[1:], strides[1:], dilations[1:])
    rest = list(y.shape[2:])
    flat = ops.reshape(y, (n, c, deep, math.prod(rest)))
    y = ops.max_pool2d(flat, (kernel[0], 1), (strides[0], 1), 0, (dilations[0], 1))
    return ops.reshape(y, (n, c, y.shape[2], *rest))


def _where_largest(
    node: Node,
    x: np.ndarray,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Pads,
) -> np.ndarray:
    """The place of every window's first largest element; by storage_order=1 columns are counted first."""
    order: Any = "F" if node.get("storage_order", 0) else "C"
    axes = np.indices(x.shape[2:])
    inner = np.asarray(np.ravel_multi_index(tuple(axes), x.shape[2:], order=order))
    places = inner + np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * inner.ndim) * inner.size
    around = [(0, 0), (0, 0), *pads]
    floats = np.pad(x.astype(np.float64), around, constant_values=-np.inf)
    places = np.pad(places, around, constant_values=-1)
    windows: tuple[Any, ...] = tuple(
        _grid(n, k, s, d, axis, len(kernel))
        for axis, (n, k, s, d) in enumerate(zip(floats.shape[2:], kernel, strides, dilations, strict=True))
    )
    seen = floats[(slice(None), slice(None), *windows)]
    from_ = places[(slice(None), slice(None), *windows)]
    flat = (*seen.shape[: 2 + len(kernel)], -1)
    first = seen.reshape(flat).argmax(-1)[..., None]
    return np.take_along_axis(from_.reshape(flat), first, -1)[..., 0]


def _grid(n: int, kernel: int, stride: int, dilation: int, axis: int, axes: int) -> np.ndarray:
    """Which places along an axis each window sees, shaped to meet those along the other axes."""
    outputs = output_size(n, kernel, stride, (0, 0), dilation)
    grid = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation
    shape = [1] * (2 * axes)
    shape[axis], shape[axes + axis] = outputs, kernel
    return grid.reshape(shape)


def average_pool(node: Node, x: Value) -> Value:
    """The sum under each window by what counts of it: the input, and with count_include_pad its padding."""
    kernel = node.get("kernel_shape")
    strides, dilations = _lists(node, len(kernel))
    pads = _pads(node, x.shape[2:], kernel, strides, dilations)
    given = _given_pads(node, x.shape[2:], kernel, strides, dilations)
    counted = given if node.get("count_include_pad", 0) else [(0, 0)] * len(kernel)
    y = _window_means(padded(x, pads, 0.0), kernel, strides, dilations)
    counts = [
        _counts(n, k, s, d, p, c)
        for n, k, s, d, p, c in zip(x.shape[2:], kernel, strides, dilations, pads, counted, strict=True)
    ]
    shares = math.prod(kernel) / functools.reduce(np.multiply.outer, counts)
    return y if (shares == 1).all() else ops.mul(y, Tensor(shares.astype(x.dtype)))


def _window_means(
    x: Tensor, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Tensor:
    if len(kernel) == 2 and max(dilations) == 1:
        return ops.avg_pool2d(x, tuple(kernel), tuple(strides))
    n, c, *size = x.shape
    weight = Tensor(np.full((1, 1, *kernel), 1 / math.prod(kernel), x.dtype))
    none: Pads = [(0, 0)] * len(kernel)
    y = convolve(ops.reshape(x, (n * c, 1, *size)), weight, None, strides, none, dilations, 1)
    return ops.reshape(y, (n, c, *y.shape[2:]))


def _counts(
    n: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int], counted: tuple[int, int]
) -> np.ndarray:
    """How many places of each window along an axis lie in the input and the counted part of its padding."""
    outputs = output_size(n, kernel, stride, pads, dilation)
    places = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation - pads[0]
    return ((places >= -counted[0]) & (places < n + counted[1])).sum(1)


def lp_pool(node: Node, x: Value) -> Value:
    """(Σ |x|^p)^(1/p) under each window."""
    kernel, p = node.get("kernel_shape"), node.get("p", 2)
    strides, dilations = _lists(node, len(kernel))
    pads = _pads(node, x.shape[2:], kernel, strides, dilations)
    powers = padded(ops.pow(ops.abs(x), float(p)), pads, 0.0)
    sums = ops.mul(_window_means(powers, kernel, strides, dilations), float(math.prod(kernel)))
    return ops.pow(sums, 1 / p)


def over_space(function: Any) -> Operator:
    """A reduction over all axes but the first two."""
    return lambda node, x: function(x, tuple(range(2, x.ndim)), True)


def padded(x: Tensor, pads: Pads, fill: float) -> Tensor:
    if not any(w for pair in pads for w in pair):
        return x
    room([*x.shape[:2], *(n + sum(pair) for n, pair in zip(x.shape[2:], pads, strict=True))])
    return ops.pad(x, [w for pair in pads[::-1] for w in pair], value=fill)


def _lists(node: Node, axes: int) -> tuple[Sequence[int], Sequence[int]]:
    """Strides and dilations."""
    return node.get("strides", (1,) * axes), node.get("dilations", (1,) * axes)


def _given_pads(
    node: Node, size: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Pads:
    """What the node says, or with auto_pad=SAME what makes ⌈size / stride⌉ results."""
    axes, mode = len(kernel), node.get("auto_pad", "NOTSET")
    if not mode.startswith("SAME"):
        flat = node.get("pads", (0,) * (2 * axes)) if mode != "VALID" else (0,) * (2 * axes)
        return list(zip(flat[:axes], flat[axes:], strict=True))
    pads = []
    for n, k, s, d in zip(size, kernel, strides, dilations, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        less = total // 2
        pads.append((less, total - less) if mode == "SAME_UPPER" else (total - less, less))
    return pads


def _pads(
    node: Node, size: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Pads:
    """The pads, and with ceil_mode what lets a last window that starts inside reach beyond the end."""
    pads = _given_pads(node, size, kernel, strides, dilations)
    if not node.get("ceil_mode", 0):
        return pads
    grown = []
    for n, k, s, d, (before, after) in zip(size, kernel, strides, dilations, pads, strict=True):
        reach = d * (k - 1) + 1
        outputs = -(-(n + before + after - reach) // s) + 1
        if (outputs - 1) * s >= n + before:
            outputs -= 1
        grown.append((before, max(after, (outputs - 1) * s + reach - n - before)))
    return grown


OPERATORS: dict[str, Operator] = {
    "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool,
    "LpPool": lp_pool, "GlobalAveragePool": over_space(ops.mean), "GlobalMaxPool": over_space(ops.max),
}  # fmt: skip
