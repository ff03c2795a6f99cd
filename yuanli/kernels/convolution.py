"""Convolution of channels-last images (as everywhere in deep learning, cross-correlation), and its gradients.

x is (N, H, W, C), weight (O, C/groups, kH, kW), padding ((top, bottom), (left, right)); output channel o sees
the input channels of its group only.  The patches under the window become the rows of a matrix, so that a
matrix product does the work; a few images at a time, so that the patches stay in the processor's cache.

Source: Chellapilla, Puri & Simard 2006, High Performance Convolutional Neural Networks for Document
Processing, section 3 (unrolling into a matrix product).
"""

import math
from collections.abc import Iterator
from importlib import import_module

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from yuanli.kernels.dispatch import choose
from yuanli.kernels.windows import output_size, taps

BLOCK = 1 << 20  # elements made at a time


def conv2d_numpy(x, weight, bias, stride, padding, dilation, groups):
    """y[n, h, w, o] = bias[o] + Σᵢⱼ꜀ weight[o, c, i, j] · x[n, h·S + i·D − P, w·S + j·D − P, c]"""
    height, width = _output_shape(x.shape, weight.shape, stride, padding, dilation)
    y = np.empty((len(x), height, width, len(weight)), np.result_type(x, weight))
    if _is_depthwise(weight.shape, groups):
        _depthwise(x, weight, stride, padding, dilation, y)
    else:
        for ins, outs in _channels(weight.shape, groups):
            matrix = weight[outs].transpose(2, 3, 1, 0).reshape(-1, outs.stop - outs.start)
            for some in _blocks(len(x), height * width * len(matrix)):
                rows = patches(x[some, ..., ins], weight.shape[2:], stride, padding, dilation)
                y[some, ..., outs] = (rows @ matrix).reshape(-1, height, width, matrix.shape[1])
    if bias is not None:
        y += bias
    return y


def conv2d_grad_x_numpy(dy, weight, x_shape, stride, padding, dilation, groups):
    """dx[n, h·S + i·D − P, w·S + j·D − P, c] = Σₒ weight[o, c, i, j] · dy[n, h, w, o], added up there"""
    dx = np.zeros(x_shape, np.result_type(dy, weight))
    if _is_depthwise(weight.shape, groups):
        _depthwise_grad_x(dy, weight, stride, padding, dilation, dx)
        return dx
    height, width = dy.shape[1:3]
    down, right = _taps(x_shape, dy.shape, weight.shape, stride, padding, dilation)
    for ins, outs in _channels(weight.shape, groups):
        matrices = np.ascontiguousarray(weight[outs].transpose(2, 3, 0, 1))  # (kH, kW, O, C)
        for some in _blocks(len(dy), height * width * weight.shape[1]):
            rows = dy[some, ..., outs].reshape(-1, matrices.shape[2])
            for i, (h_out, h_in) in enumerate(down):
                for j, (w_out, w_in) in enumerate(right):
                    seen = (rows @ matrices[i, j]).reshape(-1, height, width, weight.shape[1])
                    dx[some, h_in, w_in, ins] += seen[:, h_out, w_out]
    return dx


def conv2d_grad_weight_numpy(dy, x, weight_shape, stride, padding, dilation, groups):
    """dweight[o, c, i, j] = Σ over n, h, w of dy[n, h, w, o] · x[n, h·S + i·D − P, w·S + j·D − P, c]"""
    dweight = np.zeros(weight_shape, np.result_type(dy, x))
    if _is_depthwise(weight_shape, groups):
        _depthwise_grad_weight(dy, x, stride, padding, dilation, dweight)
        return dweight
    kernel = weight_shape[2:]
    for ins, outs in _channels(weight_shape, groups):
        total = np.zeros((math.prod(weight_shape[1:]), outs.stop - outs.start), dweight.dtype)
        for some in _blocks(len(x), math.prod(dy.shape[1:3]) * len(total)):
            rows = patches(x[some, ..., ins], kernel, stride, padding, dilation)
            total += rows.T @ dy[some, ..., outs].reshape(-1, total.shape[1])
        dweight[outs] = total.reshape(*kernel, weight_shape[1], -1).transpose(3, 2, 0, 1)
    return dweight


