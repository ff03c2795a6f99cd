"""Convolution by Winograd's F(4×4, r×r): with r = 3, 36 multiplications for 16 outputs instead of 144.

A tile d of T×T inputs, T = r + 3, and an r×r kernel g are carried over to where convolution is an
elementwise product: y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A gives 4×4 outputs; over all channels the products are T²
small matrix products.  The gradient for the kernel is Gᵀ[Σ (Bᵀ d B) ⊙ (A dy Aᵀ)]G.

A kernel of s·r rows that moves in steps of s is s kernels of r rows that move in steps of 1, each over every
s-th row of the input; likewise for columns.  These phases count as further blocks of input channels.

Rounding errors are within 1e-4 of the largest output.  A tile enlarges them: with inputs and kernels of
variance 1, an output has variance r²·C, and the sums that output (i, j) of 4×4 is made from have vᵢ·vⱼ times
as much, vᵢ = Σₐ Aₐᵢ²·‖Gₐ‖²·‖Bₐ‖² / r, on average 10.8 (r = 3) and 6.4 (r = 2) for each axis.  Rounding a
sum of C terms term by term, with random signs, puts it off by √(C/18)·2⁻²⁴: together 10.8·5.3·2⁻²⁴ = 3.4e-6
of the root mean square for C = 512, where 4.6e-6 is measured, and at worst 1.7e-5 of the largest output.  Did
all signs conspire, it would be off by 256·(C + 26)·2⁻²⁴ of Σ|w|·|x|; 256 (100 for r = 2) is the largest
of |Aᵀ|(|G|1|Gᵀ| ⊙ |Bᵀ|1|B|)|A| / r².

Arrays are float32 and channels-last.  Source: Lavin & Gray 2015, arXiv:1509.09308, sections 4.1 and 4.2;
errors: Barabasz, Anderson, Soodhalter & Gregg 2018, arXiv:1803.10986.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, parallel, share, threads
from yuanli.kernels.memory import empty, zeros
from yuanli.kernels.panels import BLOCK, gather, memory_of, unpack
from yuanli.kernels.simd import address_of
from yuanli.kernels.simd_products import dot_tile, outer_tile
from yuanli.kernels.simd_winograd import (
    GRADIENT2,
    GRADIENT3,
    INPUT2,
    INPUT3,
    KERNEL2,
    KERNEL3,
    KERNEL_GRADIENT2,
    KERNEL_GRADIENT3,
    OUTPUT2,
    OUTPUT3,
    transform_tile,
)
from yuanli.kernels.windows import inside

PIXELS = 8 if AVX512 else 6  # tiles by 16 channels in registers: 8 of 32 of 64 bytes, or 12 of 16 of 32 bytes
ROWS = 8 if AVX512 else 4  # channels by 16 channels of sums in registers
TILES = 4 * PIXELS  # tiles carried over at a time by one thread
CACHED = 1 << 18  # floats of tiles worked on at a time for the gradient of the kernel
GROUP = 8  # panels of output channels that are worth carrying the input over once more


def suits(kernel, stride, dilation):
    """Whether there are transforms for it: r·s rows and columns with a step of s, r = 2 or 3."""
    return dilation == (1, 1) and any(kernel == (r * stride[0], r * stride[1]) for r in (2, 3))


def convolve(x, weight, bias, out, phase, step, stride, corner):
    """Fill out[:, phase::step, phase::step]; the first window starts `corner` above and left of x."""
    O, C, KH, KW = weight.shape
    height, width = (-(-(out.shape[i + 1] - phase[i]) // step[i]) for i in (0, 1))
    tiles = len(x) * -(-height // 4) * -(-width // 4)
    if not tiles:
        return
    x = _whole_blocks(x)
    size, outputs, depth = KH // stride[0] + 3, -(-O // BLOCK), -(-C // BLOCK) * stride[0] * stride[1]
    kernels = _planes(size * size, outputs * depth * BLOCK)
    _kernels(*memory_of(weight), kernels, empty((threads(), BLOCK, KH * KW, BLOCK)), outputs, size, stride)
    start = np.zeros((2, outputs * BLOCK), np.float32)
    if bias is not None:
        start[1, :O] = bias
    # Tiles share the second-level cache with the weights, which are read anew for every lot of them: 64 to
    # 64 channels on 32×32 take 17.6 ms with TILES and 15.6 with half, 256 to 256 on 8×8 17.3 with TILES and
    # 16.1 with twice as many.
    many = TILES if C < 64 else TILES // 2 if C < 256 else 2 * TILES
    chunks = -(-tiles // many)
    groups = max(1, min(threads() // chunks, outputs // GROUP))
    wide = -(-outputs // groups)
    inputs = _planes(threads(), size * size, many * depth)
    products = _planes(threads(), size * size, many * wide)
    plan = (size, height, width, *stride, *corner, *phase, *step, groups, tiles, many, depth, wide)
    _tiles(x, kernels, start, out, inputs, products, plan)


def conv2d_grad_weight(dy, x, weight_shape, stride, padding):
    """∂/∂weight (O, C, kH, kW): products of tiles of x and of dy, carried over and added up."""
    (N, height, width, _), (KH, KW) = dy.shape, weight_shape[2:]
    x, dy = _whole_blocks(x), _whole_blocks(dy)
    size, outputs, blocks = KH // stride[0] + 3, dy.shape[3] // BLOCK, x.shape[3] // BLOCK
    depth, tiles = blocks * stride[0] * stride[1], N * -(-height // 4) * -(-width // 4)
    if not tiles:
        return zeros(weight_shape)
    parts = max(1, min(threads(), tiles // (2 * TILES)))
    groups = max(1, min(threads() // parts, outputs // GROUP))
    wide = -(-outputs // groups)
    many = max(2 * TILES, CACHED // (size * size * BLOCK * (depth + wide)))
    many = min(many, -(-tiles // parts))
    xs = _planes(parts * groups, size * size, depth * many)
    ds = _planes(parts * groups, size * size, wide * many)
    scratch = empty((parts * groups, size * size, BLOCK, BLOCK))
    sums = zeros((parts, outputs, blocks, KH, KW, BLOCK, BLOCK))
    plan = (size, height, width, *stride, padding[0][0], padding[1][0], groups, tiles, many, depth, wide)
    _kernel_sums(x, dy, xs, ds, sums, scratch, plan)
    return unpack(sums, weight_shape, BLOCK)


def _planes(*shape):
    """A plane of vectors for each of the T² products, and then an odd number of vectors to the next one:

    at a distance of a power of two, all T² would compete for the same few places in the cache.
    """
    return empty((*shape[:-1], shape[-1] | 1, BLOCK))


def _whole_blocks(x):
    """The channels filled up to a multiple of BLOCK."""
    missing = -x.shape[3] % BLOCK
    if not missing:
        return np.ascontiguousarray(x)
    whole = empty((*x.shape[:3], x.shape[3] + missing))
    whole[..., : x.shape[3]] = x
    whole[..., x.shape[3] :] = 0
    return whole


@parallel
def _kernels(thread, address, shape, strides, kernels, scratch, outputs, size, stride):
    """G g Gᵀ, for every phase: weights -> (T², panel · phase · block · channel, output in panel)."""
    blocks = (shape[1] + BLOCK - 1) // BLOCK
    for task in share(thread, outputs * blocks):
        here = scratch[thread[0]]
        gather(address, shape, strides, task // blocks, task % blocks, here)
        for phase in range(stride[0] * stride[1]):
            at = (task // blocks * stride[0] * stride[1] + phase) * blocks + task % blocks
            tap = phase // stride[1] * shape[3] + phase % stride[1]
            _some_kernels(here[:, tap:], kernels[:, at * BLOCK :], stride[0] * shape[3], stride[1], size)


@jit
def _some_kernels(taps, kernels, s_row, s_column, size):
    """The BLOCK × BLOCK kernels of one phase of one block of channels to one panel."""
    for c in range(BLOCK):
        source, target, step = address_of(taps[c]), address_of(kernels[0, c]), kernels.strides[0] // 4
        if size == 6:
            transform_tile(
                source, s_row * BLOCK, s_column * BLOCK, 0, 3, 0, 3, target, 6 * step, step, 6, 6, BLOCK,
                KERNEL3, 0, 16,
            )  # fmt: skip
        else:
            transform_tile(
                source, s_row * BLOCK, s_column * BLOCK, 0, 2, 0, 2, target, 5 * step, step, 5, 5, BLOCK,
                KERNEL2, 0, 16,
            )  # fmt: skip


@jit
def _input_tile(x, row, column, stride, first, size, target, step):
    """Bᵀ d B of T×T inputs of one image from (row, column) on, every stride-th; 16 channels."""
    H, W, C = x.shape
    above, below = inside(row, stride[0], size, H)
    left, right = inside(column, stride[1], size, W)
    source = address_of(x) + 4 * ((row * W + column) * C + first)
    s_row, s_column = stride[0] * W * C, stride[1] * C
    if size == 6:
        transform_tile(
            source, s_row, s_column, above, below, left, right, target, 6 * step, step, 6, 6, BLOCK,
            INPUT3, 0, 16,
        )  # fmt: skip
    else:
        transform_tile(
            source, s_row, s_column, above, below, left, right, target, 5 * step, step, 5, 5, BLOCK,
            INPUT2, 0, 16,
        )  # fmt: skip


@jit
def _gradient_tile(dy, row, column, first, size, target, step):
    """A dy Aᵀ of 4×4 gradients of one image; 16 channels."""
    H, W, O = dy.shape
    source = address_of(dy) + 4 * ((row * W + column) * O + first)
    below, right = min(4, H - row), min(4, W - column)
    if size == 6:
        transform_tile(
            source, W * O, O, 0, below, 0, right, target, 6 * step, step, 6, 6, BLOCK, GRADIENT3, 0, 16
        )
    else:
        transform_tile(
            source, W * O, O, 0, below, 0, right, target, 5 * step, step, 5, 5, BLOCK, GRADIENT2, 0, 16
        )


@jit
def _output_tile(source, step, target, t_row, t_column, rows, columns, width, size):
    """Aᵀ m A: 4×4 outputs of one image, as many of them as lie inside."""
    if size == 6:
        transform_tile(
            source, 6 * step, step, 0, 6, 0, 6, target, t_row, t_column, rows, columns, width, OUTPUT3, 0, 16
        )
    else:
        transform_tile(
            source, 5 * step, step, 0, 5, 0, 5, target, t_row, t_column, rows, columns, width, OUTPUT2, 0, 16
        )


@parallel
def _tiles(thread, x, kernels, start, out, inputs, products, plan):
    groups, tiles, many = plan[11], plan[12], plan[13]
    for task in share(thread, (tiles + many - 1) // many * groups):
        _some_tiles(x, kernels, start, out, inputs[thread[0]], products[thread[0]], plan, task)


@jit
def _some_tiles(x, kernels, start, out, inputs, products, plan, task):
    """Some tiles of the images, to one group of panels."""
    size, height, width = plan[:3]
    groups, tiles, room, depth, wide = plan[11:]
    stride, corner, phase, step = plan[3:5], plan[5:7], plan[7:9], plan[9:11]
    _, OH, OW, O = out.shape
    first, group = task // groups * room, task % groups
    many = min(room, tiles - first)
    panel, last = group * wide, min((O + BLOCK - 1) // BLOCK, (group + 1) * wide)
    inputs_step, products_step = inputs.shape[1] * BLOCK, products.shape[1] * BLOCK
    across = (width + 3) // 4
    per_image = (height + 3) // 4 * across
    blocks = x.shape[3] // BLOCK
    for t in range(many):
        n, at = (first + t) // per_image, (first + t) % per_image
        row, column = at // across * 4 * stride[0] - corner[0], at % across * 4 * stride[1] - corner[1]
        for d in range(depth):
            p, block = d // blocks, d % blocks
            target = address_of(inputs) + 4 * (d * room + t) * BLOCK
            _input_tile(
                x[n], row + p // stride[1], column + p % stride[1], stride, block * BLOCK, size, target,
                inputs_step,
            )  # fmt: skip
    for k in range(size * size):
        for j in range(panel, last):
            w = address_of(kernels[k, j * depth * BLOCK])
            # whatever is added to product (1, 1) is added to all 16 outputs: the bias goes in there
            s = address_of(start[int(k == size + 1)]) + 4 * j * BLOCK
            for t in range(0, many, PIXELS):
                source = address_of(inputs[k, t])
                target = address_of(products[k, t * wide + j - panel])
                count = min(PIXELS, many - t)
                dot_tile(
                    source, w, s, target, depth, 1, 1, BLOCK, room * BLOCK, 0, 0, BLOCK,
                    BLOCK * BLOCK, 0, 0, wide * BLOCK, count, BLOCK, PIXELS, 1, 16,
                )  # fmt: skip
    for t in range(many):
        n, at = (first + t) // per_image, (first + t) % per_image
        row, column = at // across * 4, at % across * 4
        place = ((n * OH + phase[0] + row * step[0]) * OW + phase[1] + column * step[1]) * O
        for j in range(panel, last):
            _output_tile(
                address_of(products[0, t * wide + j - panel]), products_step,
                address_of(out) + 4 * (place + j * BLOCK), step[0] * OW * O, step[1] * O,
                min(4, height - row), min(4, width - column), min(BLOCK, O - j * BLOCK), size,
            )  # fmt: skip


@parallel
def _kernel_sums(thread, x, dy, xs, ds, sums, scratch, plan):
    for task in share(thread, len(xs)):
        _some_kernel_sums(x, dy, xs[task], ds[task], sums, scratch[task], plan, task)


@jit
def _some_kernel_sums(x, dy, xs, ds, sums, scratch, plan, task):
    """One part of the tiles, for one group of output channels."""
    size, height, width = plan[:3]
    groups, tiles, room, depth, wide = plan[7:]
    stride, corner = plan[3:5], plan[5:7]
    parts, outputs, blocks = sums.shape[:3]
    part, group = task // groups, task % groups
    across = (width + 3) // 4
    per_image = (height + 3) // 4 * across
    stop = tiles * (part + 1) // parts
    for first in range(tiles * part // parts, stop, room):
        many = min(room, stop - first)
        for t in range(many):
            n, at = (first + t) // per_image, (first + t) % per_image
            row, column = at // across * 4, at % across * 4
            for d in range(depth):
                p, block = d // blocks, d % blocks
                _input_tile(
                    x[n], row * stride[0] - corner[0] + p // stride[1],
                    column * stride[1] - corner[1] + p % stride[1], stride, block * BLOCK, size,
                    address_of(xs[0, d * room + t]), xs.shape[1] * BLOCK,
                )  # fmt: skip
            for j in range(min(wide, outputs - group * wide)):
                target, step = address_of(ds[0, j * room + t]), ds.shape[1] * BLOCK
                _gradient_tile(dy[n], row, column, (group * wide + j) * BLOCK, size, target, step)
        for j in range(min(wide, outputs - group * wide)):
            for d in range(depth):
                _kernel_sum(xs[:, d * room :], ds[:, j * room :], many, scratch, size)
                p, block = d // blocks, d % blocks
                _add_kernel(scratch, sums[part, group * wide + j, block], p, stride, size)


@jit
def _kernel_sum(xs, ds, many, scratch, size):
    """16 input channels by 16 output channels: scratch[k] = Σ over tiles of xs[k] ⊗ ds[k]."""
    scratch[:] = 0
    for k in range(size * size):
        for m in range(0, BLOCK, ROWS):
            outer_tile(
                address_of(xs[k]) + 4 * m, address_of(ds[k]), address_of(scratch[k, m]), 1, 1,
                many, 0, 0, BLOCK, 0, 0, BLOCK, ROWS, 16,
            )  # fmt: skip


@jit
def _add_kernel(scratch, sums, phase, stride, size):
    """Gᵀ · G, added to sums (kH, kW, 16, 16) where this phase of the kernel is."""
    KW = sums.shape[1]
    s_step = BLOCK * BLOCK
    t_row, t_column = stride[0] * KW * s_step, stride[1] * s_step
    for c in range(BLOCK):
        source = address_of(scratch[0, c])
        target = address_of(sums[phase // stride[1], phase % stride[1], c])
        if size == 6:
            transform_tile(
                source, 6 * s_step, s_step, 0, 6, 0, 6, target, t_row, t_column, 3, 3, BLOCK,
                KERNEL_GRADIENT3, 1, 16,
            )  # fmt: skip
        else:
            transform_tile(
                source, 5 * s_step, s_step, 0, 5, 0, 5, target, t_row, t_column, 2, 2, BLOCK,
                KERNEL_GRADIENT2, 1, 16,
            )  # fmt: skip
