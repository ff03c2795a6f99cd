"""How each operation of `ops` is written in ONNX.

A rule takes the writer and the call as both traces have it, adds nodes, and gives the name of the result.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange.onnx_export import Writer, argument
from yuanli.interchange.tracing import Call
from yuanli.nn import Parameter

Rule = Callable[[Writer, Call, Call], str]
SAME_NAME = {
    "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs", "neg": "Neg", "relu": "Relu",
    "sigmoid": "Sigmoid", "tanh": "Tanh",
}  # fmt: skip
OF_TWO = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "matmul": "MatMul",
          "maximum": "Max", "minimum": "Min"}  # fmt: skip
COMPARISONS = {
    "equal": "Equal", "less": "Less", "greater": "Greater", "less_equal": "LessOrEqual",
    "greater_equal": "GreaterOrEqual",
}  # fmt: skip
REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin"}


def of_one(op: str) -> Rule:
    return lambda w, a, b: w.node(op, [_first(w, a, b)])


def of_two(op: str) -> Rule:
    def rule(w: Writer, a: Call, b: Call) -> str:
        names = list(a.arguments)
        return w.node(op, [argument(w, a, b, name, a.result.dtype) for name in names[:2]])

    return rule


def compared(op: str) -> Rule:
    def rule(w: Writer, a: Call, b: Call) -> str:
        dtype = a.arguments["a"].dtype
        return w.node(op, [argument(w, a, b, name, dtype) for name in ("a", "b")])

    return rule


def not_equal(w: Writer, a: Call, b: Call) -> str:
    return w.node("Not", [compared("Equal")(w, a, b)])


def reduction(op: str) -> Rule:
    def rule(w: Writer, a: Call, b: Call) -> str:
        axes = _axes(a, "dim")
        over = [w.integers(*axes)] if axes else []
        return w.node(op, [_first(w, a, b), *over], keepdims=int(a.arguments["keepdim"]))

    return rule


def variance(w: Writer, a: Call, b: Call) -> str:
    """Σ (x − mean)² / (n − correction)"""
    x, shapes = _first(w, a, b), [_shape(c, "input") for c in (a, b)]
    axes = _axes(a, "dim") or range(len(shapes[0]))
    counts = [int(np.prod([shape[d] for d in axes])) for shape in shapes]
    if counts[0] != counts[1]:
        raise UnsupportedError("var over the batch has no counterpart in ONNX here")
    over = w.integers(*axes)
    centred = w.node("Sub", [x, w.node("ReduceMean", [x, over], keepdims=1)])
    total = w.node("ReduceSumSquare", [centred, over], keepdims=int(a.arguments["keepdim"]))
    divisor = np.asarray(counts[0] - a.arguments["correction"], a.result.dtype)
    return w.node("Div", [total, w.constant(divisor)])


def log_sum_exp(w: Writer, a: Call, b: Call) -> str:
    axes = w.integers(*_axes(a, "dim"))
    return w.node("ReduceLogSumExp", [_first(w, a, b), axes], keepdims=int(a.arguments["keepdim"]))


def along_axis(op: str) -> Rule:
    return lambda w, a, b: w.node(op, [_first(w, a, b)], axis=a.arguments["dim"])


def clip(w: Writer, a: Call, b: Call) -> str:
    bounds = (
        "" if a.arguments[n] is None else w.constant(np.asarray(a.arguments[n], a.result.dtype))
        for n in ("min", "max")
    )
    return w.node("Clip", [_first(w, a, b), *bounds])


def relu6(w: Writer, a: Call, b: Call) -> str:
    bounds = (w.constant(np.asarray(n, a.result.dtype)) for n in (0, 6))
    return w.node("Clip", [_first(w, a, b), *bounds])


def silu(w: Writer, a: Call, b: Call) -> str:
    x = _first(w, a, b)
    return w.node("Mul", [x, w.node("Sigmoid", [x])])


def softplus(w: Writer, a: Call, b: Call) -> str:
    x, beta = _first(w, a, b), w.constant(np.asarray(a.arguments["beta"], a.result.dtype))
    return w.node("Div", [w.node("Softplus", [w.node("Mul", [x, beta])]), beta])


def where(w: Writer, a: Call, b: Call) -> str:
    others = (argument(w, a, b, name, a.result.dtype) for name in ("input", "other"))
    return w.node("Where", [argument(w, a, b, "condition"), *others])


def reshape(w: Writer, a: Call, b: Call) -> str:
    """All that keeps the numbers in their order."""
    name = next(iter(a.arguments))
    return w.reshape(_first(w, a, b), (_shape(a, name), _shape(b, name)), (a.result.shape, b.result.shape))


def transpose(w: Writer, a: Call, b: Call) -> str:
    order = list(range(a.result.ndim))
    i, j = a.arguments["dim0"], a.arguments["dim1"]
    order[i], order[j] = order[j], order[i]
    return w.node("Transpose", [_first(w, a, b)], perm=order)


def permute(w: Writer, a: Call, b: Call) -> str:
    order = [d % a.result.ndim for d in a.arguments["dims"]]
    return w.node("Transpose", [_first(w, a, b)], perm=order)


def channel_shuffle(w: Writer, a: Call, b: Call) -> str:
    _, channels, *rest = a.result.shape
    groups = a.arguments["groups"]
    piles = w.node("Reshape", [_first(w, a, b), w.integers(0, groups, channels // groups, *rest)])
    dealt = w.node("Transpose", [piles], perm=[0, 2, 1, *range(3, 3 + len(rest))])
    return w.node("Reshape", [dealt, w.integers(0, channels, *rest)])


def cat(w: Writer, a: Call, b: Call) -> str:
    return w.node("Concat", _several(w, a, b), axis=a.arguments["dim"])


def stack(w: Writer, a: Call, b: Call) -> str:
    axis = w.integers(a.arguments["dim"] % a.result.ndim)
    return w.node(
        "Concat", [w.node("Unsqueeze", [x, axis]) for x in _several(w, a, b)], axis=a.arguments["dim"]
    )


def broadcast_to(w: Writer, a: Call, b: Call) -> str:
    return w.node("Expand", [_first(w, a, b), w.shape(a.result.shape, b.result.shape)])


def pad(w: Writer, a: Call, b: Call) -> str:
    """Widths before all axes, then after all; the last axis came first."""
    flat, ndim = tuple(a.arguments["pad"]), a.result.ndim
    pairs = [(0, 0)] * (ndim - len(flat) // 2) + list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    widths = w.integers(*(before for before, _ in pairs), *(after for _, after in pairs))
    value = w.constant(np.asarray(a.arguments["value"], a.result.dtype))
    return w.node("Pad", [_first(w, a, b), widths, value], mode=mode[a.arguments["mode"]])


def getitem(w: Writer, a: Call, b: Call) -> str:
    """Axis after axis: slices, numbers, one array of whole numbers, new axes."""
    index, other = ((c.arguments["index"],) if not isinstance(c.arguments["index"], tuple)
                    else c.arguments["index"] for c in (a, b))  # fmt: skip
    x, shape = _first(w, a, b), _shape(a, "x")
    given = [i for i in index if i is not None and i is not Ellipsis]
    if any(i is Ellipsis for i in index):
        at = next(k for k, i in enumerate(index) if i is Ellipsis)
        rest = (slice(None),) * (len(shape) - len(given))
        index, other = ((*i[:at], *rest, *i[at + 1 :]) for i in (index, other))
    axis, arrays = 0, 0
    gone: list[int] = []
    added: list[int] = []
    for mine, theirs in zip(index, other, strict=True):
        place = axis - len(gone) + len(added)
        if mine is None:
            added.append(place)
            continue
        if isinstance(mine, slice):
            if mine != theirs:
                raise UnsupportedError(f"the slice {mine} depends on the batch")
            x = _sliced(w, x, mine, axis)
        elif isinstance(mine, int | np.integer):
            x = w.node("Slice", [x, w.integers(int(mine)), w.integers(_end(int(mine))), w.integers(axis)])
            gone.append(axis)
        else:
            arrays += 1
            rows = np.asarray(mine)
            alone = rows.ndim == 1 or len(given) == 1
            if arrays > 1 or rows.dtype.kind not in "iu" or not alone:
                raise UnsupportedError(
                    "indexing by several arrays, or by booleans, has no counterpart in ONNX"
                )
            x = w.node("Gather", [x, w.take(mine, theirs, np.int64)], axis=axis)
        axis += 1
    x = w.node("Squeeze", [x, w.integers(*gone)]) if gone else x
    return w.node("Unsqueeze", [x, w.integers(*added)]) if added else x


def _sliced(w: Writer, x: str, by: slice, axis: int) -> str:
    step = 1 if by.step is None else by.step
    if by == slice(None) or (by.start is None and by.stop is None and step == 1):
        return x
    far = np.iinfo(np.int64).max
    start = (0 if step > 0 else far) if by.start is None else by.start
    stop = (far if step > 0 else -far) if by.stop is None else by.stop
    return w.node("Slice", [x, *(w.integers(int(n)) for n in (start, stop, axis, step))])


def _end(index: int) -> int:
    """What follows an index: nothing has a number after the last."""
    return index + 1 if index != -1 else np.iinfo(np.int64).max


def embedding(w: Writer, a: Call, b: Call) -> str:
    return w.node("Gather", [argument(w, a, b, "weight"), argument(w, a, b, "input")], axis=0)


def nearest_few(w: Writer, a: Call, b: Call) -> str:
    k = w.integers(a.arguments["k"])
    return w.node("TopK", [_first(w, a, b), k], outputs=2, axis=1, largest=0)


def take_along(w: Writer, a: Call, b: Call) -> str:
    return w.node("GatherElements", [_first(w, a, b), argument(w, a, b, "indices", np.int64)], axis=1)


def in_double(w: Writer, a: Call, b: Call) -> str:
    return argument(w, a, b, "input", np.float64)


def in_whole(w: Writer, a: Call, b: Call) -> str:
    return argument(w, a, b, "input", np.int64)


def linear(w: Writer, a: Call, b: Call) -> str:
    x, weight = _first(w, a, b), argument(w, a, b, "weight")
    bias = argument(w, a, b, "bias")
    if len(_shape(a, "input")) == 2:
        return w.node("Gemm", [x, weight, *([bias] if bias else [])], transB=1)
    y = w.node("MatMul", [x, w.node("Transpose", [weight], perm=[1, 0])])
    return w.node("Add", [y, bias]) if bias else y


def dropout(w: Writer, a: Call, b: Call) -> str:
    if a.arguments["training"] and a.arguments["p"]:
        raise UnsupportedError("dropout that drops also in evaluation has no counterpart in ONNX")
    return _first(w, a, b)


def convolution(w: Writer, a: Call, b: Call) -> str:
    weight = a.arguments["weight"]
    kernel, axes = weight.shape[2:], weight.ndim - 2
    stride, dilation = (_many(a.arguments[name], axes) for name in ("stride", "dilation"))
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
    return _many(padding, len(kernel)) * 2


def conv_transpose(w: Writer, a: Call, b: Call) -> str:
    kernel = a.arguments["weight"].shape[2:]
    stride, dilation, padding, extra = (
        _many(a.arguments[name], 2) for name in ("stride", "dilation", "padding", "output_padding")
    )
    inputs = [argument(w, a, b, name) for name in ("input", "weight", "bias")]
    return w.node(
        "ConvTranspose", inputs, kernel_shape=list(kernel), strides=stride, dilations=dilation,
        pads=padding * 2, output_padding=extra, group=a.arguments["groups"],
    )  # fmt: skip


def max_pool(w: Writer, a: Call, b: Call) -> str:
    kernel, stride, dilation, pads = _windows(a)
    return w.node(
        "MaxPool", [_first(w, a, b)], kernel_shape=kernel, strides=stride, dilations=dilation, pads=pads
    )


def average_pool(w: Writer, a: Call, b: Call) -> str:
    """What ceil_mode adds at the end never counts, what padding adds may: then it is padded before."""
    kernel, stride, _, pads = _windows(a)
    x, padding = _first(w, a, b), _many(a.arguments["padding"], 2)
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
    size, kernel = a.arguments["input"].shape[2:], _many(a.arguments["kernel_size"], 2)
    given = a.arguments["stride"]
    stride = kernel if given is None else _many(given, 2)
    padding, dilation = _many(a.arguments["padding"], 2), _many(a.arguments.get("dilation", 1), 2)
    after = []
    for i in (0, 1):
        reach = dilation[i] * (kernel[i] - 1) + 1
        beyond = (a.result.shape[2 + i] - 1) * stride[i] + reach - size[i] - padding[i]
        after.append(max(padding[i], beyond))
    return kernel, stride, dilation, [*padding, *after]


def adaptive_pool(w: Writer, a: Call, b: Call) -> str:
    """Equal parts are a pool; others, products with the share of each row and column in each part."""
    x, size, wanted = _first(w, a, b), a.arguments["input"].shape[2:], a.result.shape[2:]
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
    inputs = [_first(w, a, b), scale, shift, *statistics]
    return w.node("BatchNormalization", inputs, epsilon=a.arguments["eps"])


def batch_norm_relu(w: Writer, a: Call, b: Call) -> str:
    return w.node("Relu", [batch_norm(w, a, b)])


def layer_norm(w: Writer, a: Call, b: Call) -> str:
    shape = a.arguments["normalized_shape"]
    shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    scale = argument(w, a, b, "weight") or w.constant(np.ones(shape, a.result.dtype))
    bias = argument(w, a, b, "bias")
    inputs = [_first(w, a, b), scale, *([bias] if bias else [])]
    return w.node("LayerNormalization", inputs, axis=-len(shape), epsilon=a.arguments["eps"])


def local_response_norm(w: Writer, a: Call, b: Call) -> str:
    if a.arguments["size"] % 2 == 0:
        raise UnsupportedError(
            "local_response_norm over an even number of channels has no counterpart in ONNX"
        )
    alpha, beta, k = (float(a.arguments[name]) for name in ("alpha", "beta", "k"))
    return w.node("LRN", [_first(w, a, b)], size=a.arguments["size"], alpha=alpha, beta=beta, bias=k)


ONNX_ORDER = {
    "rnn": [0],
    "lstm": [0, 3, 1, 2],
    "gru": [1, 0, 2],
}  # i, o, f, c of i, f, g, o; z, r, h of r, z, n


def recurrent(w: Writer, a: Call, b: Call) -> str:
    """One direction of one layer; the weights' rows are written in ONNX's order of gates."""
    op, order, given = a.name.upper(), ONNX_ORDER[a.name], a.arguments
    hidden = given["weight_hh"].shape[1]
    weights = [_gates(w, a, b, name, order) for name in ("weight_ih", "weight_hh")]
    biases = [_gates(w, a, b, name, order) for name in ("bias_ih", "bias_hh")]
    bias = w.node("Concat", biases, axis=1) if all(biases) else ""
    states = [_state(w, a, b, name) for name in ("h0", "c0") if name in given]
    lengths = ""
    if given["mask"] is not None:
        counted = w.node("Cast", [argument(w, a, b, "mask")], to=6)
        lengths = w.node("ReduceSum", [counted, w.integers(0)], keepdims=0)
    attributes: dict[str, Any] = {"direction": "reverse" if given["reverse"] else "forward"}
    if op == "GRU":
        attributes["linear_before_reset"] = 1
    if op == "RNN":
        attributes["activations"] = [given["nonlinearity"].capitalize()]
    inputs = [_first(w, a, b), *weights, bias, lengths, *states]
    while not inputs[-1]:
        inputs.pop()
    results = [f"{a.name}_{len(w.nodes)}_{kind}" for kind in ("y", "h", "c")[: 3 if op == "LSTM" else 2]]
    from onnx import helper

    w.nodes.append(helper.make_node(op, inputs, results, hidden_size=hidden, **attributes))
    y = w.node("Squeeze", [results[0], w.integers(1)])
    if lengths and not given["reverse"]:  # ONNX gives 0 beyond the end, `ops` carries the last state on
        seen = w.node("Unsqueeze", [argument(w, a, b, "mask"), w.integers(2)])
        y = w.node("Where", [seen, y, results[1]])
    return w.node("Concat", [y, results[2]], axis=0) if op == "LSTM" else y


def _gates(w: Writer, a: Call, b: Call, name: str, order: list[int]) -> str:
    """A weight (G·H, …) with its gates in ONNX's order, and an axis for the direction."""
    weight = a.arguments[name]
    if weight is None:
        return ""
    if not isinstance(weight, Parameter):
        raise UnsupportedError("a recurrent layer's weights must be parameters to be exported")
    numbers = weight.data.reshape(len(order), -1, *weight.shape[1:])[order].reshape(1, *weight.shape)
    return w.constant(numbers, w.names[id(weight)])


