"""The softmax family: scores to probabilities, their logarithms, and the smooth maximum.

The exponentials are of x − max x, which changes nothing in exact arithmetic and never overflows.
Source: Blanchard, Higham & Higham 2021, "Accurately computing the log-sum-exp and softmax functions".
"""

import numpy as np

from yuanli.arithmetic import axes, keepaxes
from yuanli.kernels import softmax as softmax_kernels
from yuanli.tensor import differentiable


@differentiable
def softmax(input, dim=-1):
    """y_k = e^{x_k} / Σⱼ e^{x_j} along `dim`; ∂/∂x = y·(dy − Σⱼ dy_j·y_j)."""
    y = softmax_kernels.softmax(_last(input, dim))
    return _back(y, dim), (lambda dy: _back(softmax_kernels.softmax_grad(_last(dy, dim), y), dim),)


@differentiable
def log_softmax(input, dim=-1):
    """y_k = x_k − ln Σⱼ e^{x_j} along `dim`; ∂/∂x = dy − softmax(x)·Σⱼ dy_j."""
    y = softmax_kernels.log_softmax(_last(input, dim))
    return _back(y, dim), (lambda dy: _back(softmax_kernels.log_softmax_grad(_last(dy, dim), y), dim),)


@differentiable
def logsumexp(input, dim, keepdim=False):
    """ln Σⱼ e^{x_j} over the axes `dim`, a smooth max; ∂/∂x = softmax(x)."""
    over = axes(input, dim)
    top = input.max(over, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(top.dtype)  # −inf − (−inf) would be nan
    e = np.exp(input - top)
    total = e.sum(over, keepdims=True)
    y = np.log(total) + top
    return y if keepdim else y.squeeze(over), (lambda dy: keepaxes(dy, input, dim) * e / total,)


def _last(x, dim):
    return x if dim in (-1, x.ndim - 1) else np.moveaxis(x, dim, -1)


def _back(y, dim):
    return y if dim in (-1, y.ndim - 1) else np.moveaxis(y, -1, dim)
