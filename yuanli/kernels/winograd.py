"""3×3 convolution with stride 1 by Winograd's F(4×4, 3×3): 36 multiplications for 16 outputs, not 144.

A tile of 6×6 inputs d and a 3×3 kernel g are carried over to where convolution is an elementwise product,
y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A gives 4×4 outputs; over all channels the products are 36 small matrix products.
The gradient for x is the same with the kernel turned by 180°; that for the kernel is
Gᵀ[Σ (Bᵀ d B) ⊙ (A dy Aᵀ)]G.

Arrays are float32 and channels-last.  Source: Lavin & Gray 2015, arXiv:1509.09308, sections 4.1 and 4.2.
"""

import numpy as np

from yuanli.kernels.compiler import get_thread_id, jit, parallel, prange, threads
from yuanli.kernels.direct import BLOCK, PIXELS, TAPS
from yuanli.kernels.memory import empty
from yuanli.kernels.simd import (
    GRADIENT,
    INPUT,
    KERNEL,
    KERNEL_GRADIENT,
    OUTPUT,
    dot_tile,
    outer_tile,
    transform_tile,
)

TILES = 4 * PIXELS  # tiles carried over at a time by one thread
SHARE = 1 << 20  # floats of tiles that all threads work on together, for the gradient of the kernel


