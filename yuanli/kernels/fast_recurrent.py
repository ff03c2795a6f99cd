"""The compiled recurrent layers: one parallel region over all steps, every thread taking some sequences.

Before it, in all steps at once, what no step waits for: the product with the input; after it the gradients of
input and weights.  All arrays lie in blocks (see `sequence_blocks`), gates as (T, G, blocks, tiles, SPAN).

| when | what |
|---|---|
| float32, more than FEW steps of sequences | compiled |
| any other | the NumPy twin |
"""

import numpy as np

from yuanli.kernels import recurrent as twins
from yuanli.kernels.compiler import jit, parallel, prange, threads
from yuanli.kernels.memory import empty
from yuanli.kernels.sequence_blocks import (
    LANES,
    ROWS,
    SPAN,
    backward_panels,
    forward_panels,
    from_blocks,
    gather,
    grad_weight,
    into_blocks,
    products,
    scatter,
    start,
    tile_product,
)

FEW = 16  # bringing 256 units' weights into panels takes as long as 16 products with them


def rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask, nonlinearity):
    """As `recurrent.rnn_numpy`."""
    if not _suits(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
        return twins.rnn_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask, nonlinearity)
    (T, N, D), H = x.shape, h0.shape[1]
    blocked, z, h, live = _prepare(x, h0, weight_ih, bias_ih, mask, 1)
    y = empty((T, N, H))
    panels, bias = forward_panels(weight_hh, 1), start(bias_hh, 1, H)
    _rnn_forward(z, h, live, panels, bias, y, nonlinearity == "tanh", _parts(h))
    return y, (blocked, h, live, D)


def rnn_grad(dy, weight_hh, mask, saved, nonlinearity):
    """As `recurrent.rnn_grad_numpy`."""
    if len(saved) == 2:
        return twins.rnn_grad_numpy(dy, weight_hh, mask, saved, nonlinearity)
    x, h, live, D = saved
    dz, dh = empty((len(x), 1, *h.shape[1:])), np.zeros((2, *h.shape[1:]), np.float32)
    panels = backward_panels(weight_hh, 1)
    _rnn_backward(dz, h, live, panels, dh, np.ascontiguousarray(dy), nonlinearity == "tanh", _parts(h))
    return dz, _state(dh, dy), _grad_weights(dz, dz, x, h, dy.shape[1:], D)


