"""Operators that normalise."""

import numpy as np

from yuanli import ops
from yuanli.interchange.operators.node import Node, Operator, Value, array, integers
from yuanli.tensor import Tensor


def batch_normalization(
    node: Node, x: Value, scale: Value, bias: Value, mean: Value, var: Value, *rest: Value
) -> Value:
    """By the statistics given or, in training_mode, the batch's, which then move those given.

    Differs: the moved variance is over n here, and over n − 1 in `ops.batch_norm`.
    """
    rows = ops.reshape(x, (*x.shape[:2], -1)) if x.ndim > 4 else x
    epsilon, training = node.get("epsilon", 1e-5), bool(node.get("training_mode", 0))
    if not training:
        y = ops.batch_norm(rows, array(mean), array(var), scale, bias, False, 0.0, epsilon)
        return ops.reshape(y, x.shape)
    y = ops.reshape(ops.batch_norm(rows, None, None, scale, bias, True, 0.0, epsilon), x.shape)
    momentum, over = node.get("momentum", 0.9), tuple(i for i in range(x.ndim) if i != 1)
    moved = (
        (array(old) * momentum + new * (1 - momentum)).astype(array(old).dtype)
        for old, new in ((mean, array(x).mean(over)), (var, array(x).var(over)))
    )
    return (y, *map(Tensor, moved))


def layer_normalization(node: Node, x: Value, scale: Value, bias: Value = None) -> Value:
    """Over the axes from `axis` on; also the mean and the inverse deviation, where they are asked for."""
    axis, epsilon = node.get("axis", -1) % x.ndim, node.get("epsilon", 1e-5)
    shape = x.shape[axis:]
    scale, bias = (None if v is None else ops.broadcast_to(v, shape) for v in (scale, bias))
    y = ops.layer_norm(x, shape, scale, bias, epsilon)
    if node.outputs == 1:
        return y
    over = tuple(range(axis, x.ndim))
    mean = ops.mean(x, over, True)
    inverse = ops.div(1.0, ops.sqrt(ops.add(ops.var(x, over, correction=0, keepdim=True), epsilon)))
    return (y, mean, inverse)


def rms_normalization(node: Node, x: Value, scale: Value) -> Value:
    over = tuple(range(node.get("axis", -1) % x.ndim, x.ndim))
    power = ops.mean(ops.mul(x, x), over, True)
    return ops.mul(ops.div(x, ops.sqrt(ops.add(power, node.get("epsilon", 1e-5)))), scale)


def group_normalization(node: Node, x: Value, scale: Value, bias: Value) -> Value:
    """Every group of channels of every example on its own; scales for channels, in opset 18 for groups."""
    groups = node.get("num_groups")
    each = x.shape[1] // groups
    rows = ops.reshape(x, (x.shape[0], groups, -1))
    y = ops.reshape(ops.layer_norm(rows, rows.shape[-1:], None, None, node.get("epsilon", 1e-5)), x.shape)
    if scale.size == groups and groups != x.shape[1]:
        scale, bias = (
            ops.reshape(ops.broadcast_to(ops.reshape(v, (-1, 1)), (groups, each)), (-1,))
            for v in (scale, bias)
        )
    return _by_channel(y, scale, bias)


def instance_normalization(node: Node, x: Value, scale: Value, bias: Value) -> Value:
    """Every channel of every example on its own."""
    rows = ops.reshape(x, (*x.shape[:2], -1))
    y = ops.layer_norm(rows, rows.shape[-1:], None, None, node.get("epsilon", 1e-5))
    return _by_channel(ops.reshape(y, x.shape), scale, bias)


def _by_channel(y: Value, scale: Value, bias: Value) -> Value:
    shape = (-1, *(1,) * (y.ndim - 2))
    return ops.add(ops.mul(y, ops.reshape(scale, shape)), ops.reshape(bias, shape))


def local_response(node: Node, x: Value) -> Value:
    """Of an even size ONNX looks one channel further up, where torch looks further down."""
    size = node.get("size")
    options = (node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0))
    if size % 2:
        return ops.local_response_norm(x, size, *options)
    return ops.local_response_norm(x[:, ::-1], size, *options)[:, ::-1]


def mean_variance(node: Node, x: Value) -> Value:
    over = integers(node.get("axes", (0, 2, 3)))
    centred = ops.sub(x, ops.mean(x, over, True))
    return ops.div(centred, ops.sqrt(ops.add(ops.mean(ops.mul(centred, centred), over, True), 1e-9)))


def lp_normalization(node: Node, x: Value) -> Value:
    """Divided by its norm along an axis; 0 where that is 0."""
    axis, p = node.get("axis", -1), node.get("p", 2)
    norm = ops.sum(ops.abs(x), axis, True) if p == 1 else ops.sqrt(ops.sum(ops.mul(x, x), axis, True))
    return ops.div(x, ops.where(array(norm) == 0, np.ones((), x.dtype), norm))


OPERATORS: dict[str, Operator] = {
    "BatchNormalization": batch_normalization, "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization, "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization, "LRN": local_response,
    "MeanVarianceNormalization": mean_variance, "LpNormalization": lp_normalization,
}  # fmt: skip
