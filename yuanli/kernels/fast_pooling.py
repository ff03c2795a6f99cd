"""The gradient of max pooling, compiled; the other kernels of pooling are fast enough as NumPy twins."""

import numpy as np
from numba import prange

from yuanli.kernels.compiler import parallel


def max_pool2d_grad_x(dy, x, y, kernel, stride, padding, dilation):
    """As `pooling.max_pool2d_grad_x_numpy`."""
    dx = np.zeros(x.shape, dy.dtype)
    arrays = map(np.ascontiguousarray, (dy, x, y))
    _give_to_the_maximum(*arrays, dx, kernel, stride, padding, dilation)
    return dx


@parallel
def _give_to_the_maximum(dy, x, y, dx, kernel, stride, padding, dilation):
    zero = dy.dtype.type(0)
    for n in prange(len(x)):
        left = np.empty(x.shape[3], dy.dtype)  # what has not found its maximum yet, channel by channel
        for h in range(y.shape[1]):
            for w in range(y.shape[2]):
                left[:] = dy[n, h, w]
                top, start = h * stride[0] - padding[0], w * stride[1] - padding[1]
                # only the offsets that fall on the picture
                for i in range(max(0, -(top // dilation[0])), kernel[0]):
                    row = top + i * dilation[0]
                    if row >= x.shape[1]:
                        break
                    for j in range(max(0, -(start // dilation[1])), kernel[1]):
                        column = start + j * dilation[1]
                        if column >= x.shape[2]:
                            break
                        for c in range(x.shape[3]):
                            seen = x[n, row, column, c]
                            hit = (seen == y[n, h, w, c]) | (seen != seen)
                            dx[n, row, column, c] += left[c] if hit else zero
                            left[c] = zero if hit else left[c]
