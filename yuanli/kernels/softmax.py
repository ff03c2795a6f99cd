"""Softmax over the last axis, its logarithm, cross-entropy, and their gradients; each is one sweep over rows.

The exponentials are of x − max x, so they never overflow.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import LARGE, choose
from yuanli.kernels.exponential import exponential
from yuanli.kernels.layer_norm import row_sum
from yuanli.kernels.memory import empty

LEAST = -87  # e to the power of less is less than the smallest float32 of full precision, and taken as 0


def softmax_numpy(x):
    """y_k = e^{x_k} / Σⱼ e^{x_j}"""
    y = np.exp(x - x.max(-1, keepdims=True))
    y /= y.sum(-1, keepdims=True)
    return y


def softmax_grad_numpy(dy, y):
    """dx = y·(dy − Σⱼ dy_j·y_j)"""
    return y * (dy - (dy * y).sum(-1, keepdims=True))


def log_softmax_numpy(x):
    """y_k = x_k − ln Σⱼ e^{x_j}"""
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def log_softmax_grad_numpy(dy, y):
    """dx = dy − e^y·Σⱼ dy_j"""
    return dy - np.exp(y) * dy.sum(-1, keepdims=True)


def cross_entropy_numpy(x, classes):
    """ℓ = ln Σⱼ e^{x_j} − x_c for each row of x (M, K) and its class c; and dℓ/dx = softmax(x) − 1 at c"""
    shifted = x - x.max(1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(1, keepdims=True)
    places = np.arange(len(classes)), classes
    loss = np.log(total[:, 0]) - shifted[places]
    e /= total
    e[places] -= 1
    return loss, e


def _softmax(x):
    if not _suits(x):
        return softmax_numpy(x)
    y = empty(x.shape)
    _softmax_rows(_rows(x), _rows(y))
    return y


def _softmax_grad(dy, y):
    if not (_suits(y) and _suits(dy)):
        return softmax_grad_numpy(dy, y)
    dx = empty(y.shape)
    _softmax_grad_rows(_rows(dy), _rows(y), _rows(dx))
    return dx


def _log_softmax(x):
    if not _suits(x):
        return log_softmax_numpy(x)
    y = empty(x.shape)
    _log_softmax_rows(_rows(x), _rows(y))
    return y


def _log_softmax_grad(dy, y):
    if not (_suits(y) and _suits(dy)):
        return log_softmax_grad_numpy(dy, y)
    dx = empty(y.shape)
    _log_softmax_grad_rows(_rows(dy), _rows(y), _rows(dx))
    return dx


def _cross_entropy(x, classes):
    if x.dtype != np.float32:
        return cross_entropy_numpy(x, classes)
    loss, slope = empty(x.shape[:1]), empty(x.shape)
    rows = _cross_entropy_rows if x.size >= LARGE else _cross_entropy_rows.on_one
    rows(np.ascontiguousarray(x), np.ascontiguousarray(classes, np.int64), loss, slope)
    return loss, slope


def _suits(x):
    return x.size >= LARGE and x.dtype == np.float32


def _rows(x):
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


@jit
def _largest(x):
    top = x[0]
    for k in range(1, len(x)):
        top = top if (top >= x[k]) | (top != top) else x[k]
    return top


@jit
def _exponentials(x, top, y):
    """y = e^(x − top), and their sum"""
    for k in range(len(x)):
        shifted = x[k] - top
        power, p = exponential(shifted)
        y[k] = np.float32(0) if shifted < LEAST else power + power * p
    return row_sum(y)


@parallel
def _softmax_rows(thread, x, y):
    for m in share(thread, len(x)):
        factor = np.float32(1 / _exponentials(x[m], _largest(x[m]), y[m]))
        for k in range(x.shape[1]):
            y[m, k] *= factor


@parallel
def _softmax_grad_rows(thread, dy, y, dx):
    for m in share(thread, len(y)):
        for k in range(y.shape[1]):
            dx[m, k] = dy[m, k] * y[m, k]
        total = np.float32(row_sum(dx[m]))
        for k in range(y.shape[1]):
            dx[m, k] = y[m, k] * (dy[m, k] - total)


@parallel
def _log_softmax_rows(thread, x, y):
    for m in share(thread, len(x)):
        top = _largest(x[m])
        log_total = np.float32(np.log(_exponentials(x[m], top, y[m])))
        for k in range(x.shape[1]):
            y[m, k] = x[m, k] - top - log_total


@parallel
def _log_softmax_grad_rows(thread, dy, y, dx):
    for m in share(thread, len(y)):
        total = np.float32(row_sum(dy[m]))
        _exponentials(y[m], np.float32(0), dx[m])
        for k in range(y.shape[1]):
            dx[m, k] = dy[m, k] - dx[m, k] * total


@parallel
def _cross_entropy_rows(thread, x, classes, loss, slope):
    for m in share(thread, len(x)):
        top = _largest(x[m])
        total = _exponentials(x[m], top, slope[m])
        loss[m] = np.log(total) - (x[m, classes[m]] - top)
        factor = np.float32(1 / total)
        for k in range(x.shape[1]):
            slope[m, k] *= factor
        slope[m, classes[m]] -= np.float32(1)


softmax = choose(softmax_numpy, lambda: _softmax)
softmax_grad = choose(softmax_grad_numpy, lambda: _softmax_grad)
log_softmax = choose(log_softmax_numpy, lambda: _log_softmax)
log_softmax_grad = choose(log_softmax_grad_numpy, lambda: _log_softmax_grad)
cross_entropy = choose(cross_entropy_numpy, lambda: _cross_entropy)
