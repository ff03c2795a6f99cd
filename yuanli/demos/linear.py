"""The linear score function, and the templates it learns."""

from pathlib import Path

import numpy as np

from yuanli.data import load
from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import with_interval
from yuanli.inspection.images import templates
from yuanli.inspection.style import save
from yuanli.models import LinearClassifier
from yuanli.ops import cross_entropy
from yuanli.optim import SGD
from yuanli.tensor import Tensor
from yuanli.training import fit
from yuanli.training.metrics import accuracy


def linear(out: Path, seed: int = 0, *, epochs: int = 30, l2: float = 1e-3) -> Demonstration:
    """f(x) = Wx + b learns the digits; its linear part is additive and homogeneous; W's rows as images."""
    rng = np.random.default_rng(seed)
    data = load("digits")
    train, test = ((d.x / np.float32(255) - np.float32(0.5), d.y) for d in (data.train, data.test))
    model = LinearClassifier(64, 10, rng=rng)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=l2)
    fit(model, cross_entropy, optimizer, Batches(*train, 32, rng=rng), epochs=epochs)
    model.eval()
    right = accuracy(model(Tensor(test[0])).data, test[1])

    W, b = (p.data.astype(np.float64) for p in (model.weight, model.bias))
    x, y, a = rng.standard_normal(64), rng.standard_normal(64), 2.5
    additive = float(np.abs(W @ (x + y) - (W @ x + W @ y)).max())
    homogeneous = float(np.abs(W @ (a * x) - a * (W @ x)).max())
    affine = float(np.abs((W @ (x + y) + b) - (W @ x + b + W @ y + b) + b).max())
    lines = [
        f"W {W.shape[0]}×{W.shape[1]}, b {b.size}: {W.size + b.size} parameters",
        f"accuracy on {len(test[1])} digits not learned from: {with_interval(right, len(test[1]))}",
        f"additivity   |W(x + y) − (Wx + Wy)| ≤ {additive:.1e}",
        f"homogeneity  |W(ax) − aWx|          ≤ {homogeneous:.1e}",
        f"with b the function is affine: f(x + y) = f(x) + f(y) − b, to {affine:.1e}",
    ]
    numbers = {"accuracy": right, "additivity": additive, "homogeneity": homogeneous, "affine": affine}
    figure = templates(W.reshape(10, 1, 8, 8), data.train.classes)
    return Demonstration(lines, numbers, [save(figure, out / "linear.png")])
