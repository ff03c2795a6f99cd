"""Operators that are matrix products."""

import numpy as np

from yuanli import ops
from yuanli.interchange.operators.node import Node, Operator, Value, array, is_float, room
from yuanli.tensor import Tensor


def gemm(node: Node, a: Value, b: Value, c: Value = None) -> Value:
    """α·A·B + β·C; with the weight turned and a vector for C it is a linear layer."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    room((a.shape[1 if node.get("transA", 0) else 0], b.shape[0 if node.get("transB", 0) else 1]))
    a = ops.transpose(a, 0, 1) if node.get("transA", 0) else a
    if node.get("transB", 0) and alpha == beta == 1 and (c is None or c.shape == b.shape[:1]) and is_float(a):
        return ops.linear(a, b, c)
    y = ops.matmul(a, ops.transpose(b, 0, 1) if node.get("transB", 0) else b)
    if not is_float(a):
        alpha, beta = (int(v) if v == int(v) else v for v in (alpha, beta))
        total = alpha * array(y) + (0 if c is None else beta * array(c))
        return Tensor(total.astype(array(y).dtype))
    y = y if alpha == 1 else ops.mul(y, alpha)
    return y if c is None else ops.add(y, c if beta == 1 else ops.mul(c, beta))


def matmul(node: Node, a: Value, b: Value) -> Value:
    if a.ndim > 1 and b.ndim > 1:
        room((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    return ops.matmul(a, b)


OPERATORS: dict[str, Operator] = {"Gemm": gemm, "MatMul": matmul}
