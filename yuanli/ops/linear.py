"""The fully connected layer's function."""

import numpy as np

from yuanli.errors import ShapeError
from yuanli.kernels.matmul import matmul, sum_of_products
from yuanli.tensor import differentiable


@differentiable
def linear(input, weight, bias=None):
    """y = x Wᵀ + b: (…, I), (O, I), (O,) → (…, O).

    ∂/∂x = dy W; ∂/∂W = dyᵀ x and ∂/∂b = Σ dy, both over all rows.
    Raises: ShapeError when the shapes do not fit.
    """
    if weight.ndim != 2 or not input.ndim or input.shape[-1] != weight.shape[1]:
        raise ShapeError(f"linear needs input (…, I) and weight (O, I), got {input.shape} and {weight.shape}")
    y = _product(input, weight.T)

    def grad_weight(dy):
        return sum_of_products(_rows(dy), _rows(input))

    if bias is None:
        return y, (lambda dy: _product(dy, weight), grad_weight, None)
    if bias.shape != weight.shape[:1]:
        raise ShapeError(
            f"linear needs bias ({weight.shape[0]},) for weight {weight.shape}, got {bias.shape}"
        )
    y = np.add(y, bias, out=y if y.dtype == bias.dtype else None)
    return y, (lambda dy: _product(dy, weight), grad_weight, lambda dy: _rows(dy).sum(0))


def _product(x, matrix):
    """(…, D) @ (D, E) → (…, E)"""
    return matmul(_rows(x), matrix).reshape(*x.shape[:-1], matrix.shape[1])


def _rows(x):
    """(…, D) → (rows, D)"""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
