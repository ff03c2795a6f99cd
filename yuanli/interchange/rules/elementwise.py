"""One number at a time, several as one, and matrix products."""

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange.onnx_export import Writer
from yuanli.interchange.rules.arguments import Rule, argument, axes_of, first, shape_of
from yuanli.interchange.tracing import Call

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
    return lambda w, a, b: w.node(op, [first(w, a, b)])


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
        axes = axes_of(a, "dim")
        over = [w.integers(*axes)] if axes else []
        return w.node(op, [first(w, a, b), *over], keepdims=int(a.arguments["keepdim"]))

    return rule


def variance(w: Writer, a: Call, b: Call) -> str:
    """Σ (x − mean)² / (n − correction)"""
    x, shapes = first(w, a, b), [shape_of(c, "input") for c in (a, b)]
    axes = axes_of(a, "dim") or range(len(shapes[0]))
    counts = [int(np.prod([shape[d] for d in axes])) for shape in shapes]
    if counts[0] != counts[1]:
        raise UnsupportedError("var over the batch has no counterpart in ONNX here")
    over = w.integers(*axes)
    centred = w.node("Sub", [x, w.node("ReduceMean", [x, over], keepdims=1)])
    total = w.node("ReduceSumSquare", [centred, over], keepdims=int(a.arguments["keepdim"]))
    divisor = np.asarray(counts[0] - a.arguments["correction"], a.result.dtype)
    return w.node("Div", [total, w.constant(divisor)])


def log_sum_exp(w: Writer, a: Call, b: Call) -> str:
    axes = w.integers(*axes_of(a, "dim"))
    return w.node("ReduceLogSumExp", [first(w, a, b), axes], keepdims=int(a.arguments["keepdim"]))


def along_axis(op: str) -> Rule:
    return lambda w, a, b: w.node(op, [first(w, a, b)], axis=a.arguments["dim"])


def clip(w: Writer, a: Call, b: Call) -> str:
    bounds = (
        "" if a.arguments[n] is None else w.constant(np.asarray(a.arguments[n], a.result.dtype))
        for n in ("min", "max")
    )
    return w.node("Clip", [first(w, a, b), *bounds])


def relu6(w: Writer, a: Call, b: Call) -> str:
    bounds = (w.constant(np.asarray(n, a.result.dtype)) for n in (0, 6))
    return w.node("Clip", [first(w, a, b), *bounds])


def silu(w: Writer, a: Call, b: Call) -> str:
    x = first(w, a, b)
    return w.node("Mul", [x, w.node("Sigmoid", [x])])


def softplus(w: Writer, a: Call, b: Call) -> str:
    x, beta = first(w, a, b), w.constant(np.asarray(a.arguments["beta"], a.result.dtype))
    return w.node("Div", [w.node("Softplus", [w.node("Mul", [x, beta])]), beta])


def where(w: Writer, a: Call, b: Call) -> str:
    others = (argument(w, a, b, name, a.result.dtype) for name in ("input", "other"))
    return w.node("Where", [argument(w, a, b, "condition"), *others])


RULES: dict[str, Rule] = {
    **{name: of_one(op) for name, op in SAME_NAME.items()},
    **{name: of_two(op) for name, op in OF_TWO.items()},
    **{name: compared(op) for name, op in COMPARISONS.items()}, "not_equal": not_equal,
    **{name: reduction(op) for name, op in REDUCTIONS.items()},
    "var": variance, "logsumexp": log_sum_exp, "softmax": along_axis("Softmax"),
    "log_softmax": along_axis("LogSoftmax"), "clip": clip, "relu6": relu6, "silu": silu, "softplus": softplus,
    "elu": lambda w, a, b: w.node("Elu", [first(w, a, b)], alpha=float(a.arguments["alpha"])),
    "gelu": lambda w, a, b: w.node("Gelu", [first(w, a, b)], approximate=a.arguments["approximate"]),
    "leaky_relu": lambda w, a, b: w.node(
        "LeakyRelu", [first(w, a, b)], alpha=float(a.arguments["negative_slope"])
    ),
    "where": where,
}  # fmt: skip
