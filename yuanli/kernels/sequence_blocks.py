"""Sequences in memory as register tiles want them, and the matrix products of a whole sequence.

(T, N, D) becomes (T, blocks, tiles, SPAN): at each step, for 16 numbers of D (a block) and ROWS sequences (a
tile), the SPAN = ROWS·16 numbers lie together, those of one sequence side by side.  What fills up the last
block or tile is 0.  So a tile of a product reads and writes straight on, and a loop over SPAN numbers has no
remainder.  A weight becomes panels of 16 outputs: (panels, inputs, 16).
"""

import numpy as np

from yuanli.kernels.compiler import AVX512, jit, parallel, share, threads
from yuanli.kernels.direct import PIXELS
from yuanli.kernels.memory import empty
from yuanli.kernels.simd import address_of
from yuanli.kernels.simd_products import dot_tile, outer_tile

LANES = 16
ROWS = PIXELS  # sequences in a tile
SPAN = ROWS * LANES
OUTER = 16 if AVX512 else 4  # rows of a tile of a weight's gradient
STRETCH = 128  # rows added up at a time, so that what they are multiplied with is still in the cache


def into_blocks(x):
    """(T, N, D) -> (T, blocks, tiles, SPAN)"""
    T, N, D = x.shape
    blocked = empty((T, -(-D // LANES), -(-N // ROWS), SPAN))
    block_steps(np.ascontiguousarray(x), blocked)
    return blocked


def from_blocks(blocked, N, D):
    """(T, blocks, tiles, SPAN) -> (T, N, D)"""
    x = empty((len(blocked), N, D))
    _unblock(blocked, x)
    return x


def forward_panels(weight_ih, weight_hh):
    """(G·H, D) and (G·H, H) -> (G·blocks of H, inputs of x and of h, 16), for x W_ihᵀ + h W_hhᵀ"""
    of_x, of_h = (_padded(weight, weight_hh.shape[1]).swapaxes(2, 3) for weight in (weight_ih, weight_hh))
    panels = empty((*of_x.shape[:2], of_x.shape[2] + of_h.shape[2], LANES))
    panels[:, :, : of_x.shape[2]] = of_x
    panels[:, :, of_x.shape[2] :] = of_h
    return panels.reshape(-1, *panels.shape[2:])


def backward_panels(weight, H):
    """(G·H, D) -> (blocks of D, G·inputs, 16), for dz W"""
    padded = _padded(weight, H)
    rows = padded.reshape(-1, padded.shape[3] // LANES, LANES)
    panels = empty((rows.shape[1], rows.shape[0], LANES))
    panels[...] = rows.swapaxes(0, 1)
    return panels


def _padded(weight, H):
    """(G·H, D) -> (G, blocks of H, 16, blocks of D · 16), filled up with zeros"""
    D = weight.shape[1]
    shape = (len(weight) // H, -(-H // LANES), LANES, -(-D // LANES) * LANES)
    if weight.size == shape[0] * shape[1] * LANES * shape[3]:
        return weight.reshape(shape)
    padded = np.zeros((shape[0], shape[1] * LANES, shape[3]), np.float32)
    padded[:, :H, :D] = weight.reshape(-1, H, D)
    return padded.reshape(shape)


def start(bias, H, rows):
    """A bias (G·H,) or None -> (G·blocks of H, 16), what the sums of a panel start at"""
    padded = np.zeros((rows // H, -(-H // LANES) * LANES), np.float32)
    if bias is not None:
        padded[:, :H] = bias.reshape(-1, H)
    return padded.reshape(-1, LANES)


def grad_weights(dz, dz_h, xh, N, H, D):
    """-> dW_ih = Σ dzᵀ x (G·H, D), dW_hh = Σ dz_hᵀ h (G·H, H), db_ih = Σ dz and db_hh = Σ dz_h (G·H,)

    dz and dz_h are (T, G·blocks, tiles, SPAN), xh (T + 1, blocks of x and of h, tiles, SPAN).  STRETCH rows
    are added up in registers, those sums in float32, in an order that does not depend on the threads.
    """
    rows = dz.shape[1] // -(-H // LANES) * H
    sums = empty((dz.shape[1], xh.shape[1], LANES, LANES))
    sums[...] = 0
    bias_sums = np.zeros((dz.shape[1], 2, SPAN), np.float32)
    dweight_ih, dweight_hh, dbiases = empty((rows, D)), empty((rows, H)), empty((2, rows))
    _grad_weights(dz, dz_h, xh, N, sums, bias_sums, dweight_ih, dweight_hh, dbiases, threads())
    return dweight_ih, dweight_hh, *dbiases


@jit
def block_steps(x, blocked):
    """x (T, N, D) into the first steps and blocks of `blocked`."""
    tiles = blocked.shape[2]
    for t in range(len(x)):
        for block in range((x.shape[2] + LANES - 1) // LANES):
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
def tile_product(x, first, last, tile, panel, start, out):
    """out (SPAN) = start + blocks first … last − 1 of x (blocks, tiles, SPAN) times their rows of a panel"""
    tiles = x.shape[1]
    dot_tile(
        address_of(x[first, tile]), address_of(panel[first * LANES]), address_of(start), address_of(out),
        last - first, 1, 1, LANES, tiles * SPAN, 0, 0, LANES, LANES * LANES, 0, 0, LANES, ROWS, LANES,
        ROWS, 1, 16,
    )  # fmt: skip


@parallel
def _grad_weights(thread, dz, dz_h, xh, N, sums, bias_sums, dweight_ih, dweight_hh, dbiases, parts):
    each = (len(sums) + parts - 1) // parts
    for part in share(thread, parts):
        panels = (part * each, min(len(sums), (part + 1) * each))
        _add_up(dz, dz_h, xh, N, dweight_ih.shape[1], sums, bias_sums, panels)
        for panel in range(panels[0], panels[1]):
            _unpack(panel, sums[panel], bias_sums[panel], dweight_ih, dweight_hh, dbiases)


@jit
def _add_up(dz, dz_h, xh, N, D, sums, bias_sums, panels):
    T, blocks = len(dz), xh.shape[1]
    d_step, x_step = dz[0].size, xh[0].size
    of_x, steps = (D + LANES - 1) // LANES, max(1, STRETCH // N)
    for t in range(0, T, steps):
        many = min(steps, T - t)
        for panel in range(panels[0], panels[1]):
            for block in range(blocks):
                d = dz[t, panel] if block < of_x else dz_h[t, panel]
                for m in range(0, LANES, OUTER):
                    outer_tile(
                        address_of(d) + 4 * m, address_of(xh[t, block]), address_of(sums[panel, block, m]),
                        many, 1, N, d_step, 0, LANES, x_step, 0, LANES, OUTER, 16,
                    )  # fmt: skip
            for step in range(t, t + many):
                for tile in range(dz.shape[2]):
                    for s in range(SPAN):
                        bias_sums[panel, 0, s] += dz[step, panel, tile, s]
                    for s in range(SPAN):
                        bias_sums[panel, 1, s] += dz_h[step, panel, tile, s]


@jit
def _unpack(panel, sums, bias_sums, dweight_ih, dweight_hh, dbiases):
    D, H = dweight_ih.shape[1], dweight_hh.shape[1]
    blocks, width = (D + LANES - 1) // LANES, (H + LANES - 1) // LANES
    gate, first = panel // width, panel % width * LANES
    for m in range(min(LANES, H - first)):
        o = gate * H + first + m
        for i in range(D):
            dweight_ih[o, i] = sums[i // LANES, m, i % LANES]
        for i in range(H):
            dweight_hh[o, i] = sums[blocks + i // LANES, m, i % LANES]
        for i in range(2):
            dbiases[i, o] = 0
            for r in range(ROWS):
                dbiases[i, o] += bias_sums[i, r * LANES + m]