def conv2d(x, weight, bias, padding):
    """The forward pass: x (N, H, W, C), weight (O, C, 3, 3) -> (N, H', W', O)."""
    N, H, W, C = x.shape
    O = len(weight)
    (top, bottom), (left, right) = padding
    out = empty((N, H + top + bottom - 2, W + left + right - 2, O), np.float32)
    blocks, outputs = -(-C // BLOCK), -(-O // BLOCK)
    start = np.zeros((2, outputs * BLOCK), np.float32)
    if bias is not None:
        start[1, :O] = bias
    kernels = np.zeros((36, outputs, blocks * BLOCK, BLOCK), np.float32)
    _kernels(weight, kernels)
    tiles = empty((threads(), 36, blocks, TILES, BLOCK), np.float32)
    products = empty((threads(), 36, TILES, outputs * BLOCK), np.float32)
    _forward(x, kernels, start, out, tiles, products, top, left)
    return out


def conv2d_grad_x(dy, weight, padding):
    """∂/∂x: the forward pass of dy with the kernel turned by 180° and its channels exchanged."""
    turned = weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    return conv2d(dy, turned, None, tuple((2 - before, 2 - after) for before, after in padding))


def conv2d_grad_weight(dy, x, padding):
    """∂/∂weight (O, C, 3, 3): products of tiles of x and of dy, carried over and added up."""
    (N, height, width, O), C = dy.shape, x.shape[3]
    blocks, outputs = -(-C // BLOCK), -(-O // BLOCK)
    per_image = -(-height // 4) * -(-width // 4)
    share = max(1, SHARE // (36 * BLOCK * (blocks + outputs)))
    xs = empty((36, blocks, min(share, N * per_image), BLOCK), np.float32)
    ds = empty((36, outputs, min(share, N * per_image), BLOCK), np.float32)
    sums = np.zeros((blocks * BLOCK, 3, 3, outputs * BLOCK), np.float32)
    scratch = empty((threads(), 36, BLOCK, BLOCK), np.float32)
    for first in range(0, N * per_image, share):
        many = min(share, N * per_image - first)
        _carry_over(x, dy, xs, ds, first, many, padding[0][0], padding[1][0])
        _kernel_sums(xs, ds, sums, scratch, many)
    return np.ascontiguousarray(sums[:C, :, :, :O].transpose(3, 0, 1, 2))


@parallel
def _kernels(weight, kernels):
    """G g Gᵀ: (O, C, 3, 3) -> (36, panel, channel, output in panel)."""
    for panel in prange(kernels.shape[1]):
        _panel(weight, kernels, panel)


@jit
def _panel(weight, kernels, panel):
    O, C = weight.shape[:2]
    outputs, depth = kernels.shape[1:3]
    step = outputs * depth * BLOCK
    g = np.zeros((3, 3, BLOCK), np.float32)
    for c in range(C):
        for o in range(min(BLOCK, O - panel * BLOCK)):
            for i in range(3):
                for j in range(3):
                    g[i, j, o] = weight[panel * BLOCK + o, c, i, j]
        target = kernels.ctypes.data + 4 * (panel * depth + c) * BLOCK
        transform_tile(g.ctypes.data, 3 * BLOCK, BLOCK, target, 6 * step, step, 0, KERNEL, 16)


@jit
def _input_tile(x, row, column, block, patch, target, step):
    """Bᵀ d B of the 6×6 inputs of one image whose corner is (row, column), 16 channels; zeros outside."""
    H, W, C = x.shape
    first = block * BLOCK
    if row >= 0 and column >= 0 and row + 6 <= H and column + 6 <= W and first + BLOCK <= C:
        source = x.ctypes.data + 4 * ((row * W + column) * C + first)
        transform_tile(source, W * C, C, target, 6 * step, step, 0, INPUT, 16)
        return
    for i in range(6):
        for j in range(6):
            inside = 0 <= row + i < H and 0 <= column + j < W
            for c in range(BLOCK):
                patch[i, j, c] = x[row + i, column + j, first + c] if inside and first + c < C else 0
    transform_tile(patch.ctypes.data, 6 * BLOCK, BLOCK, target, 6 * step, step, 0, INPUT, 16)


@jit
def _gradient_tile(dy, row, column, block, patch, target, step):
    """A dy Aᵀ of 4×4 gradients of one image, 16 channels; zeros outside."""
    H, W, O = dy.shape
    first = block * BLOCK
    if row + 4 <= H and column + 4 <= W and first + BLOCK <= O:
        source = dy.ctypes.data + 4 * ((row * W + column) * O + first)
        transform_tile(source, W * O, O, target, 6 * step, step, 0, GRADIENT, 16)
        return
    for i in range(4):
        for j in range(4):
            inside = row + i < H and column + j < W
            for c in range(BLOCK):
                patch[i, j, c] = dy[row + i, column + j, first + c] if inside and first + c < O else 0
    transform_tile(patch.ctypes.data, 6 * BLOCK, BLOCK, target, 6 * step, step, 0, GRADIENT, 16)


@jit
def _output_tile(source, step, out, row, column, block, patch):
    """Aᵀ m A: 4×4 outputs of one image, 16 channels, as far as they lie inside."""
    H, W, O = out.shape
    first = block * BLOCK
    if row + 4 <= H and column + 4 <= W and first + BLOCK <= O:
        target = out.ctypes.data + 4 * ((row * W + column) * O + first)
        transform_tile(source, 6 * step, step, target, W * O, O, 0, OUTPUT, 16)
        return
    transform_tile(source, 6 * step, step, patch.ctypes.data, 6 * BLOCK, BLOCK, 0, OUTPUT, 16)
    for i in range(min(4, H - row)):
        for j in range(min(4, W - column)):
            for c in range(min(BLOCK, O - first)):
                out[row + i, column + j, first + c] = patch[i, j, c]


@parallel
def _forward(x, kernels, start, out, tiles, products, top, left):
    N, height, width, _ = out.shape
    total = N * ((height + 3) // 4) * ((width + 3) // 4)
    for task in prange((total + TILES - 1) // TILES):
        t = get_thread_id()
        first = task * TILES
        _some_tiles(
            x, kernels, start, out, tiles[t], products[t], first, min(TILES, total - first), top, left
        )


@jit
def _some_tiles(x, kernels, start, out, tiles, products, first, many, top, left):
    _, height, width, _ = out.shape
    _, blocks, _, _ = tiles.shape
    outputs, depth = kernels.shape[1:3]
    across = (width + 3) // 4
    per_image = (height + 3) // 4 * across
    patch = np.empty((6, 6, BLOCK), np.float32)
    for t in range(many):
        n, at = (first + t) // per_image, (first + t) % per_image
        row, column = at // across * 4, at % across * 4
        for block in range(blocks):
            target = tiles.ctypes.data + 4 * (block * TILES + t) * BLOCK
            _input_tile(x[n], row - top, column - left, block, patch, target, blocks * TILES * BLOCK)
    wide = outputs * BLOCK
    for k in range(36):
        for panel in range(outputs):
            w = kernels.ctypes.data + 4 * (k * outputs + panel) * depth * BLOCK
            # whatever is added to product (1, 1) is added to all 16 outputs: the bias goes in there
            s = start.ctypes.data + 4 * ((k == 7) * wide + panel * BLOCK)
            for t in range(0, many, PIXELS):
                source = tiles.ctypes.data + 4 * (k * blocks * TILES + t) * BLOCK
                target = products.ctypes.data + 4 * ((k * TILES + t) * wide + panel * BLOCK)
                count = min(PIXELS, many - t)
                dot_tile(
                    source, w, s, target, blocks, 1, 1, BLOCK, TILES * BLOCK, 0, 0, BLOCK, wide,
                    count, BLOCK, PIXELS, 1, 16,
                )  # fmt: skip
    for t in range(many):
        n, at = (first + t) // per_image, (first + t) % per_image
        row, column = at // across * 4, at % across * 4
        for panel in range(outputs):
            source = products.ctypes.data + 4 * (t * wide + panel * BLOCK)
            _output_tile(source, TILES * wide, out[n], row, column, panel, patch)


@parallel
def _carry_over(x, dy, xs, ds, first, many, top, left):
    """Tiles first … first + many − 1 of x and of dy."""
    for t in prange(many):
        _one_tile(x, dy, xs, ds, first + t, t, top, left)


@jit
def _one_tile(x, dy, xs, ds, tile, t, top, left):
    _, height, width, _ = dy.shape
    _, blocks, share, _ = xs.shape
    outputs = ds.shape[1]
    across = (width + 3) // 4
    per_image = (height + 3) // 4 * across
    patch = np.empty((6, 6, BLOCK), np.float32)
    n, at = tile // per_image, tile % per_image
    row, column = at // across * 4, at % across * 4
    for block in range(blocks):
        target = xs.ctypes.data + 4 * (block * share + t) * BLOCK
        _input_tile(x[n], row - top, column - left, block, patch, target, blocks * share * BLOCK)
    for block in range(outputs):
        target = ds.ctypes.data + 4 * (block * share + t) * BLOCK
        _gradient_tile(dy[n], row, column, block, patch, target, outputs * share * BLOCK)


@parallel
def _kernel_sums(xs, ds, sums, scratch, many):
    outputs = ds.shape[1]
    for task in prange(xs.shape[1] * outputs):
        _kernel_sum(xs, ds, sums, scratch[get_thread_id()], many, task // outputs, task % outputs)


@jit
def _kernel_sum(xs, ds, sums, scratch, many, block, output):
    """16 input channels by 16 output channels: Σ over tiles, then Gᵀ · G, added to sums (C, 3, 3, O)."""
    wide = sums.shape[3]
    scratch[:] = 0
    for k in range(36):
        for m in range(0, BLOCK, TAPS):
            outer_tile(
                xs[k, block].ctypes.data + 4 * m, ds[k, output].ctypes.data, scratch[k, m].ctypes.data, 1, 1,
                many, 0, 0, BLOCK, 0, 0, BLOCK, TAPS, 16,
            )  # fmt: skip
    for c in range(BLOCK):
        target = sums[block * BLOCK + c].ctypes.data + 4 * output * BLOCK
        step = BLOCK * BLOCK
        transform_tile(
            scratch[0, c].ctypes.data, 6 * step, step, target, 3 * wide, wide, 1, KERNEL_GRADIENT, 16
        )
