"""Gradient descent: paths over a surface, the three batch regimes, the three stopping rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.charts import curves
from yuanli.inspection.functions import paths
from yuanli.inspection.style import save
from yuanli.nn import Linear
from yuanli.ops import mse_loss
from yuanli.optim import SGD, Adagrad, Adam, Converged, MaxSteps, Optimizer, RMSprop, SmallGradient
from yuanli.tensor import Tensor
from yuanli.training import Training, fit

START, STEPS = (-4.0, 2.0), 120
CURVATURE = (1.0, 20.0)  # of the valley: 20 times steeper across than along

OPTIMISERS: dict[str, Callable[[list[Tensor]], Optimizer]] = {
    "SGD, step 0.09": lambda p: SGD(p, lr=0.09),
    "momentum 0.9, step 0.02": lambda p: SGD(p, lr=0.02, momentum=0.9),
    "Nesterov 0.9, step 0.02": lambda p: SGD(p, lr=0.02, momentum=0.9, nesterov=True),
    "Adagrad, step 1": lambda p: Adagrad(p, lr=1.0),
    "RMSprop, step 0.1": lambda p: RMSprop(p, lr=0.1),
    "Adam, step 0.3": lambda p: Adam(p, lr=0.3),
}
REGIMES = {"batch: all rows": (None, 0.1), "stochastic: 1 row": (1, 0.01), "mini-batch: 16 rows": (16, 0.05)}


def gd(out: Path, seed: int = 0, *, rows: int = 256, epochs: int = 30) -> Demonstration:
    """Optimisers in a narrow valley; a line fitted by all rows, one row or 16 rows a step; when to stop."""
    walks = {name: _walk(make) for name, make in OPTIMISERS.items()}
    ends = {name: float(_valley(*walk[-1])) for name, walk in walks.items()}
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 1)).astype(np.float32)
    y = (2 * x - 1 + 0.3 * rng.standard_normal((rows, 1))).astype(np.float32)
    best = _least_squares(x, y)
    losses, summary, fitted = {}, [], {}
    for name, (size, lr) in REGIMES.items():
        run, fitted[name] = _fit(x, y, size or rows, lr, seed, epochs=epochs)
        losses[name] = [row["train_loss"] for row in run.rows]
        summary.append([name, lr, run.step, *fitted[name], losses[name][-1]])
    stopped = {}
    for rule in (MaxSteps(40), SmallGradient(1e-3), Converged(1e-6)):
        run, _ = _fit(x, y, rows, 0.1, seed, epochs=10_000, stop_at_step=rule)
        stopped[type(rule).__name__] = {"step": run.step, "reason": run.reason}
    lines = [
        f"f(w) = ½ ({CURVATURE[0]:g} w₁² + {CURVATURE[1]:g} w₂²) from {START}, {STEPS} steps:",
        *table(["optimiser", "f at the end"], [[name, value] for name, value in ends.items()]),
        "",
        f"a line through {rows} points, {epochs} epochs (least squares: {best[0]:.3f}, {best[1]:.3f}):",
        *table(["rows a step", "step size", "steps", "slope", "intercept", "loss"], summary),
        "",
        "batch gradient descent on that line, stopped by",
        *(f"  {name:13} after {found['step']} steps: {found['reason']}" for name, found in stopped.items()),
    ]
    surface = paths(_valley, walks, (-4.6, 1.2), (-2.4, 2.6), minimum=(0, 0), title=f"{STEPS} steps")
    regimes = curves(
        losses, xlabel="epoch", ylabel="mean squared error", title="Three batch regimes", log=True
    )
    numbers = {"ends": ends, "fitted": fitted, "least_squares": best, "stopped": stopped}
    pictures = [save(surface, out / "gd.png"), save(regimes, out / "gd.regimes.png")]
    return Demonstration(lines, numbers, pictures)


def _fit(
    x: np.ndarray, y: np.ndarray, size: int, lr: float, seed: int, **options: Any
) -> tuple[Training, list[float]]:
    """A line learned by gradient descent with `size` rows a step; its slope and intercept."""
    rng = np.random.default_rng(seed)
    line = Linear(1, 1, rng=rng)
    batches = Batches(x, y, size, rng=rng)
    run = fit(line, mse_loss, SGD(line.parameters(), lr=lr), batches, **options)
    return run, [p.data.item() for p in line.parameters()]


def _valley(a, b):
    return (CURVATURE[0] * a**2 + CURVATURE[1] * b**2) / 2


def _walk(make: Callable[[list[Tensor]], Optimizer]) -> np.ndarray:
    """The points an optimiser visits."""
    w = Tensor(np.array(START), requires_grad=True)
    optimizer = make([w])
    visited = [w.data.copy()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        _valley(w[0], w[1]).backward()
        optimizer.step()
        visited.append(w.data.copy())
    return np.array(visited)


def _least_squares(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Slope and intercept in closed form."""
    solution = np.linalg.lstsq(np.column_stack([x, np.ones_like(x)]), y, rcond=None)[0]
    return [float(v) for v in solution[:, 0]]
