"""Pooling of channels-last images: the largest or the average value under a window, and the gradients.

x is (N, H, W, C), y (N, H', W', C); kernel, stride, padding and dilation are pairs (down, right).  Padding
never wins a maximum.  What the windows share is worked off one offset of the window at a time.
"""

import numpy as np

from yuanli.kernels.dispatch import choose
from yuanli.kernels.windows import taps_that_see


def max_pool2d_numpy(x, size, kernel, stride, padding, dilation):
    """y[n, h, w, c] = max over i, j of x[n, h·S + i·D − P, w·S + j·D − P, c], nan if one is; size is (H', W')

    A window is a rectangle, so the maximum down its columns comes first and the one along the row after it.
    """
    down, right = _taps(x.shape, size, kernel, stride, padding, dilation)
    columns = np.full((len(x), size[0], *x.shape[2:]), -np.inf, x.dtype)
    for h_out, h_in in down:
        np.maximum(columns[:, h_out], x[:, h_in], out=columns[:, h_out])
    y = np.full((len(x), *size, x.shape[3]), -np.inf, x.dtype)
    for w_out, w_in in right:
        np.maximum(y[:, :, w_out], columns[:, :, w_in], out=y[:, :, w_out])
    return y


def max_pool2d_grad_x_numpy(dy, x, y, kernel, stride, padding, dilation):
    """dy goes to the first element, row by row, of those that are the maximum (or nan, where that is)."""
    dx = np.zeros(x.shape, dy.dtype)
    down, right = _taps(x.shape, y.shape[1:3], kernel, stride, padding, dilation)
    waiting = np.ones(y.shape, bool)  # the windows whose maximum has not been met yet
    for h_out, h_in in down:
        for w_out, w_in in right:
            seen = x[:, h_in, w_in]
            hit = (seen == y[:, h_out, w_out]) | (seen != seen)
            hit &= waiting[:, h_out, w_out]
            waiting[:, h_out, w_out] ^= hit
            dx[:, h_in, w_in] += np.where(hit, dy[:, h_out, w_out], 0)
    return dx


def avg_pool2d_numpy(x, divisor, kernel, stride, padding):
    """y[n, h, w, c] = Σᵢⱼ x[n, h·S + i − P, w·S + j − P, c] / divisor[h, w]; the padding counts as zeros"""
    down, right = _taps(x.shape, divisor.shape, kernel, stride, padding, (1, 1))
    columns = np.zeros((len(x), len(divisor), *x.shape[2:]), x.dtype)
    for h_out, h_in in down:
        columns[:, h_out] += x[:, h_in]
    y = np.zeros((len(x), *divisor.shape, x.shape[3]), x.dtype)
    for w_out, w_in in right:
        y[:, :, w_out] += columns[:, :, w_in]
    y /= divisor[:, :, None]
    return y


def avg_pool2d_grad_x_numpy(dy, divisor, x_shape, kernel, stride, padding):
    """Every element of a window receives dy / divisor."""
    down, right = _taps(x_shape, divisor.shape, kernel, stride, padding, (1, 1))
    share = dy / divisor[:, :, None]
    columns = np.zeros((len(dy), len(divisor), *x_shape[2:]), dy.dtype)
    for w_out, w_in in right:
        columns[:, :, w_in] += share[:, :, w_out]
    dx = np.zeros(x_shape, dy.dtype)
    for h_out, h_in in down:
        dx[:, h_in] += columns[:, h_out]
    return dx


def adaptive_avg_pool2d_numpy(x, size):
    """y[n, h, w, c] = the mean of x over the rows ⌊h·H/H'⌋ … ⌈(h+1)·H/H'⌉ − 1 and such columns"""
    y = np.empty((len(x), *size, x.shape[3]), x.dtype)
    for h, w, window in _parts(x.shape, size):
        y[:, h, w] = x[window].mean((1, 2))
    return y


def adaptive_avg_pool2d_grad_x_numpy(dy, x_shape):
    """Every element of a window receives dy / (its number of elements)."""
    dx = np.zeros(x_shape, dy.dtype)
    for h, w, window in _parts(x_shape, dy.shape[1:3]):
        rows, columns = window[1:]
        dx[window] += dy[:, h : h + 1, w : w + 1] / (
            (rows.stop - rows.start) * (columns.stop - columns.start)
        )
    return dx


def _parts(x_shape, size):
    """Of each output (h, w), the index of its window in x."""
    rows, columns = (
        [slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
        for n, m in zip(x_shape[1:3], size, strict=True)
    )
    for h, row in enumerate(rows):
        for w, column in enumerate(columns):
            yield h, w, (slice(None), row, column)


def _taps(x_shape, size, kernel, stride, padding, dilation):
    """The taps along the height, and along the width."""
    return tuple(
        taps_that_see(x_shape[1 + a], size[a], kernel[a], stride[a], padding[a], dilation[a]) for a in (0, 1)
    )


def _compiled_max_pool2d_grad_x():
    from yuanli.kernels.fast_pooling import max_pool2d_grad_x  # imports Numba

    return max_pool2d_grad_x


max_pool2d = choose(max_pool2d_numpy)
max_pool2d_grad_x = choose(max_pool2d_grad_x_numpy, _compiled_max_pool2d_grad_x)
avg_pool2d = choose(avg_pool2d_numpy)
avg_pool2d_grad_x = choose(avg_pool2d_grad_x_numpy)
adaptive_avg_pool2d = choose(adaptive_avg_pool2d_numpy)
adaptive_avg_pool2d_grad_x = choose(adaptive_avg_pool2d_grad_x_numpy)
