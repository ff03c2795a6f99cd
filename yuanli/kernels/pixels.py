"""Images as rows of pixels in memory: their channels copied, joined, and added to channels of larger images.

Images (N, C, H, W) are rows of pixels when the C numbers of a pixel lie side by side and the pixels at equal
distances, with gaps between them where the images are some of the channels of larger ones.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from yuanli.kernels.compiler import jit, numba, parallel, share
from yuanli.kernels.dispatch import choose

if numba:
    from yuanli.kernels.simd import address_of, copy_vector


def join_channels_numpy(images, y):
    """y = several images, one after the other along C"""
    return np.concatenate(images, 1, out=y)


def _join_channels(images, y):
    n, _, h, w = y.shape
    if not all(are_pixels(x) and x.shape == (n, x.shape[1], h, w) for x in (y, *images)):
        return join_channels_numpy(images, y)
    end = 0
    for x in images:
        channels = x.shape[1]
        _copy_pixels(*pixels(x), *pixels(y[:, end : end + channels]), channels)
        end += channels
    return y


def are_pixels(x):
    """Whether these are float32 images whose memory is rows of pixels."""
    if x.ndim != 4 or x.dtype != np.float32 or not x.size:
        return False
    _, c, h, w = x.shape
    apart = x.strides[3]
    return x.strides == (h * w * apart, x.itemsize, w * apart, apart) and apart >= c * x.itemsize


def pixels(x):
    """All memory from the first number of such images to the last, and how many floats pixels are apart."""
    n, c, h, w = x.shape
    apart = x.strides[3] // x.itemsize
    return as_strided(x, ((n * h * w - 1) * apart + c,), (x.itemsize,)), apart


@jit
def copy(source, target, many):
    """`many` floats, from one address to another."""
    at = 0
    while at + 16 <= many:
        copy_vector(source + 4 * at, target + 4 * at, 16)
        at += 16
    while at + 4 <= many:
        copy_vector(source + 4 * at, target + 4 * at, 4)
        at += 4
    while at < many:
        copy_vector(source + 4 * at, target + 4 * at, 1)
        at += 1


@parallel
def _copy_pixels(thread, x, x_apart, y, y_apart, channels):
    for p in share(thread, (y.size - channels) // y_apart + 1):
        copy(address_of(x) + 4 * p * x_apart, address_of(y) + 4 * p * y_apart, channels)


@parallel
def add_pixels(thread, a, a_apart, b, b_apart, y, channels):
    """y = a + b, images of that many channels; y without gaps"""
    for p in share(thread, y.size // channels):
        a_here, b_here = a[p * a_apart :][:channels], b[p * b_apart :][:channels]
        y_here = y[p * channels :][:channels]
        for c in range(channels):
            y_here[c] = a_here[c] + b_here[c]


join_channels = choose(join_channels_numpy, lambda: _join_channels)
