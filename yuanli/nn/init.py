"""Initial weights: fill a tensor in place with numbers whose variance suits its fans; names are torch's.

A weight has shape (out, in, *kernel); with k kernel elements, fan_in = in·k and fan_out = out·k count the
terms of a forward sum and of a backward one.
"""

import math
from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.random import generator
from yuanli.tensor import Tensor

Rng = np.random.Generator | None
_skipping: ContextVar[bool] = ContextVar("skipping", default=False)


class skip_init(ContextDecorator):
    """Inside, initialisers draw nothing and fill with 0: for weights that are loaded next, or only counted.

    VGG-19 is then there in a twentieth of the time.
    """

    def __enter__(self) -> Self:
        self._token = _skipping.set(True)
        return self

    def __exit__(self, *error: object) -> None:
        _skipping.reset(self._token)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, rng: Rng = None) -> Tensor:
    """U(a, b): mean (a + b)/2, variance (b − a)²/12."""
    if not a <= b:
        raise ValueRangeError(f"uniform_ needs a ≤ b, got a={a}, b={b}")
    return _fill(tensor, lambda: generator(rng).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: Rng = None) -> Tensor:
    """N(mean, std²); the classic 0.01·randn is `normal_(weight, std=0.01)`."""
    if not std >= 0:
        raise ValueRangeError(f"normal_ needs std ≥ 0, got {std}")
    return _fill(tensor, lambda: generator(rng).normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same number everywhere: for biases and gains; weights would all learn the same."""
    return _fill(tensor, lambda: val)


def zeros_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """U(−a, a), a = gain·√(6 / (fan_in + fan_out)).

    Keeps the variance of activations and of gradients near that of their inputs where the activation is near
    the identity.  Source: Glorot & Bengio 2010, AISTATS, eq. 16.
    """
    bound = math.sqrt(3) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """N(0, s²), s = gain·√(2 / (fan_in + fan_out)).  Source: Glorot & Bengio 2010, AISTATS, eq. 12."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), rng)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Rng = None
) -> Tensor:
    """U(−b, b), b = gain·√(3 / fan): He's initialisation with a uniform distribution.

    As `kaiming_normal_`; with a = √5 it is U(±1/√fan_in), torch's default for linear and convolution layers.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Rng = None
) -> Tensor:
    """N(0, s²), s = gain/√fan, gain = √(2 / (1 + a²)) for a leaky ReLU of slope a; a = 0 is the ReLU.

    Keeps the mean square of activations (mode="fan_in") or of gradients ("fan_out") from layer to layer.
    Source: He 2015, arXiv:1502.01852, eqs. 10, 14, 15.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng)


def orthogonal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """gain·Q, where Q, as a matrix (out, in·kernel), has orthonormal rows (or columns, if there are fewer).

    QR of a Gaussian matrix; the signs of R's diagonal make Q uniform.
    Source: Saxe 2013, arXiv:1312.6120, section 3; Mezzadri 2007, arXiv:math-ph/0609050, section 5.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_ needs a weight with 2 axes or more, got shape {tensor.shape}")
    if not tensor.size:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.size // rows

    def draw() -> np.ndarray:
        q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        return gain * (q if rows >= columns else q.T).reshape(tensor.shape)

    return _fill(tensor, draw)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much wider the weights must be before an activation that shrinks; `param`: leaky ReLU's slope.

    1 for linear, convolution and sigmoid; 5/3 tanh; √2 ReLU; √(2 / (1 + slope²)) leaky ReLU; 3/4 SELU.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    gains |= dict.fromkeys(("conv1d", "conv2d", "conv_transpose2d"), 1.0)
    if nonlinearity not in gains:
        raise ValueRangeError(f"a gain is known for {', '.join(gains)}, leaky_relu; got {nonlinearity!r}")
    return gains[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ShapeError(f"fans need a weight of shape (out, in, *kernel), got shape {tensor.shape}")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / max(sum(fans(tensor)), 1))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueRangeError(f"mode needs 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def _fill(tensor: Tensor, draw: Callable[[], Any]) -> Tensor:
    if tensor.dtype.kind != "f":
        raise DTypeError(f"initialisers need a float tensor, got dtype {tensor.dtype}")
    tensor.data[...] = 0 if _skipping.get() else draw()
    return tensor
