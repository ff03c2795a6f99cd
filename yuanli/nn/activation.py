"""Activations as layers, for Sequential; the formulas with their sources and gradients are in `ops`."""

from typing import Any

from yuanli import ops
from yuanli.errors import ValueRangeError
from yuanli.nn.module import Module
from yuanli.nn.options import above_zero, between
from yuanli.tensor import Tensor


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ), in (0, 1)"""

    def forward(self, x: Any) -> Tensor:
        return ops.sigmoid(x)


class Tanh(Module):
    """(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), in (−1, 1)"""

    def forward(self, x: Any) -> Tensor:
        return ops.tanh(x)


class ReLU(Module):
    """max(0, x)"""

    def forward(self, x: Any) -> Tensor:
        return ops.relu(x)


class ReLU6(Module):
    """min(max(0, x), 6)"""

    def forward(self, x: Any) -> Tensor:
        return ops.relu6(x)


class LeakyReLU(Module):
    """x for x ≥ 0, negative_slope·x below"""

    def __init__(self, negative_slope: float = 0.01) -> None:
        between("LeakyReLU", -float("inf"), float("inf"), negative_slope=negative_slope)
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Tensor:
        return ops.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x for x > 0, α(eˣ − 1) below"""

    def __init__(self, alpha: float = 1.0) -> None:
        above_zero("ELU", alpha=alpha)
        self.alpha = alpha

    def forward(self, x: Any) -> Tensor:
        return ops.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """x·Φ(x), Φ the normal distribution function; approximate="tanh" takes its approximation by tanh."""

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueRangeError(f"GELU needs approximate 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        return ops.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """ln(1 + e^βx) / β"""

    def __init__(self, beta: float = 1.0) -> None:
        above_zero("Softplus", beta=beta)
        self.beta = beta

    def forward(self, x: Any) -> Tensor:
        return ops.softplus(x, self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}"


class SiLU(Module):
    """x·sigmoid(x)"""

    def forward(self, x: Any) -> Tensor:
        return ops.silu(x)


class Softmax(Module):
    """e^{x_i} / Σ_j e^{x_j} along the axis `dim`"""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        return ops.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """x_i − ln Σ_j e^{x_j} along the axis `dim`"""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        return ops.log_softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
