"""RNN, LSTM, GRU over whole sequences; one step of each, to be read, is in `recurrent_cell`."""

import warnings
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ShapeError
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import between, positive
from yuanli.nn.recurrent_cell import Rng, add_weights, given_states, known_nonlinearity
from yuanli.random import generator
from yuanli.tensor import Tensor, as_array


class _Recurrent(Module):
    """What the layers have in common: layers on layers, both directions, weights from U(±1/√hidden_size).

    Layer l has weight_ih_l{l} (G·H, D), weight_hh_l{l} (G·H, H), bias_ih_l{l} and bias_hh_l{l} (G·H,) for its
    G gates, and for the direction back in time the same again, ending in _reverse.  A layer above the first
    sees the outputs of both directions below side by side; between layers, in training, there is dropout.
    """

    gates: int
    states = 1

    def __init__(
        self, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng
    ) -> None:
        name = type(self).__name__
        positive(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        between(name, 0, 1, dropout=dropout)
        if dropout and num_layers == 1:
            warnings.warn(f"{name} has dropout between layers, and of these only one", stacklevel=3)
        generator(rng)  # raises for what is none
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout, self.rng = dropout, rng
        directions = ("", "_reverse") if bidirectional else ("",)
        self._endings = [[f"_l{i}{direction}" for direction in directions] for i in range(num_layers)]
        for i, endings in enumerate(self._endings):
            width = hidden_size * len(directions) if i else input_size
            for ending in endings:
                add_weights(self, ending, self.gates * hidden_size, width, hidden_size, bias, rng)

    def _sequence(self, x: Any, start: list[Any], ending: str, mask: Any) -> tuple[Tensor, list[Tensor]]:
        """One layer in one direction: its outputs (T, N, H), and its last states, (N, H) each."""
        raise NotImplementedError

    def forward(self, x: Any, hx: Any = None, mask: Any = None) -> tuple[Tensor, Any]:
        x, mask, alone = self._in_time(x, mask)
        starts = self._starts(hx, x, alone)
        ends: list[list[Tensor]] = []
        for depth, endings in enumerate(self._endings):
            if depth:
                x = ops.dropout(x, self.dropout, self.training, rng=self.rng)
            outputs = []
            for ending in endings:
                output, end = self._sequence(x, [s[len(ends)] for s in starts], ending, mask)
                outputs.append(output)
                ends.append(end)
            x = outputs[0] if len(outputs) == 1 else ops.cat(outputs, 2)
        if mask is not None:
            x = ops.where(mask[:, :, None], x, np.zeros((), x.dtype))
        last = [ops.stack(states) for states in zip(*ends, strict=True)]
        if alone:
            x, last = ops.squeeze(x, 1), [ops.squeeze(s, 1) for s in last]
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, last[0] if self.states == 1 else tuple(last)

    def _in_time(self, x: Any, mask: Any) -> tuple[Tensor, np.ndarray | None, bool]:
        """x as (T, N, D), mask as (T, N), and whether there was one sequence without an axis N."""
        name = type(self).__name__
        x = x if isinstance(x, Tensor) else Tensor(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = "N, T" if self.batch_first else "T, N"
            raise ShapeError(
                f"{name} needs x ({axes}, {self.input_size}) or (T, {self.input_size}), got shape {x.shape}"
            )
        if mask is not None:
            mask = as_array(mask)
            if mask.shape != x.shape[:-1] or mask.dtype != bool:
                raise ShapeError(
                    f"{name} needs a mask of booleans {x.shape[:-1]}, got {mask.dtype} {mask.shape}"
                )
        if x.ndim == 2:
            return ops.unsqueeze(x, 1), None if mask is None else mask[:, None], True
        if self.batch_first:
            return x.transpose(0, 1), None if mask is None else mask.T, False
        return x, mask, False

    def _starts(self, hx: Any, x: Tensor, alone: bool) -> list[Any]:
        """The states (layers·directions, N, H) before the first step: those given, or zeros."""
        shape = (self.num_layers * len(self._endings[0]), x.shape[1], self.hidden_size)
        if hx is None:
            return [np.zeros(shape, x.dtype)] * self.states
        given = given_states(type(self).__name__, hx, self.states, shape[::2] if alone else shape)
        return [ops.unsqueeze(s, 1) for s in given] if alone else given

    def _weights(self, ending: str) -> list[Parameter | None]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, name + ending, None) for name in names]

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                shown += f", {name}={getattr(self, name)}"
        return shown


class RNN(_Recurrent):
    """Elman's network: hₜ = φ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), φ = tanh or max(0, ·); see `ops.rnn`.

    x (T, N, input_size), with batch_first (N, T, …), or (T, …) → the outputs of the last layer (T, N, H), for
    both directions (T, N, 2H), and h_n (layers·directions, N, H).  hx: the states before the first step.
    mask (T, N), with batch_first (N, T), is False where a shorter sequence has no step: the output there is
    0, and h_n the state after the sequence's own last step, as of torch's packed sequences.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = None,
    ) -> None:
        self.nonlinearity = known_nonlinearity("RNN", nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng)

    def _sequence(self, x: Any, start: list[Any], ending: str, mask: Any) -> tuple[Tensor, list[Tensor]]:
        back = ending.endswith("reverse")
        y = ops.rnn(x, *start, *self._weights(ending), self.nonlinearity, mask=mask, reverse=back)
        return y, [y[0 if back else -1]]


class LSTM(_Recurrent):
    """Long short-term memory: cₜ = f·cₜ₋₁ + i·g, hₜ = o·tanh cₜ; gates i, f, g, o of x and h; see `ops.lstm`.

    Shapes and mask as of RNN; hx and the second result are pairs (h, c), each (layers·directions, N, H).
    """

    gates, states = 4, 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng)

    def _sequence(self, x: Any, start: list[Any], ending: str, mask: Any) -> tuple[Tensor, list[Tensor]]:
        back = ending.endswith("reverse")
        y = ops.lstm(x, *start, *self._weights(ending), mask=mask, reverse=back)
        return y[:-1], [y[0 if back else -2], y[-1]]


class GRU(_Recurrent):
    """Gated recurrent unit: hₜ = (1 − z)·n + z·hₜ₋₁, gates r, z, n of x and h; see `ops.gru`.

    Shapes, hx and mask as of RNN.
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng)

    def _sequence(self, x: Any, start: list[Any], ending: str, mask: Any) -> tuple[Tensor, list[Tensor]]:
        back = ending.endswith("reverse")
        y = ops.gru(x, *start, *self._weights(ending), mask=mask, reverse=back)
        return y, [y[0 if back else -1]]
