"""Recurrent layers: one layer, one direction, over a whole sequence.  A step is a cell of `yuanli.nn`.

Shapes: input (T, N, D), states (N, H), weight_ih (G·H, D), weight_hh (G·H, H), biases (G·H,) or None, for G
gates one below the other, in torch's order.  `mask` (T, N) of booleans is False where a sequence has no step:
its state is carried over unchanged.  With `reverse` time runs from the last step to the first; the result is
in the input's order all the same.

The gradients run backwards through time (Werbos 1990, Backpropagation Through Time), all of them
in one pass, at whatever gradient is asked for first.
"""

import numpy as np

from yuanli.errors import DTypeError, ShapeError, UnknownNameError
from yuanli.kernels import recurrent
from yuanli.ops.windows import need_floats
from yuanli.tensor import differentiable


@differentiable
def rnn(
    input, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, nonlinearity="tanh", mask=None, reverse=False
):
    """Elman's network: a layer whose output is fed back into it → h₁ … h_T (T, N, H)

    hₜ = φ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), φ = tanh or max(0, ·);
    ∂L/∂zₜ = φ′(zₜ)·(dyₜ + W_hhᵀ ∂L/∂zₜ₊₁), ∂L/∂W_hh = Σ ∂L/∂zₜ hₜ₋₁ᵀ
    Raises: ShapeError, DTypeError; UnknownNameError for another nonlinearity.
    Source: Elman 1990, Finding Structure in Time, figure 2.
    """
    if nonlinearity not in ("tanh", "relu"):
        raise UnknownNameError(f"rnn needs nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
    arrays = (input, h0, weight_ih, weight_hh, bias_ih, bias_hh)
    (x, h0, *weights), mask = _prepared("rnn", 1, arrays, mask, reverse)
    y, saved = recurrent.rnn(x, h0, *weights, mask, nonlinearity)

    def back(dy):
        return recurrent.rnn_grad(_in_time(dy, reverse), *weights[:2], mask, saved, nonlinearity)

    return _in_time(y, reverse), _gradients(back, weights, reverse)


@differentiable
def lstm(input, h0, c0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, mask=None, reverse=False):
    """Long short-term memory: gates write, keep and read a cell c → h₁ … h_T, then c_T (T + 1, N, H)

    i, f, g, o = σ, σ, tanh, σ of W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh; cₜ = f·cₜ₋₁ + i·g; hₜ = o·tanh cₜ
    ∂L/∂cₜ = ∂L/∂hₜ·o·(1 − tanh²cₜ) + f·∂L/∂cₜ₊₁ (f of step t + 1): where f is near 1, errors live long.
    One result, since an operation has one: `y[:-1]` are the outputs and `y[-1]` is c_T; the last state in
    time, h_T, is `y[-2]`, with `reverse` `y[0]`.
    Raises: ShapeError, DTypeError.
    Source: Hochreiter & Schmidhuber 1997, section 4; Gers, Schmidhuber & Cummins 2000, section 3: the gate f.
    Differs: no peepholes; gradients are not truncated at the gates.
    """
    arrays = (input, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh)
    (x, h0, c0, *weights), mask = _prepared("lstm", 4, arrays, mask, reverse)
    y, saved = recurrent.lstm(x, h0, c0, *weights, mask)

    def in_time(y):
        return np.concatenate([y[-2::-1], y[-1:]]) if reverse else y

    def back(dy):
        return recurrent.lstm_grad(in_time(dy), *weights[:2], mask, saved)

    return in_time(y), _gradients(back, weights, reverse, states=2)


@differentiable
def gru(input, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, mask=None, reverse=False):
    """Gated recurrent unit: the new state mixes the old one and a candidate n → h₁ … h_T (T, N, H)

    r, z = σ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), n = tanh(W_in xₜ + b_in + r·(W_hn hₜ₋₁ + b_hn)),
    hₜ = (1 − z)·n + z·hₜ₋₁; the rows of the weights are in the order r, z, n
    ∂L/∂hₜ₋₁ = z·∂L/∂hₜ + what comes through r, z and n.
    Raises: ShapeError, DTypeError.
    Source: Cho 2014, arXiv:1406.1078, eq. 5–8.  Differs: r stands before W_hn h + b_hn, as in torch, and not
    before h alone, so that all products with h are one.
    """
    arrays = (input, h0, weight_ih, weight_hh, bias_ih, bias_hh)
    (x, h0, *weights), mask = _prepared("gru", 3, arrays, mask, reverse)
    y, saved = recurrent.gru(x, h0, *weights, mask)

    def back(dy):
        return recurrent.gru_grad(_in_time(dy, reverse), *weights[:2], mask, saved)

    return _in_time(y, reverse), _gradients(back, weights, reverse)


def _gradients(back, weights, reverse, states=1):
    """A gradient function for input, states and weights each, from one pass backwards through time."""
    held: list = [None, None]

    def once(dy):
        if held[0] is not dy:
            held[:] = dy, back(dy)
        return held[1]

    def grad_input(dy):
        return _in_time(once(dy)[0], reverse)

    return (
        grad_input,
        *(lambda dy, i=i: once(dy)[1 + i] for i in range(states)),
        *(None if w is None else lambda dy, i=i: once(dy)[-1][i] for i, w in enumerate(weights)),
    )


def _in_time(y, reverse):
    """y with its steps from the last to the first, where time runs so."""
    return np.ascontiguousarray(y[::-1]) if reverse else y


def _prepared(op, gates, arrays, mask, reverse):
    """The arrays in one dtype and a mask, both in the order of time, once they are found to fit together."""
    input, h0, *_ = arrays
    names = (
        "x",
        "h0",
        *(("c0",) if len(arrays) == 7 else ()),
        "weight_ih",
        "weight_hh",
        "bias_ih",
        "bias_hh",
    )
    need_floats(op, **dict(zip(names, arrays, strict=True)))
    if input.ndim != 3 or not len(input):
        raise ShapeError(f"{op} needs x (T, N, D) of at least one step, got shape {input.shape}")
    if h0.ndim != 2:
        raise ShapeError(f"{op} needs h0 (N, H), got shape {h0.shape}")
    (T, N, D), H = input.shape, h0.shape[1]
    rows = gates * H
    shapes = {"h0": (N, H), "c0": (N, H), "weight_ih": (rows, D), "weight_hh": (rows, H)}
    for name, array in zip(names[1:], arrays[1:], strict=True):
        needed = shapes.get(name, (rows,))
        if array is not None and array.shape != needed:
            raise ShapeError(
                f"{op} needs {name} of shape {needed} for x of shape {input.shape} and states of {H}, "
                f"got {array.shape}"
            )
    everywhere = mask is None
    mask = np.ones((T, N), bool) if everywhere else np.asarray(mask)
    if mask.dtype != bool:
        raise DTypeError(f"{op} needs a mask of booleans, got dtype {mask.dtype}")
    if mask.shape != (T, N):
        raise ShapeError(f"{op} needs a mask {(T, N)}, as x of shape {input.shape}, got {mask.shape}")
    dtype = np.result_type(*(a for a in arrays if a is not None))
    input, *rest = (None if a is None else np.asarray(a, dtype) for a in arrays)
    if not everywhere:
        input = np.where(mask[:, :, None], input, dtype.type(0))  # there may be anything, also nan
    return (_in_time(input, reverse), *rest), _in_time(mask, reverse)
