"""RNN, LSTM and GRU: in their usual form the engine's, else step by step."""

from collections.abc import Callable
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.interchange.operators.node import Node, Operator, Value, array
from yuanli.tensor import Tensor

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
USUAL = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
TORCHS = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}  # i, f, g, o of i, o, f, c; r, z, n of z, r, h
FUNCTIONS: dict[str, Callable[[Any], Tensor]] = {"Tanh": ops.tanh, "Sigmoid": ops.sigmoid, "Relu": ops.relu}


def recurrent(
    node: Node,
    x: Value,
    weight: Value,
    recurrence: Value,
    bias: Value = None,
    lengths: Value = None,
    h0: Value = None,
    c0: Value = None,
    peepholes: Value = None,
) -> Value:
    """x (T, N, D), weights (directions, G·H, D) and (directions, G·H, H), bias (directions, 2·G·H).

    → all states (T, directions, N, H), the last (directions, N, H), of an LSTM also the last cells; by
    layout=1 N comes first everywhere.
    """
    batch_first = bool(node.get("layout", 0))
    if batch_first:
        x = ops.transpose(x, 0, 1)
        h0, c0 = (None if s is None else ops.transpose(s, 0, 1) for s in (h0, c0))
    steps, batch, _ = x.shape
    directions, hidden = weight.shape[0], recurrence.shape[2]
    activations = _activations(node, directions)
    mask = None if lengths is None else np.arange(steps)[:, None] < array(lengths)
    zeros = Tensor(np.zeros((batch, hidden), x.dtype))
    outputs, lasts, cells = [], [], []
    for d in range(directions):
        back = node.get("direction", "forward") == "reverse" or d == 1
        biases = [None, None] if bias is None else list(ops.reshape(bias[d], (2, -1)))
        states = [zeros if s is None else s[d] for s in (h0, c0)]
        layer = _layer if _is_usual(node, activations[d], peepholes) else _step_by_step
        peep = None if peepholes is None else peepholes[d]
        output, last, cell = layer(
            node, x, states, (weight[d], recurrence[d], *biases), mask, back, activations[d], peep
        )
        if mask is not None:
            output = ops.where(mask[:, :, None], output, np.zeros((), x.dtype))
        outputs.append(output)
        lasts.append(last)
        cells.append(cell)
    results = [ops.stack(outputs, 1), ops.stack(lasts), *([ops.stack(cells)] if node.op == "LSTM" else [])]
    if batch_first:
        results = [ops.permute(results[0], (2, 0, 1, 3)), *(ops.transpose(s, 0, 1) for s in results[1:])]
    return tuple(results)


def _activations(node: Node, directions: int) -> list[list[str]]:
    """The functions of each direction.  Raises: UnsupportedError for others than tanh, sigmoid and ReLU."""
    usual = USUAL[node.op]
    given = list(node.get("activations", usual * directions))
    if unknown := set(given) - set(FUNCTIONS):
        raise node.unsupported(f"the activation {', '.join(sorted(unknown))}")
    return [given[d * len(usual) : (d + 1) * len(usual)] for d in range(directions)]


def _is_usual(node: Node, activations: list[str], peepholes: Value) -> bool:
    if node.get("clip") is not None or node.get("input_forget", 0) or peepholes is not None:
        return False
    if node.op == "RNN":
        return activations[0] in ("Tanh", "Relu")
    return activations == USUAL[node.op] and (node.op == "LSTM" or bool(node.get("linear_before_reset", 0)))


