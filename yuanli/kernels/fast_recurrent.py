"""The compiled recurrent layers: one parallel region over all steps, every thread taking some sequences.

A step's products with the weights are followed at once by what is done with them, number by number, while
they are in the cache; only the gradients of the weights wait for all steps.  The product with the input could
come first, for all steps, but would travel through memory: forwards and backwards, 64 → 256 units, batch 32,
64 steps take 45.5 ms of one core so, and 43.0 as here (35 at its 114 GFLOP/s).
All arrays lie in blocks (see `sequence_blocks`), gates as (T, G, blocks, tiles, SPAN).

| when | what | LSTM, one core, forwards and backwards |
|---|---|---|
| float32, several sequences | compiled | 256 units, 16 steps of 4: 2.8 ms, its twin 5.8 |
| float32, one sequence, weight_hh of at most SMALL | compiled | 64 units, 100 steps: 1.8 ms, its twin 4.6 |
| one sequence of one step or with more weights | the NumPy twin | 256 units, 100 steps: 9.4 ms, compiled 13 |
| float64 | the NumPy twin | |
"""

import numpy as np

from yuanli.kernels import recurrent as twins
from yuanli.kernels.compiler import jit, parallel, share, threads
from yuanli.kernels.exponential import sigmoid, tanh
from yuanli.kernels.memory import empty
from yuanli.kernels.sequence_blocks import (
    LANES,
    ROWS,
    SPAN,
    backward_panels,
    block_steps,
    forward_panels,
    from_blocks,
    gather,
    grad_weights,
    into_blocks,
    scatter,
    start,
    tile_product,
)

SMALL = 1 << 16  # numbers; from there on 7 of a tile's 8 rows are too much to waste on one sequence


def rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask, nonlinearity):
    """As `recurrent.rnn_numpy`."""
    if not _suits(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
        return twins.rnn_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask, nonlinearity)
    (T, N, D), H = x.shape, h0.shape[1]
    xh, live = _prepare(x, h0, mask)
    panels, bias, _ = _weights(weight_ih, weight_hh, bias_ih, bias_hh)
    y = empty((T, N, H))
    _rnn_forward(xh, live, panels, bias, y, nonlinearity == "tanh", _parts(xh))
    return y, (xh, live, D)


def rnn_grad(dy, weight_ih, weight_hh, mask, saved, nonlinearity):
    """As `recurrent.rnn_grad_numpy`."""
    if len(saved) == 2:
        return twins.rnn_grad_numpy(dy, weight_ih, weight_hh, mask, saved, nonlinearity)
    xh, live, D = saved
    dz, dx, dh, panels = _prepare_back(xh, weight_ih, weight_hh)
    _rnn_backward(dz, xh, live, panels, dx, dh, np.ascontiguousarray(dy), nonlinearity == "tanh", _parts(xh))
    return _gradients(dx, dh, (), dz, dz, xh, dy, D)


