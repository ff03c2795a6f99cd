"""Layer normalisation of the rows of a matrix x (M, D), forward and backward in one sweep each."""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import LARGE, choose
from yuanli.kernels.memory import empty

LANES = 16  # sums side by side, so that a row is added up by vectors


def layer_norm_numpy(x, weight, bias, eps):
    """y = weight·x̂ + bias with x̂ = (x − μ)·s, s = 1/√(σ² + ε) for each row; all of (y, x̂, s (M, 1))"""
    x_hat = x - x.mean(1, keepdims=True)
    inv_std = 1 / np.sqrt((x_hat * x_hat).mean(1, keepdims=True) + eps)
    x_hat *= inv_std
    y = x_hat if weight is None else x_hat * weight
    return (y if bias is None else y + bias), x_hat, inv_std


def grad_x_numpy(dy, weight, x_hat, inv_std):
    """dx = s·(g − mean g − x̂·mean(g·x̂)) with g = weight·dy, the means over a row"""
    g = dy if weight is None else dy * weight
    return inv_std * (g - g.mean(1, keepdims=True) - x_hat * (g * x_hat).mean(1, keepdims=True))


def _layer_norm(x, weight, bias, eps):
    if x.dtype != np.float32 or not all(v is None or v.dtype == np.float32 for v in (weight, bias)):
        return layer_norm_numpy(x, weight, bias, eps)
    gain, shift = _or_constant(weight, x, 1), _or_constant(bias, x, 0)
    y, x_hat, inv_std = empty(x.shape), empty(x.shape), empty((len(x), 1))
    forward = _forward if x.size >= LARGE else _forward.on_one
    forward(np.ascontiguousarray(x), gain, shift, eps, y, x_hat, inv_std)
    return y, x_hat, inv_std


def _grad_x(dy, weight, x_hat, inv_std):
    if not dy.dtype == x_hat.dtype == np.float32:
        return grad_x_numpy(dy, weight, x_hat, inv_std)
    dx = empty(dy.shape)
    backward = _backward if dy.size >= LARGE else _backward.on_one
    backward(np.ascontiguousarray(dy), _or_constant(weight, dy, 1), x_hat, inv_std, dx)
    return dx


def _or_constant(v, x, value):
    return np.full(x.shape[1], value, np.float32) if v is None else np.ascontiguousarray(v)


@parallel
def _forward(thread, x, gain, shift, eps, y, x_hat, inv_std):
    for m in share(thread, len(x)):
        inv_std[m, 0] = _normal_row(x[m], gain, shift, eps, y[m], x_hat[m])


@jit
def _normal_row(x, gain, shift, eps, y, x_hat):
    D = len(x)
    mean = np.float32(row_sum(x) / D)
    for d in range(D):
        x_hat[d] = x[d] - mean
        y[d] = x_hat[d] * x_hat[d]
    inv_std = np.float32(1 / np.sqrt(row_sum(y) / D + eps))
    for d in range(D):
        x_hat[d] *= inv_std
        y[d] = gain[d] * x_hat[d] + shift[d]
    return inv_std


@parallel
def _backward(thread, dy, gain, x_hat, inv_std, dx):
    for m in share(thread, len(dy)):
        _row_back(dy[m], gain, x_hat[m], inv_std[m, 0], dx[m])


@jit
def _row_back(dy, gain, x_hat, inv_std, dx):
    D = len(dy)
    for d in range(D):
        dx[d] = gain[d] * dy[d]
    mean = np.float32(row_sum(dx) / D)
    for d in range(D):
        dx[d] *= x_hat[d]
    slope = np.float32(row_sum(dx) / D)
    for d in range(D):
        dx[d] = inv_std * (gain[d] * dy[d] - mean - slope * x_hat[d])


@jit
def row_sum(x):
    """Σ x, of LANES sums side by side: one after the other could not be done by vectors."""
    lanes = np.zeros(LANES, np.float32)
    whole = len(x) // LANES * LANES
    for start in range(0, whole, LANES):
        for i in range(LANES):
            lanes[i] += x[start + i]
    total = 0.0
    for i in range(LANES):
        total += lanes[i]
    for i in range(whole, len(x)):
        total += x[i]
    return total


layer_norm = choose(layer_norm_numpy, lambda: _layer_norm)
grad_x = choose(grad_x_numpy, lambda: _grad_x)
