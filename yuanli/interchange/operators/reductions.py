"""Operators that make one number of many: Reduce…, Softmax and its kin."""

import functools
from collections.abc import Callable

import numpy as np

from yuanli import ops
from yuanli.interchange.operators.node import Node, Operator, Value, array, integers, is_float
from yuanli.tensor import Tensor


def reduction(of_floats: Callable, of_integers: Callable | None = None) -> Operator:
    """`axes` came as an attribute, later as an input; without any, all axes or, if so wished, none."""

    def operator(node: Node, x: Value, axes: Value = None) -> Value:
        dims = integers(node.get("axes") if axes is None else axes) or None
        if dims is None and node.get("noop_with_empty_axes", 0):
            dims = ()
        keep = bool(node.get("keepdims", 1))
        if is_float(x):
            return of_floats(x, dims, keep)
        if of_integers is None:
            raise node.unsupported("whole numbers")
        numbers = array(x)
        found = of_integers(numbers, dims, keep)
        return Tensor(np.asarray(found, numbers.dtype))

    return operator


def integer_sum(x: np.ndarray, dims: tuple | None, keep: bool) -> np.ndarray:
    return x.sum(dims, keepdims=keep, dtype=x.dtype)


def extreme(function: Callable, of_integers: Callable, least: float) -> Operator:
    """The largest or smallest; of nothing, what is beyond all others."""

    def of_floats(x: Tensor, dims: tuple | None, keep: bool) -> Tensor:
        if x.size:
            return function(x, dims, keep)
        return Tensor(of_integers(x.data, dims, keepdims=keep, initial=least))

    def of_numbers(x: np.ndarray, dims: tuple | None, keep: bool) -> np.ndarray:
        if x.dtype.kind == "b":
            return of_integers(x, dims, keepdims=keep, initial=least > 0)
        limits = np.iinfo(x.dtype)
        return of_integers(x, dims, keepdims=keep, initial=limits.max if least > 0 else limits.min)

    return reduction(of_floats, of_numbers)


def product(x: Tensor, dims: tuple | None, keep: bool) -> Tensor:
    """One factor after the other."""
    over = [d % x.ndim for d in (range(x.ndim) if dims is None else dims)]
    rest = [d for d in range(x.ndim) if d not in over]
    shape = tuple(1 if d in over else n for d, n in enumerate(x.shape) if keep or d not in over)
    rows = ops.reshape(ops.permute(x, (*over, *rest)), (-1, *(x.shape[d] for d in rest)) if x.size else (0,))
    if not x.size:
        return Tensor(np.ones(shape, x.dtype))
    return ops.reshape(functools.reduce(ops.mul, rows), shape)


def l2(x: Tensor, dims: tuple | None, keep: bool) -> Tensor:
    return ops.sqrt(ops.sum(ops.mul(x, x), dims, keep))


def softmax(node: Node, x: Value) -> Value:
    """Along an axis; before opset 13, over all from that axis on, as one."""
    function = ops.softmax if node.op == "Softmax" else ops.log_softmax
    if node.opset >= 13:
        return function(x, node.get("axis", -1))
    axis = node.get("axis", 1) % max(x.ndim, 1)
    rows = int(np.prod(x.shape[:axis]))
    return ops.reshape(function(ops.reshape(x, (rows, -1)), -1), x.shape)


def hardmax(node: Node, x: Value) -> Value:
    """1 at the first of the largest, else 0."""
    numbers, axis = array(x), node.get("axis", -1 if node.opset >= 13 else 1)
    flat = numbers if node.opset >= 13 else numbers.reshape(int(np.prod(numbers.shape[:axis])), -1)
    axis = axis if node.opset >= 13 else -1
    y = np.zeros_like(flat)
    np.put_along_axis(y, flat.argmax(axis, keepdims=True), 1, axis)
    return Tensor(y.reshape(numbers.shape))


OPERATORS: dict[str, Operator] = {
    "ReduceSum": reduction(ops.sum, integer_sum),
    "ReduceMean": reduction(ops.mean, lambda x, dims, keep: np.trunc(x.mean(dims, keepdims=keep))),
    "ReduceMax": extreme(ops.max, np.max, -np.inf),
    "ReduceMin": extreme(ops.min, np.min, np.inf),
    "ReduceProd": reduction(product, lambda x, dims, keep: x.prod(dims, keepdims=keep)),
    "ReduceL1": reduction(
        lambda x, dims, keep: ops.sum(ops.abs(x), dims, keep),
        lambda x, dims, keep: np.abs(x).sum(dims, keepdims=keep),
    ),
    "ReduceL2": reduction(l2, lambda x, dims, keep: np.sqrt(np.square(x).sum(dims, keepdims=keep))),
    "ReduceSumSquare": reduction(
        lambda x, dims, keep: ops.sum(ops.mul(x, x), dims, keep),
        lambda x, dims, keep: np.square(x).sum(dims, keepdims=keep),
    ),
    "ReduceLogSum": reduction(lambda x, dims, keep: ops.log(ops.sum(x, dims, keep))),
    "ReduceLogSumExp": reduction(
        lambda x, dims, keep: (
            ops.logsumexp(x, dims, keep) if x.size else ops.log(ops.sum(ops.exp(x), dims, keep))
        )
    ),
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "Hardmax": hardmax,
}
