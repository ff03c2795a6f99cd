"""Linear layers, convolutions, pools, normalisation."""

from typing import Any

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange.onnx_export import Writer
from yuanli.interchange.rules.arguments import Rule, argument, first, many, shape_of
from yuanli.interchange.tracing import Call


def linear(w: Writer, a: Call, b: Call) -> str:
    x, weight = first(w, a, b), argument(w, a, b, "weight")
    bias = argument(w, a, b, "bias")
    if len(shape_of(a, "input")) == 2:
        return w.node("Gemm", [x, weight, *([bias] if bias else [])], transB=1)
    y = w.node("MatMul", [x, w.node("Transpose", [weight], perm=[1, 0])])
    return w.node("Add", [y, bias]) if bias else y


def linear_relu(w: Writer, a: Call, b: Call) -> str:
    return w.node("Relu", [linear(w, a, b)])


def dropout(w: Writer, a: Call, b: Call) -> str:
    if a.arguments["training"] and a.arguments["p"]:
        raise UnsupportedError("dropout that drops also in evaluation has no counterpart in ONNX")
    return first(w, a, b)


def convolution(w: Writer, a: Call, b: Call) -> str:
    weight = a.arguments["weight"]
    kernel, axes = weight.shape[2:], weight.ndim - 2
    stride, dilation = (many(a.arguments[name], axes) for name in ("stride", "dilation"))
    pads = _conv_pads(a.arguments["padding"], kernel, dilation)
    inputs = [argument(w, a, b, name) for name in ("input", "weight", "bias")]
    return w.node(
        "Conv", inputs, kernel_shape=list(kernel), strides=stride, dilations=dilation, pads=pads,
        group=a.arguments["groups"],
    )  # fmt: skip


