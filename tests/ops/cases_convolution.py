"""Rows for convolution; the formulas are for images with channels first."""

import numpy as np

from tests.kernels import naive
from tests.ops.case import ErrorCase, empty, functional_cases, noncontiguous, normal, pair
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, UnknownNameError, ValueRangeError


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if padding == "same":
        total = [d * (f - 1) for d, f in zip(pair(dilation), weight.shape[2:], strict=True)]
        sides = tuple((t // 2, (t + 1) // 2) for t in total)
    else:
        sides = tuple((p, p) for p in pair(0 if padding == "valid" else padding))
    x = x.transpose(0, 2, 3, 1)
    y = naive.conv2d(x, weight, bias, pair(stride), sides, pair(dilation), groups)
    return y.transpose(0, 3, 1, 2)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Over pictures of height 1."""
    padding = padding if isinstance(padding, str) else (0, padding)
    y = conv2d(x[:, :, None], weight[:, :, None], bias, (1, stride), padding, (1, dilation), groups)
    return y[:, :, 0]


X, W, B = normal(2, 4, 5, 4), normal(6, 4, 3, 2), normal(6)

CONV2D = [  # (what it is, [x, weight, bias], options)
    ("plain", [X, W, B], {}),
    ("without bias", [X, W], {}),
    ("stride", [X, W, B], {"stride": 2}),
    ("stride by axis", [X, W, B], {"stride": (1, 3)}),
    ("stride beyond the kernel", [X, normal(3, 4, 2, 2), None], {"stride": (3, 4)}),
    ("padding", [X, W, B], {"padding": 2}),
    ("padding by axis", [X, W, B], {"padding": (0, 3), "stride": 2}),
    ("padding beyond the kernel", [X, normal(3, 4, 1, 2), None], {"padding": 2}),
    ("dilation", [X, W, B], {"dilation": 2}),
    ("dilation by axis", [X, normal(3, 4, 2, 3), B3 := normal(3)], {"dilation": (3, 2), "padding": (1, 2)}),
    ("valid", [X, W, B], {"padding": "valid", "stride": 2}),
    ("same", [X, W, B], {"padding": "same"}),
    ("same of an even kernel", [X, normal(3, 4, 2, 4), B3], {"padding": "same"}),
    ("same dilated", [X, normal(3, 4, 2, 3), B3], {"padding": "same", "dilation": (3, 2)}),
    ("groups", [X, normal(6, 2, 3, 2), B], {"groups": 2, "padding": 1}),
    ("depthwise", [X, normal(4, 1, 3, 3), normal(4)], {"groups": 4, "padding": 1}),
    ("depthwise twice over", [X, normal(8, 1, 3, 2), None], {"groups": 4, "stride": 2, "dilation": 2}),
    ("1x1", [X, normal(5, 4, 1, 1), normal(5)], {}),
    ("1x1 strided", [X, normal(5, 4, 1, 1), None], {"stride": 2}),
    ("1x1 grouped", [X, normal(6, 2, 1, 1), B], {"groups": 2}),
    ("one pixel", [normal(2, 4, 1, 1), W, B], {"padding": 1}),
    ("one channel", [normal(2, 1, 6, 5), normal(2, 1, 5, 5), normal(2)], {"padding": 2}),
    ("one filter", [normal(1, 3, 5, 5), normal(1, 3, 5, 5), normal(1)], {}),
    ("empty batch", [empty(0, 4, 5, 4), W, B], {"padding": 1}),
    ("empty batch depthwise", [empty(0, 4, 5, 7), normal(8, 1, 3, 3), None], {"groups": 4}),
    (
        "gaps in memory",
        [noncontiguous(2, 4, 5, 4), noncontiguous(6, 4, 3, 2), noncontiguous(6)],
        {"padding": 1},
    ),
]

Y, V = normal(2, 3, 4, 2), normal(3, 5, 2, 3)

CONV_TRANSPOSE2D = [
    ("plain", [Y, V, normal(5)], {}),
    ("without bias", [Y, V], {"stride": 2}),
    ("padding", [Y, V, normal(5)], {"padding": (1, 2), "stride": 2}),
    ("output padding", [Y, V, normal(5)], {"stride": (2, 3), "output_padding": (1, 2), "padding": 1}),
    ("dilation", [Y, V, None], {"dilation": (2, 3), "padding": 1}),
    ("groups", [normal(2, 4, 3, 3), normal(4, 3, 2, 2), normal(6)], {"groups": 2, "stride": 2}),
    ("depthwise", [normal(2, 4, 3, 3), normal(4, 1, 3, 3), normal(4)], {"groups": 4, "stride": 2}),
    ("1x1", [Y, normal(3, 5, 1, 1), None], {}),
    ("empty batch", [empty(0, 3, 4, 2), V, normal(5)], {}),
    ("gaps in memory", [noncontiguous(2, 3, 4, 2), noncontiguous(3, 5, 2, 3), normal(5)], {"stride": 2}),
]

CONV1D = [
    ("plain", [normal(2, 4, 9), normal(6, 4, 3), B], {}),
    ("without bias", [normal(2, 4, 9), normal(6, 4, 4)], {"stride": 3, "padding": 1}),
    ("same", [normal(2, 4, 9), normal(6, 4, 4), B], {"padding": "same"}),
    ("valid", [normal(2, 4, 9), normal(6, 4, 4), B], {"padding": "valid"}),
    (
        "dilation and groups",
        [normal(2, 4, 9), normal(6, 2, 3), B],
        {"dilation": 2, "groups": 2, "padding": 2},
    ),
    ("depthwise", [normal(2, 4, 9), normal(4, 1, 3), normal(4)], {"groups": 4}),
    ("one element", [normal(1, 1, 1), normal(1, 1, 1), normal(1)], {}),
    ("empty batch", [empty(0, 4, 9), normal(6, 4, 3), B], {}),
    ("gaps in memory", [noncontiguous(2, 4, 9), normal(6, 4, 3), B], {"stride": 2}),
]

C2, CT = ops.conv2d, ops.conv_transpose2d
INTEGERS = np.ones((2, 4, 5, 7), int)

CONV_ERRORS = [
    ErrorCase(
        C2, [normal(3, 28), W], ShapeError, r"conv2d needs x with 4 axes \(N, C, H, W\), got shape \(3, 28\)"
    ),
    ErrorCase(C2, [normal(4, 5, 7), W], ShapeError, r"4 axes .*got shape \(4, 5, 7\); add the batch axis"),
    ErrorCase(
        C2, [X, normal(6, 4, 3)], ShapeError, r"needs weight \(O, C/groups, kH, kW\).*got shape \(6, 4, 3\)"
    ),
    ErrorCase(C2, [X, normal(0, 4, 3, 3)], ShapeError, r"none of them 0, got shape \(0, 4, 3, 3\)"),
    ErrorCase(C2, [X, normal(6, 3, 3, 3)], ShapeError, r"needs x with 3 channels .* with 4"),
    ErrorCase(C2, [X, W], ShapeError, r"channels that groups=3 divides, got 4 in and 6 out", {"groups": 3}),
    ErrorCase(
        C2, [X, normal(5, 2, 1, 1)], ShapeError, r"groups=2 divides, got 4 in and 5 out", {"groups": 2}
    ),
    ErrorCase(C2, [X, W], ValueRangeError, r"needs groups of at least 1, got 0", {"groups": 0}),
    ErrorCase(C2, [X, W, normal(5)], ShapeError, r"needs bias of shape \(6,\).*got \(5,\)"),
    ErrorCase(
        C2, [X, W, normal(1)], ShapeError, r"needs bias of shape \(6,\).*got \(1,\)", note="no broadcast"
    ),
    ErrorCase(C2, [X, normal(6, 4, 6, 3)], ShapeError, r"reaches over 6 = .*got 5 and 0 of padding"),
    ErrorCase(C2, [X, W], ShapeError, r"reaches over 7 = dilation 3", {"dilation": 3}),
    ErrorCase(C2, [normal(2, 4, 0, 7), W], ShapeError, r"reaches over 3 = .*got 0 and 0 of padding"),
    ErrorCase(C2, [X, W], ValueRangeError, r"needs stride of at least 1, got 0", {"stride": 0}),
    ErrorCase(
        C2, [X, W], ValueRangeError, r"needs dilation of at least 1, got \(1, 0\)", {"dilation": (1, 0)}
    ),
    ErrorCase(C2, [X, W], ValueRangeError, r"needs padding of at least 0, got -1", {"padding": -1}),
    ErrorCase(
        C2, [X, W], ShapeError, r"one number for padding, or 2, got \(1, 1, 1\)", {"padding": (1, 1, 1)}
    ),
    ErrorCase(C2, [X, W], DTypeError, r"whole numbers for stride, got 1\.5", {"stride": 1.5}),
    ErrorCase(C2, [X, W], DTypeError, r"whole numbers for dilation, got None", {"dilation": None}),
    ErrorCase(C2, [X, W], UnknownNameError, r"'same' or 'valid', got 'full'", {"padding": "full"}),
    ErrorCase(C2, [X, W], ValueRangeError, r"needs stride 1, got \(2, 2\)", {"padding": "same", "stride": 2}),
    ErrorCase(C2, [INTEGERS, W], DTypeError, r"conv2d needs x of floats, got dtype int64"),
    ErrorCase(C2, [X, np.ones((6, 4, 3, 3), int)], DTypeError, r"conv2d needs weight of floats"),
    ErrorCase(C2, [X, W, np.ones(6, bool)], DTypeError, r"conv2d needs bias of floats, got dtype bool"),
    ErrorCase(ops.conv1d, [X, normal(6, 4, 3)], ShapeError, r"conv1d needs x with 3 axes \(N, C, L\)"),
    ErrorCase(ops.conv1d, [normal(2, 4, 9), W], ShapeError, r"conv1d needs weight \(O, C/groups, F\)"),
    ErrorCase(ops.conv1d, [normal(2, 4, 2), normal(6, 4, 3)], ShapeError, r"reaches over 3"),
    ErrorCase(ops.conv1d, [normal(2, 4, 9), normal(6, 4, 3)], ShapeError, r"one number", {"stride": (1, 2)}),
    ErrorCase(CT, [normal(3, 4, 2), V], ShapeError, r"conv_transpose2d needs x with 4 axes"),
    ErrorCase(CT, [Y, normal(4, 5, 2, 3)], ShapeError, r"needs x with 4 channels for weight \(C, O/groups"),
    ErrorCase(CT, [Y, V, normal(3)], ShapeError, r"needs bias of shape \(5,\)"),
    ErrorCase(CT, [Y, V], ShapeError, r"groups=2 divides, got 3 in and 10 out", {"groups": 2}),
    ErrorCase(CT, [Y, V], ValueRangeError, r"output_padding below stride \(1, 1\)", {"output_padding": 1}),
    ErrorCase(CT, [Y, V], ShapeError, r"would have the size \(-1, -2\)", {"padding": 3}),
    ErrorCase(CT, [INTEGERS, W], DTypeError, r"conv_transpose2d needs x of floats"),
]

CASES = [
    *functional_cases(ops.conv2d, conv2d, CONV2D),
    *functional_cases(ops.conv1d, conv1d, CONV1D),
    *functional_cases(ops.conv_transpose2d, None, CONV_TRANSPOSE2D),
    *CONV_ERRORS,
]
