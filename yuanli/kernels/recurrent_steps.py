"""The steps of the compiled recurrent layers, forwards and backwards in time (see fast_recurrent.py).

A step's products with the weights are followed at once by what is done with them, number by number, while
they are in the cache; only the gradients of the weights wait for all steps.  The product with the input could
come first, for all steps, but would travel through memory: forwards and backwards, 64 → 256 units, batch 32,
64 steps take 45.5 ms of one core so, and 43.0 as here (35 at its 114 GFLOP/s).
All arrays lie in blocks (see `sequence_blocks`), gates as (T, G, blocks, tiles, SPAN).
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.exponential import sigmoid, tanh
from yuanli.kernels.sequence_blocks import LANES, ROWS, SPAN, gather, scatter, tile_product

# Functions of one number, that LLVM makes vectors of -----------------------------------------------------


@jit
def _sigmoids(z, y):
    for s in range(SPAN):
        y[s] = sigmoid(z[s])


@jit
def _tanhs(z, y):
    for s in range(SPAN):
        y[s] = tanh(z[s])


@jit
def _clear(span, lanes):
    """0 beyond the last unit, so that no inf·0 can arise there."""
    for r in range(ROWS):
        for i in range(lanes, LANES):
            span[r * LANES + i] = 0


@jit
def _tiles_of(part, parts, tiles):
    """The first tile of a part, and the one after its last."""
    each = (tiles + parts - 1) // parts
    return part * each, min(tiles, (part + 1) * each)


@jit
def _products_with(dz, panels, out, tiles):
    """out (blocks, tiles, SPAN) = dz (G, blocks, tiles, SPAN) of one step times the panels of a weight"""
    flat = dz.reshape(-1, dz.shape[2], SPAN)
    zeros = np.zeros(LANES, np.float32)
    for panel in range(len(panels)):
        for k in range(tiles[0], tiles[1]):
            tile_product(flat, 0, len(flat), k, panels[panel], zeros, out[panel, k])


# Elman's -------------------------------------------------------------------------------------------------


@parallel
def rnn_forward(thread, xh, live, panels, bias, y, is_tanh, parts):
    for part in share(thread, parts):
        _rnn_through_time(xh, live, panels, bias, y, is_tanh, _tiles_of(part, parts, xh.shape[2]))


@jit
def _rnn_through_time(xh, live, panels, bias, y, is_tanh, tiles):
    T, _, H = y.shape
    blocks, of_x = xh.shape[1], xh.shape[1] - len(panels)
    z = np.empty(SPAN, np.float32)
    for t in range(T):
        for j in range(len(panels)):
            for k in range(tiles[0], tiles[1]):
                tile_product(xh[t], 0, blocks, k, panels[j], bias[j], z)
                before, after, on = xh[t, of_x + j, k], xh[t + 1, of_x + j, k], live[t, k]
                if is_tanh:
                    _tanhs(z, z)
                else:
                    for s in range(SPAN):
                        z[s] = np.float32(0) if z[s] < 0 else z[s]
                for s in range(SPAN):
                    after[s] = z[s] if on[s] else before[s]
                if H - j * LANES < LANES:
                    _clear(after, H - j * LANES)
                scatter(after, y[t], k, j)


@parallel
def rnn_backward(thread, dz, xh, live, panels, dx, dh, dy, is_tanh, parts):
    for part in share(thread, parts):
        _rnn_back_in_time(dz, xh, live, panels, dx, dh, dy, is_tanh, _tiles_of(part, parts, xh.shape[2]))


@jit
def _rnn_back_in_time(dz, xh, live, panels, dx, dh, dy, is_tanh, tiles):
    T, _, blocks, _, _ = dz.shape
    of_x = xh.shape[1] - blocks
    e = np.empty(SPAN, np.float32)
    for t in range(T - 1, -1, -1):
        for j in range(blocks):
            for k in range(tiles[0], tiles[1]):
                gather(dy[t], k, j, e)
                after, on, a = xh[t + 1, of_x + j, k], live[t, k], dz[t, 0, j, k]
                product, carry = dh[0, j, k], dh[1, j, k]
                for s in range(SPAN):
                    e[s] += product[s] + carry[s]
                for s in range(SPAN):
                    slope = np.float32(1) - after[s] * after[s]
                    if not is_tanh:
                        slope = np.float32(1) if after[s] > 0 else np.float32(0)
                    v = e[s] * slope
                    a[s] = v if on[s] else np.float32(0)
                for s in range(SPAN):
                    carry[s] = np.float32(0) if on[s] else e[s]
        _products_with(dz[t], panels[0], dx[t], tiles)
        _products_with(dz[t], panels[1], dh[0], tiles)


# LSTM ----------------------------------------------------------------------------------------------------


@parallel
def lstm_forward(thread, xh, gates, c, live, panels, bias, y, parts):
    for part in share(thread, parts):
        _lstm_through_time(xh, gates, c, live, panels, bias, y, _tiles_of(part, parts, xh.shape[2]))


@jit
def _lstm_through_time(xh, gates, c, live, panels, bias, y, tiles):
    T, _, blocks, _, _ = gates.shape
    both, of_x, H = xh.shape[1], xh.shape[1] - blocks, y.shape[2]
    z = np.empty((tiles[1] - tiles[0], 4, SPAN), np.float32)
    for t in range(T):
        for j in range(blocks):
            for gate in range(4):  # a panel stays in the cache for all tiles
                panel = gate * blocks + j
                for k in range(tiles[0], tiles[1]):
                    tile_product(xh[t], 0, both, k, panels[panel], bias[panel], z[k - tiles[0], gate])
            for k in range(tiles[0], tiles[1]):
                i, f, g, o = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], gates[t, 3, j, k]
                _sigmoids(z[k - tiles[0], 0], i)
                _sigmoids(z[k - tiles[0], 1], f)
                _tanhs(z[k - tiles[0], 2], g)
                _sigmoids(z[k - tiles[0], 3], o)
                on, before, after = live[t, k], c[t, j, k], c[t + 1, j, k]
                for s in range(SPAN):
                    v = f[s] * before[s] + i[s] * g[s]
                    after[s] = v if on[s] else before[s]
                h_before, h_after = xh[t, of_x + j, k], xh[t + 1, of_x + j, k]
                for s in range(SPAN):
                    v = o[s] * tanh(after[s])
                    h_after[s] = v if on[s] else h_before[s]
                if H - j * LANES < LANES:
                    for span in (i, f, g, o, after, h_after):
                        _clear(span, H - j * LANES)
                scatter(h_after, y[t], k, j)
    for j in range(blocks):
        for k in range(tiles[0], tiles[1]):
            scatter(c[T, j, k], y[T], k, j)


@parallel
def lstm_backward(thread, dz, gates, c, live, panels, dx, dh, dc, dy, parts):
    for part in share(thread, parts):
        _lstm_back_in_time(dz, gates, c, live, panels, dx, dh, dc, dy, _tiles_of(part, parts, dz.shape[3]))


@jit
def _lstm_back_in_time(dz, gates, c, live, panels, dx, dh, dc, dy, tiles):
    T, _, blocks, _, _ = gates.shape
    one, nothing = np.float32(1), np.float32(0)
    e, d, q = np.empty(SPAN, np.float32), np.empty(SPAN, np.float32), np.empty(SPAN, np.float32)
    for t in range(T - 1, -1, -1):
        for j in range(blocks):
            for k in range(tiles[0], tiles[1]):
                i, f, g, o = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], gates[t, 3, j, k]
                dz_i, dz_f, dz_g, dz_o = dz[t, 0, j, k], dz[t, 1, j, k], dz[t, 2, j, k], dz[t, 3, j, k]
                before, after, on = c[t, j, k], c[t + 1, j, k], live[t, k]
                product, carry, d_cell = dh[0, j, k], dh[1, j, k], dc[j, k]
                gather(dy[t], k, j, e)
                for s in range(SPAN):
                    e[s] += product[s] + carry[s]
                for s in range(SPAN):
                    q[s] = tanh(after[s])
                for s in range(SPAN):
                    d[s] = d_cell[s] + e[s] * o[s] * (one - q[s] * q[s])
                for s in range(SPAN):
                    v = d[s] * g[s] * i[s] * (one - i[s])
                    dz_i[s] = v if on[s] else nothing
                for s in range(SPAN):
                    v = d[s] * before[s] * f[s] * (one - f[s])
                    dz_f[s] = v if on[s] else nothing
                for s in range(SPAN):
                    v = d[s] * i[s] * (one - g[s] * g[s])
                    dz_g[s] = v if on[s] else nothing
                for s in range(SPAN):
                    v = e[s] * q[s] * o[s] * (one - o[s])
                    dz_o[s] = v if on[s] else nothing
                for s in range(SPAN):
                    v = d[s] * f[s]
                    d_cell[s] = v if on[s] else d_cell[s]
                for s in range(SPAN):
                    carry[s] = nothing if on[s] else e[s]
        _products_with(dz[t], panels[0], dx[t], tiles)
        _products_with(dz[t], panels[1], dh[0], tiles)


# GRU -----------------------------------------------------------------------------------------------------


@parallel
def gru_forward(thread, xh, gates, live, panels, bias, biases, y, parts):
    for part in share(thread, parts):
        _gru_through_time(xh, gates, live, panels, bias, biases, y, _tiles_of(part, parts, xh.shape[2]))


@jit
def _gru_through_time(xh, gates, live, panels, bias, biases, y, tiles):
    """gates: r, z, n and what h adds to n."""
    T, _, blocks, _, _ = gates.shape
    both, of_x, H = xh.shape[1], xh.shape[1] - blocks, y.shape[2]
    a = np.empty((tiles[1] - tiles[0], 3, SPAN), np.float32)
    for t in range(T):
        for j in range(blocks):
            for gate in range(3):
                panel = gate * blocks + j
                for k in range(tiles[0], tiles[1]):
                    out = a[k - tiles[0], gate]
                    if gate < 2:
                        tile_product(xh[t], 0, both, k, panels[panel], bias[panel], out)
                    else:
                        tile_product(xh[t], 0, of_x, k, panels[panel], biases[0][panel], out)
                        hn = gates[t, 3, j, k]
                        tile_product(xh[t], of_x, both, k, panels[panel], biases[1][panel], hn)
            for k in range(tiles[0], tiles[1]):
                r, z, n, hn = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], gates[t, 3, j, k]
                _sigmoids(a[k - tiles[0], 0], r)
                _sigmoids(a[k - tiles[0], 1], z)
                before_n = a[k - tiles[0], 2]
                for s in range(SPAN):
                    before_n[s] += r[s] * hn[s]
                _tanhs(before_n, n)
                on, before, after = live[t, k], xh[t, of_x + j, k], xh[t + 1, of_x + j, k]
                for s in range(SPAN):
                    v = (np.float32(1) - z[s]) * n[s] + z[s] * before[s]
                    after[s] = v if on[s] else before[s]
                if H - j * LANES < LANES:
                    for span in (r, z, n, hn, after):
                        _clear(span, H - j * LANES)
                scatter(after, y[t], k, j)


@parallel
def gru_backward(thread, dz, dz_h, gates, xh, live, panels, dx, dh, dy, parts):
    for part in share(thread, parts):
        _gru_back_in_time(dz, dz_h, gates, xh, live, panels, dx, dh, dy, _tiles_of(part, parts, dz.shape[3]))


@jit
def _gru_back_in_time(dz, dz_h, gates, xh, live, panels, dx, dh, dy, tiles):
    T, _, blocks, _, _ = gates.shape
    of_x = xh.shape[1] - blocks
    one, nothing = np.float32(1), np.float32(0)
    e = np.empty(SPAN, np.float32)
    for t in range(T - 1, -1, -1):
        for j in range(blocks):
            for k in range(tiles[0], tiles[1]):
                r, z, n, hn = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], gates[t, 3, j, k]
                d_r, d_z, d_n = dz[t, 0, j, k], dz[t, 1, j, k], dz[t, 2, j, k]
                before, on, product, carry = xh[t, of_x + j, k], live[t, k], dh[0, j, k], dh[1, j, k]
                gather(dy[t], k, j, e)
                for s in range(SPAN):
                    e[s] += product[s] + carry[s]
                for s in range(SPAN):
                    v = e[s] * (one - z[s]) * (one - n[s] * n[s])
                    d_n[s] = v if on[s] else nothing
                for s in range(SPAN):
                    v = e[s] * (before[s] - n[s]) * z[s] * (one - z[s])
                    d_z[s] = v if on[s] else nothing
                for s in range(SPAN):
                    d_r[s] = d_n[s] * hn[s] * r[s] * (one - r[s])
                for gate in range(2):
                    source, target = dz[t, gate, j, k], dz_h[t, gate, j, k]
                    for s in range(SPAN):
                        target[s] = source[s]
                target = dz_h[t, 2, j, k]
                for s in range(SPAN):
                    target[s] = d_n[s] * r[s]
                for s in range(SPAN):
                    v = e[s] * z[s]
                    carry[s] = v if on[s] else e[s]
        _products_with(dz[t], panels[0], dx[t], tiles)
        _products_with(dz_h[t], panels[1], dh[0], tiles)
