"""Rows for pooling; the formulas are for images with channels first."""

import numpy as np

from tests.kernels import naive
from tests.ops.case import (
    Case,
    ErrorCase,
    distinct,
    empty,
    functional_cases,
    noncontiguous,
    normal,
    pair,
    ties,
)
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, ValueRangeError


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    size, x, window = pooled(x, kernel_size, stride, padding, dilation, ceil_mode)
    return naive.max_pool2d(x, size, *window).transpose(0, 3, 1, 2)


def max_pool2d_gradient(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """For dy = 1."""
    size, x, window = pooled(x, kernel_size, stride, padding, dilation, ceil_mode)
    dy = np.ones((len(x), *size, x.shape[3]))
    return [naive.max_pool2d_grad_x(dy, x, *window).transpose(0, 3, 1, 2)]


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    size, x, (kernel, stride, padding, _) = pooled(x, kernel_size, stride, padding, 1, ceil_mode)
    counted = naive.window_sizes(x.shape, size, kernel, stride, padding, count_include_pad)
    y = naive.sum_pool2d(x, size, kernel, stride, padding) / counted[:, :, None]
    return y.transpose(0, 3, 1, 2)


def adaptive_avg_pool2d(x, output_size):
    size = tuple(n if m is None else m for n, m in zip(x.shape[2:], pair(output_size), strict=True))
    return naive.adaptive_avg_pool2d(x.transpose(0, 2, 3, 1), size).transpose(0, 3, 1, 2)


def pooled(x, kernel_size, stride, padding, dilation, ceil_mode):
    """(H', W'), x and the window for the naive kernels."""
    kernel, padding, dilation = pair(kernel_size), pair(padding), pair(dilation)
    stride = kernel if stride is None else pair(stride)
    size = []
    for n, f, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True):
        starts = [start for start in range(-p, n + p, s) if start + d * (f - 1) < n + p]
        if ceil_mode and (not starts or starts[-1] + d * (f - 1) < n + p - 1):  # something is left over
            over = starts[-1] + s if starts else -p
            starts += [over] if over < n else []
        size.append(len(starts))
    return tuple(size), x.transpose(0, 2, 3, 1), (kernel, stride, padding, dilation)


INTEGERS = np.ones((2, 4, 5, 7), int)
P = distinct(2, 2, 5, 7)

MAX_POOL2D = [
    ("plain", [P], {"kernel_size": 2}),
    ("by axis", [P], {"kernel_size": (3, 2), "stride": (1, 3)}),
    ("overlapping", [P], {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("stride beyond the kernel", [P], {"kernel_size": 2, "stride": 3}),
    ("dilation", [P], {"kernel_size": 2, "stride": 1, "dilation": (3, 2), "padding": 1}),
    ("last window over the edge", [P], {"kernel_size": 2, "ceil_mode": True}),
    (
        "last window starts in the padding",
        [P],
        {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
    ),
    (
        "a window beyond a small picture",
        [distinct(1, 1, 1, 2)],
        {"kernel_size": 3, "stride": 3, "ceil_mode": True},
    ),
    ("the whole", [P], {"kernel_size": (5, 7)}),
    ("one pixel", [distinct(1, 1, 1, 1)], {"kernel_size": 1}),
    ("empty batch", [empty(0, 3, 5, 7)], {"kernel_size": 2}),
    (
        "gaps in memory",
        [lambda rng, dtype: distinct(7, 5, 6, 2)(rng, dtype)[:, :, ::2].T],
        {"kernel_size": 2},
    ),
]

AVG_POOL2D = [
    *((note, inputs, options) for note, inputs, options in MAX_POOL2D if "dilation" not in options),
    ("without the padding", [P], {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    (
        "without padding and edge",
        [P],
        {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True, "count_include_pad": False},
    ),
]

ADAPTIVE_AVG_POOL2D = [
    ("global", [P], {"output_size": 1}),
    ("uneven", [P], {"output_size": (2, 3)}),
    ("more outputs than inputs", [P], {"output_size": (6, 9)}),
    ("one axis kept", [P], {"output_size": (None, 2)}),
    ("identity", [P], {"output_size": (5, 7)}),
    ("empty batch", [empty(0, 3, 5, 7)], {"output_size": 2}),
    ("gaps in memory", [noncontiguous(2, 3, 5, 7)], {"output_size": 2}),
]

TIES = [
    Case(
        ops.max_pool2d, [ties(2, 3, 6, 5)], max_pool2d, options, subgradients=max_pool2d_gradient, note="ties"
    )
    for options in ({"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True})
]

NOT_A_NUMBER = np.array([[1, np.nan, 2, -np.inf], [0, np.nan, 5, -1.0]]).reshape(1, 1, 2, 4)

MP, AP, AD = ops.max_pool2d, ops.avg_pool2d, ops.adaptive_avg_pool2d

POOL_ERRORS = [
    ErrorCase(MP, [normal(3, 5, 7), 2], ShapeError, r"max_pool2d needs x with 4 axes .*add the batch axis"),
    ErrorCase(MP, [P, 6], ShapeError, r"max_pool2d .* reaches over 6 = .*got 5"),
    ErrorCase(MP, [P, 0], ValueRangeError, r"kernel_size of at least 1, got 0"),
    ErrorCase(MP, [P, 2, 0], ValueRangeError, r"stride of at least 1, got 0"),
    ErrorCase(MP, [P, 2, 2, -1], ValueRangeError, r"padding of at least 0"),
    ErrorCase(MP, [P, 3, 2, 2], ValueRangeError, r"at most half the kernel \(3, 3\), got \(2, 2\)"),
    ErrorCase(MP, [P, 2.0], DTypeError, r"whole numbers for kernel_size, got 2\.0"),
    ErrorCase(MP, [INTEGERS, 2], DTypeError, r"max_pool2d needs x of floats"),
    ErrorCase(MP, [empty(2, 3, 0, 5), 1], ShapeError, r"pictures of at least 1 × 1"),
    ErrorCase(AP, [normal(5, 7), 2], ShapeError, r"avg_pool2d needs x with 4 axes"),
    ErrorCase(AP, [P, (2, 8)], ShapeError, r"avg_pool2d .* reaches over 8 = .*got 7"),
    ErrorCase(AP, [P, 2, 2, 2], ValueRangeError, r"at most half the kernel"),
    ErrorCase(AP, [INTEGERS, 2], DTypeError, r"avg_pool2d needs x of floats"),
    ErrorCase(AD, [normal(5, 7), 1], ShapeError, r"adaptive_avg_pool2d needs x with 4 axes"),
    ErrorCase(AD, [P, 0], ValueRangeError, r"output_size of at least 1, got \(0, 0\)"),
    ErrorCase(AD, [P, (1, 2, 3)], ShapeError, r"output_size, or 2, got \(1, 2, 3\)"),
    ErrorCase(AD, [INTEGERS, 1], DTypeError, r"adaptive_avg_pool2d needs x of floats"),
]

CASES = [
    *functional_cases(ops.max_pool2d, max_pool2d, MAX_POOL2D),
    *functional_cases(ops.avg_pool2d, avg_pool2d, AVG_POOL2D),
    *functional_cases(ops.adaptive_avg_pool2d, adaptive_avg_pool2d, ADAPTIVE_AVG_POOL2D),
    *TIES,
    Case(MP, [NOT_A_NUMBER], max_pool2d, {"kernel_size": 2}, subgradients=max_pool2d_gradient, note="nan"),
    *POOL_ERRORS,
]
