"""Which compiled algorithm does a convolution.

| when | what | measured on 2 cores with AVX-512, against `direct` |
|---|---|---|
| 3×3 or 2×2 kernels (with stride s: 3s×3s or 2s×2s), enough channels | Winograd | see `_suits_winograd` |
| 1×1, or a single window as large as the image | a matrix product | see `_is_product` |
| float32, any other | `direct` | |
| one channel a group | `depthwise` | |
| float64 | the NumPy twin | |

Groups are convolutions of their own, on copies of their channels.  With a stride, the gradient for x is a
convolution of its own for every phase of it (`windows.phases`), each by whichever algorithm suits.
"""

import math

import numpy as np

from yuanli.kernels import convolution as twins
from yuanli.kernels import depthwise, direct, winograd
from yuanli.kernels.matmul import matmul, sum_of_products
from yuanli.kernels.memory import empty, zeros
from yuanli.kernels.windows import output_size, phases


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
    if _is_product(x.shape, weight.shape, stride, padding):
        y = matmul(_rows(x, weight.shape, stride), weight.transpose(2, 3, 1, 0).reshape(-1, len(weight)))
        y = y if bias is None else np.add(y, bias, out=y)
        return y.reshape(len(x), *_places(x.shape, weight.shape, stride), len(weight))
    size = (
        output_size(x.shape[1 + a], weight.shape[2 + a], stride[a], padding[a], dilation[a]) for a in (0, 1)
    )
    y = empty((len(x), *size, len(weight)))
    corner = (padding[0][0], padding[1][0])
    _convolve(np.ascontiguousarray(x), weight, bias, y, (0, 0), (1, 1), stride, corner, dilation)
    return y


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
        if stride == (1, 1) or weight.shape[2:] == x_shape[1:3]:
            return dx.reshape(x_shape)
        seen = dx.reshape(*dy.shape[:3], x_shape[3])
        dx = zeros(x_shape)
        dx[:, :: stride[0], :: stride[1]] = seen
        return dx
    dx, exchanged = empty(x_shape), weight.transpose(1, 0, 2, 3)
    for where, taps, corner, apart in phases(x_shape, weight.shape, stride, padding, dilation):
        kernel = exchanged[taps]
        if kernel.size:
            _convolve(dy, kernel, None, dx, where, stride, (1, 1), corner, apart)
        else:
            dx[:, where[0] :: stride[0], where[1] :: stride[1]] = 0
    return dx


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
    dy = np.ascontiguousarray(dy)
    if _is_product(x.shape, weight_shape, stride, padding):
        dw = sum_of_products(dy.reshape(-1, weight_shape[0]), _rows(x, weight_shape, stride))
        outs, ins, *kernel = weight_shape
        return np.ascontiguousarray(dw.reshape(outs, *kernel, ins).transpose(0, 3, 1, 2))
    x = np.ascontiguousarray(x)
    if _suits_winograd(weight_shape, stride, dilation, dy.shape[:3]):
        return winograd.conv2d_grad_weight(dy, x, weight_shape, stride, padding)
    return direct.conv2d_grad_weight(dy, x, weight_shape, stride, padding, dilation)


def _convolve(x, weight, bias, out, phase, step, stride, corner, dilation):
    """Fill out[:, phase::step, phase::step]; the first window starts `corner` above and left of x."""
    size = (-(-(out.shape[1 + a] - phase[a]) // step[a]) for a in (0, 1))
    if _suits_winograd(weight.shape, stride, dilation, (len(x), *size)):
        winograd.convolve(x, weight, bias, out, phase, step, stride, corner)
    else:
        direct.convolve(x, weight, bias, out, phase, step, stride, corner, dilation)


def _compiled(a, b):
    """Whether there are kernels for them; none is for numbers at odd addresses, as in packed records."""
    return a.dtype == b.dtype == np.float32 and b.flags.aligned


def _split(x, groups):
    """The channels of each group."""
    return np.split(x, groups, axis=3)


def _is_product(x_shape, weight_shape, stride, padding):
    """Whether every pixel is seen by one window at most, all of which lie on the picture, whole: a quarter
    of `direct`'s time where a 5×5 kernel sees all of a 5×5 image (LeNet's C5), two thirds for the gradients
    of MobileNet v2's 1×1 kernels.
    """
    return padding == ((0, 0), (0, 0)) and weight_shape[2:] in ((1, 1), x_shape[1:3])


def _places(x_shape, weight_shape, stride):
    """Down and right, the windows of a product."""
    if weight_shape[2:] != (1, 1):
        return (1, 1)
    return tuple(-(-x_shape[1 + a] // stride[a]) for a in (0, 1))


def _rows(x, weight_shape, stride):
    """What the windows of a product see, a row for each."""
    if weight_shape[2:] == (1, 1):
        x = x[:, :: stride[0], :: stride[1]]
    return np.ascontiguousarray(x).reshape(-1, math.prod(weight_shape[1:]))


def _suits_winograd(weight_shape, stride, dilation, size):
    """Carrying over pays from about 16 × 16 channels on, and while half of the 4×4 outputs are wanted;
    carrying over the weights, from about 4 tiles on: size is (images, rows, columns).

    Forward, 64 images of 32×32, one thread, against `direct`: 64 → 64 channels 17 ms to 46, 48 → 12 5 to 9,
    12 → 12 2.6 to 2.4, 8 → 48 5.4 to 4.5; 4×4 kernels with stride 2 on 16×16, 64 → 128, 6 to 10.
    512 → 512 channels on 1, 2, 4 and 32 images of 4×4: 5.8 ms to 3.0, 6.3 to 5.5, 6.9 to 10, 11 to 27.
    """
    channels = weight_shape[:2]
    if (
        not winograd.suits(weight_shape[2:], stride, dilation)
        or min(channels) < 12
        or math.prod(channels) < 256
    ):
        return False
    images, *size = size
    tiles = images * math.prod(-(-n // 4) for n in size)
    return tiles >= 4 and images * math.prod(size) * 2 >= tiles * 16
