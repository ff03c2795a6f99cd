"""Sigmoid: the softmax of two classes."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.activation import both
from yuanli.demos.text import table
from yuanli.inspection.functions import function_and_derivative
from yuanli.inspection.style import save


def sigmoid(out: Path, seed: int = 0) -> Demonstration:
    """σ(s) = softmax(s, 0)₁, 1 − σ(s) = σ(−s), σ′ = σ(1 − σ), and no overflow for s = ±10⁴."""
    s = np.random.default_rng(seed).uniform(-30, 30, 10_000)
    one = ops.sigmoid(s).data
    two = ops.softmax(np.stack([s, np.zeros_like(s)], 1), 1).data[:, 0]
    gaps = {
        "σ(s) − softmax(s, 0)₁": np.abs(one - two).max(),
        "1 − σ(s) − σ(−s)": np.abs(1 - one - ops.sigmoid(-s).data).max(),
        "σ′ − σ(1 − σ)": np.abs(both(ops.sigmoid, s)[1] - one * (1 - one)).max(),
    }
    shown = np.array([-1e4, -2.0, 0.0, 2.0, 1e4])
    value, slope = both(ops.sigmoid, shown)
    lines = table(
        ["s", "σ(s)", "σ′(s)"], [list(map(float, row)) for row in zip(shown, value, slope, strict=True)]
    )
    lines += [f"largest |{name}| of 10,000 scores: {gap:.1e}" for name, gap in gaps.items()]
    x = np.linspace(-8, 8, 401)
    figure = function_and_derivative(x, {"sigmoid": both(ops.sigmoid, x)}, xlabel="score s")
    numbers = {"identities": [float(g) for g in gaps.values()], "ends": [float(value[0]), float(value[-1])]}
    return Demonstration(lines, numbers, [save(figure, out / "sigmoid.png")])
