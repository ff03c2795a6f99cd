"""Operators that are losses."""

import numpy as np

from yuanli import ops
from yuanli.interchange.operators.node import Node, Operator, Value, array
from yuanli.tensor import Tensor


def negative_log_likelihood(node: Node, scores: Value, target: Value, weight: Value = None) -> Value:
    """−w_y · scores_y of (N, C, d₁, …), classes y of (N, d₁, …); a mean is over the weights."""
    classes = scores.shape[1]
    rows = ops.reshape(ops.permute(scores, (0, *range(2, scores.ndim), 1)), (-1, classes))
    wanted = array(target).reshape(-1)
    counts = np.ones(classes, scores.dtype) if weight is None else array(weight)
    seen = (
        wanted != node.get("ignore_index")
        if "ignore_index" in node.attributes
        else np.ones_like(wanted, bool)
    )
    safe = np.where(seen, wanted, 0)
    share = np.where(seen, counts[safe], 0).astype(scores.dtype)
    losses = ops.mul(rows[np.arange(len(safe)), safe], Tensor(-share))
    reduction = node.get("reduction", "mean")
    if reduction == "none":
        return ops.reshape(losses, array(target).shape)
    total = ops.sum(losses)
    return total if reduction == "sum" else ops.div(total, Tensor(share.sum()))


def softmax_cross_entropy(node: Node, scores: Value, target: Value, weight: Value = None) -> Value:
    logarithms = ops.log_softmax(scores, 1)
    loss = negative_log_likelihood(node, logarithms, target, weight)
    return (loss, logarithms) if node.outputs > 1 else loss


OPERATORS: dict[str, Operator] = {
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy,
}
