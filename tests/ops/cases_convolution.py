"""Rows for convolution, pooling and normalisation."""

import warnings

import numpy as np

from tests.kernels import naive
from tests.ops.case import Case, ErrorCase, distinct, empty, noncontiguous, normal, positive, ties
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, UnknownNameError, ValueRangeError


def functional(name):
    """torch.nn.functional's function of that name."""

    def on_torch(torch, *inputs, **options):
        with warnings.catch_warnings():  # "same" of an even kernel costs torch a copy, and it says so
            warnings.simplefilter("ignore")
            return getattr(torch.nn.functional, name)(*inputs, **options)

    return on_torch


# The formulas, for images with channels first ------------------------------------------------------------


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


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


def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    column = (slice(None), *[None] * (x.ndim - 2))
    axes = (0, *range(2, x.ndim))
    mean, var = (x.mean(axes), x.var(axes)) if training else (running_mean, running_var)
    y = (x - mean[column]) / np.sqrt(var[column] + eps)
    y = y if weight is None else y * weight[column]
    return y if bias is None else y + bias[column]


def batch_norm_relu(*inputs, **options):
    return np.maximum(batch_norm(*inputs, **options), 0)


def batch_norm_relu6(*inputs, **options):
    return np.clip(batch_norm(*inputs, **options), 0, 6)


def torch_batch_norm_relu6(torch, *inputs, **options):
    return torch.nn.functional.relu6(torch.nn.functional.batch_norm(*inputs, **options))


def batch_norm_add_relu(x, other, *inputs, **options):
    return np.maximum(batch_norm(x, *inputs, **options) + other, 0)


def torch_batch_norm_add_relu(torch, x, other, *inputs, **options):
    return torch.relu(torch.nn.functional.batch_norm(x, *inputs, **options) + other)


def torch_batch_norm_relu(torch, *inputs, **options):
    return torch.relu(torch.nn.functional.batch_norm(*inputs, **options))


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    axes = tuple(range(x.ndim - np.size(normalized_shape), x.ndim))
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        y[:, c] = x[:, c] / (k + alpha / size * (near**2).sum(1)) ** beta
    return y


# Convolution ------------------------------------------------------------

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

# Pooling ------------------------------------------------------------

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

# Normalisation ------------------------------------------------------------

MEAN, VAR = normal(3), positive(3)

BATCH_NORM = [
    (note, inputs, {"training": training})
    for training in (True, False)
    for note, inputs in [
        ("table", [normal(6, 3), MEAN, VAR, normal(3), normal(3)]),
        ("sequences", [normal(2, 3, 4), MEAN, VAR, normal(3), normal(3)]),
        ("images", [normal(2, 3, 4, 2), MEAN, VAR, normal(3), normal(3)]),
        ("without weight", [normal(2, 3, 4, 2), MEAN, VAR]),
        ("without bias", [normal(2, 3, 4, 2), MEAN, VAR, normal(3)]),
        ("one image", [normal(1, 3, 4, 2), MEAN, VAR, normal(3), normal(3)]),
        ("far from 0", [lambda rng, dtype: rng.normal(10, 1, (4, 3, 5)).astype(dtype), MEAN, VAR]),
        ("gaps in memory", [noncontiguous(2, 3, 4, 2), MEAN, VAR, normal(3), normal(3)]),
    ]
]
WIDE_BATCH_NORM = [  # reaches below 0 and above 6
    (
        note,
        [*inputs[:3], *([normal(3, scale=5.0), normal(3, scale=5.0)] if len(inputs) > 4 else inputs[3:])],
        o,
    )
    for note, inputs, o in BATCH_NORM
]
SHORTCUT_BATCH_NORM = [
    (note, [inputs[0], inputs[0], *inputs[1:]], options) for note, inputs, options in BATCH_NORM
]
# x − mean is −1, 0 and 2: below the kink, on it and above
BELOW = [np.array([[1.0], [2.0], [4.0]]), np.array([2.0]), np.array([1.0 - 1e-5])]
EMPTY_BATCH_NORM = [  # without a formula: the mean of nothing
    ("empty batch", [empty(0, 3, 4, 2), MEAN, VAR, normal(3), normal(3)], {"training": training})
    for training in (True, False)
]

