"""The compiled recurrent layers: what is computed how, and the arrays it needs, in blocks of sequences.

One parallel region covers all steps (`recurrent_steps`), every thread taking some sequences.

| when | what | LSTM, one core, forwards and backwards |
|---|---|---|
| float32, several sequences | compiled | 256 units, 16 steps of 4: 2.8 ms, its twin 5.8 |
| float32, one sequence, weight_hh of at most SMALL | compiled | 64 units, 100 steps: 1.8 ms, its twin 4.6 |
| one sequence of one step or with more weights | the NumPy twin | 256 units, 100 steps: 9.4 ms, compiled 13 |
| float64 | the NumPy twin | |
"""

import numpy as np

from yuanli.kernels import recurrent as twins
from yuanli.kernels.compiler import threads
from yuanli.kernels.memory import empty
from yuanli.kernels.recurrent_steps import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from yuanli.kernels.sequence_blocks import (
    LANES,
    ROWS,
    SPAN,
    backward_panels,
    block_steps,
    forward_panels,
    from_blocks,
    grad_weights,
    into_blocks,
    start,
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
    rnn_forward(xh, live, panels, bias, y, nonlinearity == "tanh", _parts(xh))
    return y, (xh, live, D)


def rnn_grad(dy, weight_ih, weight_hh, mask, saved, nonlinearity):
    """As `recurrent.rnn_grad_numpy`."""
    if len(saved) == 2:
        return twins.rnn_grad_numpy(dy, weight_ih, weight_hh, mask, saved, nonlinearity)
    xh, live, D = saved
    dz, dx, dh, panels = _prepare_back(xh, weight_ih, weight_hh)
    rnn_backward(dz, xh, live, panels, dx, dh, np.ascontiguousarray(dy), nonlinearity == "tanh", _parts(xh))
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
    lstm_forward(xh, gates, c, live, panels, bias, y, _parts(xh))
    return y, (xh, live, D, c, gates)


def lstm_grad(dy, weight_ih, weight_hh, mask, saved):
    """As `recurrent.lstm_grad_numpy`."""
    if len(saved) == 4:
        return twins.lstm_grad_numpy(dy, weight_ih, weight_hh, mask, saved)
    xh, live, D, c, gates = saved
    dz, dx, dh, panels = _prepare_back(xh, weight_ih, weight_hh)
    dy = np.ascontiguousarray(dy)
    dc = into_blocks(dy[-1:])
    lstm_backward(dz, gates, c, live, panels, dx, dh, dc[0], dy, _parts(xh))
    return _gradients(dx, dh, dc, dz, dz, xh, dy, D)


def gru(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """As `recurrent.gru_numpy`."""
    if not _suits(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
        return twins.gru_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask)
    (T, N, D), H = x.shape, h0.shape[1]
    xh, live = _prepare(x, h0, mask)
    panels, bias, biases = _weights(weight_ih, weight_hh, bias_ih, bias_hh)
    gates, y = empty((T, 4, -(-H // LANES), *xh.shape[2:])), empty((T, N, H))
    gru_forward(xh, gates, live, panels, bias, biases, y, _parts(xh))
    return y, (xh, live, D, gates)


def gru_grad(dy, weight_ih, weight_hh, mask, saved):
    """As `recurrent.gru_grad_numpy`."""
    if len(saved) == 3:
        return twins.gru_grad_numpy(dy, weight_ih, weight_hh, mask, saved)
    xh, live, D, gates = saved
    dz, dx, dh, panels = _prepare_back(xh, weight_ih, weight_hh)
    dz_h = empty(dz.shape)
    gru_backward(dz, dz_h, gates, xh, live, panels, dx, dh, np.ascontiguousarray(dy), _parts(xh))
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
