"""Convolution by register tiles: any kernel, stride, dilation and channel count, one group at a time.

A tile is PIXELS neighbouring pixels of an output row by 16 (or 8) output channels; its sums stay in
registers while the kernel's taps and the input's channels go by.  Where rows are shorter than that, the
pixels of a tile are the same place in neighbouring images, of which many are worked off at a time, so that
a panel of weights is read once for all of them.  Both operands are packed so that the inner loop
reads straight on: the input, a band of rows at a time and with its padding, in blocks of 16 channels (of all
channels when there are fewer); the weights in panels of 16 outputs.

Arrays are float32 and channels-last.  Cost: the definition's multiplications, one copy of each operand.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, parallel, share, threads
from yuanli.kernels.memory import empty, zeros
from yuanli.kernels.panels import BLOCK, pack, unpack
from yuanli.kernels.pixels import copy
from yuanli.kernels.simd import address_of
from yuanli.kernels.simd_products import dot_tile, outer_tile
from yuanli.kernels.windows import inside

PIXELS = 8 if AVX512 else 6  # with 16 lanes: 8 of 32 registers of 64 bytes, or 12 of 16 of 32 bytes
TAPS = 8 if AVX512 else 4
BAND = 64 * 1024  # floats packed at a time, which the second-level cache still holds when they are used
PANEL = 4096  # floats; a panel of weights up to that stays in the first-level cache from tile to tile


def convolve(x, weight, bias, out, phase, step, stride, corner, dilation):
    """Fill out[:, phase::step, phase::step]; the first window starts `corner` above and left of x."""
    (N, _, _, C), (O, _, KH, KW) = x.shape, weight.shape
    height, width = (-(-(out.shape[i + 1] - phase[i]) // step[i]) for i in (0, 1))
    if not (N and O and height > 0 and width > 0):
        return
    lanes, depth = (8 if O <= 8 else BLOCK), min(C, BLOCK)
    panels = pack(weight, lanes, depth)
    start = np.zeros((len(panels), lanes), np.float32)
    if bias is not None:
        start.reshape(-1)[:O] = bias
    wasted = -(-width // PIXELS) * PIXELS > 1.1 * width  # pixels of tiles that lie beside the picture
    images = PIXELS if wasted and N >= PIXELS else 1
    padded = -(-width // PIXELS) * PIXELS if images == 1 else width
    padded = (padded - 1) * stride[1] + (KW - 1) * dilation[1] + 1
    rows = max(1, BAND // (images * stride[0] * padded * depth * panels.shape[1]))
    if images > 1 and rows >= height and panels[0].size > PANEL:
        several = -(-N // max(PIXELS, 2 * BAND // x[0].size))
        several = -(-several // threads()) * threads()  # as many for each thread
        images = -(-N // (several * PIXELS)) * PIXELS
    several = -(-N // images)
    rows = min(rows, -(-height // -(-4 * threads() // several)))  # enough bands to go round
    groups = max(1, min(len(panels), threads() // (several * -(-height // rows))))
    reach = (rows - 1) * stride[0] + (KH - 1) * dilation[0] + 1
    scratch = _images_of(threads(), images, (panels.shape[1], reach, padded * depth))
    plan = (rows, height, width, *phase, *step, *stride, *corner, *dilation, groups)
    _bands(x, panels, start, out, scratch, plan)


def _images_of(tasks, images, shape):
    """Memory for some images of each task; tiles may read past the end of a task's.

    Not at a distance of a power of two from each other: the same place in neighbouring images would compete
    for the same few places in the cache.
    """
    apart = (-(-shape[0] * shape[1] * shape[2] // BLOCK) | 1) * BLOCK
    memory = empty((tasks, images * apart + BLOCK))
    strides = (memory.strides[0], 4 * apart, 4 * shape[1] * shape[2], 4 * shape[2], 4)
    return np.ndarray((tasks, images, *shape), np.float32, memory, 0, strides)


@jit
def _pack(x, row, left, packed):
    """Rows row, row + 1, … of one image x (H, W, C), from column −left on -> (block, row, column·channel)."""
    H, W, C = x.shape
    blocks, reach, length = packed.shape
    depth = min(C, BLOCK)
    columns = length // depth
    start = min(max(left, 0), columns)
    stop = max(start, min(columns, W + left))
    for b in range(blocks):
        for r in range(reach):
            h, begin, end = row + r, start * depth, stop * depth
            if not 0 <= h < H:
                begin = end = length
            for k in range(begin):
                packed[b, r, k] = 0
            for k in range(end, length):
                packed[b, r, k] = 0
            if begin == length:
                continue
            source = address_of(x) + 4 * ((h * W + start - left) * C + b * depth)
            target = address_of(packed) + 4 * ((b * reach + r) * length + start * depth)
            if depth == C:
                copy(source, target, (stop - start) * depth)
            else:
                channels = min(depth, C - b * depth)
                for _ in range(start, stop):
                    copy(source, target, channels)
                    source, target = source + 4 * C, target + 4 * depth
                for w in range(start, stop):
                    for c in range(channels, depth):
                        packed[b, r, w * depth + c] = 0


@parallel
def _bands(thread, x, panels, start, out, scratches, plan):
    """A task is some rows of one image, or of several, and one group of panels."""
    rows, height, width, groups = plan[0], plan[1], plan[2], plan[13]
    phase, step, stride, corner, dilation = plan[3:5], plan[5:7], plan[7:9], plan[9:11], plan[11:13]
    scratch = scratches[thread[0]]
    N, H, W, _ = x.shape
    _, OH, OW, O = out.shape
    outputs, blocks, KH, KW, depth, lanes = panels.shape
    images, _, reach, length = scratch.shape
    image = scratch.strides[0] // 4
    bands = (height + rows - 1) // rows
    across = images == 1  # the pixels of a tile lie side by side, or one in each image
    fused = depth < BLOCK and dilation[1] == 1  # a row of taps is one straight stretch of memory
    columns, run = (1, KW * depth) if fused else (KW, depth)
    x_block, x_row, x_column = reach * length, dilation[0] * length, dilation[1] * depth
    w_block, w_row, w_column = KH * KW * depth * lanes, KW * depth * lanes, depth * lanes
    x_pixel = stride[1] * depth if across else image
    out_pixel = step[1] * O if across else OH * OW * O
    for task in share(thread, (N + images - 1) // images * bands * groups):
        n, first, group = task // groups // bands * images, task // groups % bands * rows, task % groups
        many, last = min(images, N - n), min(first + rows, height)
        for i in range(many):
            _pack(x[n + i], first * stride[0] - corner[0], corner[1], scratch[i])
        for o in range(outputs * group // groups, outputs * (group + 1) // groups):
            w_o, s_o, channels = address_of(panels[o]), address_of(start[o]), min(lanes, O - o * lanes)
            for h in range(first, last):
                above, below = inside(h * stride[0] - corner[0], dilation[0], KH, H)
                x_h = address_of(scratch) + 4 * ((h - first) * stride[0] * length + above * x_row)
                out_h = ((n * OH + phase[0] + h * step[0]) * OW + phase[1]) * O + o * lanes
                out_h = address_of(out) + 4 * out_h
                for w in range(0, width, PIXELS if across else 1):
                    left, right = 0, columns
                    if not (across or fused):
                        left, right = inside(w * stride[1] - corner[1], dilation[1], KW, W)
                    w_w = w_o + 4 * (above * w_row + left * w_column)
                    for i in range(0, many, PIXELS):
                        count = min(PIXELS, width - w if across else many - i)
                        x_w = x_h + 4 * (i * image + w * stride[1] * depth + left * x_column)
                        out_w = out_h + 4 * (i * OH * OW + w * step[1]) * O
                        if lanes == 8:
                            dot_tile(
                                x_w, w_w, s_o, out_w, blocks, below - above, right - left, run,
                                x_block, x_row, x_column, x_pixel, w_block, w_row, w_column, out_pixel,
                                count, channels, PIXELS, 1, 8,
                            )  # fmt: skip
                        else:
                            dot_tile(
                                x_w, w_w, s_o, out_w, blocks, below - above, right - left, run,
                                x_block, x_row, x_column, x_pixel, w_block, w_row, w_column, out_pixel,
                                count, channels, PIXELS, 1, 16,
                            )  # fmt: skip


def conv2d_grad_weight(dy, x, weight_shape, stride, padding, dilation):
    """∂/∂weight: for every tap, the sum over pixels of (input under the tap) ⊗ (dy)."""
    (N, height, width, O), (_, C, KH, KW) = dy.shape, weight_shape
    lanes, depth = (8 if O <= 8 else BLOCK), min(C, BLOCK)
    blocks, outputs = -(-C // depth), -(-O // lanes)
    padded = (width - 1) * stride[1] + (KW - 1) * dilation[1] + 1
    line = stride[0] * padded * depth * blocks + width * lanes * outputs  # floats for one row of dy
    rows = min(height, max(1, BAND // max(1, line)))
    # each part adds up sums of its own, each group packs all of x
    parts = min(threads(), max(1, N)) if N * height * width >= O * KH * KW else 1
    groups = min(threads() // parts, outputs)
    images = 1
    if rows == height:  # reading and writing the sums should not count
        images = min(-(-N // parts), max(BAND // max(1, line * height), 256 // (height * width)))
    reach = (rows - 1) * stride[0] + (KH - 1) * dilation[0] + 1
    wide = -(-outputs // groups)
    xs = _images_of(parts * groups, images, (blocks, reach, padded * depth))
    ds = _images_of(parts * groups, images, (wide, rows, width * lanes))
    fused = depth < BLOCK and dilation[1] == 1
    spans, run = (1, KW * depth) if fused else (KW, depth)
    sums = zeros((parts, outputs, blocks, KH, spans, -(-run // TAPS) * TAPS, lanes))
    if N and height and width:
        plan = (*stride, padding[0][0], padding[1][0], *dilation, depth)
        _weight_sums(x, dy, xs, ds, sums, plan)
    return unpack(sums, weight_shape, depth)


@parallel
def _weight_sums(thread, x, dy, xs, ds, all_sums, plan):
    """A task is one part of the images and one group of panels, whose sums it adds up."""
    stride, corner, dilation, depth = plan[:2], plan[2:4], plan[4:6], plan[6]
    parts, outputs, blocks, KH, spans, run, lanes = all_sums.shape
    (N, H, W, _), (_, height, width, O) = x.shape, dy.shape
    each = (N + parts - 1) // parts
    tasks, images, wide, rows, _ = ds.shape
    reach, length = xs.shape[3:]
    x_image, d_image = xs.strides[1] // 4, ds.strides[1] // 4
    groups = (outputs + wide - 1) // wide
    for task in share(thread, tasks):
        part, panel = task // groups, task % groups * wide
        x_here, d_here, sums = xs[task], ds[task], all_sums[part, panel : panel + wide]
        outputs, end = len(sums), min(N, (part + 1) * each)
        for n in range(part * each, end, images):
            many = min(images, end - n)
            # a pixel's outputs as they lie, where one vector takes all of them: it may reach into the next
            # image's, but then it crosses lines of the cache, which pays where they are read a few times
            as_is = outputs == 1 and (lanes == O or (lanes > O and blocks == 1 and n + many < N))
            pixel, image = (O, height * width * O) if as_is else (lanes, d_image)
            for h in range(0, height, rows):
                high = min(rows, height - h)
                for i in range(many):
                    _pack(x[n + i], h * stride[0] - corner[0], corner[1], x_here[i])
                    if not as_is:
                        _pack_gradient(dy[n + i], h, high, panel, d_here[i, :outputs])
                d_from = address_of(dy[n, h]) if as_is else address_of(d_here)
                for tap in range(outputs * blocks * KH * spans):
                    output, block = tap // (blocks * KH * spans), tap // (KH * spans) % blocks
                    kh, span = tap // spans % KH, tap % spans
                    # the windows whose tap lies on the picture
                    first, last = inside((h * stride[0] - corner[0]) + kh * dilation[0], stride[0], high, H)
                    left, right = 0, width
                    if spans > 1:
                        left, right = inside(span * dilation[1] - corner[1], stride[1], width, W)
                    at = (block * reach + first * stride[0] + kh * dilation[0]) * length
                    at += (left * stride[1] + span * dilation[1]) * depth
                    # the longest loop innermost: where there are many images, they
                    n1, n2, n3 = many, last - first, right - left
                    x1, x2, x3 = x_image, stride[0] * length, stride[1] * depth
                    d1, d2, d3 = image, width * pixel, pixel
                    if many > width:
                        n1, n2, n3, x1, x2, x3, d1, d2, d3 = n2, n3, n1, x2, x3, x1, d2, d3, d1
                    for m in range(0, run, TAPS):
                        x_at = address_of(x_here) + 4 * (at + m)
                        d_at = d_from + 4 * ((output * rows + first) * width + left) * pixel
                        s_at = address_of(sums[output, block, kh, span, m])
                        if lanes == 8:
                            outer_tile(x_at, d_at, s_at, n1, n2, n3, x1, x2, x3, d1, d2, d3, TAPS, 8)
                        else:
                            outer_tile(x_at, d_at, s_at, n1, n2, n3, x1, x2, x3, d1, d2, d3, TAPS, 16)


@jit
def _pack_gradient(dy, row, high, first, packed):
    """`high` rows of one image dy (H, W, O), from `row` on -> (panel, row, column·output), and zeros.

    The panels from `first` on.
    """
    _, W, O = dy.shape
    outputs, rows, length = packed.shape
    lanes = length // W
    for p in range(outputs):
        wanted = min(lanes, O - (first + p) * lanes)
        for r in range(high):
            source = address_of(dy) + 4 * ((row + r) * W * O + (first + p) * lanes)
            target = address_of(packed) + 4 * (p * rows + r) * length
            if wanted < lanes:
                for k in range(length):
                    packed[p, r, k] = 0
            for w in range(W):
                copy(source + 4 * w * O, target + 4 * w * lanes, wanted)
