"""Initialisation: whether a signal survives ten layers."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.table import table
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


def init(out: Path, seed: int = 0, *, layers: int = 10, width: int = 400, rows: int = 400) -> Demonstration:
    """The activations of each layer for N(0, 1) inputs, and the gradient that comes back to the first."""
    activations, lines, numbers = {}, [], {}
    for name, (fill, function) in METHODS.items():
        rng = np.random.default_rng(seed)
        x = Tensor(rng.standard_normal((rows, width)).astype(np.float32))
        weights = [
            fill(Tensor(np.zeros((width, width), np.float32), requires_grad=True), rng) for _ in range(layers)
        ]
        outputs = []
        for w in weights:
            x = function(ops.linear(x, w))
            outputs.append(x.data)
        x.backward(np.ones(x.shape))
        back = [float(np.abs(np.asarray(w.grad)).mean()) for w in (weights[0], weights[-1])]
        activations[name] = outputs
        scale = [float(np.sqrt(np.mean(np.square(a, dtype=np.float64)))) for a in outputs]
        numbers[name] = {"rms": scale, "gradient_ratio": back[0] / back[1]}
        shown = [scale[i] for i in sorted({0, layers // 2 - 1, layers - 1})]
        lines.append([name, *shown, numbers[name]["gradient_ratio"]])
    head = [
        "weights",
        *(f"layer {i + 1}" for i in sorted({0, layers // 2 - 1, layers - 1})),
        "gradient 1st/last",
    ]
    text = table(head, lines, digits=2)
    text.append("root mean square of the activations; He keeps it for ReLU, Xavier nearly for tanh")
    figure = activation_histograms(activations)
    return Demonstration(text, numbers, [save(figure, out / "init.png")])
