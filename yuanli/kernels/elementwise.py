"""Sweeps over whole arrays, on all threads when the arrays are large: max(0, x), sums, dropout."""

import numpy as np

from yuanli.kernels.compiler import parallel, share
from yuanli.kernels.dispatch import LARGE, choose
from yuanli.kernels.memory import empty
from yuanli.kernels.pixels import add_pixels, are_pixels, pixels


def relu_numpy(x):
    """y = max(0, x), and nan where x is"""
    return np.maximum(x, 0)


def relu_grad_numpy(dy, y):
    """dx = dy where y > 0, else 0"""
    return dy * (y > 0)


def relu6_numpy(x):
    """y = min(max(0, x), 6), and nan where x is"""
    return np.clip(x, 0, 6)


def relu6_grad_numpy(dy, y):
    """dx = dy where 0 < y < 6, else 0"""
    return dy * ((y > 0) & (y < 6))


def leaky_relu_numpy(x, slope):
    """y = x where x > 0, else slope·x"""
    return np.where(x > 0, x, x * x.dtype.type(slope))


def leaky_relu_grad_numpy(dy, x, slope):
    """dx = dy where x > 0, else slope·dy"""
    return np.where(x > 0, dy, dy * dy.dtype.type(slope))


def add_numpy(a, b):
    """a + b, of one shape"""
    return a + b


def drop_numpy(x, u, p, scale):
    """scale·x where u ≥ p, else 0; u, of x's shape, are random numbers within [0, 1)"""
    return np.where(u >= p, x * x.dtype.type(scale), x.dtype.type(0))


def _relu(x):
    flat = _flat(x)
    if flat is None:
        return relu_numpy(x)
    y = like(x)
    _relu_sweep(flat, _flat(y))
    return y


def _relu_grad(dy, y):
    if _flat(y) is None or not _fits(dy, y):
        return relu_grad_numpy(dy, y)
    dx = like(y)
    _relu_grad_sweep(_flat(_laid_out(dy, y)), _flat(y), _flat(dx))
    return dx


def _relu6(x):
    flat = _flat(x)
    if flat is None:
        return relu6_numpy(x)
    y = like(x)
    _relu6_sweep(flat, _flat(y))
    return y


def _relu6_grad(dy, y):
    if _flat(y) is None or not _fits(dy, y):
        return relu6_grad_numpy(dy, y)
    dx = like(y)
    _relu6_grad_sweep(_flat(_laid_out(dy, y)), _flat(y), _flat(dx))
    return dx


def _leaky_relu(x, slope):
    if _flat(x) is None:
        return leaky_relu_numpy(x, slope)
    y = like(x)
    _leaky_relu_sweep(_flat(x), _flat(x), slope, _flat(y))
    return y


def _leaky_relu_grad(dy, x, slope):
    if _flat(x) is None or not _fits(dy, x):
        return leaky_relu_grad_numpy(dy, x, slope)
    dx = like(x)
    _leaky_relu_sweep(_flat(_laid_out(dy, x)), _flat(x), slope, _flat(dx))
    return dx


def _add(a, b):
    if not _fits(b, a):
        return add_numpy(a, b)
    if _flat(a) is None:
        a, b = b, a
    if _flat(a) is None:
        return add_numpy(a, b)
    y = like(a)
    if b.strides != a.strides and are_pixels(a) and are_pixels(b):
        add_pixels(*pixels(a), *pixels(b), pixels(y)[0], a.shape[1])
    else:
        _add_sweep(_flat(a), _flat(_laid_out(b, a)), _flat(y))
    return y


def _drop(x, u, p, scale):
    if _flat(x) is None:
        return drop_numpy(x, u, p, scale)
    y = like(x)
    _drop_sweep(_flat(x), _flat(_laid_out(u, x)), p, scale, _flat(y))
    return y


def like(x):
    """An array of x's shape, type and order in memory, with whatever numbers were there."""
    if x.flags.c_contiguous:
        return empty(x.shape, x.dtype)
    n, c, h, w = x.shape
    return empty((n, h, w, c), x.dtype).transpose(0, 3, 1, 2)


def _flat(x):
    """All of a large float32 array as one axis, in the order of memory; None where that is no view."""
    if x.size < LARGE or x.dtype != np.float32:
        return None
    if x.flags.c_contiguous:
        return x.reshape(-1)
    if x.ndim == 4 and (last := x.transpose(0, 2, 3, 1)).flags.c_contiguous:
        return last.reshape(-1)
    return None


def _fits(b, a):
    return b.shape == a.shape and b.dtype == a.dtype


def _laid_out(b, a):
    """b in the order of memory of a."""
    if b.strides == a.strides:
        return b
    copy = like(a)
    copy[...] = b
    return copy


@parallel
def _relu_sweep(thread, x, y):
    for i in share(thread, x.size):
        y[i] = np.float32(0) if x[i] < 0 else x[i]


@parallel
def _relu_grad_sweep(thread, dy, y, dx):
    for i in share(thread, y.size):
        dx[i] = dy[i] if y[i] > 0 else np.float32(0)


@parallel
def _relu6_sweep(thread, x, y):
    zero, six = np.float32(0), np.float32(6)
    for i in share(thread, x.size):
        y[i] = zero if x[i] < zero else six if x[i] > six else x[i]


@parallel
def _relu6_grad_sweep(thread, dy, y, dx):
    zero, six = np.float32(0), np.float32(6)
    for i in share(thread, y.size):
        dx[i] = dy[i] if y[i] > zero and y[i] < six else zero


@parallel
def _add_sweep(thread, a, b, y):
    for i in share(thread, a.size):
        y[i] = a[i] + b[i]


@parallel
def _leaky_relu_sweep(thread, v, x, slope, y):
    factor = np.float32(slope)
    for i in share(thread, x.size):
        y[i] = v[i] if x[i] > 0 else factor * v[i]


@parallel
def _drop_sweep(thread, x, u, p, scale, y):
    least, factor = np.float32(p), np.float32(scale)
    for i in share(thread, x.size):
        y[i] = factor * x[i] if u[i] >= least else np.float32(0)


relu = choose(relu_numpy, lambda: _relu)
relu_grad = choose(relu_grad_numpy, lambda: _relu_grad)
relu6 = choose(relu6_numpy, lambda: _relu6)
relu6_grad = choose(relu6_grad_numpy, lambda: _relu6_grad)
leaky_relu = choose(leaky_relu_numpy, lambda: _leaky_relu)
leaky_relu_grad = choose(leaky_relu_grad_numpy, lambda: _leaky_relu_grad)
add = choose(add_numpy, lambda: _add)
drop = choose(drop_numpy, lambda: _drop)
