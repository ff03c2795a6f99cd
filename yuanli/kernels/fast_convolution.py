"""Which compiled algorithm does a convolution.

| when | what | measured on 2 cores with AVX-512, against `direct` |
|---|---|---|
| 3×3, stride 1, enough channels and not much of a tile outside | Winograd | see `_suits_winograd` |
| 1×1, or a single window as large as the image | a matrix product | see `_is_product` |
| float32, any other | `direct` | |
| one channel a group | `depthwise` | |
| float64 | the NumPy twin | |

Groups are convolutions of their own, on copies of their channels.
"""

import math

import numpy as np

from yuanli.kernels import convolution as twins
from yuanli.kernels import depthwise, direct, winograd
from yuanli.kernels.matmul import matmul, sum_of_products


def conv2d(x, weight, bias, stride, padding, dilation, groups):
    """As `convolution.conv2d_numpy`."""
    if not _compiled(x, weight):
        return twins.conv2d_numpy(x, weight, bias, stride, padding, dilation, groups)
    if groups > 1 and weight.shape[1] == 1:
        return depthwise.conv2d(np.ascontiguousarray(x), weight, bias, stride, padding, dilation)
    if groups > 1:
        size = len(weight) // groups
        parts = [
            conv2d(x_g, weight[g * size :][:size], None, stride, padding, dilation, 1)
            for g, x_g in enumerate(_split(x, groups))
        ]
        y = np.concatenate(parts, axis=3)
        return y if bias is None else y + bias
    x = np.ascontiguousarray(x)
    if _is_product(x.shape, weight.shape, stride, padding):
        y = matmul(_rows(x, weight.shape), weight.transpose(2, 3, 1, 0).reshape(-1, len(weight)))
        y = y if bias is None else np.add(y, bias, out=y)
        return y.reshape(len(x), *_places(x.shape, weight.shape), len(weight))
    if _suits_winograd(x.shape, weight.shape, stride, padding, dilation):
        return winograd.conv2d(x, weight, bias, padding)
    return direct.conv2d(x, weight, bias, stride, padding, dilation)


def conv2d_grad_x(dy, weight, x_shape, stride, padding, dilation, groups):
    """As `convolution.conv2d_grad_x_numpy`."""
    if not _compiled(dy, weight):
        return twins.conv2d_grad_x_numpy(dy, weight, x_shape, stride, padding, dilation, groups)
    if groups > 1 and weight.shape[1] == 1:
        dy = np.ascontiguousarray(dy)
        return depthwise.conv2d_grad_x(dy, weight, x_shape, stride, padding, dilation)
    if groups > 1:
        size, shape = len(weight) // groups, (*x_shape[:3], x_shape[3] // groups)
        parts = [
            conv2d_grad_x(dy_g, weight[g * size :][:size], shape, stride, padding, dilation, 1)
            for g, dy_g in enumerate(_split(dy, groups))
        ]
        return np.concatenate(parts, axis=3)
    dy = np.ascontiguousarray(dy)
    if _is_product(x_shape, weight.shape, stride, padding):
        dx = matmul(dy.reshape(-1, len(weight)), weight.transpose(0, 2, 3, 1).reshape(len(weight), -1))
        return dx.reshape(x_shape)
    back = tuple((2 - before, 2 - after) for before, after in padding)
    if min(map(min, back)) >= 0 and _suits_winograd(dy.shape, weight.shape, stride, back, dilation):
        return winograd.conv2d_grad_x(dy, weight, padding)
    return direct.conv2d_grad_x(dy, weight, x_shape, stride, padding, dilation)


def conv2d_grad_weight(dy, x, weight_shape, stride, padding, dilation, groups):
    """As `convolution.conv2d_grad_weight_numpy`."""
    if not _compiled(dy, x):
        return twins.conv2d_grad_weight_numpy(dy, x, weight_shape, stride, padding, dilation, groups)
    if groups > 1 and weight_shape[1] == 1:
        return depthwise.conv2d_grad_weight(dy, x, weight_shape, stride, padding, dilation)
    if groups > 1:
        shape = (weight_shape[0] // groups, *weight_shape[1:])
        pairs = zip(_split(dy, groups), _split(x, groups), strict=True)
        parts = [conv2d_grad_weight(dy_g, x_g, shape, stride, padding, dilation, 1) for dy_g, x_g in pairs]
        return np.concatenate(parts)
    dy, x = np.ascontiguousarray(dy), np.ascontiguousarray(x)
    if _is_product(x.shape, weight_shape, stride, padding):
        dw = sum_of_products(dy.reshape(-1, weight_shape[0]), _rows(x, weight_shape))
        outs, ins, *kernel = weight_shape
        return np.ascontiguousarray(dw.reshape(outs, *kernel, ins).transpose(0, 3, 1, 2))
    if _suits_winograd(x.shape, weight_shape, stride, padding, dilation):
        return winograd.conv2d_grad_weight(dy, x, padding)
    return direct.conv2d_grad_weight(dy, x, weight_shape, stride, padding, dilation)


def _compiled(a, b):
    return a.dtype == b.dtype == np.float32


def _split(x, groups):
    """The channels of each group."""
    return np.split(x, groups, axis=3)


def _is_product(x_shape, weight_shape, stride, padding):
    """Whether the windows are rows of x as it lies in memory: a quarter of `direct`'s time where a 5×5 kernel
    sees all of a 5×5 image (LeNet's C5), two thirds for the gradients of MobileNet v2's 1×1 kernels.
    """
    return padding == ((0, 0), (0, 0)) and (
        (weight_shape[2:] == (1, 1) and stride == (1, 1)) or weight_shape[2:] == x_shape[1:3]
    )


def _places(x_shape, weight_shape):
    """Down and right, the windows of a product."""
    return x_shape[1:3] if weight_shape[2:] == (1, 1) else (1, 1)


def _rows(x, weight_shape):
    """What the windows of a product see, a row for each."""
    return x.reshape(-1, math.prod(weight_shape[1:]))


def _suits_winograd(x_shape, weight_shape, stride, padding, dilation):
    """Carrying over pays from 16 channels on (a step of ResNet-20 takes 246 ms so and 261 from 32 on; with 64
    and 128 channels it is twice as fast as `direct`), and while at least half of the 4×4 outputs are wanted:
    on 2×2 images `direct` is 1.5 times as fast.
    """
    if weight_shape[2:] != (3, 3) or stride != (1, 1) or dilation != (1, 1) or min(weight_shape[:2]) < 16:
        return False
    size = [x_shape[i + 1] + sum(padding[i]) - 2 for i in (0, 1)]
    return math.prod(size) * 2 >= math.prod(-(-n // 4) * 4 for n in size) > 0
