"""Activations: value, derivative, and where the derivative has died away."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.functions import function_and_derivative
from yuanli.inspection.style import save
from yuanli.tensor import Tensor

SMALL = 0.01  # a derivative below it lets less than a hundredth of the gradient through

FUNCTIONS = {
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "relu": ops.relu,
    "leaky_relu": lambda x: ops.leaky_relu(x, 0.1),
    "elu": ops.elu,
    "gelu": ops.gelu,
    "softplus": ops.softplus,
    "silu": ops.silu,
}


def activation(out: Path, seed: int = 0, *, scale: float = 3.0) -> Demonstration:
    """Each function, its derivative, and the share of N(0, scale²) inputs on which |derivative| < 0.01."""
    x = np.linspace(-5, 5, 801)
    curves = {
        f"{name}, slope 0.1" if name == "leaky_relu" else name: both(f, x) for name, f in FUNCTIONS.items()
    }
    figure = function_and_derivative(x, curves, columns=4)
    sample = scale * np.random.default_rng(seed).standard_normal(100_000)
    rows, saturation = [], {}
    for name, f in FUNCTIONS.items():
        value, slope = both(f, np.array([-2.0, 0.0, 2.0]))
        saturation[name] = float((np.abs(both(f, sample)[1]) < SMALL).mean())
        rows.append([name, *value, slope[1], float(np.abs(both(f, x)[1]).max()), percent(saturation[name])])
    head = ["function", "f(−2)", "f(0)", "f(2)", "f′(0)", "largest |f′|", "saturated"]
    lines = [
        *table(head, rows),
        "largest |f′|: of inputs from −5 to 5",
        f"saturated: the share of inputs from N(0, {scale:g}²) with |f′| < {SMALL}",
    ]
    return Demonstration(lines, {"saturation": saturation}, [save(figure, out / "activation.png")])


def both(f, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f(x) and f′(x), element by element."""
    tensor = Tensor(x, requires_grad=True)
    y = f(tensor)
    y.backward(np.ones_like(x))
    assert tensor.grad is not None
    return y.data, tensor.grad
