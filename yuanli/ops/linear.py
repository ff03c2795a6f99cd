"""The fully connected layer's function."""

import numpy as np

from yuanli.errors import ShapeError
from yuanli.kernels import linear as kernels
from yuanli.kernels.matmul import matmul, sum_of_products
from yuanli.tensor import differentiable


@differentiable
def linear(input, weight, bias=None):
    """y = x Wᵀ + b: (…, I), (O, I), (O,) → (…, O).

    ∂/∂x = dy W; ∂/∂W = dyᵀ x and ∂/∂b = Σ dy, both over all rows.
    Raises: ShapeError when the shapes do not fit.
    """
    return _linear("linear", input, weight, bias, -np.inf)


@differentiable
def linear_relu(input, weight, bias=None):
    """max(0, x Wᵀ + b) in one sweep over memory: what most layers of a perceptron compute.

    The gradients are those of `linear` for g, dy where y > 0: ∂/∂x = g W, ∂/∂W = gᵀ x, ∂/∂b = Σ g.
    Shapes, Raises: as linear.
    """
    return _linear("linear_relu", input, weight, bias, 0.0)


def _linear(op, input, weight, bias, floor):
    """The rule of both: y = max(floor, x Wᵀ + b)."""
    if weight.ndim != 2 or not input.ndim or input.shape[-1] != weight.shape[1]:
        raise ShapeError(f"{op} needs input (…, I) and weight (O, I), got {input.shape} and {weight.shape}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError(f"{op} needs bias ({weight.shape[0]},) for weight {weight.shape}, got {bias.shape}")
    x = _rows(input)
    y = kernels.linear(x, weight, bias, floor)
    held = [None, None]

    def passed(dy):
        """The rows of dy where y is above the floor, and their sum: found once."""
        if held[0] is not dy:
            held[:] = dy, kernels.passed(_rows(dy), y, floor)
        return held[1]

    return y.reshape(*input.shape[:-1], len(weight)), (
        lambda dy: matmul(passed(dy)[0], weight).reshape(input.shape),
        lambda dy: sum_of_products(passed(dy)[0], x),
        None if bias is None else lambda dy: passed(dy)[1].copy(),
    )


def _rows(x):
    """(…, D) → (rows, D)"""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