def _conv_pads(padding: Any, kernel: tuple[int, ...], dilation: list[int]) -> list[int]:
    if padding == "valid":
        return [0] * 2 * len(kernel)
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [*(t // 2 for t in total), *(t - t // 2 for t in total)]
    return many(padding, len(kernel)) * 2


def conv_transpose(w: Writer, a: Call, b: Call) -> str:
    kernel = a.arguments["weight"].shape[2:]
    stride, dilation, padding, extra = (
        many(a.arguments[name], 2) for name in ("stride", "dilation", "padding", "output_padding")
    )
    inputs = [argument(w, a, b, name) for name in ("input", "weight", "bias")]
    return w.node(
        "ConvTranspose", inputs, kernel_shape=list(kernel), strides=stride, dilations=dilation,
        pads=padding * 2, output_padding=extra, group=a.arguments["groups"],
    )  # fmt: skip


def max_pool(w: Writer, a: Call, b: Call) -> str:
    kernel, stride, dilation, pads = _windows(a)
    return w.node(
        "MaxPool", [first(w, a, b)], kernel_shape=kernel, strides=stride, dilations=dilation, pads=pads
    )


def average_pool(w: Writer, a: Call, b: Call) -> str:
    """What ceil_mode adds at the end never counts, what padding adds may: then it is padded before."""
    kernel, stride, _, pads = _windows(a)
    x, padding = first(w, a, b), many(a.arguments["padding"], 2)
    if a.arguments["count_include_pad"] and any(padding) and pads != padding * 2:
        zero = w.constant(np.zeros((), a.result.dtype))
        x = w.node("Pad", [x, w.integers(0, 0, *padding, 0, 0, *padding), zero])
        pads = [0, 0, *(p - q for p, q in zip(pads[2:], padding, strict=True))]
        padding = [0, 0]
    counts = int(any(padding) and a.arguments["count_include_pad"])
    return w.node(
        "AveragePool", [x], kernel_shape=kernel, strides=stride, pads=pads, count_include_pad=counts
    )


def _windows(a: Call) -> tuple[list[int], list[int], list[int], list[int]]:
    """Kernel, stride, dilation and pads; with ceil_mode the last window's reach is padding."""
    size, kernel = a.arguments["input"].shape[2:], many(a.arguments["kernel_size"], 2)
    given = a.arguments["stride"]
    stride = kernel if given is None else many(given, 2)
    padding, dilation = many(a.arguments["padding"], 2), many(a.arguments.get("dilation", 1), 2)
    after = []
    for i in (0, 1):
        reach = dilation[i] * (kernel[i] - 1) + 1
        beyond = (a.result.shape[2 + i] - 1) * stride[i] + reach - size[i] - padding[i]
        after.append(max(padding[i], beyond))
    return kernel, stride, dilation, [*padding, *after]


def adaptive_pool(w: Writer, a: Call, b: Call) -> str:
    """Equal parts are a pool; others, products with the share of each row and column in each part."""
    x, size, wanted = first(w, a, b), a.arguments["input"].shape[2:], a.result.shape[2:]
    if wanted == (1, 1):
        return w.node("GlobalAveragePool", [x])
    if all(n % m == 0 for n, m in zip(size, wanted, strict=True)):
        kernel = [n // m for n, m in zip(size, wanted, strict=True)]
        return w.node("AveragePool", [x], kernel_shape=kernel, strides=kernel)
    rows, columns = (_shares(n, m, a.result.dtype) for n, m in zip(size, wanted, strict=True))
    return w.node("MatMul", [w.node("MatMul", [w.constant(rows), x]), w.constant(columns.T)])


def _shares(n: int, parts: int, dtype: Any) -> np.ndarray:
    """(parts, n): the mean over the places ⌊i·n/parts⌋ … ⌈(i + 1)·n/parts⌉ − 1."""
    share = np.zeros((parts, n), dtype)
    for i in range(parts):
        first, end = i * n // parts, -(-(i + 1) * n // parts)
        share[i, first:end] = 1 / (end - first)
    return share


def batch_norm(w: Writer, a: Call, b: Call) -> str:
    if a.arguments["training"]:
        raise UnsupportedError("batch_norm by the batch's own statistics has no counterpart in ONNX here")
    x, channels = a.arguments["input"], a.arguments["input"].shape[1]
    scale = argument(w, a, b, "weight") or w.constant(np.ones(channels, x.dtype))
    shift = argument(w, a, b, "bias") or w.constant(np.zeros(channels, x.dtype))
    statistics = [argument(w, a, b, name, x.dtype) for name in ("running_mean", "running_var")]
    inputs = [first(w, a, b), scale, shift, *statistics]
    return w.node("BatchNormalization", inputs, epsilon=a.arguments["eps"])


def batch_norm_relu(w: Writer, a: Call, b: Call) -> str:
    return w.node("Relu", [batch_norm(w, a, b)])


def batch_norm_relu6(w: Writer, a: Call, b: Call) -> str:
    bounds = [w.constant(np.array(bound, a.result.dtype)) for bound in (0, 6)]
    return w.node("Clip", [batch_norm(w, a, b), *bounds])


def batch_norm_add_relu(w: Writer, a: Call, b: Call) -> str:
    return w.node("Relu", [w.node("Add", [batch_norm(w, a, b), argument(w, a, b, "other")])])


def layer_norm(w: Writer, a: Call, b: Call) -> str:
    shape = a.arguments["normalized_shape"]
    shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    scale = argument(w, a, b, "weight") or w.constant(np.ones(shape, a.result.dtype))
    bias = argument(w, a, b, "bias")
    inputs = [first(w, a, b), scale, *([bias] if bias else [])]
    return w.node("LayerNormalization", inputs, axis=-len(shape), epsilon=a.arguments["eps"])


def local_response_norm(w: Writer, a: Call, b: Call) -> str:
    if a.arguments["size"] % 2 == 0:
        raise UnsupportedError(
            "local_response_norm over an even number of channels has no counterpart in ONNX"
        )
    alpha, beta, k = (float(a.arguments[name]) for name in ("alpha", "beta", "k"))
    return w.node("LRN", [first(w, a, b)], size=a.arguments["size"], alpha=alpha, beta=beta, bias=k)


RULES: dict[str, Rule] = {
    "linear": linear, "linear_relu": linear_relu, "dropout": dropout, "conv1d": convolution,
    "conv2d": convolution, "conv_transpose2d": conv_transpose, "max_pool2d": max_pool,
    "avg_pool2d": average_pool, "adaptive_avg_pool2d": adaptive_pool, "batch_norm": batch_norm,
    "batch_norm_relu": batch_norm_relu, "batch_norm_relu6": batch_norm_relu6,
    "batch_norm_add_relu": batch_norm_add_relu, "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
}  # fmt: skip
