"""Recurrent layers over a whole sequence, forwards and backwards through time: Elman's, LSTM, GRU.

x is (T, N, D), states are (N, H), weights torch's: weight_ih (G·H, D) and weight_hh (G·H, H) for G gates one
below the other, biases (G·H,) or None.  mask (T, N) is False where a sequence has no step: the state is
carried over unchanged.

A forward kernel gives its result and what its backward kernel needs; that gives the gradients of everything,
from dz, the gradient before the nonlinearities, by dx = dz W_ih, dW = Σ dzᵀ (what met W), db = Σ dz.
"""

from importlib import import_module

import numpy as np

from yuanli.kernels.dispatch import choose


def rnn_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask, nonlinearity):
    """hₜ = φ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), φ = tanh or relu -> h₁ … h_T (T, N, H)"""
    phi = np.tanh if nonlinearity == "tanh" else lambda z: np.maximum(z, 0)
    z = _product(x, weight_ih, bias_ih)
    h = _states(h0, len(x))
    for t in range(len(x)):
        h[t + 1] = _step(mask[t], phi(z[t] + _product(h[t], weight_hh, bias_hh)), h[t])
    return h[1:], (x, h)


def rnn_grad_numpy(dy, weight_ih, weight_hh, mask, saved, nonlinearity):
    """-> dx, dh0, (dweight_ih, dweight_hh, dbias_ih, dbias_hh)"""
    x, h = saved
    dz, dh = np.empty_like(h[1:]), np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        dh = dy[t] + dh
        slope = 1 - h[t + 1] ** 2 if nonlinearity == "tanh" else h[t + 1] > 0
        dz[t] = _step(mask[t], dh * slope, 0)
        dh = dz[t] @ weight_hh + _step(mask[t], 0, dh)
    return dz @ weight_ih, dh, _grad_weights(dz, dz, x, h)


def lstm_numpy(x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """i, f, o = σ(…), g = tanh(…) of W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh; cₜ = f·cₜ₋₁ + i·g; hₜ = o·tanh cₜ

    -> h₁ … h_T and, after them, c_T: (T + 1, N, H)
    """
    z = _product(x, weight_ih, bias_ih)
    h, c = _states(h0, len(x)), _states(c0, len(x))
    gates = np.empty((len(x), 4, *h0.shape), z.dtype)
    for t in range(len(x)):
        i, f, g, o = np.split(z[t] + _product(h[t], weight_hh, bias_hh), 4, axis=-1)
        i, f, g, o = gates[t] = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c[t + 1] = _step(mask[t], f * c[t] + i * g, c[t])
        h[t + 1] = _step(mask[t], o * np.tanh(c[t + 1]), h[t])
    return np.concatenate([h[1:], c[-1:]]), (x, h, c, gates)


def lstm_grad_numpy(dy, weight_ih, weight_hh, mask, saved):
    """-> dx, dh0, dc0, (dweight_ih, dweight_hh, dbias_ih, dbias_hh)"""
    x, h, c, gates = saved
    dz = np.empty((*x.shape[:2], len(weight_hh)), h.dtype)
    dh, dc = np.zeros_like(h[0]), dy[-1]
    for t in reversed(range(len(x))):
        i, f, g, o = gates[t]
        tanh_c = np.tanh(c[t + 1])
        dh = dy[t] + dh
        d = dc + dh * o * (1 - tanh_c**2)
        before = (d * g * i * (1 - i), d * c[t] * f * (1 - f), d * i * (1 - g**2), dh * tanh_c * o * (1 - o))
        dz[t] = _step(mask[t], np.concatenate(before, axis=-1), 0)
        dc = _step(mask[t], d * f, dc)
        dh = dz[t] @ weight_hh + _step(mask[t], 0, dh)
    return dz @ weight_ih, dh, dc, _grad_weights(dz, dz, x, h)


def gru_numpy(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, mask):
    """r, z = σ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), n = tanh(W_in xₜ + b_in + r·(W_hn hₜ₋₁ + b_hn));
    hₜ = (1 − z)·n + z·hₜ₋₁ -> h₁ … h_T (T, N, H)
    """
    a = _product(x, weight_ih, bias_ih)
    h = _states(h0, len(x))
    gates = np.empty((len(x), 4, *h0.shape), a.dtype)
    for t in range(len(x)):
        (r, z, n), (hr, hz, hn) = (
            np.split(v, 3, axis=-1) for v in (a[t], _product(h[t], weight_hh, bias_hh))
        )
        r, z = sigmoid(r + hr), sigmoid(z + hz)
        n = np.tanh(n + r * hn)
        gates[t] = r, z, n, hn
        h[t + 1] = _step(mask[t], (1 - z) * n + z * h[t], h[t])
    return h[1:], (x, h, gates)


def gru_grad_numpy(dy, weight_ih, weight_hh, mask, saved):
    """-> dx, dh0, (dweight_ih, dweight_hh, dbias_ih, dbias_hh)"""
    x, h, gates = saved
    dz = np.empty((*x.shape[:2], len(weight_hh)), h.dtype)  # before r, z, n, as x meets them
    dz_h = np.empty_like(dz)  # and as h does: r stands before what h adds to n
    dh = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        r, z, n, hn = gates[t]
        dh = dy[t] + dh
        d_n = dh * (1 - z) * (1 - n**2)
        d_z = dh * (h[t] - n) * z * (1 - z)
        d_r = d_n * hn * r * (1 - r)
        dz[t] = _step(mask[t], np.concatenate([d_r, d_z, d_n], axis=-1), 0)
        dz_h[t] = _step(mask[t], np.concatenate([d_r, d_z, d_n * r], axis=-1), 0)
        dh = dz_h[t] @ weight_hh + _step(mask[t], dh * z, dh)
    return dz @ weight_ih, dh, _grad_weights(dz, dz_h, x, h)


def sigmoid(z):
    """σ(z) = 1 / (1 + e⁻ᶻ)"""
    return 1 / (1 + np.exp(-z))


def _product(x, weight, bias):
    """x Wᵀ + b"""
    y = x @ weight.T
    return y if bias is None else y + bias


def _states(start, steps):
    """Room for the states before the first step and after each."""
    states = np.empty((steps + 1, *start.shape), start.dtype)
    states[0] = start
    return states


def _step(mask, after, before):
    """The new state where a sequence has a step, the old one elsewhere."""
    return np.where(mask[:, None], after, before)


def _grad_weights(dz, dz_h, x, h):
    """dW = Σ dzᵀ (its factor) and db = Σ dz, over all steps and sequences."""
    rows, rows_h = dz.reshape(-1, dz.shape[-1]), dz_h.reshape(-1, dz.shape[-1])
    before = h[:-1].reshape(-1, h.shape[-1])
    return rows.T @ x.reshape(-1, x.shape[-1]), rows_h.T @ before, rows.sum(0), rows_h.sum(0)


def _compiled(name):
    """The compiled kernel of that name; its module, which imports Numba, only then."""
    return lambda: getattr(import_module("yuanli.kernels.fast_recurrent"), name)


rnn = choose(rnn_numpy, _compiled("rnn"))
rnn_grad = choose(rnn_grad_numpy, _compiled("rnn_grad"))
lstm = choose(lstm_numpy, _compiled("lstm"))
lstm_grad = choose(lstm_grad_numpy, _compiled("lstm_grad"))
gru = choose(gru_numpy, _compiled("gru"))
gru_grad = choose(gru_grad_numpy, _compiled("gru_grad"))
