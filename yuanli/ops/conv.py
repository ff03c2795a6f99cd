"""Convolution in one and two dimensions, and its transpose.

As everywhere in deep learning this is cross-correlation: the kernel is not flipped.  With kernel size F,
stride S, padding P and dilation D, an axis of H1 becomes one of H2 = ⌊(H1 + 2P − D(F − 1) − 1) / S⌋ + 1.
"""

import numpy as np

from yuanli.errors import ShapeError, UnknownNameError, ValueRangeError
from yuanli.kernels.convolution import conv2d as convolve
from yuanli.kernels.convolution import conv2d_grad_weight, conv2d_grad_x
from yuanli.kernels.normalisation import column_sums
from yuanli.ops.windows import need_axes, need_floats, numbers, output_size
from yuanli.tensor import differentiable


@differentiable
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolution over sequences: conv2d with pictures of height 1.

    y[n, o, t] = bias[o] + Σ꜀ᵢ weight[o, c, i] · x[n, c, t·S + i·D − P]
    Shapes: x (N, C, L), weight (O, C/groups, F), bias (O,) → (N, O, L').
    Raises: ShapeError, DTypeError, ValueRangeError as conv2d does.
    Source: Waibel et al. 1989, Phoneme Recognition Using Time-Delay Neural Networks, section II.
    """
    return _convolution("conv1d", input, weight, bias, stride, padding, dilation, groups, axes=1)


@differentiable
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolution of images; each output channel is one filter, moved over the whole picture.

    y[n, o, h, w] = bias[o] + Σ꜀ᵢⱼ weight[o, c, i, j] · x[n, c, h·S + i·D − P, w·S + j·D − P]
    Shapes: x (N, C, H, W), weight (O, C/groups, kH, kW), bias (O,) → (N, O, H', W').
    stride, padding, dilation: a number, or (down, right); padding also "valid" (none) or "same" (H' = H, for
    stride 1; an odd one goes to the bottom and right).  Filters see the C/groups channels of their group.
    Raises: ShapeError (axes, channels, a kernel larger than the padded input), DTypeError, ValueRangeError.
    Source: LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, section II.A;
    dilation: Yu & Koltun 2015, arXiv:1511.07122, eq. 2.
    """
    return _convolution("conv2d", input, weight, bias, stride, padding, dilation, groups, axes=2)


@differentiable
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of conv2d, which is the gradient of conv2d for its input: it enlarges pictures.

    y[n, o, h·S + i·D − P, w·S + j·D − P] = bias[o] + Σ꜀ x[n, c, h, w] · weight[c, o, i, j], added up there
    Shapes: x (N, C, H, W), weight (C, O/groups, kH, kW), bias (O,) → (N, O, H', W') with
    H' = (H − 1)·S − 2P + D(F − 1) + output_padding + 1; output_padding < stride chooses among the H' that
    conv2d would bring back to H.
    Raises: ShapeError, DTypeError, ValueRangeError as conv2d does.
    Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 14.
    Differs: torch also takes an output_padding from stride up to dilation − 1.
    """
    op = "conv_transpose2d"
    _check(op, input, weight, bias, groups, axes=2, transposed=True)
    stride, dilation = numbers(op, "stride", stride, 2, 1), numbers(op, "dilation", dilation, 2, 1)
    padding, extra = (
        numbers(op, "padding", padding, 2, 0),
        numbers(op, "output_padding", output_padding, 2, 0),
    )
    if any(e >= s for e, s in zip(extra, stride, strict=True)):
        raise ValueRangeError(f"{op} needs output_padding below stride {stride}, got {extra}")
    size = tuple(
        (n - 1) * s - 2 * p + d * (f - 1) + e + 1
        for n, s, p, d, f, e in zip(
            input.shape[2:], stride, padding, dilation, weight.shape[2:], extra, strict=True
        )
    )
    if min(size) < 1:
        raise ShapeError(f"{op} of shape {input.shape} would have the size {size}; use less padding")
    x = channels_last(input)
    where = (stride, tuple((p, p) for p in padding), dilation, groups)
    y = conv2d_grad_x(x, weight, (len(x), *size, weight.shape[1] * groups), *where)
    if bias is not None:
        y += bias

    def grad_input(dy):
        return channels_first(convolve(channels_last(dy), weight, None, *where), 4)

    def grad_weight(dy):
        return conv2d_grad_weight(x, channels_last(dy), weight.shape, *where)

    return channels_first(y, 4), (grad_input, grad_weight, _grad_bias)


def _convolution(op, input, weight, bias, stride, padding, dilation, groups, axes):
    _check(op, input, weight, bias, groups, axes, transposed=False)
    kernel = weight.shape[2:]
    stride, dilation = numbers(op, "stride", stride, axes, 1), numbers(op, "dilation", dilation, axes, 1)
    padding = _sides(op, padding, kernel, stride, dilation)
    for axis in range(axes):  # raises where nothing would come out
        output_size(op, input.shape[2 + axis], kernel[axis], stride[axis], padding[axis], dilation[axis])
    x, filters = channels_last(input), weight
    if axes == 1:
        filters, stride, padding, dilation = (
            weight[:, :, None],
            (1, *stride),
            ((0, 0), *padding),
            (1, *dilation),
        )
    where = (stride, padding, dilation, groups)
    y = convolve(x, filters, bias, *where)

    def grad_input(dy):
        return channels_first(conv2d_grad_x(channels_last(dy), filters, x.shape, *where), input.ndim)

    def grad_weight(dy):
        return conv2d_grad_weight(channels_last(dy), x, filters.shape, *where).reshape(weight.shape)

    return channels_first(y, input.ndim), (grad_input, grad_weight, _grad_bias)


def _grad_bias(dy):
    return column_sums(channels_last(dy).reshape(-1, dy.shape[1]))


def channels_last(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W), or (N, C, L) as a picture of height 1, as the (N, H, W, C) of the kernels; a view."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x[:, :, None].transpose(0, 2, 3, 1)


def channels_first(y: np.ndarray, ndim: int) -> np.ndarray:
    """The way back, to an array with `ndim` axes; a view."""
    y = y.transpose(0, 3, 1, 2)
    return y if ndim == 4 else y[:, :, 0]


def _check(op, input, weight, bias, groups, axes, transposed):
    need_floats(op, x=input, weight=weight, bias=bias)
    need_axes(op, input, axes + 2)
    (groups,) = numbers(op, "groups", groups, 1, 1)
    layout = ("(C, O/groups, " if transposed else "(O, C/groups, ") + ("kH, kW)" if axes == 2 else "F)")
    if weight.ndim != axes + 2 or 0 in weight.shape:
        raise ShapeError(f"{op} needs weight {layout}, none of them 0, got shape {weight.shape}")
    channels = input.shape[1]
    expected, outputs = len(weight), weight.shape[1] * groups
    if not transposed:
        expected, outputs = outputs, expected
    if channels % groups or outputs % groups:
        raise ShapeError(
            f"{op} needs channels that groups={groups} divides, got {channels} in and {outputs} out"
        )
    if channels != expected:
        raise ShapeError(
            f"{op} needs x with {expected} channels for weight {layout} of shape {weight.shape} "
            f"and groups={groups}, got x of shape {input.shape} with {channels}"
        )
    if bias is not None and bias.shape != (outputs,):
        raise ShapeError(f"{op} needs bias of shape ({outputs},), one for each output, got {bias.shape}")


def _sides(op, padding, kernel, stride, dilation):
    """The padding before and after every axis."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise UnknownNameError(f"{op} needs padding as numbers, 'same' or 'valid', got {padding!r}")
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if max(stride) > 1:
            raise ValueRangeError(
                f"{op} with padding='same' needs stride 1, got {stride}; pad by numbers instead"
            )
        total = [d * (f - 1) for d, f in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    return tuple((p, p) for p in numbers(op, "padding", padding, len(kernel), 0))
