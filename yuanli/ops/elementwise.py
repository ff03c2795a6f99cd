"""Functions of one number at a time: bounds, choices and the activations.

Every gradient is dy times the function's derivative; where there is a kink the subgradient is torch's.
"""

import math

import numpy as np

from yuanli.errors import DTypeError, ValueRangeError
from yuanli.kernels import elementwise
from yuanli.tensor import differentiable


@differentiable
def clip(input, min=None, max=None):
    """The nearest number within [min, max]; torch also calls it clamp.

    ∂/∂x = 1 within the bounds, themselves included, and 0 beyond.  Either bound may be left out.
    Raises: ValueRangeError without any bound.
    """
    if min is None and max is None:
        raise ValueRangeError("clip needs min, max or both, got neither")
    y = np.clip(input, min, max)
    return y, (lambda dy: dy * (y == input),)


@differentiable
def maximum(input, other):
    """The larger of two, element by element; ∂/∂x = 1 where x is larger, ½ for both at a tie."""
    y = np.maximum(input, other)
    return y, (lambda dy: dy * _share(input, other, y), lambda dy: dy * _share(other, input, y))


@differentiable
def minimum(input, other):
    """The smaller of two, element by element; ∂/∂x = 1 where x is smaller, ½ for both at a tie."""
    y = np.minimum(input, other)
    return y, (lambda dy: dy * _share(input, other, y), lambda dy: dy * _share(other, input, y))


def _share(mine, other, y):
    """1 where y came from mine, ½ where from both."""
    return np.subtract(mine == y, 0.5 * (mine == other), dtype=y.dtype)


@differentiable
def where(condition, input, other):
    """input where the condition holds, other elsewhere; each receives dy where it was taken.

    Raises: DTypeError for a condition that is not of booleans.
    """
    if np.asarray(condition).dtype.kind != "b":
        raise DTypeError(f"where needs a condition of booleans, got {np.asarray(condition).dtype}")
    y = np.where(condition, input, other)
    return y, (None, lambda dy: np.where(condition, dy, 0), lambda dy: np.where(condition, 0, dy))


@differentiable
def sigmoid(input):
    """σ(x) = 1 / (1 + e⁻ˣ); ∂/∂x = σ(x)·(1 − σ(x)).  For x = −1e4, e⁻ˣ is inf and σ is 0, as it should be."""
    y = 1 / (1 + np.exp(-input))
    return y, (lambda dy: dy * y * (1 - y),)


@differentiable
def tanh(input):
    """tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ); ∂/∂x = 1 − tanh²x"""
    y = np.tanh(input)
    return y, (lambda dy: dy * (1 - y * y),)


@differentiable
def relu(input):
    """max(0, x); ∂/∂x = 1 where x > 0, else 0, also at the kink.  Source: Nair & Hinton 2010, section 2."""
    y = elementwise.relu(input)
    return y, (lambda dy: elementwise.relu_grad(dy, y),)


@differentiable
def relu6(input):
    """min(max(0, x), 6); ∂/∂x = 1 where 0 < x < 6, else 0.

    Source: Howard 2017, arXiv:1704.04861, whose authors bound activations so that few bits hold them.
    """
    y = elementwise.relu6(input)
    return y, (lambda dy: elementwise.relu6_grad(dy, y),)


@differentiable
def leaky_relu(input, negative_slope=0.01):
    """x where x > 0, else a·x with a = negative_slope; ∂/∂x = 1 where x > 0, else a.

    Source: Maas, Hannun & Ng 2013, section 2.
    """
    y = elementwise.leaky_relu(input, negative_slope)
    return y, (lambda dy: elementwise.leaky_relu_grad(dy, input, negative_slope),)


@differentiable
def elu(input, alpha=1.0):
    """x where x > 0, else α·(eˣ − 1); ∂/∂x = 1 where x > 0, else α·eˣ.

    Source: Clevert 2015, arXiv:1511.07289, eq. 15.
    """
    below = alpha * np.expm1(np.minimum(input, 0))  # 0 where x > 0

    def grad_input(dy):
        positive = input > 0
        return dy * (positive + (below + alpha) * ~positive)

    return np.maximum(input, 0) + below, (grad_input,)


@differentiable
def gelu(input, approximate="none"):
    """x·Φ(x), Φ the normal distribution function; ∂/∂x = Φ(x) + x·φ(x), φ its density.

    `approximate="tanh"`: ½x·(1 + tanh u) with u = √(2/π)·(x + 0.044715·x³);
    ∂/∂x = ½(1 + tanh u) + ½x·(1 − tanh²u)·u′.
    Raises: ValueRangeError for another `approximate`.
    Source: Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2.
    """
    if approximate == "none":
        return _gelu_exact(input)
    if approximate == "tanh":
        return _gelu_tanh(input)
    raise ValueRangeError(f'gelu needs approximate="none" or "tanh", got {approximate!r}')


def _gelu_exact(x):
    from scipy.special import ndtr

    distribution = ndtr(x)

    def grad_input(dy):
        density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return dy * (distribution + x * density)

    return x * distribution, (grad_input,)


def _gelu_tanh(x):
    scale = math.sqrt(2 / math.pi)
    t = np.tanh(scale * (x + 0.044715 * x * x * x))

    def grad_input(dy):
        slope = scale * (1 + 3 * 0.044715 * x * x)  # du/dx
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)

    return 0.5 * x * (1 + t), (grad_input,)


@differentiable
def softplus(input, beta=1.0):
    """ln(1 + e^{βx}) / β, a smooth max(0, x); ∂/∂x = σ(βx).

    Raises: ValueRangeError unless β > 0.
    Source: Dugas 2000, section 3.  Differs: exact everywhere, so it needs no threshold as torch's does.
    """
    if not beta > 0:
        raise ValueRangeError(f"softplus needs beta > 0, got {beta}")
    y = np.logaddexp(0, beta * input) / beta
    return y, (lambda dy: dy / (1 + np.exp(-beta * input)),)


@differentiable
def silu(input):
    """x·σ(x), also called swish; ∂/∂x = σ(x)·(1 + x·(1 − σ(x))).

    Source: Elfwing 2017, arXiv:1702.03118, eq. 8.
    """
    s = 1 / (1 + np.exp(-input))
    return input * s, (lambda dy: dy * s * (1 + input * (1 - s)),)
