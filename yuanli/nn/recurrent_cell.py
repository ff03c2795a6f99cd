"""RNNCell, LSTMCell, GRUCell: one step of a recurrent layer, equation by equation."""

import math
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, UnknownNameError
from yuanli.nn import init
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import positive
from yuanli.tensor import Tensor, as_array

Rng = np.random.Generator | None


class _Cell(Module):
    """What the cells have in common: weights for x and for h, from U(±1/√hidden_size)."""

    gates: int

    def __init__(self, input_size: int, hidden_size: int, bias: bool, rng: Rng) -> None:
        positive(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        add_weights(self, "", self.gates * hidden_size, input_size, hidden_size, bias, rng)

    def _from(self, x: Any, h: Any) -> tuple[list[Tensor], list[Tensor]]:
        """W_ih x + b_ih and W_hh h + b_hh, gate by gate."""
        weights = (getattr(self, name, None) for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh"))
        weight_ih, bias_ih, weight_hh, bias_hh = weights
        from_x, from_h = ops.linear(x, weight_ih, bias_ih), ops.linear(h, weight_hh, bias_hh)
        H = self.hidden_size
        rows = [slice(g * H, (g + 1) * H) for g in range(self.gates)]
        return [from_x[..., r] for r in rows], [from_h[..., r] for r in rows]

    def _start(self, x: Any, hx: Any, count: int = 1) -> list[Any]:
        """The states before the step: those given, or zeros."""
        name, shape = type(self).__name__, np.shape(x)
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ShapeError(f"{name} needs x (N, {self.input_size}) or ({self.input_size},), got {shape}")
        shape = (*shape[:-1], self.hidden_size)
        if hx is None:
            return [np.zeros(shape, as_array(x).dtype)] * count
        return given_states(name, hx, count, shape)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """A step of RNN: h' = φ(W_ih x + b_ih + W_hh h + b_hh): x (N, D), h (N, H) → h' (N, H)."""

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        rng: Rng = None,
    ) -> None:
        self.nonlinearity = known_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, rng)

    def forward(self, x: Any, hx: Any = None) -> Tensor:
        (h,) = self._start(x, hx)
        (x,), (h,) = self._from(x, h)
        return ops.tanh(x + h) if self.nonlinearity == "tanh" else ops.relu(x + h)


class LSTMCell(_Cell):
    """A step of LSTM: x (N, D) and (h, c), (N, H) each → (h', c'); the weights' rows are for i, f, g, o.

    Source: Hochreiter & Schmidhuber 1997, section 4; Gers, Schmidhuber & Cummins 2000, section 3.
    """

    gates = 4

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, rng: Rng = None) -> None:
        super().__init__(input_size, hidden_size, bias, rng)

    def forward(self, x: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        h, c = self._start(x, hx, 2)
        i, f, g, o = (x + h for x, h in zip(*self._from(x, h), strict=True))
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, c


class GRUCell(_Cell):
    """A step of GRU: x (N, D), h (N, H) → h' (N, H); the weights' rows are for r, z, n.

    Source: Cho 2014, arXiv:1406.1078, eq. 5–8.  Differs: r stands before W_hn h + b_hn, as in torch.
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, rng: Rng = None) -> None:
        super().__init__(input_size, hidden_size, bias, rng)

    def forward(self, x: Any, hx: Any = None) -> Tensor:
        (h,) = self._start(x, hx)
        (x_r, x_z, x_n), (h_r, h_z, h_n) = self._from(x, h)
        r, z = ops.sigmoid(x_r + h_r), ops.sigmoid(x_z + h_z)
        n = ops.tanh(x_n + r * h_n)
        return (1 - z) * n + z * h


def add_weights(
    module: Module, ending: str, rows: int, width: int, hidden_size: int, bias: bool, rng: Rng
) -> None:
    """weight_ih, weight_hh and the biases, from U(±1/√hidden_size)."""
    bound = 1 / math.sqrt(hidden_size)
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, hidden_size)}
    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
    for name, shape in shapes.items():
        weight = Parameter(np.empty(shape, np.float32))
        init.uniform_(weight, -bound, bound, rng)
        setattr(module, name + ending, weight)


def given_states(name: str, hx: Any, count: int, shape: tuple[int, ...]) -> list[Tensor]:
    """The states that a user gave: h, or (h, c)."""
    if count == 2 and (not isinstance(hx, tuple | list) or len(hx) != 2):
        raise DTypeError(f"{name} needs the states as a pair (h, c), got {type(hx).__name__}")
    states = [s if isinstance(s, Tensor) else Tensor(s) for s in (hx if count == 2 else (hx,))]
    for state in states:
        if state.shape != shape:
            raise ShapeError(f"{name} needs states of shape {shape}, got {state.shape}")
    return states


def known_nonlinearity(name: str, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise UnknownNameError(f"{name} needs nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
    return nonlinearity