def lstm(x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """As `recurrent.lstm_numpy`."""
    if not _suits(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, c0):
        return twins.lstm_numpy(x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, mask)
    (T, N, D), H = x.shape, h0.shape[1]
    xh, live = _prepare(x, h0, mask)
    panels, bias, _ = _weights(weight_ih, weight_hh, bias_ih, bias_hh)
    first = into_blocks(c0[None])
    c, gates, y = empty((T + 1, *first.shape[1:])), empty((T, 4, *first.shape[1:])), empty((T + 1, N, H))
    c[0] = first[0]
    _lstm_forward(xh, gates, c, live, panels, bias, y, _parts(xh))
    return y, (xh, live, D, c, gates)


def lstm_grad(dy, weight_ih, weight_hh, mask, saved):
    """As `recurrent.lstm_grad_numpy`."""
    if len(saved) == 4:
        return twins.lstm_grad_numpy(dy, weight_ih, weight_hh, mask, saved)
    xh, live, D, c, gates = saved
    dz, dx, dh, panels = _prepare_back(xh, weight_ih, weight_hh)
    dy = np.ascontiguousarray(dy)
    dc = into_blocks(dy[-1:])
    _lstm_backward(dz, gates, c, live, panels, dx, dh, dc[0], dy, _parts(xh))
    return _gradients(dx, dh, dc, dz, dz, xh, dy, D)


def gru(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """As `recurrent.gru_numpy`."""
    if not _suits(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
        return twins.gru_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask)
    (T, N, D), H = x.shape, h0.shape[1]
    xh, live = _prepare(x, h0, mask)
    panels, bias, biases = _weights(weight_ih, weight_hh, bias_ih, bias_hh)
    gates, y = empty((T, 4, -(-H // LANES), *xh.shape[2:])), empty((T, N, H))
    _gru_forward(xh, gates, live, panels, bias, biases, y, _parts(xh))
    return y, (xh, live, D, gates)


def gru_grad(dy, weight_ih, weight_hh, mask, saved):
    """As `recurrent.gru_grad_numpy`."""
    if len(saved) == 3:
        return twins.gru_grad_numpy(dy, weight_ih, weight_hh, mask, saved)
    xh, live, D, gates = saved
    dz, dx, dh, panels = _prepare_back(xh, weight_ih, weight_hh)
    dz_h = empty(dz.shape)
    _gru_backward(dz, dz_h, gates, xh, live, panels, dx, dh, np.ascontiguousarray(dy), _parts(xh))
    return _gradients(dx, dh, (), dz, dz_h, xh, dy, D)


def _suits(x, h0, weight_ih, weight_hh, *others):
    """Whether the compiled kernels take these, and are faster."""
    T, N, _ = x.shape
    if not x.size or (N == 1 and (T == 1 or weight_hh.size > SMALL)):
        return False
    return all(a is None or a.dtype == np.float32 for a in (x, h0, weight_ih, weight_hh, *others))


def _prepare(x, h0, mask):
    """xₜ and hₜ₋₁ side by side (T + 1, blocks of x and of h, tiles, SPAN); the mask (T, tiles, SPAN)."""
    (T, N, D), H = x.shape, h0.shape[1]
    of_x, of_h, tiles = -(-D // LANES), -(-H // LANES), -(-N // ROWS)
    xh = empty((T + 1, of_x + of_h, tiles, SPAN))
    block_steps(np.ascontiguousarray(x), xh)
    xh[T, :of_x] = 0
    xh[0, of_x:] = into_blocks(h0[None])[0]
    live = np.zeros((T, tiles * ROWS, 1), bool)
    live[:, :N, 0] = mask
    return xh, np.repeat(live, LANES, axis=2).reshape(T, tiles, SPAN)


def _weights(weight_ih, weight_hh, bias_ih, bias_hh):
    """The panels of both, and what their sums start at: together, and apart."""
    rows, H = weight_hh.shape
    biases = start(bias_ih, H, rows), start(bias_hh, H, rows)
    return forward_panels(weight_ih, weight_hh), biases[0] + biases[1], biases


def _prepare_back(xh, weight_ih, weight_hh):
    """Room for dz, dx and the two parts of dh; the panels for dx and dh."""
    rows, H = weight_hh.shape
    panels = backward_panels(weight_ih, H), backward_panels(weight_hh, H)
    T, (of_x, of_h), rest = len(xh) - 1, map(len, panels), xh.shape[2:]
    dh = np.zeros((2, of_h, *rest), np.float32)
    return empty((T, rows // H, of_h, *rest)), empty((T, of_x, *rest)), dh, panels


def _gradients(dx, dh, dc, dz, dz_h, xh, dy, D):
    """dx, dh0 (the sum of its two parts), dc0 if there is one, and those of the weights, out of blocks."""
    N, H = dy.shape[1:]
    states = (from_blocks(state[None], N, H)[0] for state in (dh[0] + dh[1], *dc))
    flat, flat_h = (v.reshape(len(v), -1, *v.shape[3:]) for v in (dz, dz_h))  # (T, G·blocks, tiles, SPAN)
    return from_blocks(dx, N, D), *states, grad_weights(flat, flat_h, xh, N, H, D)


def _parts(xh):
    """How many threads share the tiles."""
    return min(threads(), xh.shape[2])


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
def _products_with(dz, panels, out, tiles):
    """out (blocks, tiles, SPAN) = dz (G, blocks, tiles, SPAN) of one step times the panels of a weight"""
    flat = dz.reshape(-1, dz.shape[2], SPAN)
    zeros = np.zeros(LANES, np.float32)
    for panel in range(len(panels)):
        for k in range(tiles[0], tiles[1]):
            tile_product(flat, 0, len(flat), k, panels[panel], zeros, out[panel, k])


# Elman's -------------------------------------------------------------------------------------------------


@parallel
def _rnn_forward(thread, xh, live, panels, bias, y, is_tanh, parts):
    tiles = xh.shape[2]
    each = (tiles + parts - 1) // parts
    for part in share(thread, parts):
        mine = (part * each, min(tiles, (part + 1) * each))
        _rnn_through_time(xh, live, panels, bias, y, is_tanh, mine)


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
def _rnn_backward(thread, dz, xh, live, panels, dx, dh, dy, is_tanh, parts):
    tiles = xh.shape[2]
    each = (tiles + parts - 1) // parts
    for part in share(thread, parts):
        mine = (part * each, min(tiles, (part + 1) * each))
        _rnn_back_in_time(dz, xh, live, panels, dx, dh, dy, is_tanh, mine)


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
def _lstm_forward(thread, xh, gates, c, live, panels, bias, y, parts):
    tiles = xh.shape[2]
    each = (tiles + parts - 1) // parts
    for part in share(thread, parts):
        mine = (part * each, min(tiles, (part + 1) * each))
        _lstm_through_time(xh, gates, c, live, panels, bias, y, mine)


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
def _lstm_backward(thread, dz, gates, c, live, panels, dx, dh, dc, dy, parts):
    tiles = dz.shape[3]
    each = (tiles + parts - 1) // parts
    for part in share(thread, parts):
        mine = (part * each, min(tiles, (part + 1) * each))
        _lstm_back_in_time(dz, gates, c, live, panels, dx, dh, dc, dy, mine)


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
def _gru_forward(thread, xh, gates, live, panels, bias, biases, y, parts):
    tiles = xh.shape[2]
    each = (tiles + parts - 1) // parts
    for part in share(thread, parts):
        mine = (part * each, min(tiles, (part + 1) * each))
        _gru_through_time(xh, gates, live, panels, bias, biases, y, mine)


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
def _gru_backward(thread, dz, dz_h, gates, xh, live, panels, dx, dh, dy, parts):
    tiles = dz.shape[3]
    each = (tiles + parts - 1) // parts
    for part in share(thread, parts):
        mine = (part * each, min(tiles, (part + 1) * each))
        _gru_back_in_time(dz, dz_h, gates, xh, live, panels, dx, dh, dy, mine)


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