BNR6, BNAR = ops.batch_norm_relu6, ops.batch_norm_add_relu
BN, BNR, LN, LRN = ops.batch_norm, ops.batch_norm_relu, ops.layer_norm, ops.local_response_norm

LAYER_NORM = [
    ("last axis", [normal(2, 3, 6), (6,), normal(6), normal(6)], {}),
    ("last axes", [normal(2, 3, 2, 4), (2, 4), normal(2, 4), normal(2, 4)], {}),
    ("without weight", [normal(4, 5), (5,)], {}),
    ("without bias", [normal(4, 5), [5], normal(5)], {"eps": 0.1}),
    ("one example", [normal(5), (5,), normal(5), normal(5)], {}),
    ("one number", [normal(3, 1), (1,), normal(1), normal(1)], {}),
    ("gaps in memory", [noncontiguous(3, 4, 5), (5,), normal(5), normal(5)], {}),
    ("empty batch", [empty(0, 5), (5,), normal(5), normal(5)], {}),
]

LOCAL_RESPONSE_NORM = [
    ("as AlexNet", [normal(2, 7, 3, 2)], {"size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2.0}),
    ("strong", [normal(2, 7, 3, 2)], {"size": 3, "alpha": 2.0, "beta": 0.7, "k": 0.5}),
    ("even size", [normal(2, 7, 3, 2)], {"size": 4, "alpha": 2.0}),
    ("more than the channels", [normal(2, 3, 4)], {"size": 8, "alpha": 2.0}),
    ("one channel", [normal(2, 1, 4)], {"size": 1, "alpha": 2.0}),
    ("gaps in memory", [noncontiguous(2, 5, 3)], {"size": 3, "alpha": 2.0}),
    ("empty batch", [empty(0, 5, 3)], {"size": 3}),
]

NORM_ERRORS = [
    ErrorCase(BN, [normal(3), MEAN, VAR], ShapeError, r"batch_norm needs x \(N, C\), .*got shape \(3,\)"),
    ErrorCase(BN, [normal(4, 5), MEAN, VAR], ShapeError, r"running_mean of shape \(5,\).*got \(3,\)"),
    ErrorCase(BN, [normal(4, 3), MEAN, VAR, normal(1)], ShapeError, r"weight of shape \(3,\).*got \(1,\)"),
    ErrorCase(BN, [normal(4, 3), MEAN, VAR, None, normal(3, 1)], ShapeError, r"bias of shape \(3,\)"),
    ErrorCase(BN, [normal(4, 3), None, None], DTypeError, r"running_var unless training=True, got None"),
    ErrorCase(
        BN, [normal(1, 3), MEAN, VAR], ValueRangeError, r"more than one value per channel", {"training": True}
    ),
    ErrorCase(
        BN, [normal(1, 3, 1, 1), None, None], ValueRangeError, r"got shape \(1, 3, 1, 1\)", {"training": True}
    ),
    ErrorCase(BN, [INTEGERS, normal(4), positive(4)], DTypeError, r"batch_norm needs x of floats"),
    ErrorCase(
        BNR, [normal(3), MEAN, VAR], ShapeError, r"batch_norm_relu needs x \(N, C\), .*got shape \(3,\)"
    ),
    ErrorCase(BNR6, [normal(3), MEAN, VAR], ShapeError, r"batch_norm_relu6 needs x \(N, C\), .*got shape"),
    ErrorCase(
        BNAR, [normal(4, 3), normal(1, 3), MEAN, VAR], ShapeError, r"of one shape, got \(4, 3\) and \(1, 3\)"
    ),
    ErrorCase(BNAR, [normal(4, 3), INTEGERS, MEAN, VAR], DTypeError, r"needs other of floats"),
    ErrorCase(
        LN, [normal(4, 5), 4], ShapeError, r"whose last axes are normalized_shape \(4,\), got shape \(4, 5\)"
    ),
    ErrorCase(LN, [normal(4), (4, 4)], ShapeError, r"normalized_shape \(4, 4\), got shape \(4,\)"),
    ErrorCase(LN, [normal(4, 5), ()], ShapeError, r"normalized_shape \(\)"),
    ErrorCase(LN, [normal(4, 5), 5, normal(1)], ShapeError, r"weight of shape \(5,\), got \(1,\)"),
    ErrorCase(
        LN, [normal(4, 5), 5, normal(5), normal(4, 5)], ShapeError, r"bias of shape \(5,\), got \(4, 5\)"
    ),
    ErrorCase(LN, [np.ones((4, 5), int), 5], DTypeError, r"layer_norm needs x of floats"),
    ErrorCase(LN, [normal(4, 5), 5.0], DTypeError, r"whole numbers for normalized_shape"),
    ErrorCase(LRN, [normal(4, 5), 3], ShapeError, r"at least 3 axes \(N, C, …\), got shape \(4, 5\)"),
    ErrorCase(LRN, [normal(2, 5, 3), 0], ValueRangeError, r"size of at least 1, got 0"),
    ErrorCase(LRN, [INTEGERS, 3], DTypeError, r"local_response_norm needs x of floats"),
]


def rows(op, reference, cases, **more):
    """A Case each, held to the formula and to torch's function of the same name."""
    torch = functional(op.__name__)
    return [
        Case(op, inputs, reference, options, torch=torch, note=note, **more)
        for note, inputs, options in cases
    ]


def affine(inputs):
    """The places of x, weight and bias among the float inputs of batch_norm."""
    return [0, *range(3, len(inputs))]


CASES = [
    *rows(ops.conv2d, conv2d, CONV2D),
    *rows(ops.conv1d, conv1d, CONV1D),
    *rows(ops.conv_transpose2d, None, CONV_TRANSPOSE2D),
    *rows(ops.max_pool2d, max_pool2d, MAX_POOL2D),
    *rows(ops.avg_pool2d, avg_pool2d, AVG_POOL2D),
    *rows(ops.adaptive_avg_pool2d, adaptive_avg_pool2d, ADAPTIVE_AVG_POOL2D),
    *TIES,
    Case(MP, [NOT_A_NUMBER], max_pool2d, {"kernel_size": 2}, subgradients=max_pool2d_gradient, note="nan"),
    *(row for case in BATCH_NORM for row in rows(BN, batch_norm, [case], differentiable=affine(case[1]))),
    *rows(BN, None, EMPTY_BATCH_NORM, differentiable=[0, 3, 4]),
    *(
        Case(BNR, inputs, batch_norm_relu, options, torch_batch_norm_relu, None, affine(inputs), note)
        for note, inputs, options in BATCH_NORM
    ),
    *(
        Case(BNR6, inputs, batch_norm_relu6, options, torch_batch_norm_relu6, None, affine(inputs), note)
        for note, inputs, options in WIDE_BATCH_NORM
    ),
    *(
        Case(
            BNAR,
            inputs,
            batch_norm_add_relu,
            options,
            torch_batch_norm_add_relu,
            None,
            [0, 1, *(i + 1 for i in affine(inputs[1:])[1:])],
            note,
        )
        for note, inputs, options in SHORTCUT_BATCH_NORM
    ),
    Case(
        BNAR,
        [BELOW[0], np.array([[1.0], [0.0], [0.0]]), *BELOW[1:]],
        batch_norm_add_relu,
        subgradients=lambda x, other, mean, var: [x - mean + other > 0, x - mean + other > 0],
        note="kink",
        differentiable=[0, 1],
    ),
    Case(
        BNR6,
        [np.array([[2.0], [5.0], [8.0], [9.0]]), *BELOW[1:]],
        batch_norm_relu6,
        subgradients=lambda x, mean, var: [(x > mean) & (x < mean + 6)],
        note="kinks",
        differentiable=[0],
    ),
    Case(
        BNR,
        BELOW,
        batch_norm_relu,
        subgradients=lambda x, mean, var: [x > mean],
        note="kink",
        differentiable=[0],
    ),
    *rows(ops.layer_norm, layer_norm, LAYER_NORM),
    Case(LN, [normal(3, 4), 4, normal(4)], layer_norm, note="width as a number"),
    *rows(ops.local_response_norm, local_response_norm, LOCAL_RESPONSE_NORM),
    *CONV_ERRORS,
    *POOL_ERRORS,
    *NORM_ERRORS,
]
