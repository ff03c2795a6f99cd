"""Rows of a table by number."""

import numpy as np

from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.kernels.embedding import add_rows
from yuanli.kernels.memory import empty
from yuanli.tensor import differentiable


@differentiable
def embedding(input, weight, padding_idx=None):
    """y = W[i]: indices of any shape (…), weight (V, D) → (…, D).

    ∂/∂W: row v receives the sum of dy over the places where i = v; row `padding_idx` receives nothing.
    Raises: DTypeError unless the indices are whole numbers, ValueRangeError when one is not within 0 … V − 1.
    """
    input = np.asarray(input)
    if input.dtype.kind not in "iu":
        raise DTypeError(f"embedding needs whole numbers as indices, got {input.dtype}")
    if weight.ndim != 2:
        raise ShapeError(f"embedding needs weight (V, D), got shape {weight.shape}")
    rows = len(weight)
    if input.size and not (input.min() >= 0 and input.max() < rows):
        raise ValueRangeError(f"embedding needs indices 0 … {rows - 1}, got {input.min()} … {input.max()}")
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise ValueRangeError(f"embedding needs padding_idx within a table of {rows} rows, got {padding_idx}")

    def grad_weight(dy):
        dw = add_rows(dy.reshape(-1, weight.shape[1]), input.reshape(-1), rows)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return dw

    y = np.take(weight, input, 0, out=empty((*input.shape, weight.shape[1]), weight.dtype), mode="clip")
    return y, (None, grad_weight)