def patches(x, kernel, stride, padding, dilation):
    """What the window sees in each place, as a matrix (N·H'·W', kH·kW·C); a view where that is possible."""
    (top, bottom), (left, right) = padding
    if top or bottom or left or right:
        n, h, w, c = x.shape
        padded = np.zeros((n, h + top + bottom, w + left + right, c), x.dtype)
        padded[:, top : top + h, left : left + w] = x
        x = padded
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    seen = sliding_window_view(x, reach, (1, 2))  # (N, H', W', C, reach of the window)
    seen = seen[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    n, h, w, c = seen.shape[:4]
    if c < kernel[1]:  # few channels: the rows of the picture are the longer runs to copy
        return seen.transpose(4, 5, 3, 0, 1, 2).reshape(math.prod(kernel) * c, n * h * w).T
    return seen.transpose(0, 1, 2, 4, 5, 3).reshape(n * h * w, math.prod(kernel) * c)


# One input channel a group ("depthwise"): there is no matrix to multiply; the kernel's offsets are added up.


def _depthwise(x, weight, stride, padding, dilation, y):
    factors = _by_offset(weight, x.shape[3])
    y = y.reshape(*y.shape[:3], *factors.shape[2:])  # (N, H', W', C, outputs per channel)
    down, right = _taps(x.shape, y.shape, weight.shape, stride, padding, dilation)
    for some in _blocks(len(x), math.prod(y.shape[1:]) * len(down) * len(right)):
        y[some] = 0
        for i, (h_out, h_in) in enumerate(down):
            for j, (w_out, w_in) in enumerate(right):
                y[some, h_out, w_out] += x[some, h_in, w_in, :, None] * factors[i, j]


def _depthwise_grad_x(dy, weight, stride, padding, dilation, dx):
    factors = _by_offset(weight, dx.shape[3])
    dy = dy.reshape(*dy.shape[:3], *factors.shape[2:])
    down, right = _taps(dx.shape, dy.shape, weight.shape, stride, padding, dilation)
    for some in _blocks(len(dy), math.prod(dy.shape[1:]) * len(down) * len(right)):
        for i, (h_out, h_in) in enumerate(down):
            for j, (w_out, w_in) in enumerate(right):
                dx[some, h_in, w_in] += np.einsum("nhwcm,cm->nhwc", dy[some, h_out, w_out], factors[i, j])


def _depthwise_grad_weight(dy, x, stride, padding, dilation, dweight):
    channels = x.shape[3]
    dy = dy.reshape(*dy.shape[:3], channels, len(dweight) // channels)
    down, right = _taps(x.shape, dy.shape, dweight.shape, stride, padding, dilation)
    for i, (h_out, h_in) in enumerate(down):
        for j, (w_out, w_in) in enumerate(right):
            total = np.einsum("nhwc,nhwcm->cm", x[:, h_in, w_in], dy[:, h_out, w_out])
            dweight[:, 0, i, j] = total.reshape(-1)


def _by_offset(weight, channels):
    """(C·M, 1, kH, kW) as (kH, kW, C, M): output channels c·M … c·M + M − 1 see input channel c."""
    return np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0)).reshape(*weight.shape[2:], channels, -1)


def _is_depthwise(weight_shape, groups):
    return groups > 1 and weight_shape[1] == 1


def _channels(weight_shape, groups) -> Iterator[tuple[slice, slice]]:
    """Of each group, the input and the output channels."""
    ins, outs = weight_shape[1], weight_shape[0] // groups
    for g in range(groups):
        yield slice(g * ins, (g + 1) * ins), slice(g * outs, (g + 1) * outs)


def _blocks(n: int, elements: int) -> Iterator[slice]:
    """The N images in runs that make about BLOCK elements, when one image makes `elements`."""
    step = max(1, BLOCK // max(1, elements))
    for start in range(0, n, step):
        yield slice(start, start + step)


def _output_shape(x_shape, weight_shape, stride, padding, dilation):
    return tuple(
        output_size(x_shape[1 + a], weight_shape[2 + a], stride[a], padding[a], dilation[a]) for a in (0, 1)
    )


def _taps(x_shape, y_shape, weight_shape, stride, padding, dilation):
    """The taps along the height, and along the width."""
    return tuple(
        taps(x_shape[1 + a], y_shape[1 + a], weight_shape[2 + a], stride[a], padding[a][0], dilation[a])
        for a in (0, 1)
    )


def _compiled(name):
    """The compiled kernel of that name; its module, which imports Numba, only then."""
    return lambda: getattr(import_module("yuanli.kernels.fast_convolution"), name)


conv2d = choose(conv2d_numpy, _compiled("conv2d"))
conv2d_grad_x = choose(conv2d_grad_x_numpy, _compiled("conv2d_grad_x"))
conv2d_grad_weight = choose(conv2d_grad_weight_numpy, _compiled("conv2d_grad_weight"))
