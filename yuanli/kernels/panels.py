"""Weights in panels: the order in which register tiles read them, 16 (or 8) output channels side by side."""

from yuanli.kernels.compiler import jit, parallel, share, threads
from yuanli.kernels.dispatch import LARGE
from yuanli.kernels.memory import empty
from yuanli.kernels.pixels import copy
from yuanli.kernels.simd import add_tile, address_of, copy_vector
from yuanli.kernels.simd_products import transpose_tile

BLOCK = 16  # channels side by side in packed memory


def pack(weight, lanes, depth):
    """(O, C, kH, kW) -> (panel, block, kH, kW, channel in block, output in panel), filled up with zeros."""
    O, C, KH, KW = weight.shape
    panels = empty((-(-O // lanes), -(-C // depth), KH, KW, depth, lanes))
    scratch = empty((threads(), depth, KH * KW, lanes))
    (_pack if weight.size >= LARGE else _pack.on_one)(*memory_of(weight), scratch, panels)
    return panels


def unpack(sums, weight_shape, depth):
    """The way back, without what was filled up, of a sum of parts (part, panel, block, …): (O, C, kH, kW).

    … are kH, kW, channel, output; or, where a row of taps is one stretch, kH, 1, kW·channel, output.
    """
    weight = empty(weight_shape)
    scratch = empty((threads(), -(-depth * weight[0, 0].size // BLOCK) * BLOCK, BLOCK))
    (_unpack if weight.size >= LARGE else _unpack.on_one)(sums, depth, scratch, weight)
    return weight


def memory_of(weight):
    """Where weight[0, 0, 0, 0] lies, the shape, and the strides in floats: one type, whatever the layout."""
    (KH, KW), (o, c, h, w) = weight.shape[2:], (s // 4 for s in weight.strides)
    w = w if KW > 1 else 1  # of an axis of 1 the stride means nothing
    return weight.ctypes.data, weight.shape, (o, c, h if KH > 1 else KW * w, w)


@parallel
def _pack(thread, address, shape, strides, scratch, panels):
    outputs, blocks, KH, KW, depth, lanes = panels.shape
    for task in share(thread, outputs * blocks):
        p, b, here = task // blocks, task % blocks, scratch[thread[0]]
        gather(address, shape, strides, p, b, here)
        for k in range(KH * KW):
            for c in range(depth):
                copy(address_of(here[c, k]), address_of(panels[p, b, k // KW, k % KW, c]), lanes)


@jit
def gather(address, shape, strides, panel, block, kernels):
    """The kernels of one block of channels to one panel -> (channel, tap, output), filled up with zeros.

    16 × 16 numbers at a time where an output's kernels, or a channel's, lie one after the other.
    """
    (O, C, _, KW), (depth, taps, lanes) = shape, kernels.shape
    outputs, channels = min(lanes, O - panel * lanes), min(depth, C - block * depth)
    source = address + 4 * (panel * lanes * strides[0] + block * depth * strides[1])
    target = address_of(kernels)
    in_order = strides[3] == 1 and strides[2] == KW
    turned = strides[3] == -1 and strides[2] == -KW
    if in_order and strides[1] == taps:
        for at in range(0, channels * taps, BLOCK):
            many = min(BLOCK, channels * taps - at)
            transpose_tile(
                source + 4 * at, strides[0], outputs, many, target + 4 * at * lanes, lanes, lanes, 16
            )
    elif (in_order or turned) and strides[0] == taps:
        first = 1 - taps if turned else 0  # the lowest address
        for c in range(channels):
            for at in range(0, taps, BLOCK):
                here = target + 4 * (c * taps + (taps - 1 - at if turned else at)) * lanes
                transpose_tile(
                    source + 4 * (c * strides[1] + first + at), strides[0], outputs, min(BLOCK, taps - at),
                    here, -lanes if turned else lanes, lanes, 16,
                )  # fmt: skip
    else:
        for c in range(channels):
            for k in range(taps):
                there = c * strides[1] + k // KW * strides[2] + k % KW * strides[3]
                for o in range(outputs):
                    here = target + 4 * ((c * taps + k) * lanes + o)
                    copy_vector(source + 4 * (there + o * strides[0]), here, 1)
                for o in range(outputs, lanes):
                    kernels[c, k, o] = 0
    for c in range(channels, depth):
        for k in range(taps):
            for o in range(lanes):
                kernels[c, k, o] = 0


@parallel
def _unpack(thread, sums, depth, scratch, weight):
    outputs, blocks = sums.shape[1:3]
    for task in share(thread, outputs * blocks):
        _unpack_one(sums, depth, scratch[thread[0]], weight, task // blocks, task % blocks)


@jit
def _unpack_one(sums, depth, scratch, weight, panel, block):
    """The kernels of one block of channels to one panel."""
    (O, C, KH, KW), (parts, _, _, _, spans, run, lanes) = weight.shape, sums.shape
    apart = run if spans == KW else depth  # rows of sums from one tap to the next
    channels, taps = min(depth, C - block * depth), KH * KW
    for part in range(parts):
        for k in range(taps):
            source = address_of(sums[part, panel, block, k // KW]) + 4 * (k % KW) * apart * lanes
            for c in range(channels):
                target = address_of(scratch) + 4 * (c * taps + k) * BLOCK
                if part == 0:
                    copy(source + 4 * c * lanes, target, lanes)
                else:
                    add_tile(source + 4 * c * lanes, target, lanes // 8, 8)
    outputs = min(lanes, O - panel * lanes)
    for at in range(0, channels * taps, BLOCK):
        many = min(BLOCK, channels * taps - at)
        target = address_of(weight[panel * lanes, block * depth]) + 4 * at
        transpose_tile(address_of(scratch[at]), BLOCK, many, outputs, target, C * taps, many, 16)
