"""RNN, LSTM and GRU."""

from typing import Any

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange.onnx_export import Writer
from yuanli.interchange.rules.arguments import Rule, argument, first
from yuanli.interchange.tracing import Call
from yuanli.nn import Parameter

ONNX_ORDER = {
    "rnn": [0],
    "lstm": [0, 3, 1, 2],
    "gru": [1, 0, 2],
}  # i, o, f, c of i, f, g, o; z, r, h of r, z, n


def recurrent(w: Writer, a: Call, b: Call) -> str:
    """One direction of one layer; the weights' rows are written in ONNX's order of gates."""
    op, order, given = a.name.upper(), ONNX_ORDER[a.name], a.arguments
    hidden = given["weight_hh"].shape[1]
    weights = [_gates(w, a, b, name, order) for name in ("weight_ih", "weight_hh")]
    biases = [_gates(w, a, b, name, order) for name in ("bias_ih", "bias_hh")]
    bias = w.node("Concat", biases, axis=1) if all(biases) else ""
    states = [_state(w, a, b, name) for name in ("h0", "c0") if name in given]
    lengths = ""
    if given["mask"] is not None:
        counted = w.node("Cast", [argument(w, a, b, "mask")], to=6)
        lengths = w.node("ReduceSum", [counted, w.integers(0)], keepdims=0)
    attributes: dict[str, Any] = {"direction": "reverse" if given["reverse"] else "forward"}
    if op == "GRU":
        attributes["linear_before_reset"] = 1
    if op == "RNN":
        attributes["activations"] = [given["nonlinearity"].capitalize()]
    inputs = [first(w, a, b), *weights, bias, lengths, *states]
    while not inputs[-1]:
        inputs.pop()
    results = [f"{a.name}_{len(w.nodes)}_{kind}" for kind in ("y", "h", "c")[: 3 if op == "LSTM" else 2]]
    from onnx import helper

    w.nodes.append(helper.make_node(op, inputs, results, hidden_size=hidden, **attributes))
    y = w.node("Squeeze", [results[0], w.integers(1)])
    if lengths and not given["reverse"]:  # ONNX gives 0 beyond the end, `ops` carries the last state on
        seen = w.node("Unsqueeze", [argument(w, a, b, "mask"), w.integers(2)])
        y = w.node("Where", [seen, y, results[1]])
    return w.node("Concat", [y, results[2]], axis=0) if op == "LSTM" else y


def _gates(w: Writer, a: Call, b: Call, name: str, order: list[int]) -> str:
    """A weight (G·H, …) with its gates in ONNX's order, and an axis for the direction."""
    weight = a.arguments[name]
    if weight is None:
        return ""
    if not isinstance(weight, Parameter):
        raise UnsupportedError("a recurrent layer's weights must be parameters to be exported")
    numbers = weight.data.reshape(len(order), -1, *weight.shape[1:])[order].reshape(1, *weight.shape)
    return w.constant(numbers, w.names[id(weight)])


def _state(w: Writer, a: Call, b: Call, name: str) -> str:
    """The state before the first step with an axis for the direction; "" for zeros, which ONNX assumes."""
    state = a.arguments[name]
    if not hasattr(state, "requires_grad") and not np.any(state) and not np.any(b.arguments[name]):
        return ""
    return w.node("Unsqueeze", [argument(w, a, b, name), w.integers(0)])


RULES: dict[str, Rule] = dict.fromkeys(ONNX_ORDER, recurrent)
