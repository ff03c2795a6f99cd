"""Initialisation: whether a signal survives ten layers."""

from pathlib import Path
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.functions import activation_histograms
from yuanli.inspection.style import save
from yuanli.nn import init as initialisers
from yuanli.tensor import Tensor

METHODS = {
    "0.01·randn, tanh": (lambda w, rng: initialisers.normal_(w, std=0.01, rng=rng), ops.tanh),
    "Xavier, tanh": (lambda w, rng: initialisers.xavier_normal_(w, rng=rng), ops.tanh),
    "0.01·randn, ReLU": (lambda w, rng: initialisers.normal_(w, std=0.01, rng=rng), ops.relu),
    "Xavier, ReLU": (lambda w, rng: initialisers.xavier_normal_(w, rng=rng), ops.relu),
    "He, ReLU": (lambda w, rng: initialisers.kaiming_normal_(w, rng=rng), ops.relu),
}


def init(out: Path, seed: int = 0, *, layers: int = 10, width: int = 300, rows: int = 300) -> Demonstration:
    """The activations of each layer for N(0, 1) inputs, and the gradient that comes back to the input."""
    activations, lines = {}, []
    numbers: dict[str, Any] = {"width": width}
    shown = sorted({0, layers // 2 - 1, layers - 1})
    for name, (fill, function) in METHODS.items():
        rng = np.random.default_rng(seed)
        x = start = Tensor(rng.standard_normal((rows, width)), requires_grad=True)
        outputs = []
        for _ in range(layers):
            x = function(x @ fill(Tensor(np.zeros((width, width))), rng))
            outputs.append(x.data)
        x.backward(rng.standard_normal(x.shape))
        activations[name] = outputs
        size = [_rms(a) for a in outputs]
        numbers[name] = {"rms": size, "gradient": _rms(np.asarray(start.grad))}
        lines.append([name, *(size[i] for i in shown), numbers[name]["gradient"]])
    head = ["weights, function", *(f"layer {i + 1}" for i in shown), "gradient at the input"]
    text = [
        f"root mean square of the outputs of {layers} layers of {width}, and of ∂L/∂x for ∂L/∂y ~ N(0, 1)",
        *table(head, lines, digits=2),
        "0.01·randn lets the signal die in both directions; He keeps it for ReLU, Xavier for tanh, nearly",
    ]
    return Demonstration(text, numbers, [save(activation_histograms(activations), out / "init.png")])


def _rms(a: np.ndarray) -> float:
    return float(np.sqrt(np.mean(a * a)))