def lstm(x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """As `recurrent.lstm_numpy`."""
    if not _suits(x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh):
        return twins.lstm_numpy(x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, mask)
    (T, N, D), H = x.shape, h0.shape[1]
    blocked, gates, h, live = _prepare(x, h0, weight_ih, bias_ih, mask, 4)
    c, y = _states(c0, T), empty((T + 1, N, H))
    _lstm_forward(gates, h, c, live, forward_panels(weight_hh, 4), start(bias_hh, 4, H), y, _parts(h))
    return y, (blocked, h, live, D, c, gates)


def lstm_grad(dy, weight_hh, mask, saved):
    """As `recurrent.lstm_grad_numpy`."""
    if len(saved) == 4:
        return twins.lstm_grad_numpy(dy, weight_hh, mask, saved)
    x, h, live, D, c, gates = saved
    dz, dh = empty(gates.shape), np.zeros((2, *h.shape[1:]), np.float32)
    dy = np.ascontiguousarray(dy)
    dc = into_blocks(dy[-1:])[0]
    _lstm_backward(dz, gates, c, live, backward_panels(weight_hh, 4), dh, dc, dy, _parts(h))
    dc0 = from_blocks(dc[None], *dy.shape[1:])[0]
    return dz, _state(dh, dy), dc0, _grad_weights(dz, dz, x, h, dy.shape[1:], D)


def gru(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """As `recurrent.gru_numpy`."""
    if not _suits(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
        return twins.gru_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask)
    (T, N, D), H = x.shape, h0.shape[1]
    blocked, gates, h, live = _prepare(x, h0, weight_ih, bias_ih, mask, 3)
    hn, y = empty(h.shape), empty((T, N, H))
    _gru_forward(gates, hn, h, live, forward_panels(weight_hh, 3), start(bias_hh, 3, H), y, _parts(h))
    return y, (blocked, h, live, D, hn, gates)


def gru_grad(dy, weight_hh, mask, saved):
    """As `recurrent.gru_grad_numpy`."""
    if len(saved) == 3:
        return twins.gru_grad_numpy(dy, weight_hh, mask, saved)
    x, h, live, D, hn, gates = saved
    dz, dz_h, dh = empty(gates.shape), empty(gates.shape), np.zeros((2, *h.shape[1:]), np.float32)
    panels = backward_panels(weight_hh, 3)
    _gru_backward(dz, dz_h, gates, hn, h, live, panels, dh, np.ascontiguousarray(dy), _parts(h))
    return dz, _state(dh, dy), _grad_weights(dz, dz_h, x, h, dy.shape[1:], D)


def grad_x(dz, weight_ih, x_shape):
    """As `recurrent.grad_x_numpy`."""
    if dz.ndim == 3:
        return twins.grad_x_numpy(dz, weight_ih, x_shape)
    panels = backward_panels(weight_ih, dz.shape[1])
    dx = products(_flat(dz), panels, np.zeros((len(panels), LANES), np.float32))
    return from_blocks(dx, *x_shape[1:])


def _suits(x, *others):
    """Whether the compiled kernels take these, and have enough to do."""
    few = x.shape[0] * x.shape[1] <= FEW or x.size == 0
    return not few and all(a is None or a.dtype == np.float32 for a in (x, *others))


def _prepare(x, h0, weight_ih, bias_ih, mask, gates):
    """x in blocks; its products (T, G, blocks, tiles, SPAN); room for h; mask for every number of a tile."""
    T, N, _ = x.shape
    blocked, h = into_blocks(x), _states(h0, T)
    z = products(blocked, forward_panels(weight_ih, gates), start(bias_ih, gates, h0.shape[1]))
    live = np.zeros((T, h.shape[2] * ROWS, 1), bool)
    live[:, :N, 0] = mask
    live = np.repeat(live, LANES, axis=2).reshape(T, h.shape[2], SPAN)
    return blocked, z.reshape(T, gates, *h.shape[1:]), h, live


def _states(first, T):
    """Room for the states before the first step and after each: (T + 1, blocks, tiles, SPAN)."""
    blocked = into_blocks(first[None])
    states = empty((T + 1, *blocked.shape[1:]))
    states[0] = blocked[0]
    return states


def _state(dh, dy):
    """The two parts of the gradient of a state, added up: (N, H)."""
    return from_blocks((dh[0] + dh[1])[None], *dy.shape[1:])[0]


def _grad_weights(dz, dz_h, x, h, sizes, D):
    dweight_ih, dbias_ih = grad_weight(_flat(dz), x, *sizes, D)
    dweight_hh, dbias_hh = grad_weight(_flat(dz_h), h, *sizes, sizes[1])
    return dweight_ih, dweight_hh, dbias_ih, dbias_hh


def _flat(gates):
    """(T, G, blocks, tiles, SPAN) -> (T, G·blocks, tiles, SPAN)"""
    return gates.reshape(len(gates), -1, *gates.shape[3:])


def _parts(h):
    """How many threads share the tiles."""
    return min(threads(), h.shape[2])


# Functions of one number, that LLVM makes vectors of -----------------------------------------------------


@jit
def exponential(x):
    """(2ⁿ, p) with eˣ = 2ⁿ·(1 + p): n = round(x / ln 2), p = expm1(x − n·ln 2) by its Taylor polynomial.

    Within 1.5 units in the last place for |x| ≤ 87, beyond which it stays.  Source: Cody & Waite 1980, ch. 6.
    """
    x = np.float32(-87) if x < np.float32(-87) else x  # comparisons with nan are false: it passes
    x = np.float32(87) if x > np.float32(87) else x
    shifted = x * np.float32(1.44269504) + np.float32(12582912)  # 1.5·2²³: what is added last is n's integer
    n = shifted - np.float32(12582912)
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(1 / 2)
    p = (p * r) * r + r
    bits = np.int32(np.int32(np.float32(shifted).view(np.int32) << np.int32(23)) + np.int32(127 << 23))
    return bits.view(np.float32), p


@jit
def sigmoid(x):
    """1 / (1 + e⁻ˣ), within 3 units in the last place down to x = −87"""
    power, p = exponential(-x)
    return np.divide(np.float32(1), np.float32(1) + (power + power * p))


@jit
def tanh(x):
    """E / (E + 2) with E = e²ˣ − 1 = 2ⁿ·p + (2ⁿ − 1), within 4 units in the last place, also near 0"""
    power, p = exponential(np.float32(2) * x)
    e = power * p + (power - np.float32(1))
    return np.divide(e, e + np.float32(2))


@jit
def add_sigmoid(z, u):
    for s in range(SPAN):
        z[s] = sigmoid(z[s] + u[s])


@jit
def add_tanh(z, u):
    for s in range(SPAN):
        z[s] = tanh(z[s] + u[s])


@jit
def _clear(span, lanes):
    """0 beyond the last unit, so that no inf·0 can arise there."""
    for r in range(ROWS):
        for i in range(lanes, LANES):
            span[r * LANES + i] = 0


# Elman's -------------------------------------------------------------------------------------------------


@parallel
def _rnn_forward(z, h, live, panels, start, y, is_tanh, parts):
    each = (h.shape[2] + parts - 1) // parts
    for part in prange(parts):
        tiles = (part * each, min(h.shape[2], (part + 1) * each))
        _rnn_through_time(z, h, live, panels, start, y, is_tanh, tiles)


@jit
def _rnn_through_time(z, h, live, panels, start, y, is_tanh, tiles):
    T, _, H = y.shape
    u = np.empty(SPAN, np.float32)
    for t in range(T):
        for j in range(len(panels)):
            for k in range(tiles[0], tiles[1]):
                tile_product(h[t], k, panels[j], start[j], u)
                before, after, on, a = h[t, j, k], h[t + 1, j, k], live[t, k], z[t, 0, j, k]
                if is_tanh:
                    add_tanh(a, u)
                else:
                    for s in range(SPAN):
                        v = a[s] + u[s]
                        a[s] = np.float32(0) if v < 0 else v
                for s in range(SPAN):
                    after[s] = a[s] if on[s] else before[s]
                if H - j * LANES < LANES:
                    _clear(after, H - j * LANES)
                scatter(after, y[t], k, j)


@parallel
def _rnn_backward(dz, h, live, panels, dh, dy, is_tanh, parts):
    each = (h.shape[2] + parts - 1) // parts
    for part in prange(parts):
        tiles = (part * each, min(h.shape[2], (part + 1) * each))
        _rnn_back_in_time(dz, h, live, panels, dh, dy, is_tanh, tiles)


@jit
def _rnn_back_in_time(dz, h, live, panels, dh, dy, is_tanh, tiles):
    e, zeros = np.empty(SPAN, np.float32), np.zeros(LANES, np.float32)
    for t in range(len(dy) - 1, -1, -1):
        for j in range(len(panels)):
            for k in range(tiles[0], tiles[1]):
                gather(dy[t], k, j, e)
                after, on, d, carry, a = h[t + 1, j, k], live[t, k], dh[0, j, k], dh[1, j, k], dz[t, 0, j, k]
                for s in range(SPAN):
                    e[s] += d[s] + carry[s]
                for s in range(SPAN):
                    slope = np.float32(1) - after[s] * after[s]
                    if not is_tanh:
                        slope = np.float32(1) if after[s] > 0 else np.float32(0)
                    v = e[s] * slope
                    a[s] = v if on[s] else np.float32(0)
                for s in range(SPAN):
                    carry[s] = np.float32(0) if on[s] else e[s]
        for j in range(len(panels)):
            for k in range(tiles[0], tiles[1]):
                tile_product(dz[t, 0], k, panels[j], zeros, dh[0, j, k])


# LSTM ----------------------------------------------------------------------------------------------------


@parallel
def _lstm_forward(gates, h, c, live, panels, start, y, parts):
    each = (h.shape[2] + parts - 1) // parts
    for part in prange(parts):
        tiles = (part * each, min(h.shape[2], (part + 1) * each))
        _lstm_through_time(gates, h, c, live, panels, start, y, tiles)


@jit
def _lstm_through_time(gates, h, c, live, panels, start, y, tiles):
    T, _, blocks, _, _ = gates.shape
    H = y.shape[2]
    u = np.empty((tiles[1] - tiles[0], 4, SPAN), np.float32)
    for t in range(T):
        for j in range(blocks):
            for gate in range(4):  # every panel meets all tiles while it is in the cache
                panel = gate * blocks + j
                for k in range(tiles[0], tiles[1]):
                    tile_product(h[t], k, panels[panel], start[panel], u[k - tiles[0], gate])
            for k in range(tiles[0], tiles[1]):
                mine = u[k - tiles[0]]
                i, f, g, o = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], gates[t, 3, j, k]
                add_sigmoid(i, mine[0])
                add_sigmoid(f, mine[1])
                add_tanh(g, mine[2])
                add_sigmoid(o, mine[3])
                on, before, after = live[t, k], c[t, j, k], c[t + 1, j, k]
                for s in range(SPAN):
                    v = f[s] * before[s] + i[s] * g[s]
                    after[s] = v if on[s] else before[s]
                h_before, h_after = h[t, j, k], h[t + 1, j, k]
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
def _lstm_backward(dz, gates, c, live, panels, dh, dc, dy, parts):
    each = (c.shape[2] + parts - 1) // parts
    for part in prange(parts):
        tiles = (part * each, min(c.shape[2], (part + 1) * each))
        _lstm_back_in_time(dz, gates, c, live, panels, dh, dc, dy, tiles)


@jit
def _lstm_back_in_time(dz, gates, c, live, panels, dh, dc, dy, tiles):
    T, _, blocks, all_tiles, _ = gates.shape
    one, nothing = np.float32(1), np.float32(0)
    e, d, q = np.empty(SPAN, np.float32), np.empty(SPAN, np.float32), np.empty(SPAN, np.float32)
    zeros = np.zeros(LANES, np.float32)
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
        step = dz[t].reshape(4 * blocks, all_tiles, SPAN)
        for j in range(blocks):
            for k in range(tiles[0], tiles[1]):
                tile_product(step, k, panels[j], zeros, dh[0, j, k])


# GRU -----------------------------------------------------------------------------------------------------


@parallel
def _gru_forward(gates, hn, h, live, panels, start, y, parts):
    each = (h.shape[2] + parts - 1) // parts
    for part in prange(parts):
        tiles = (part * each, min(h.shape[2], (part + 1) * each))
        _gru_through_time(gates, hn, h, live, panels, start, y, tiles)


@jit
def _gru_through_time(gates, hn, h, live, panels, start, y, tiles):
    T, _, blocks, _, _ = gates.shape
    H = y.shape[2]
    u = np.empty((tiles[1] - tiles[0], 2, SPAN), np.float32)
    for t in range(T):
        for j in range(blocks):
            for gate in range(3):
                panel = gate * blocks + j
                for k in range(tiles[0], tiles[1]):
                    out = hn[t, j, k] if gate == 2 else u[k - tiles[0], gate]
                    tile_product(h[t], k, panels[panel], start[panel], out)
            for k in range(tiles[0], tiles[1]):
                r, z, n, from_h = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], hn[t, j, k]
                add_sigmoid(r, u[k - tiles[0], 0])
                add_sigmoid(z, u[k - tiles[0], 1])
                for s in range(SPAN):
                    n[s] = tanh(n[s] + r[s] * from_h[s])
                on, before, after = live[t, k], h[t, j, k], h[t + 1, j, k]
                for s in range(SPAN):
                    v = (np.float32(1) - z[s]) * n[s] + z[s] * before[s]
                    after[s] = v if on[s] else before[s]
                if H - j * LANES < LANES:
                    for span in (r, z, n, from_h, after):
                        _clear(span, H - j * LANES)
                scatter(after, y[t], k, j)