def _state(w: Writer, a: Call, b: Call, name: str) -> str:
    """The state before the first step with an axis for the direction; "" for zeros, which ONNX assumes."""
    state = a.arguments[name]
    if not hasattr(state, "requires_grad") and not np.any(state) and not np.any(b.arguments[name]):
        return ""
    return w.node("Unsqueeze", [argument(w, a, b, name), w.integers(0)])


def _first(w: Writer, a: Call, b: Call) -> str:
    return argument(w, a, b, next(iter(a.arguments)))


def _several(w: Writer, a: Call, b: Call) -> list[str]:
    pairs = zip(a.arguments["arrays"], b.arguments["arrays"], strict=True)
    return [w.take(mine, theirs, a.result.dtype) for mine, theirs in pairs]


def _shape(call: Call, name: str) -> tuple[int, ...]:
    return np.shape(call.arguments[name])


def _axes(a: Call, name: str) -> list[int]:
    dim = a.arguments[name]
    if dim is None:
        return []
    return [operator.index(d) for d in (dim if isinstance(dim, tuple | list) else (dim,))]


def _many(value: Any, count: int) -> list[int]:
    return [int(n) for n in value] if isinstance(value, tuple | list) else [int(value)] * count


RULES: dict[str, Rule] = {
    **{name: of_one(op) for name, op in SAME_NAME.items()},
    **{name: of_two(op) for name, op in OF_TWO.items()},
    **{name: compared(op) for name, op in COMPARISONS.items()}, "not_equal": not_equal,
    **{name: reduction(op) for name, op in REDUCTIONS.items()},
    "var": variance, "logsumexp": log_sum_exp, "softmax": along_axis("Softmax"),
    "log_softmax": along_axis("LogSoftmax"), "clip": clip, "relu6": relu6, "silu": silu, "softplus": softplus,
    "elu": lambda w, a, b: w.node("Elu", [_first(w, a, b)], alpha=float(a.arguments["alpha"])),
    "gelu": lambda w, a, b: w.node("Gelu", [_first(w, a, b)], approximate=a.arguments["approximate"]),
    "leaky_relu": lambda w, a, b: w.node(
        "LeakyRelu", [_first(w, a, b)], alpha=float(a.arguments["negative_slope"])
    ),
    "where": where, "reshape": reshape, "flatten": reshape, "squeeze": reshape, "unsqueeze": reshape,
    "transpose": transpose, "permute": permute, "channel_shuffle": channel_shuffle, "cat": cat,
    "stack": stack, "broadcast_to": broadcast_to, "pad": pad, "getitem": getitem, "embedding": embedding,
    "linear": linear, "dropout": dropout, "conv1d": convolution, "conv2d": convolution,
    "conv_transpose2d": conv_transpose,
    "max_pool2d": max_pool, "avg_pool2d": average_pool, "adaptive_avg_pool2d": adaptive_pool,
    "batch_norm": batch_norm, "batch_norm_relu": batch_norm_relu,
    "layer_norm": layer_norm, "local_response_norm": local_response_norm,
    "nearest_few": nearest_few,
    "take_along": take_along, "in_double": in_double,
    "in_whole": in_whole, "rnn": recurrent, "lstm": recurrent, "gru": recurrent,
}  # fmt: skip
