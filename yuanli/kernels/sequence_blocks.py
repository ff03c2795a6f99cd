"""Sequences in memory as register tiles want them, and the matrix products of a whole sequence.

(T, N, D) becomes (T, blocks, tiles, SPAN): at each step, for 16 numbers of D (a block) and ROWS sequences (a
tile), the SPAN = ROWS·16 numbers lie together, those of one sequence side by side.  What fills up the last
block or tile is 0.  So a tile of a product reads and writes straight on, and a loop over SPAN numbers has no
remainder.  A weight becomes panels of 16 outputs: (panels, inputs, 16).
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, parallel, prange, threads
from yuanli.kernels.direct import PIXELS
from yuanli.kernels.memory import empty
from yuanli.kernels.simd import dot_tile, outer_tile

LANES = 16
ROWS = PIXELS  # sequences in a tile
SPAN = ROWS * LANES
OUTER = 16 if AVX512 else 4  # rows of a tile of a weight's gradient
STRETCH = 128  # rows added up at a time, so that what they are multiplied with is still in the cache


def into_blocks(x):
    """(T, N, D) -> (T, blocks, tiles, SPAN)"""
    T, N, D = x.shape
    blocked = empty((T, -(-D // LANES), -(-N // ROWS), SPAN))
    _block(np.ascontiguousarray(x), blocked)
    return blocked


def from_blocks(blocked, N, D):
    """(T, blocks, tiles, SPAN) -> (T, N, D)"""
    x = empty((len(blocked), N, D))
    _unblock(blocked, x)
    return x


def forward_panels(weight, gates):
    """(G·H, D) -> (G·blocks of H, inputs, 16), for x Wᵀ"""
    outs, ins = weight.shape
    H = outs // gates
    panels = np.zeros((gates * -(-H // LANES), -(-ins // LANES) * LANES, LANES), np.float32)
    _pack_forward(np.ascontiguousarray(weight), H, panels)
    return panels


def backward_panels(weight, gates):
    """(G·H, D) -> (blocks of D, G·inputs, 16), for dz W"""
    outs, ins = weight.shape
    H = outs // gates
    panels = np.zeros((-(-ins // LANES), gates * -(-H // LANES) * LANES, LANES), np.float32)
    _pack_backward(np.ascontiguousarray(weight), H, panels)
    return panels


def start(bias, gates, H):
    """A bias (G·H,) or None -> (G·blocks of H, 16), what the sums of a panel start at"""
    padded = np.zeros((gates, -(-H // LANES) * LANES), np.float32)
    if bias is not None:
        padded[:, :H] = bias.reshape(gates, H)
    return padded.reshape(-1, LANES)


def products(x, panels, start):
    """x (T, blocks, tiles, SPAN) times panels -> (T, panels, tiles, SPAN), for all steps at once"""
    y = empty((len(x), len(panels), *x.shape[2:]))
    _products(x, panels, start, y)
    return y


def grad_weight(dz, x, N, H, D):
    """dz (T, G·blocks, tiles, SPAN), x (T, blocks, tiles, SPAN) -> dW = Σ dzᵀ x (G·H, D) and db = Σ dz (G·H,)

    Sums of STRETCH rows in registers, those added up in float32; which thread adds them changes nothing.
    """
    gates = dz.shape[1] // -(-H // LANES)
    sums = np.zeros((dz.shape[1], x.shape[1] + 1, LANES, LANES), np.float32)  # the last is for db
    dweight, dbias = empty((gates * H, D)), empty((gates * H,))
    _grad_weight(dz, x, N, H, sums, dweight, dbias, threads())
    return dweight, dbias


@jit
def _block(x, blocked):
    T, blocks, tiles, _ = blocked.shape
    for t in range(T):
        for block in range(blocks):
            for tile in range(tiles):
                gather(x[t], tile, block, blocked[t, block, tile])


@jit
def _unblock(blocked, x):
    T, blocks, tiles, _ = blocked.shape
    for t in range(T):
        for block in range(blocks):
            for tile in range(tiles):
                scatter(blocked[t, block, tile], x[t], tile, block)


@jit
def gather(x, tile, block, span):
    """One tile of one block of x (N, D), filled up with zeros."""
    N, D = x.shape
    lanes = min(LANES, D - block * LANES)
    for r in range(ROWS):
        n = tile * ROWS + r
        if n < N and lanes == LANES:
            for i in range(LANES):
                span[r * LANES + i] = x[n, block * LANES + i]
        else:
            for i in range(LANES):
                span[r * LANES + i] = x[n, block * LANES + i] if n < N and i < lanes else 0


@jit
def scatter(span, x, tile, block):
    """Back to where `gather` took it from."""
    N, D = x.shape
    lanes = min(LANES, D - block * LANES)
    for r in range(min(ROWS, N - tile * ROWS)):
        n = tile * ROWS + r
        if lanes == LANES:
            for i in range(LANES):
                x[n, block * LANES + i] = span[r * LANES + i]
        else:
            for i in range(lanes):
                x[n, block * LANES + i] = span[r * LANES + i]


@jit
def _pack_forward(weight, H, panels):
    outs, ins = weight.shape
    blocks = (H + LANES - 1) // LANES
    for o in range(outs):
        panel, lane = o // H * blocks + o % H // LANES, o % H % LANES
        for i in range(ins):
            panels[panel, i, lane] = weight[o, i]


@jit
def _pack_backward(weight, H, panels):
    outs, ins = weight.shape
    width = (H + LANES - 1) // LANES * LANES
    for o in range(outs):
        row = o // H * width + o % H
        for i in range(ins):
            panels[i // LANES, row, i % LANES] = weight[o, i]


@jit
def tile_product(x, tile, panel, start, out):
    """out (SPAN) = start + x (blocks, tiles, SPAN) of one tile times panel (inputs, 16)"""
    blocks, tiles, _ = x.shape
    dot_tile(
        x[0, tile].ctypes.data, panel.ctypes.data, start.ctypes.data, out.ctypes.data, blocks, 1, 1, LANES,
        tiles * SPAN, 0, 0, LANES, LANES, ROWS, LANES, ROWS, 1, 16,
    )  # fmt: skip


@parallel
def _products(x, panels, start, y):
    for t in prange(len(x)):
        _products_of_step(x[t], panels, start, y[t])


@jit
def _products_of_step(x, panels, start, y):
    for panel in range(len(panels)):
        for tile in range(x.shape[1]):
            tile_product(x, tile, panels[panel], start[panel], y[panel, tile])


@parallel
def _grad_weight(dz, x, N, H, sums, dweight, dbias, parts):
    each = (len(sums) + parts - 1) // parts
    for part in prange(parts):
        first, last = part * each, min(len(sums), (part + 1) * each)
        _grad_some_panels(dz, x, N, H, sums, dweight, dbias, first, last)


@jit
def _grad_some_panels(dz, x, N, H, sums, dweight, dbias, first, last):
    T, _, tiles, _ = dz.shape
    blocks = x.shape[1]
    steps = max(1, STRETCH // N)
    z_step, x_step = dz.shape[1] * tiles * SPAN, blocks * tiles * SPAN
    for t in range(0, T, steps):
        many = min(steps, T - t)
        for panel in range(first, last):
            z_at = dz[t, panel].ctypes.data
            for block in range(blocks):
                for m in range(0, LANES, OUTER):
                    outer_tile(
                        z_at + 4 * m, x[t, block].ctypes.data, sums[panel, block, m].ctypes.data, many, 1, N,
                        z_step, 0, LANES, x_step, 0, LANES, OUTER, 16,
                    )  # fmt: skip
            for s in range(t, t + many):
                _add_rows(dz[s, panel], N, sums[panel, blocks, 0])
    width = (H + LANES - 1) // LANES
    for panel in range(first, last):
        gate, row = panel // width, panel % width * LANES
        for m in range(min(LANES, H - row)):
            o = gate * H + row + m
            dbias[o] = sums[panel, blocks, 0, m]
            for i in range(dweight.shape[1]):
                dweight[o, i] = sums[panel, i // LANES, m, i % LANES]


@jit
def _add_rows(rows, N, total):
    """total (16) += Σ over N sequences of one panel (tiles, SPAN)"""
    flat = rows.reshape(-1)
    for n in range(N):
        for i in range(LANES):
            total[i] += flat[n * LANES + i]
