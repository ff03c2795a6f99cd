"""Pooling of channels-last images: the largest or the average value under a window, and the gradients.

x is (N, H, W, C), y (N, H', W', C); kernel, stride, padding and dilation are pairs (down, right).  Padding
never wins a maximum.  A window is a rectangle, so its rows are put together first and what comes out of that
along the row after it.  The twins work off one offset of the window at a time, the compiled kernels, which
are for float32, one row of the output.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose
from yuanli.kernels.memory import empty
from yuanli.kernels.windows import taps_that_see

LANES = 16  # channels under which the vectors of one pixel are not full


def max_pool2d_numpy(x, size, kernel, stride, padding, dilation):
    """y[n, h, w, c] = max over i, j of x[n, h·S + i·D − P, w·S + j·D − P, c], or nan; size is (H', W')"""
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


def _max_pool2d(x, size, kernel, stride, padding, dilation):
    if x.dtype != np.float32:
        return max_pool2d_numpy(x, size, kernel, stride, padding, dilation)
    y = empty((len(x), *size, x.shape[3]))
    N, H, W, C = x.shape
    _maxima(np.ascontiguousarray(x).reshape(N, H, W * C), W, y, kernel, stride, padding, dilation)
    return y


def _max_pool2d_grad_x(dy, x, y, kernel, stride, padding, dilation):
    if not dy.dtype == x.dtype == y.dtype == np.float32:
        return max_pool2d_grad_x_numpy(dy, x, y, kernel, stride, padding, dilation)
    dy, x, y = map(np.ascontiguousarray, (dy, x, y))
    dx = empty(x.shape)
    halved = (kernel, stride, padding, dilation) == ((2, 2), (2, 2), (0, 0), (1, 1))
    if halved and 2 * y.shape[1] <= x.shape[1] and 2 * y.shape[2] <= x.shape[2]:
        _to_maxima_of_four(dy, x, y, dx)
    else:
        _to_maxima(dy, x, y, dx, kernel, stride, padding, dilation)
    return dx


def _avg_pool2d(x, divisor, kernel, stride, padding):
    if not x.dtype == divisor.dtype == np.float32:
        return avg_pool2d_numpy(x, divisor, kernel, stride, padding)
    windows = _windows(x.shape, divisor.shape, kernel, stride, padding)
    return _sums(x, *windows, 1 / divisor)


def _avg_pool2d_grad_x(dy, divisor, x_shape, kernel, stride, padding):
    if not dy.dtype == divisor.dtype == np.float32:
        return avg_pool2d_grad_x_numpy(dy, divisor, x_shape, kernel, stride, padding)
    return _spread(dy, _windows(x_shape, divisor.shape, kernel, stride, padding), divisor, x_shape)


def _adaptive_avg_pool2d(x, size):
    if x.dtype != np.float32:
        return adaptive_avg_pool2d_numpy(x, size)
    windows = _adaptive_windows(x.shape, size)
    return _sums(x, *windows, 1 / _areas(windows))


def _adaptive_avg_pool2d_grad_x(dy, x_shape):
    if dy.dtype != np.float32:
        return adaptive_avg_pool2d_grad_x_numpy(dy, x_shape)
    windows = _adaptive_windows(x_shape, dy.shape[1:3])
    return _spread(dy, windows, _areas(windows), x_shape)


def _windows(x_shape, size, kernel, stride, padding):
    """Of every window the rows on the picture, first and last + 1, (H', 2); and the columns, (W', 2)."""
    for a in (0, 1):
        first = np.arange(size[a]) * stride[a] - padding[a]
        yield np.stack([first, first + kernel[a]], 1).clip(0, x_shape[1 + a])


def _adaptive_windows(x_shape, size):
    return [
        np.array([(i * n // m, -(-(i + 1) * n // m)) for i in range(m)])
        for n, m in zip(x_shape[1:3], size, strict=True)
    ]


def _areas(windows):
    rows, columns = (w[:, 1] - w[:, 0] for w in windows)
    return np.outer(rows, columns).astype(np.float32)


def _sums(x, rows, columns, scale):
    """y[n, h, w, c] = scale[h, w] · Σ x[n, i, j, c] over i in rows[h] and j in columns[w]"""
    y = empty((len(x), *scale.shape, x.shape[3]))
    _window_sums(np.ascontiguousarray(x), rows, columns, scale.astype(np.float32), y)
    return y


def _spread(dy, windows, divisor, x_shape):
    """Every element of a window receives dy / divisor: the sums, over the windows that see it, of that."""
    seen_by = [
        np.stack([np.searchsorted(w[:, 1], places, "right"), np.searchsorted(w[:, 0], places, "right")], 1)
        for w, places in zip(windows, map(np.arange, x_shape[1:3]), strict=True)
    ]
    share = np.divide(dy, divisor[:, :, None], out=empty(dy.shape))
    return _sums(share, *seen_by, np.ones(x_shape[1:3], np.float32))


@parallel
def _maxima(thread, x, W, y, kernel, stride, padding, dilation):
    height = y.shape[1]
    for task in share(thread, len(x) * height):
        n, h = task // height, task % height
        _row_of_maxima(x[n], W, h * stride[0] - padding[0], y[n, h], kernel, stride[1], padding[1], dilation)


@jit
def _row_of_maxima(x, W, top, y, kernel, stride, padding, dilation):
    """One row of outputs y (W', C) from one image x (H, W·C), whose row `top` its windows start in."""
    least, C = np.float32(-np.inf), y.shape[1]
    first, last = _on_the_picture(top, kernel[0], dilation[0], len(x))
    best = np.empty(W * C, np.float32)
    for k in range(W * C):
        best[k] = x[top + first * dilation[0], k] if first < last else least
    for i in range(first + 1, last):
        row = x[top + i * dilation[0]]
        for k in range(W * C):
            best[k] = _larger(best[k], row[k])
    if C < LANES and (kernel[1], stride, padding, dilation[1]) == (2, 2, 0, 1) and 2 * len(y) <= W:
        for k in range((W - 1) * C):  # of all neighbours: whole vectors, though half of them is asked for
            best[k] = _larger(best[k], best[k + C])
        for w in range(len(y)):
            for c in range(C):
                y[w, c] = best[2 * w * C + c]
        return
    for w in range(len(y)):
        left = w * stride - padding
        first, last = _on_the_picture(left, kernel[1], dilation[1], W)
        for c in range(C if first == last else 0):
            y[w, c] = least
        for j in range(first, last):
            at = (left + j * dilation[1]) * C
            for c in range(C):
                y[w, c] = best[at + c] if j == first else _larger(y[w, c], best[at + c])


@jit
def _larger(a, b):
    """The larger of two, or the nan among them."""
    return a if (a >= b) | (a != a) else b


@jit
def _on_the_picture(start, kernel, dilation, size):
    """The offsets k, first … last − 1, for which start + k·dilation is on the picture."""
    first = min(kernel, max(0, -(start // dilation)))
    return first, max(first, min(kernel, (size - 1 - start) // dilation + 1))


@parallel
def _to_maxima_of_four(thread, dy, x, y, dx):
    """Windows of 2 × 2 that do not overlap, the commonest: each is worked off in registers."""
    zero = np.float32(0)
    (N, H, W, C), (_, height, width, _) = x.shape, y.shape
    for n in share(thread, N):
        for h in range(H):
            for w in range(0 if h >= 2 * height else 2 * width, W):  # what no window sees
                for c in range(C):
                    dx[n, h, w, c] = zero
        for h in range(height):
            for w in range(width):
                for c in range(C):
                    g, m = dy[n, h, w, c], y[n, h, w, c]
                    for i in range(2):
                        for j in range(2):
                            seen = x[n, 2 * h + i, 2 * w + j, c]
                            hit = (seen == m) | (seen != seen)
                            dx[n, 2 * h + i, 2 * w + j, c] = g if hit else zero
                            g = zero if hit else g


@parallel
def _to_maxima(thread, dy, x, y, dx, kernel, stride, padding, dilation):
    zero = np.float32(0)
    (N, H, W, C), (_, height, width, _) = x.shape, y.shape
    waiting = np.empty(C, np.float32)  # dy, until it has found its maximum
    for n in share(thread, N):
        dx[n] = 0
        for h in range(height):
            top = h * stride[0] - padding[0]
            above, below = _on_the_picture(top, kernel[0], dilation[0], H)
            for w in range(width):
                left = w * stride[1] - padding[1]
                first, last = _on_the_picture(left, kernel[1], dilation[1], W)
                for c in range(C):
                    waiting[c] = dy[n, h, w, c]
                for i in range(above, below):
                    for j in range(first, last):
                        row, column = top + i * dilation[0], left + j * dilation[1]
                        for c in range(C):
                            seen = x[n, row, column, c]
                            hit = (seen == y[n, h, w, c]) | (seen != seen)
                            dx[n, row, column, c] += waiting[c] if hit else zero
                            waiting[c] = zero if hit else waiting[c]


@parallel
def _window_sums(thread, x, rows, columns, scale, y):
    height = y.shape[1]
    for task in share(thread, len(x) * height):
        n, h = task // height, task % height
        _row_of_sums(x[n, rows[h, 0] : rows[h, 1]], columns, scale[h], y[n, h])


@jit
def _row_of_sums(x, columns, scale, y):
    """One row of outputs y (W', C) from the rows of one image x (rows, W, C) that its windows see."""
    _, W, C = x.shape
    total = np.zeros(W * C, np.float32)
    for i in range(len(x)):
        row = x[i].reshape(-1)
        for k in range(W * C):
            total[k] += row[k]
    for w in range(len(y)):
        y[w] = 0
        for j in range(columns[w, 0], columns[w, 1]):
            for c in range(C):
                y[w, c] += total[j * C + c]
        for c in range(C):
            y[w, c] *= scale[w]


max_pool2d = choose(max_pool2d_numpy, lambda: _max_pool2d)
max_pool2d_grad_x = choose(max_pool2d_grad_x_numpy, lambda: _max_pool2d_grad_x)
avg_pool2d = choose(avg_pool2d_numpy, lambda: _avg_pool2d)
avg_pool2d_grad_x = choose(avg_pool2d_grad_x_numpy, lambda: _avg_pool2d_grad_x)
adaptive_avg_pool2d = choose(adaptive_avg_pool2d_numpy, lambda: _adaptive_avg_pool2d)
adaptive_avg_pool2d_grad_x = choose(adaptive_avg_pool2d_grad_x_numpy, lambda: _adaptive_avg_pool2d_grad_x)
