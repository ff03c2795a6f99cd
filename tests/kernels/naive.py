"""Convolution and pooling as their formulas say, element by element: the oracle of the kernels.

Images are channels-last as in the kernels; slow, plain, and nothing in common with them.
"""

from itertools import product

import numpy as np


def places(x_shape, size, kernel, stride, before, dilation):
    """Every (h, w, i, j, row, column): output (h, w) sees x[row, column] through the window's (i, j)."""
    for h, w, i, j in product(range(size[0]), range(size[1]), range(kernel[0]), range(kernel[1])):
        row = h * stride[0] + i * dilation[0] - before[0]
        column = w * stride[1] + j * dilation[1] - before[1]
        if 0 <= row < x_shape[1] and 0 <= column < x_shape[2]:
            yield h, w, i, j, row, column


def output_shape(x_shape, kernel, stride, padding, dilation):
    """How many times the window fits, by trying."""
    fits = []
    for n, f, s, (before, after), d in zip(x_shape[1:3], kernel, stride, padding, dilation, strict=True):
        starts = range(-before, n + after, s)
        fits.append(sum(start + d * (f - 1) < n + after for start in starts))
    return tuple(fits)


def conv2d(x, weight, bias, stride, padding, dilation, groups):
    """y[n, h, w, o] = bias[o] + Σ weight[o, c, i, j] · x[n, row, column, first channel of o's group + c]"""
    outputs, ins = weight.shape[:2]
    size = output_shape(x.shape, weight.shape[2:], stride, padding, dilation)
    y = np.zeros((len(x), *size, outputs), np.result_type(x, weight))
    before = (padding[0][0], padding[1][0])
    for h, w, i, j, row, column in places(x.shape, size, weight.shape[2:], stride, before, dilation):
        for n, o, c in product(range(len(x)), range(outputs), range(ins)):
            group = o // (outputs // groups)
            y[n, h, w, o] += weight[o, c, i, j] * x[n, row, column, group * ins + c]
    return y if bias is None else y + bias


def max_pool2d(x, size, kernel, stride, padding, dilation):
    """y[n, h, w, c] = the largest x[n, row, column, c]"""
    y = np.full((len(x), *size, x.shape[3]), -np.inf, x.dtype)
    for h, w, _, _, row, column in places(x.shape, size, kernel, stride, padding, dilation):
        y[:, h, w] = np.maximum(y[:, h, w], x[:, row, column])
    return y


def max_pool2d_grad_x(dy, x, kernel, stride, padding, dilation):
    """dy of every window to its first maximum, or to its first nan."""
    dx = np.zeros_like(x)
    size = dy.shape[1:3]
    for n, c, h, w in product(range(len(x)), range(x.shape[3]), *map(range, size)):
        found = None
        for a, b, _, _, row, column in places(x.shape, size, kernel, stride, padding, dilation):
            if (a, b) == (h, w):
                value = x[n, row, column, c]
                if found is None or value > found[0] or (np.isnan(value) and not np.isnan(found[0])):
                    found = value, row, column
        if found:
            dx[n, found[1], found[2], c] += dy[n, h, w, c]
    return dx


def sum_pool2d(x, size, kernel, stride, padding):
    """y[n, h, w, c] = Σ x[n, row, column, c]"""
    total = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    for h, w, _, _, row, column in places(x.shape, size, kernel, stride, padding, (1, 1)):
        total[:, h, w] += x[:, row, column]
    return total


def window_sizes(x_shape, size, kernel, stride, padding, count_include_pad):
    """How many elements of (the padded) x each window has, (H', W')."""
    if count_include_pad:
        x_shape = (0, x_shape[1] + 2 * padding[0], x_shape[2] + 2 * padding[1])
        padding = (0, 0)
    counted = np.zeros(size)
    for h, w, *_ in places(x_shape, size, kernel, stride, padding, (1, 1)):
        counted[h, w] += 1
    return counted


def adaptive_avg_pool2d(x, size):
    """y[n, h, w, c] = the mean over rows ⌊h·H/H'⌋ … ⌈(h+1)·H/H'⌉ − 1 and columns likewise"""
    y = np.empty((len(x), *size, x.shape[3]), x.dtype)
    for h, w in product(*map(range, size)):
        first = [int(np.floor(i * n / m)) for i, n, m in zip((h, w), x.shape[1:3], size, strict=True)]
        last = [int(np.ceil((i + 1) * n / m)) for i, n, m in zip((h, w), x.shape[1:3], size, strict=True)]
        y[:, h, w] = x[:, first[0] : last[0], first[1] : last[1]].mean((1, 2))
    return y
