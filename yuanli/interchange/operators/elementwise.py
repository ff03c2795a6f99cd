"""Operators on one number at a time."""

import functools
import math
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.interchange.operators.node import Node, Operator, Value, array, integers, is_float, value
from yuanli.tensor import Tensor, differentiable


def plain(function: Any) -> Operator:
    """The operator without attributes that is a function of ours."""
    return lambda node, *inputs: function(*inputs)


def elementary(function: Any, slope: Any) -> Operator:
    """A function that NumPy has and `ops` has not, with its derivative."""

    @differentiable
    def rule(input):
        return function(input), (lambda dy: dy * slope(input),)

    return lambda node, x: rule(x)


def arithmetic(of_floats: Any, of_integers: Any) -> Operator:
    """Two operands; those of opset 6 and before are brought to one shape from `axis` on."""

    def operator(node: Node, a: Value, b: Value) -> Value:
        a, b = aligned(node, a, b)
        if is_float(a):
            return of_floats(a, b)
        x, y = array(a), array(b)
        return Tensor(np.asarray(of_integers(x, y), x.dtype))

    return operator


def aligned(node: Node, a: Value, b: Value) -> tuple[Value, Value]:
    if node.opset < 7 and node.get("broadcast") and (axis := node.get("axis")) is not None:
        trailing = array(a).ndim - axis % array(a).ndim - array(b).ndim
        b = ops.reshape(b, (*array(b).shape, *(1,) * trailing))
    return a, b


