"""Reductions beyond Tensor's own sum, mean, max and min."""

import numpy as np

from yuanli.arithmetic import axes, count, keepaxes
from yuanli.tensor import differentiable


@differentiable
def var(input, dim=None, *, correction=1, keepdim=False):
    """Σ(x − mean)² / (n − correction) over the axes `dim`; ∂/∂x = 2·(x − mean) / (n − correction).

    `correction=1` is the unbiased estimate, 0 the mean square deviation; nan for n ≤ correction, as in torch.
    """
    over = axes(input, dim)
    n = count(input, dim)
    centered = input - input.sum(over, keepdims=True) / n
    degrees = np.maximum(n - correction, 0).astype(centered.dtype)
    y = (centered * centered).sum(over, keepdims=keepdim) / degrees
    return y, (lambda dy: keepaxes(dy, input, dim) * centered * (2 / degrees),)
