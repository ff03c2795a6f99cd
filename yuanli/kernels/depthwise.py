"""Depthwise convolution: every channel has a kernel of its own, so that channels are the vectors' lanes.

The sums of PIXELS neighbouring pixels stay in registers while the taps that fall on the picture go by;
nothing is packed or padded.  With several outputs a channel, each is a convolution of its own, on copies.

Arrays are float32 and channels-last.  Cost: the definition's multiplications.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, parallel, share, threads
from yuanli.kernels.memory import empty
from yuanli.kernels.simd import address_of
from yuanli.kernels.simd_products import channel_sums_tile, channel_tile
from yuanli.kernels.windows import inside, output_size, phases

PIXELS = 4  # sums in flight at a time: as many as a multiply-add takes cycles
LANES = 16


def conv2d(x, weight, bias, stride, padding, dilation):
    """The forward pass: x (N, H, W, C), weight (C·M, 1, kH, kW) -> (N, H', W', C·M)."""
    channels, many = x.shape[3], len(weight) // x.shape[3]
    size = (
        output_size(x.shape[1 + a], weight.shape[2 + a], stride[a], padding[a], dilation[a]) for a in (0, 1)
    )
    out = empty((len(x), *size, len(weight)))
    x = _at_least_a_vector(x)
    for m in range(many):
        start = np.zeros(channels, np.float32) if bias is None else bias[m::many]
        part = out if many == 1 and channels >= LANES else empty((*out.shape[:3], x.shape[3]))
        corner = (padding[0][0], padding[1][0])
        _convolve(x, weight[m::many], start, part, (0, 0), (1, 1), stride, corner, dilation)
        if part is not out:
            out[..., m::many] = part[..., :channels]
    return out


def conv2d_grad_x(dy, weight, x_shape, stride, padding, dilation):
    """∂/∂x: again such a convolution, of dy with the kernel turned by 180°, for every phase of the stride.

    See `windows.phases`.
    """
    channels, many = x_shape[3], len(weight) // x_shape[3]
    if many > 1:
        dx = np.zeros(x_shape, np.float32)
        for m in range(many):
            part = np.ascontiguousarray(dy[..., m::many])
            dx += conv2d_grad_x(part, weight[m::many], x_shape, stride, padding, dilation)
        return dx
    dy = _at_least_a_vector(dy)
    dx = empty((*x_shape[:3], dy.shape[3]))
    start = np.zeros(channels, np.float32)
    for where, taps, corner, apart in phases(x_shape, weight.shape, stride, padding, dilation):
        if weight[taps].size:
            _convolve(dy, weight[taps], start, dx, where, stride, (1, 1), corner, apart)
        else:
            dx[:, where[0] :: stride[0], where[1] :: stride[1]] = 0
    return dx if channels >= LANES else np.ascontiguousarray(dx[..., :channels])


def conv2d_grad_weight(dy, x, weight_shape, stride, padding, dilation):
    """∂/∂weight: for every tap, the sum over pixels of (input under the tap) · dy, channel by channel."""
    channels, many = x.shape[3], weight_shape[0] // x.shape[3]
    dw = np.empty(weight_shape, np.float32)
    x = _whole_vectors(x)
    for m in range(many):
        part = _whole_vectors(dy if many == 1 else dy[..., m::many])
        sums = np.zeros((threads(), *weight_shape[2:], x.shape[3]))
        _weight_sums(x, part, sums, stride, (padding[0][0], padding[1][0]), dilation)
        dw[m::many, 0] = sums.sum(0)[..., :channels].transpose(2, 0, 1)
    return dw


def _at_least_a_vector(x):
    """With fewer channels than LANES, filled up with zeros."""
    return x if x.shape[3] >= LANES else _whole_vectors(x)


def _whole_vectors(x):
    """The channels filled up to a multiple of LANES."""
    missing = -x.shape[3] % LANES
    return np.ascontiguousarray(np.pad(x, ((0, 0), (0, 0), (0, 0), (0, missing))) if missing else x)


def _convolve(x, weight, start, out, phase, step, stride, corner, dilation):
    """Fill out[:, phase::step, phase::step]; the first window starts `corner` above and left of x."""
    height, width = (-(-(out.shape[i + 1] - phase[i]) // step[i]) for i in (0, 1))
    if len(x) and height > 0 and width > 0:
        kernel = np.zeros((*weight.shape[2:], x.shape[3]), np.float32)
        kernel[..., : len(weight)] = weight[:, 0].transpose(1, 2, 0)
        first = np.zeros(x.shape[3], np.float32)
        first[: len(start)] = start
        _rows(x, kernel, first, out, height, width, phase, step, stride, corner, dilation)


@parallel
def _rows(thread, x, kernel, start, out, height, width, phase, step, stride, corner, dilation):
    for row in share(thread, len(x) * height):
        n, h = row // height, row % height
        _row(x[n], kernel, start, out[n], h, width, phase, step, stride, corner, dilation)


@jit
def _row(x, kernel, start, out, h, width, phase, step, stride, corner, dilation):
    """Row h of one image: x (H, W, C), kernel (kH, kW, C), out (OH, OW, C)."""
    H, W, C = x.shape
    KH, KW, _ = kernel.shape
    top = h * stride[0] - corner[0]
    above, below = inside(top, dilation[0], KH, H)
    inner, outer = _windows_inside(width, KW, stride[1], corner[1], dilation[1], W)
    x_row, x_column, x_pixel = dilation[0] * W * C, dilation[1] * C, stride[1] * C
    out_row = phase[0] + h * step[0]
    w = 0
    while w < width:
        several = inner <= w < outer and outer - inner >= PIXELS
        if several:
            w = min(w, outer - PIXELS)  # the last tile may overlap the one before
        left = w * stride[1] - corner[1]
        first, last = inside(left, dilation[1], KW, W)
        row, column = top + above * dilation[0], left + first * dilation[1]
        x_at = address_of(x) + 4 * (row * W + column) * C
        k_at = address_of(kernel) + 4 * (above * KW + first) * C
        out_at = address_of(out) + 4 * (out_row * out.shape[1] + phase[1] + w * step[1]) * C
        for block in range(0, C, LANES):
            c = 4 * min(block, C - LANES)
            s_at = address_of(start) + c
            if several:
                channel_tile(
                    x_at + c, k_at + c, s_at, out_at + c, below - above, last - first, x_row, x_column,
                    x_pixel, KW * C, C, step[1] * C, PIXELS, LANES,
                )  # fmt: skip
            else:
                channel_tile(
                    x_at + c, k_at + c, s_at, out_at + c, below - above, last - first, x_row, x_column,
                    x_pixel, KW * C, C, step[1] * C, 1, LANES,
                )  # fmt: skip
        w += PIXELS if several else 1


@jit
def _windows_inside(windows, kernel, stride, padding, dilation, size):
    """The windows, first … last − 1, that lie on the picture with all their taps."""
    first = min(windows, max(0, -(-padding // stride)))
    return first, max(first, min(windows, (size - 1 - (kernel - 1) * dilation + padding) // stride + 1))


@parallel
def _weight_sums(thread, x, dy, sums, stride, corner, dilation):
    parts, rows = len(sums), len(dy) * dy.shape[1]
    for part in share(thread, parts):
        _some_weight_sums(
            x, dy, sums[part], rows * part // parts, rows * (part + 1) // parts, stride, corner, dilation
        )


@jit
def _some_weight_sums(x, dy, sums, first, last, stride, corner, dilation):
    """Rows first … last − 1 of all images; in float32 within an image, in float64 over images."""
    height = dy.shape[1]
    scratch = np.zeros(sums.shape, np.float32)
    for row in range(first, last):
        n, h = row // height, row % height
        _weight_row(x[n], dy[n, h], scratch, h * stride[0] - corner[0], stride[1], corner[1], dilation)
        if h == height - 1 or row == last - 1:
            sums += scratch
            scratch[:] = 0


@jit
def _weight_row(x, dy, sums, top, stride, padding, dilation):
    """One row of dy (W', C), which sees one image x (H, W, C) from row `top` on; sums (kH, kW, C)."""
    (H, W, C), (KH, KW, _), width = x.shape, sums.shape, len(dy)
    above, below = inside(top, dilation[0], KH, H)
    inner, outer = _windows_inside(width, KW, stride, padding, dilation[1], W)
    x_pixel, x_row, x_column = stride * C, dilation[0] * W * C, dilation[1] * C
    x_here, d_here, s_here = address_of(x), address_of(dy), address_of(sums)
    w = 0
    while w < width:
        count = outer - inner if w == inner and outer > inner else 1  # windows with the same taps
        left = w * stride - padding
        first, last = inside(left, dilation[1], KW, W)
        x_at = x_here + 4 * ((top + above * dilation[0]) * W + left + first * dilation[1]) * C
        s_at = s_here + 4 * (above * KW + first) * C
        for c in range(0, 4 * C, 4 * LANES):
            _tap_sums(
                x_at + c, d_here + 4 * w * C + c, s_at + c, count, below - above, last - first, C, KW * C,
                x_pixel, x_row, x_column,
            )  # fmt: skip
        w += count


@jit
def _tap_sums(x, d, sums, count, rows, columns, C, s_row, x_pixel, x_row, x_column):
    """Add x·d over `count` pixels to the sums of rows · columns taps, 16 channels; 3 × 3 taps at once."""
    if AVX512 and rows == 3 and columns == 3:
        channel_sums_tile(x, d, sums, count, x_pixel, C, x_row, x_column, s_row, C, 3, 3, LANES)
        return
    for i in range(rows):
        j = 0
        while j < columns:
            x_at, s_at = x + 4 * (i * x_row + j * x_column), sums + 4 * (i * s_row + j * C)
            if columns - j >= 3:
                channel_sums_tile(x_at, d, s_at, count, x_pixel, C, x_row, x_column, s_row, C, 1, 3, LANES)
                j += 3
            else:
                channel_sums_tile(x_at, d, s_at, count, x_pixel, C, x_row, x_column, s_row, C, 1, 1, LANES)
                j += 1
