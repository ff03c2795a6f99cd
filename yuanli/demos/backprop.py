"""Backpropagation under the microscope: a small network, every step of its backward pass, and gradcheck."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.gradcheck import gradcheck
from yuanli.inspection.microscope import trace
from yuanli.inspection.style import save
from yuanli.tensor import Tensor

X, TRUTH = np.array([1.0, -2.0]), 1.0


def backprop(out: Path, seed: int = 0) -> Demonstration:
    """L = (w₂ · relu(W₁x + b) − t)²: each step with its formula, shapes and numbers; then gradcheck."""
    rng = np.random.default_rng(seed)
    named = {
        "W1": Tensor(rng.integers(-3, 4, (2, 2)) / 2.0, requires_grad=True),
        "b": Tensor(np.array([1.5, 0.5]), requires_grad=True),
        "w2": Tensor(np.array([2.0, -1.0]), requires_grad=True),
    }
    parameters = list(named.values())

    def loss(W1, b, w2):
        h = named["h"] = ops.relu(W1 @ X + b)
        error = named["error"] = w2 @ h - TRUTH
        return error * error

    result = named["L"] = loss(*parameters)
    seen = trace(result, named)
    gradients = {leaf.name: leaf.gradient.tolist() for leaf in seen.leaves}
    check = gradcheck(loss, parameters)
    lines = [
        "h = relu(W1 x + b), error = w2 · h − t, L = error²;  x = (1, −2), t = 1",
        f"forward: L = {result.item():g}; backward, the last operation first:",
        "",
        *seen.lines(),
        "",
        f"against central differences, relative error at most {check.error:.1e}: "
        + ", ".join(f"{i.name} {i.error:.1e}" for i in check.inputs),
    ]
    numbers = {
        "loss": result.item(),
        "parameters": {name: named[name].data.tolist() for name in gradients},
        "gradients": gradients,
        "error": check.error,
        "operations": [step.operation for step in seen.steps],
    }
    return Demonstration(lines, numbers, [save(seen.figure(), out / "backprop.png")])
