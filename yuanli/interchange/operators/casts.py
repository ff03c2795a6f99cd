"""Cast: numbers of one kind as numbers of another."""

from typing import Any

import numpy as np

from yuanli.interchange.operators.node import Node, Operator, Value, array, value
from yuanli.tensor import Tensor, differentiable

SATURATING = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")


def dtype_of(code: int) -> np.dtype:
    """The NumPy dtype of a number that stands for one in ONNX."""
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(code)


@differentiable
def as_float(input, dtype):
    """The same numbers in another precision; the gradient comes back in that of the input."""
    return input.astype(dtype), (lambda dy: dy,)


def cast(node: Node, x: Value) -> Value:
    from onnx import TensorProto

    if node.get("to") == TensorProto.STRING:
        return array(x).astype(np.str_).astype(object)
    return to_dtype(node, x, dtype_of(node.get("to")))


def cast_like(node: Node, x: Value, like: Value) -> Value:
    if array(like).dtype.kind in "OUT":
        return array(x).astype(np.str_).astype(object)
    return to_dtype(node, x, array(like).dtype)


def to_dtype(node: Node, x: Value, dtype: Any) -> Value:
    """Into eight-bit floats what is too large becomes the largest, unless saturate=0."""
    numbers = array(x)
    if isinstance(x, Tensor) and x.dtype.kind == "f" and dtype in (np.float32, np.float64):
        return as_float(x, dtype)
    if dtype.name == "float8_e8m0fnu":
        return _to_powers_of_two(node, numbers, dtype)
    if dtype.name in SATURATING and node.get("saturate", 1):
        import ml_dtypes

        limits = ml_dtypes.finfo(dtype)
        numbers = np.clip(numbers, limits.min, limits.max)
    with np.errstate(all="ignore"):
        return value(numbers.astype(dtype))


def _to_powers_of_two(node: Node, numbers: np.ndarray, dtype: Any) -> Value:
    """The exponent of a float32 alone: 2^(e − 127), by round_mode up, down or to the nearest; 255 is nan."""
    bits = numbers.astype(np.float32).view(np.uint32)
    exponent, fraction = (bits >> 23) & 0xFF, bits & 0x7FFFFF
    half = 0x400000
    up = {
        "up": fraction > 0,
        "down": np.zeros(bits.shape, bool),
        "nearest": (fraction > half) | ((fraction == half) & (exponent > 0)),
    }[node.get("round_mode", "up")]
    rounded = np.minimum(exponent + up, 254 if node.get("saturate", 1) else 255)
    return np.where(exponent == 255, 255, rounded).astype(np.uint8).view(dtype)


OPERATORS: dict[str, Operator] = {"Cast": cast, "CastLike": cast_like}