def _layer(
    node: Node,
    x: Tensor,
    states: list[Tensor],
    weights: tuple[Tensor | None, ...],
    mask: np.ndarray | None,
    back: bool,
    activations: list[str],
    peepholes: Value,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The engine's layer, with the gates in torch's order."""
    ordered = [None if w is None else _reordered(w, TORCHS[node.op]) for w in weights]
    end = 0 if back else -1
    if node.op == "RNN":
        y = ops.rnn(x, states[0], *ordered, activations[0].lower(), mask=mask, reverse=back)
        return y, y[end], None
    if node.op == "GRU":
        y = ops.gru(x, states[0], *ordered, mask=mask, reverse=back)
        return y, y[end], None
    y = ops.lstm(x, *states, *ordered, mask=mask, reverse=back)
    return y[:-1], y[0 if back else -2], y[-1]


def _reordered(w: Tensor, order: list[int]) -> Tensor:
    gates = ops.reshape(w, (len(order), -1, *w.shape[1:]))
    return ops.reshape(gates[np.array(order)], w.shape)


def _step_by_step(
    node: Node,
    x: Tensor,
    states: list[Tensor],
    weights: tuple[Tensor | None, ...],
    mask: np.ndarray | None,
    back: bool,
    activations: list[str],
    peepholes: Value,
) -> tuple[Tensor, Tensor, Tensor]:
    """The equations of the ONNX specification, for every form they allow."""
    weight, recurrence, bias, bias_h = weights
    from_x = ops.linear(x, weight, bias)
    h, c = states
    functions = [FUNCTIONS[name] for name in activations]
    step = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[node.op]
    found: list[Tensor] = []
    order = range(x.shape[0])
    for t in order[::-1] if back else order:
        new_h, new_c = step(node, from_x[t], h, c, recurrence, bias_h, functions, peepholes)
        if mask is not None:
            new_h, new_c = ops.where(mask[t][:, None], new_h, h), ops.where(mask[t][:, None], new_c, c)
        h, c = new_h, new_c
        found.append(h)
    return ops.stack(found[::-1] if back else found), h, c


def _clipped(node: Node, z: Tensor) -> Tensor:
    limit = node.get("clip")
    return z if limit is None else ops.clip(z, -limit, limit)


def _gates(z: Tensor, count: int) -> list[Tensor]:
    width = z.shape[-1] // count
    return [z[:, g * width : (g + 1) * width] for g in range(count)]


def _rnn(node, from_x, h, c, recurrence, bias, functions, peepholes):
    """hₜ = f(W xₜ + R hₜ₋₁ + b)"""
    return functions[0](_clipped(node, ops.add(from_x, ops.linear(h, recurrence, bias)))), c


def _lstm(node, from_x, h, c, recurrence, bias, functions, peepholes):
    """i, o, f, g of W xₜ + R hₜ₋₁ + P·c + b; cₜ = f·cₜ₋₁ + i·g; hₜ = o·h(cₜ), where o sees the new c"""
    f, g, last = functions
    i_, o_, f_, g_ = _gates(ops.add(from_x, ops.linear(h, recurrence, bias)), 4)
    look = [None] * 3 if peepholes is None else _gates(ops.reshape(peepholes, (1, -1)), 3)  # i, o, f

    def seen(z, gate, cell):
        return _clipped(node, z if look[gate] is None else ops.add(z, ops.mul(look[gate], cell)))

    i = f(seen(i_, 0, c))
    keep = ops.sub(1.0, i) if node.get("input_forget", 0) else f(seen(f_, 2, c))
    new = ops.add(ops.mul(keep, c), ops.mul(i, g(_clipped(node, g_))))
    return ops.mul(f(seen(o_, 1, new)), last(new)), new


def _gru(node, from_x, h, c, recurrence, bias, functions, peepholes):
    """z, r; n = g(W xₜ + (r·h) R + b), or with linear_before_reset r·(h R + b); hₜ = (1 − z)·n + z·hₜ₋₁"""
    f, g = functions
    x_z, x_r, x_n = _gates(from_x, 3)
    rows = h.shape[1]
    halves = [None] * 3 if bias is None else [bias[i * rows : (i + 1) * rows] for i in range(3)]
    r_z, r_r, r_n = (recurrence[i * rows : (i + 1) * rows] for i in range(3))
    z = f(_clipped(node, ops.add(x_z, ops.linear(h, r_z, halves[0]))))
    r = f(_clipped(node, ops.add(x_r, ops.linear(h, r_r, halves[1]))))
    if node.get("linear_before_reset", 0):
        from_h = ops.mul(r, ops.linear(h, r_n, halves[2]))
    else:
        from_h = ops.linear(ops.mul(r, h), r_n, halves[2])
    n = g(_clipped(node, ops.add(x_n, from_h)))
    return ops.add(ops.mul(ops.sub(1.0, z), n), ops.mul(z, h)), c


OPERATORS: dict[str, Operator] = dict.fromkeys(GATES, recurrent)
