"""The multilayer perceptron on spirals: what width and penalty do to its decision boundaries."""

from pathlib import Path

import numpy as np

from yuanli.data import Dataset
from yuanli.data.synthetic import spirals
from yuanli.demos import Demonstration
from yuanli.demos.table import table
from yuanli.inspection.functions import decision_regions
from yuanli.inspection.style import save
from yuanli.models import MLP
from yuanli.ops import cross_entropy
from yuanli.optim import L2, Adam
from yuanli.tensor import Tensor, no_grad

WIDTHS = (0, 2, 10, 100)  # hidden units; 0 is the linear classifier
STRENGTHS = (0.0, 0.003, 0.01, 0.03)  # λ of the L2 penalty, for the widest


def mlp(out: Path, seed: int = 0, *, steps: int = 600) -> Demonstration:
    """Accuracy and decision regions of networks 2-width-3 on three spirals; new spirals judge them, too."""
    rng = np.random.default_rng(seed)
    data, fresh = spirals(rng=rng), spirals(rng=rng)
    cells = [(width, 0.0) for width in WIDTHS] + [(WIDTHS[-1], strength) for strength in STRENGTHS]
    models, rows, numbers = [], [], {}
    for width, strength in cells:
        model = _learn(data, width, strength, steps, seed)
        name = f"{width} units, λ = {strength:g}" if width else "linear"
        own, other = (float((_classes(model, d.x) == d.y).mean()) for d in (data, fresh))
        size = float(sum(np.square(p.data).sum() for p in model.parameters() if p.ndim == 2))
        models.append((f"{name}\n{100 * own:.1f} % ({100 * other:.1f} % on new)", _classifier(model)))
        if name not in numbers:
            rows.append([name, f"{100 * own:.1f} %", f"{100 * other:.1f} %", size])
        numbers[name] = {"accuracy": own, "new": other, "squared_weights": size}
    lines = [
        *table(["hidden", "accuracy", "on new spirals", "Σ w²"], rows),
        "More units, more bends.  A larger λ makes a simpler model with smaller weights, in the end too simple;",
        "it is a smaller λ that over-fits.",
    ]
    figure = decision_regions(models, data.x, data.y, columns=4)
    return Demonstration(lines, numbers, [save(figure, out / "mlp.png")])


def _learn(data: Dataset, width: int, strength: float, steps: int, seed: int) -> MLP:
    """Full-batch Adam on cross-entropy + (λ/2)‖W‖²."""
    model = MLP(2, (width,) if width else (), len(data.classes), rng=np.random.default_rng(seed))
    optimizer, rule = Adam(model.parameters(), lr=0.05), L2(strength)
    for _ in range(steps):
        optimizer.zero_grad()
        (cross_entropy(model(Tensor(data.x)), data.y) + rule.loss(model)).backward()
        optimizer.step()
    return model


def _classes(model: MLP, x: np.ndarray) -> np.ndarray:
    with no_grad():
        return model(Tensor(x)).data.argmax(1)


def _classifier(model: MLP):
    return lambda x: _classes(model, x)