@parallel
def _gru_backward(dz, dz_h, gates, hn, h, live, panels, dh, dy, parts):
    each = (h.shape[2] + parts - 1) // parts
    for part in prange(parts):
        tiles = (part * each, min(h.shape[2], (part + 1) * each))
        _gru_back_in_time(dz, dz_h, gates, hn, h, live, panels, dh, dy, tiles)


@jit
def _gru_back_in_time(dz, dz_h, gates, hn, h, live, panels, dh, dy, tiles):
    T, _, blocks, all_tiles, _ = gates.shape
    one, nothing = np.float32(1), np.float32(0)
    e, zeros = np.empty(SPAN, np.float32), np.zeros(LANES, np.float32)
    for t in range(T - 1, -1, -1):
        for j in range(blocks):
            for k in range(tiles[0], tiles[1]):
                r, z, n, from_h = gates[t, 0, j, k], gates[t, 1, j, k], gates[t, 2, j, k], hn[t, j, k]
                d_r, d_z, d_n = dz[t, 0, j, k], dz[t, 1, j, k], dz[t, 2, j, k]
                before, on, product, carry = h[t, j, k], live[t, k], dh[0, j, k], dh[1, j, k]
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
                    d_r[s] = d_n[s] * from_h[s] * r[s] * (one - r[s])
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
        step = dz_h[t].reshape(3 * blocks, all_tiles, SPAN)
        for j in range(blocks):
            for k in range(tiles[0], tiles[1]):
                tile_product(step, k, panels[j], zeros, dh[0, j, k])
