"""The loss of logistic regression with two classes, and its gradient, in one pass over the rows."""

import math

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose

LANES = 16  # sums side by side
STRETCH = 512  # rows whose gradients are added up in the rows' own type, before float64


def logistic_numpy(x, sign, weight, w, bias):
    """Σ weight·log(1 + e^(−m)) with margins m = sign·(x·w + b), its gradient in w and in b, and σ(−m)σ(m).

    x (N, D); gives (loss, (D,), gradient in b, (N,)); the last times the weight is the curvature of a row.
    """
    margin = sign * (x @ w.astype(x.dtype) + bias).astype(np.float64)
    loss = np.logaddexp(0, -margin)
    small = np.exp(-np.abs(margin))
    wrong = np.where(margin > 0, small, 1) / (1 + small)  # σ(−m)
    slope = -weight * sign * wrong
    return weight @ loss, slope @ x, slope.sum(), small / (1 + small) ** 2


def _logistic(x, sign, weight, w, bias):
    parts = -(-len(x) // STRETCH)
    losses, gradients = np.zeros(parts), np.zeros((parts, x.shape[1] + 1), x.dtype)
    curvature = np.empty(len(x))
    _pass(x, sign, weight, w.astype(x.dtype), bias, losses, gradients, curvature)
    gradient = gradients.sum(0, dtype=np.float64)
    return losses.sum(), gradient[:-1], gradient[-1], curvature


@parallel
def _pass(thread, x, sign, weight, w, bias, losses, gradients, curvature):
    n = len(x)
    for part in share(thread, len(losses)):
        lanes = np.zeros(LANES, x.dtype)
        gradient = gradients[part]
        for i in range(part * STRETCH, min(n, (part + 1) * STRETCH)):
            margin = sign[i] * (_dot(x[i], w, lanes) + bias)
            small = math.exp(-abs(margin))
            wrong = small / (1 + small) if margin > 0 else 1 / (1 + small)
            losses[part] += weight[i] * (max(0.0, -margin) + math.log1p(small))
            curvature[i] = small / ((1 + small) * (1 + small))
            slope = x.dtype.type(-weight[i] * sign[i] * wrong)
            _add(gradient, slope, x[i])
            gradient[-1] += slope


@jit
def _dot(x, w, lanes):
    lanes[:] = 0
    whole = len(x) // LANES * LANES
    for first in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += x[first + lane] * w[first + lane]
    total = lanes.sum()
    for d in range(whole, len(x)):
        total += x[d] * w[d]
    return total


@jit
def _add(gradient, factor, x):
    for d in range(len(x)):
        gradient[d] += factor * x[d]


logistic = choose(logistic_numpy, lambda: _logistic)
