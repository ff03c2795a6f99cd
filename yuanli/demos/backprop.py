"""Backpropagation under the microscope: a small network, every step of its backward pass, and gradcheck."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.gradcheck import gradcheck
from yuanli.inspection.microscope import trace
from yuanli.inspection.style import save
from yuanli.tensor import Tensor

X, TRUTH = np.array([1.0, -2.0]), np.array([1.0])


def backprop(out: Path, seed: int = 0) -> Demonstration:
    """L = (w₂ · relu(W₁x + b) − t)²: each step with its formula, shapes and numbers; then gradcheck."""
    rng = np.random.default_rng(seed)
    parameters = {
        "W1": Tensor(rng.integers(-3, 4, (2, 2)) / 2.0, requires_grad=True),
        "b": Tensor(np.array([1.5, 0.5]), requires_grad=True),
        "w2": Tensor(np.array([2.0, -1.0]), requires_grad=True),
    }

    def loss(W1, b, w2):
        return ops.mse_loss((w2 * ops.relu(W1 @ X + b)).sum().reshape(1), TRUTH)

    seen = trace(loss(*parameters.values()), parameters)
    gradients = {name: p.grad.tolist() for name, p in parameters.items() if p.grad is not None}
    check = gradcheck(loss, list(parameters.values()))
    lines = [
        "L = mean((w2 · relu(W1 x + b) − t)²) with x = (1, −2), t = 1",
        f"forward: L = {seen.steps[0].value.item():g}; backward, the last operation first:",
        "",
        *seen.lines(),
        "",
        *str(check).splitlines(),
    ]
    numbers = {"loss": seen.steps[0].value.item(), "gradients": gradients, "error": check.error,
               "operations": [s.operation for s in seen.steps]}  # fmt: skip
    return Demonstration(lines, numbers, [save(seen.figure(), out / "backprop.png")])
