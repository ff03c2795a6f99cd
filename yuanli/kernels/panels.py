"""Weights in panels: the order in which register tiles read them, 16 (or 8) output channels side by side."""

import numpy as np

from yuanli.kernels.compiler import parallel, prange
from yuanli.kernels.dispatch import LARGE
from yuanli.kernels.memory import empty

BLOCK = 16  # channels side by side in packed memory


def pack(weight, lanes, depth):
    """(O, C, kH, kW) -> (panel, block, kH, kW, channel in block, output in panel), filled up with zeros."""
    O, C, KH, KW = weight.shape
    panels = empty((-(-O // lanes), -(-C // depth), KH, KW, depth, lanes))
    if weight.size >= LARGE:
        _pack(weight, panels)
    else:  # in order, so that one compilation does for all
        _pack.on_one(np.ascontiguousarray(weight), panels)
    return panels


def unpack(panels, outputs, channels):
    """The way back, without what was filled up: (O, C, kH, kW)."""
    weight = empty((outputs, channels, *panels.shape[2:4]))
    (_unpack if weight.size >= LARGE else _unpack.on_one)(panels, weight)
    return weight


@parallel
def _pack(weight, panels):
    O, C, KH, KW = weight.shape
    outputs, blocks, _, _, depth, lanes = panels.shape
    for task in prange(outputs * blocks):
        p, b = task // blocks, task % blocks
        if (p + 1) * lanes > O or (b + 1) * depth > C:
            panels[p, b] = 0
        for o in range(min(lanes, O - p * lanes)):
            for c in range(min(depth, C - b * depth)):
                for h in range(KH):
                    for w in range(KW):
                        panels[p, b, h, w, c, o] = weight[p * lanes + o, b * depth + c, h, w]


@parallel
def _unpack(panels, weight):
    O, C, KH, KW = weight.shape
    outputs, blocks, _, _, depth, lanes = panels.shape
    for task in prange(outputs * blocks):
        p, b = task // blocks, task % blocks
        for o in range(min(lanes, O - p * lanes)):
            for c in range(min(depth, C - b * depth)):
                for h in range(KH):
                    for w in range(KW):
                        weight[p * lanes + o, b * depth + c, h, w] = panels[p, b, h, w, c, o]
