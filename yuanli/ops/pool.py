"""Pooling: one number for every window of a picture, channel by channel."""

import numpy as np

from yuanli.errors import ShapeError, ValueRangeError
from yuanli.kernels import pooling
from yuanli.ops.windows import need_axes, need_floats, numbers, output_size
from yuanli.tensor import differentiable


@differentiable
def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest value under the window; a window with a nan gives nan.

    y[n, c, h, w] = max over i, j of x[n, c, h·S + i·D − P, w·S + j·D − P]; dy goes to the first, row
    by row, of the elements that are the maximum.  stride=None is the kernel size; padding never wins, and is
    at most half the kernel.  With ceil_mode the last window may end, but not start, beyond the edge.
    Shapes: (N, C, H, W) → (N, C, H', W').
    Raises: ShapeError, DTypeError, ValueRangeError.
    Source: Ranzato et al. 2007, Unsupervised Learning of Invariant Feature Hierarchies, section 2.
    """
    size, *where = _window("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    x = input.transpose(0, 2, 3, 1)
    y = pooling.max_pool2d(x, size, *where)

    def grad_input(dy):
        return pooling.max_pool2d_grad_x(dy.transpose(0, 2, 3, 1), x, y, *where).transpose(0, 3, 1, 2)

    return y.transpose(0, 3, 1, 2), (grad_input,)


@differentiable
def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The average under the window.

    y[n, c, h, w] = (1/K) Σᵢⱼ x[n, c, h·S + i − P, w·S + j − P], where K counts the window's elements
    inside the padded input, or with count_include_pad=False inside the input itself.
    Shapes: (N, C, H, W) → (N, C, H', W').  stride and ceil_mode are those of max_pool2d.
    Raises: ShapeError, DTypeError, ValueRangeError.
    Source: LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, section II.A.
    """
    size, kernel, stride, padding, _ = _window(
        "avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode
    )
    rows, columns = (
        _counts(n, m, f, s, p, p if count_include_pad else 0)
        for n, m, f, s, p in zip(input.shape[2:], size, kernel, stride, padding, strict=True)
    )
    divisor = np.outer(rows, columns).astype(input.dtype)
    x = input.transpose(0, 2, 3, 1)
    y = pooling.avg_pool2d(x, divisor, kernel, stride, padding)

    def grad_input(dy):
        dy = dy.transpose(0, 2, 3, 1)
        return pooling.avg_pool2d_grad_x(dy, divisor, x.shape, kernel, stride, padding).transpose(0, 3, 1, 2)

    return y.transpose(0, 3, 1, 2), (grad_input,)


@differentiable
def adaptive_avg_pool2d(input, output_size):
    """The average over H' × W' parts of the picture, whatever its size; output_size=1 is the global average.

    y[n, c, h, w] = mean of x[n, c] over the rows ⌊h·H/H'⌋ … ⌈(h+1)·H/H'⌉ − 1 and the columns likewise.
    Shapes: (N, C, H, W) → (N, C, H', W'); in (H', W') None keeps that size.
    Raises: ShapeError, DTypeError, ValueRangeError.
    Source: Lin, Chen & Yan 2013, arXiv:1312.4400, section 3.2 (global); the parts are torch's.
    """
    op = "adaptive_avg_pool2d"
    _check(op, input)
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size,) * 2
    if len(wanted) == 2:
        wanted = tuple(n if w is None else w for w, n in zip(wanted, input.shape[2:], strict=True))
    size = numbers(op, "output_size", wanted, 2, 1)
    x = input.transpose(0, 2, 3, 1)
    y = pooling.adaptive_avg_pool2d(x, size)

    def grad_input(dy):
        return pooling.adaptive_avg_pool2d_grad_x(dy.transpose(0, 2, 3, 1), x.shape).transpose(0, 3, 1, 2)

    return y.transpose(0, 3, 1, 2), (grad_input,)


def _window(op, input, kernel_size, stride, padding, dilation, ceil_mode):
    """(H', W'), and the kernel, stride, padding and dilation as pairs."""
    _check(op, input)
    kernel = numbers(op, "kernel_size", kernel_size, 2, 1)
    stride = kernel if stride is None else numbers(op, "stride", stride, 2, 1)
    padding, dilation = numbers(op, "padding", padding, 2, 0), numbers(op, "dilation", dilation, 2, 1)
    if any(p > f // 2 for p, f in zip(padding, kernel, strict=True)):
        raise ValueRangeError(f"{op} needs padding of at most half the kernel {kernel}, got {padding}")
    size = tuple(
        output_size(op, input.shape[2 + a], kernel[a], stride[a], (padding[a],) * 2, dilation[a], ceil_mode)
        for a in (0, 1)
    )
    return size, kernel, stride, padding, dilation


def _check(op, input):
    need_floats(op, x=input)
    need_axes(op, input, 4)
    if 0 in input.shape[2:]:
        raise ShapeError(f"{op} needs pictures of at least 1 × 1, got shape {input.shape}")


def _counts(size, outputs, kernel, stride, padding, counted):
    """Along one axis, how many elements of each window lie in the input and the `counted` ones around it."""
    first = np.arange(outputs) * stride - padding
    return np.minimum(first + kernel, size + counted) - np.maximum(first, -counted)
