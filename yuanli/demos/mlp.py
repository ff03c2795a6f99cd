"""The multilayer perceptron on spirals: what width and penalty do to its decision boundaries."""

from pathlib import Path

import numpy as np

from yuanli.data import Dataset
from yuanli.data.synthetic import spirals
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.functions import decision_regions
from yuanli.inspection.style import save
from yuanli.models import MLP
from yuanli.ops import cross_entropy
from yuanli.optim import L2, Adam
from yuanli.tensor import Tensor, no_grad

WIDTHS = (0, 2, 10, 100)  # hidden units on clear spirals; 0 is the linear classifier
STRENGTHS = (0.0, 0.001, 0.005, 0.03)  # λ of the L2 penalty for the widest, on blurred spirals
BLUR = 0.5


def mlp(out: Path, seed: int = 0, *, steps: int = 600) -> Demonstration:
    """Networks 2-width-3 on three spirals of 100 points, judged on them and on 3,000 new points."""
    rng = np.random.default_rng(seed)
    clear, blurred = ((spirals(noise=n, rng=rng), spirals(3000, noise=n, rng=rng)) for n in (0.2, BLUR))
    pictures, wide, strong = [], [], []
    for (own, new), width, strength in [
        *((clear, width, 0.0) for width in WIDTHS),
        *((blurred, WIDTHS[-1], strength) for strength in STRENGTHS),
    ]:
        model = _learn(own, width, strength, steps, seed)
        found = {
            "own": float((_classes(model, own.x) == own.y).mean()),
            "new": float((_classes(model, new.x) == new.y).mean()),
            "squares": float(sum(np.square(p.data).sum() for p in model.parameters() if p.ndim == 2)),
        }
        score = f"{percent(found['own'])}, new points {percent(found['new'])}"
        if own is clear[0]:
            wide.append({"width": width, **found})
            name = f"{width} units" if width else "linear"
        else:
            strong.append({"λ": strength, **found})
            name = f"blurred, {width} units, λ = {strength:g}"
        pictures.append((f"{name}\n{score}", _classifier(model), own.x, own.y))
    lines = [
        "clear spirals, no penalty:",
        *table(["units", "accuracy", "on new points", "Σ w²"], [_row(row) for row in wide]),
        f"spirals blurred by {BLUR:g}, {WIDTHS[-1]} units:",
        *table(["λ", "accuracy", "on new points", "Σ w²"], [_row(row) for row in strong]),
        "More units, more bends.  A larger λ means smaller weights and a simpler model,",
        "in the end too simple; it is the smaller λ that fits closer than the new points bear out.",
    ]
    figure = decision_regions(pictures, columns=4)
    return Demonstration(lines, {"width": wide, "penalty": strong}, [save(figure, out / "mlp.png")])


def _row(row: dict[str, float]) -> list[float | str]:
    first, own, new, squares = row.values()
    return [first, percent(own), percent(new), squares]


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