def quotient(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whole numbers divided towards 0."""
    whole = a // b
    return whole + ((whole < 0) & (whole * b != a))


def power(node: Node, x: Value, exponent: Value) -> Value:
    """The result has the dtype of x, whatever that of the exponent."""
    x, exponent = aligned(node, x, exponent)
    if is_float(x):
        return ops.pow(x, exponent if is_float(exponent) else Tensor(array(exponent).astype(x.dtype)))
    return Tensor(np.power(array(x), array(exponent)).astype(array(x).dtype))


@differentiable
def _remainder(a, b, function, whole):
    """a − b·whole(a/b); ∂/∂a = 1, ∂/∂b = −whole(a/b)"""
    return function(a, b), (lambda dy: dy, lambda dy: -dy * whole(a / b))


def remainder(node: Node, a: Value, b: Value) -> Value:
    """The sign is the divisor's, or by fmod=1 the dividend's."""
    function, whole = (np.fmod, np.trunc) if node.get("fmod", 0) else (np.mod, np.floor)
    return _remainder(a, b, function, whole) if is_float(a) else Tensor(function(array(a), array(b)))


def several(of_floats: Any, of_integers: Any) -> Operator:
    """Any number of operands, one after the other."""

    def operator(node: Node, *inputs: Value) -> Value:
        if is_float(inputs[0]):
            return functools.reduce(of_floats, inputs)
        return Tensor(functools.reduce(of_integers, map(array, inputs)))

    return operator


def mean(node: Node, *inputs: Value) -> Value:
    return ops.div(functools.reduce(ops.add, inputs), float(len(inputs)))


def compared(function: Any) -> Operator:
    """A comparison: booleans, without gradient."""
    return lambda node, a, b: Tensor(np.asarray(function(*map(array, aligned(node, a, b))), bool))


def where(node: Node, condition: Value, x: Value, y: Value) -> Value:
    if is_float(x):
        return ops.where(array(condition), x, y)
    return value(np.where(array(condition), array(x), array(y)))


def clip(node: Node, x: Value, low: Value = None, high: Value = None) -> Value:
    low, high = (None if v is None else array(v).reshape(()) for v in (low, high))
    if node.opset < 11:
        low, high = (
            None if v is None else np.asarray(v, x.dtype) for v in (node.get("min"), node.get("max"))
        )
    if low is None and high is None:
        return x
    return ops.clip(x, low, high) if is_float(x) else Tensor(np.clip(array(x), low, high))


def dropout(node: Node, x: Value, ratio: Value = None, training: Value = None) -> Value:
    """The identity, unless the graph says training_mode.

    The mask of a given seed is that of the reference implementation of ONNX, NumPy's old generator.
    """
    p = 0.5 if ratio is None else float(array(ratio))
    if training is None or not array(training) or p == 0:
        keep = np.ones(x.shape, bool)
        return (x, Tensor(keep)) if node.outputs > 1 else x
    random = np.random.RandomState(node.get("seed"))
    keep = random.uniform(0, 1, x.shape) >= p
    y = ops.mul(x, Tensor((keep / (1 - p)).astype(x.dtype)))
    return (y, Tensor(keep)) if node.outputs > 1 else y


def elu(node: Node, x: Value) -> Value:
    return ops.elu(x, node.get("alpha", 1.0))


def celu(node: Node, x: Value) -> Value:
    alpha = node.get("alpha", 1.0)
    return ops.mul(ops.elu(ops.div(x, alpha)), alpha)


def selu(node: Node, x: Value) -> Value:
    alpha, gamma = node.get("alpha", 1.67326319217681884765625), node.get("gamma", 1.05070102214813232421875)
    return ops.mul(ops.elu(x, alpha), gamma)


def prelu(node: Node, x: Value, slope: Value) -> Value:
    """x, or slope·x below 0; before opset 7 a slope for each channel."""
    if node.opset < 7 and slope.ndim == 1 and slope.size > 1:
        slope = ops.reshape(slope, (-1, *(1,) * (x.ndim - 2)))
    return ops.add(ops.relu(x), ops.mul(slope, ops.minimum(x, 0.0)))


def hard_sigmoid(node: Node, x: Value) -> Value:
    return ops.clip(ops.add(ops.mul(x, node.get("alpha", 0.2)), node.get("beta", 0.5)), 0.0, 1.0)


def hard_swish(node: Node, x: Value) -> Value:
    return ops.mul(x, ops.clip(ops.add(ops.div(x, 6.0), 0.5), 0.0, 1.0))


def thresholded_relu(node: Node, x: Value) -> Value:
    return ops.where(array(x) > node.get("alpha", 1.0), x, np.zeros((), x.dtype))


def shrink(node: Node, x: Value) -> Value:
    edge, bias = node.get("lambd", 0.5), node.get("bias", 0.0)
    numbers = array(x)
    moved = np.where(numbers < -edge, numbers + bias, np.where(numbers > edge, numbers - bias, 0))
    if not is_float(x):
        return Tensor(moved.astype(numbers.dtype))
    shift = np.where(numbers < -edge, bias, -bias).astype(numbers.dtype)
    return ops.where(np.abs(numbers) > edge, ops.add(x, shift), np.zeros((), numbers.dtype))


def swish(node: Node, x: Value) -> Value:
    return ops.mul(x, ops.sigmoid(ops.mul(x, node.get("alpha", 1.0))))


def mish(node: Node, x: Value) -> Value:
    return ops.mul(x, ops.tanh(ops.softplus(x)))


def softsign(node: Node, x: Value) -> Value:
    return ops.div(x, ops.add(ops.abs(x), 1.0))


def is_inf(node: Node, x: Value) -> Value:
    above, below = node.get("detect_positive", 1), node.get("detect_negative", 1)
    return Tensor((np.isposinf(array(x)) & bool(above)) | (np.isneginf(array(x)) & bool(below)))


def cumulative_sum(node: Node, x: Value, axis: Value) -> Value:
    """Σ of all up to here, or before (exclusive), or from here on (reverse)."""
    (dim,) = integers(axis) or (0,)
    exclusive, backwards = bool(node.get("exclusive", 0)), bool(node.get("reverse", 0))
    if is_float(x):
        return _cumulative_sum(x, dim, exclusive, backwards)
    return Tensor(_sums_so_far(array(x), dim, exclusive, backwards))


@differentiable
def _cumulative_sum(input, dim, exclusive, backwards):
    """An element is in the sums from its place on, so that dx is the sums of dy from the other end."""
    y = _sums_so_far(input, dim, exclusive, backwards)
    return y, (lambda dy: _sums_so_far(dy, dim, exclusive, not backwards),)


def _sums_so_far(x: np.ndarray, dim: int, exclusive: bool, backwards: bool) -> np.ndarray:
    turned = np.flip(x, dim) if backwards else x
    sums = np.cumsum(turned, dim, dtype=x.dtype)
    if exclusive:
        sums = np.roll(sums, 1, dim)
        sums[(slice(None),) * (dim % x.ndim) + (slice(0, 1),)] = 0
    return np.ascontiguousarray(np.flip(sums, dim) if backwards else sums)


def _erf_slope(x: np.ndarray) -> np.ndarray:
    return 2 / math.sqrt(math.pi) * np.exp(-x * x)


def _erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return erf(x)


def negative(node: Node, x: Value) -> Value:
    return ops.neg(x) if is_float(x) else Tensor(np.negative(array(x)))


def absolute(node: Node, x: Value) -> Value:
    return ops.abs(x) if is_float(x) else Tensor(np.abs(array(x)))


def relu(node: Node, x: Value) -> Value:
    return ops.relu(x) if is_float(x) else Tensor(np.maximum(array(x), 0))


def flat(x: np.ndarray) -> np.ndarray:
    """The slope of a staircase."""
    return np.zeros_like(x)


OPERATORS: dict[str, Operator] = {
    "Abs": absolute, "Neg": negative, "Relu": relu,
    **{name: plain(function) for name, function in {
        "Exp": ops.exp, "Log": ops.log, "Sqrt": ops.sqrt, "Sigmoid": ops.sigmoid, "Tanh": ops.tanh,
        "Softplus": ops.softplus, "Reciprocal": lambda x: ops.div(1.0, x),
        "Not": lambda x: Tensor(np.logical_not(array(x))), "IsNaN": lambda x: Tensor(np.isnan(array(x))),
    }.items()},
    **{name: elementary(*pair) for name, pair in {
        "Erf": (_erf, _erf_slope), "Sin": (np.sin, np.cos), "Cos": (np.cos, lambda x: -np.sin(x)),
        "Tan": (np.tan, lambda x: 1 / np.cos(x) ** 2), "Asin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x)),
        "Acos": (np.arccos, lambda x: -1 / np.sqrt(1 - x * x)),
        "Atan": (np.arctan, lambda x: 1 / (1 + x * x)),
        "Sinh": (np.sinh, np.cosh), "Cosh": (np.cosh, np.sinh),
        "Asinh": (np.arcsinh, lambda x: 1 / np.sqrt(x * x + 1)),
        "Acosh": (np.arccosh, lambda x: 1 / np.sqrt(x * x - 1)),
        "Atanh": (np.arctanh, lambda x: 1 / (1 - x * x)),
        "Sign": (np.sign, flat), "Ceil": (np.ceil, flat), "Floor": (np.floor, flat), "Round": (np.rint, flat),
    }.items()},
    "Add": arithmetic(ops.add, np.add), "Sub": arithmetic(ops.sub, np.subtract),
    "Mul": arithmetic(ops.mul, np.multiply), "Div": arithmetic(ops.div, quotient),
    "Pow": power, "Mod": remainder,
    "Max": several(ops.maximum, np.maximum), "Min": several(ops.minimum, np.minimum),
    "Sum": several(ops.add, np.add), "Mean": mean,
    **{name: compared(function) for name, function in {
        "Equal": np.equal, "Less": np.less, "Greater": np.greater, "LessOrEqual": np.less_equal,
        "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    }.items()},
    "Where": where, "Clip": clip, "Dropout": dropout, "IsInf": is_inf, "CumSum": cumulative_sum,
    "LeakyRelu": lambda node, x: ops.leaky_relu(x, node.get("alpha", 0.01)),
    "Gelu": lambda node, x: ops.gelu(x, node.get("approximate", "none")),
    "Elu": elu, "Celu": celu, "Selu": selu, "PRelu": prelu, "ThresholdedRelu": thresholded_relu,
    "HardSigmoid": hard_sigmoid, "HardSwish": hard_swish, "Shrink": shrink, "Swish": swish, "Mish": mish,
    "Softsign": softsign,
}  # fmt: skip
