"""The rules of Tensor's own operators and everyday methods.

Each takes arrays and returns its value and one gradient function per input; `tensor.py` makes them functions
of Tensors.  Broadcasting is NumPy's, and the engine undoes it.  In this file sum, max, min, abs and pow are
these rules; Python's own are not used.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from yuanli.errors import ShapeError
from yuanli.kernels.dispatch import LARGE


def add(a, b):
    """a + b; ∂/∂a = ∂/∂b = 1"""
    return plus(a, b), (_same, _same)


def sub(a, b):
    """a − b; ∂/∂a = 1, ∂/∂b = −1"""
    return a - b, (_same, np.negative)


def mul(a, b):
    """a · b, element by element; ∂/∂a = b, ∂/∂b = a"""
    return a * b, (lambda dy: dy * b, lambda dy: dy * a)


def div(a, b):
    """a / b, element by element; ∂/∂a = 1/b, ∂/∂b = −a/b²; x/0 is ±inf or nan, as IEEE 754 has it"""
    y = np.true_divide(a, b)
    return y, (lambda dy: dy / b, lambda dy: -dy * y / b)


def pow(x, exponent):
    """xᶜ; ∂/∂x = c·xᶜ⁻¹ and ∂/∂c = xᶜ·ln x, taken as 0 where c = 0 and where x = 0 ≤ c"""
    y = np.power(x, exponent)

    def grad_x(dy):
        c = np.asarray(exponent, dy.dtype)
        return dy * c * np.power(x, np.where(c == 0, c, c - 1))

    def grad_exponent(dy):
        flat = (x == 0) & (exponent >= 0)
        return np.where(flat, 0, dy * y * np.log(np.where(flat, 1, x)))

    return y, (grad_x, grad_exponent)


def neg(x):
    """−x; ∂/∂x = −1"""
    return -x, (np.negative,)


def exp(x):
    """eˣ; ∂/∂x = eˣ"""
    y = np.exp(x)
    return y, (lambda dy: dy * y,)


def log(x):
    """ln x; ∂/∂x = 1/x; ln 0 = −inf, and nan below 0"""
    return np.log(x), (lambda dy: dy / x,)


def sqrt(x):
    """√x; ∂/∂x = 1/(2√x), infinite at 0, and nan below 0"""
    y = np.sqrt(x)
    return y, (lambda dy: dy / (2 * y),)


def abs(x):
    """|x|; ∂/∂x = sign x, with the subgradient 0 at 0"""
    return np.abs(x), (lambda dy: dy * np.sign(x),)


def matmul(a, b):
    """a @ b: (…, I, K) @ (…, K, J) → (…, I, J), batch axes broadcast; one axis makes a a row, b a column

    ∂/∂a = dy bᵀ, ∂/∂b = aᵀ dy
    """
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(f"matmul needs (…, I, K) @ (…, K, J), got {a.shape} @ {b.shape}")
    if a.ndim == b.ndim == 2:
        return a @ b, (lambda dy: dy @ b.T, lambda dy: a.T @ dy)
    left, right = np.atleast_2d(a), b[:, None] if b.ndim == 1 else b

    def with_lostaxes(dy):
        if a.ndim == 1:
            dy = np.expand_dims(dy, -1 if b.ndim == 1 else -2)
        return dy[..., None] if b.ndim == 1 else dy

    def grad_b(dy):
        g = left.swapaxes(-1, -2) @ with_lostaxes(dy)
        return g[..., 0] if b.ndim == 1 else g

    return a @ b, (lambda dy: with_lostaxes(dy) @ right.swapaxes(-1, -2), grad_b)


def getitem(x, index):
    """x[index]: slices, numbers, arrays of integers or booleans; dy goes back where the elements came from"""
    by_array = any(
        isinstance(i, np.ndarray | list) for i in (index if isinstance(index, tuple) else (index,))
    )

    def grad_x(dy):
        dx = np.zeros_like(x)
        if by_array:
            np.add.at(dx, index, dy)  # an element picked twice receives twice
        else:
            dx[index] = dy
        return dx

    return x[index], (grad_x,)


def reshape(x, shape):
    """The same numbers in row-major order under another shape; one axis may be −1"""
    if isinstance(shape, tuple) and any(n < -1 for n in shape):  # NumPy takes −2 for −1
        raise ValueError("an axis has a length, or -1 for what is left")
    return x.reshape(shape), (lambda dy: dy.reshape(x.shape),)


def transpose(x, dim0, dim1):
    """Exchange two axes"""
    return x.swapaxes(dim0, dim1), (lambda dy: dy.swapaxes(dim0, dim1),)


def sum(x, dim=None, keepdim=False):
    """Σ x over the axes `dim` (a number, several, or None for all); ∂/∂x = 1"""
    return x.sum(axes(x, dim), keepdims=keepdim), (lambda dy: np.broadcast_to(keepaxes(dy, x, dim), x.shape),)


def mean(x, dim=None, keepdim=False):
    """(1/n) Σ x over the axes `dim` (a number, several, or None for all); ∂/∂x = 1/n; nan over no elements"""
    n = count(x, dim)
    y = np.divide(x.sum(axes(x, dim), keepdims=keepdim), n)
    return y, (lambda dy: np.broadcast_to(keepaxes(dy / n, x, dim), x.shape),)


def max(x, dim=None, keepdim=False):
    """The largest value over the axes `dim`; equal ones share the gradient.  torch calls this amax."""
    return _extreme(x, x.max(axes(x, dim), keepdims=True), dim, keepdim)


def min(x, dim=None, keepdim=False):
    """The smallest value over the axes `dim`; equal ones share the gradient.  torch calls this amin."""
    return _extreme(x, x.min(axes(x, dim), keepdims=True), dim, keepdim)


def _extreme(x, y, dim, keepdim):
    def grad_x(dy):
        hit = x == y
        return keepaxes(dy, x, dim) * hit / hit.sum(axes(x, dim), keepdims=True, dtype=x.dtype)

    return y if keepdim else y.squeeze(axes(x, dim)), (grad_x,)


def keepaxes(dy: np.ndarray, x: np.ndarray, dim: Any) -> np.ndarray:
    """dy with the axes `dim`, over which x was reduced, put back with length 1."""
    shape = [1 if i in axes(x, dim) else n for i, n in enumerate(x.shape)]
    return dy.reshape(shape)


def count(x: np.ndarray, dim: Any) -> int:
    """How many elements of x go into each reduced one."""
    return math.prod(x.shape[i] for i in axes(x, dim))


def axes(x: np.ndarray, dim: Any) -> tuple[int, ...]:
    """`dim` (a number, several, or None for all) as axes of x counted from 0."""
    if dim is None:
        return tuple(range(x.ndim))
    return normalize_axis_tuple(dim if not isinstance(dim, list) else tuple(dim), x.ndim)


def plus(a: Any, b: Any) -> Any:
    """a + b, on all threads when both are large."""
    if getattr(a, "size", 0) >= LARGE and getattr(b, "shape", None) == a.shape:
        from yuanli.kernels import elementwise  # and with it Numba

        return elementwise.add(a, b)
    return a + b


def _same(dy):
    return dy


def quiet():
    """Overflow and division by zero give inf and nan without a word; whoever trains checks for them."""
    return np.errstate(all="ignore")
