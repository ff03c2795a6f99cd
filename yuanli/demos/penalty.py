"""Penalties: the L1 path with its exact zeros, and the shrinkage of L2."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.style import COLOURS, log_scale, panels, save, styled
from yuanli.ops import linear, mse_loss
from yuanli.optim import L1, L2, SGD, ElasticNet
from yuanli.tensor import Tensor

STRENGTHS = np.geomspace(100, 0.1, 13)  # λ from strong to weak, each starting where the one before ended


def penalty(out: Path, seed: int = 0, *, steps: int = 2000) -> Demonstration:
    """Linear regression of the course of diabetes on ten measurements, over the strength of each penalty."""
    data = load("diabetes", seed=seed).train
    x = data.x.astype(np.float64)
    x = (x - x.mean(0)) / x.std(0)
    y = (data.y - data.y.mean()).astype(np.float64)[:, None]
    lasso, ridge = (_path(x, y, kind, steps) for kind in (L1, L2))
    free = np.linalg.lstsq(x, y, rcond=None)[0][:, 0]
    rows = []
    for i, strength in enumerate(STRENGTHS):
        zeros = [int((path[i] == 0).sum()) for path in (lasso, ridge)]
        norms = [float(np.linalg.norm(path[i])) for path in (lasso, ridge)]
        rows.append([float(strength), zeros[0], norms[0], zeros[1], norms[1]])
    lines = [
        "mean squared error + λ‖w‖₁ or + (λ/2)‖w‖²; the bias is not penalised",
        *table(["λ", "zeros, L1", "‖w‖, L1", "zeros, L2", "‖w‖, L2"], rows),
        f"without a penalty ‖w‖ = {np.linalg.norm(free):.4g}; L1 makes weights exactly 0, L2 only smaller",
    ]
    numbers = {
        "strengths": STRENGTHS.tolist(),
        "lasso": lasso.tolist(),
        "ridge": ridge.tolist(),
        "zeros": [row[1] for row in rows],
        "zeros_l2": [row[3] for row in rows],
    }
    names = [feature.name for feature in data.features]
    return Demonstration(lines, numbers, [save(_draw(lasso, ridge, names), out / "penalty.png")])


def _path(x: np.ndarray, y: np.ndarray, kind: Callable[[float], ElasticNet], steps: int) -> np.ndarray:
    """The weights for every strength: gradient steps with the penalty, and its proximal step for L1."""
    w = Tensor(np.zeros((1, x.shape[1])), requires_grad=True)
    safe = float(
        len(x) / (2 * np.linalg.norm(x, 2) ** 2)
    )  # 1 over the largest curvature of the squared error
    path = []
    for strength in STRENGTHS:
        rule = kind(float(strength))
        optimizer = SGD([w], lr=1 / (1 / safe + rule.l2))
        for _ in range(steps):
            optimizer.zero_grad()
            (mse_loss(linear(x, w), y) + rule.loss([w])).backward()
            optimizer.step()
            rule.prox([w], optimizer.lr)
        path.append(w.data[0].copy())
    return np.array(path)


@styled
def _draw(lasso: np.ndarray, ridge: np.ndarray, names: list[str]) -> Figure:
    figure, axes = panels(1, 2, width=4.4, height=3.6, sharey=True)
    for axis, path, title in zip(axes[0], (lasso, ridge), ("L1: to exactly 0", "L2: towards 0"), strict=True):
        for j, name in enumerate(names):
            look = {
                "color": COLOURS[j % 8],
                "linestyle": "-" if j < 8 else "--",
                "marker": "os^Dvpx*+."[j],
                "ms": 4,
            }
            axis.plot(STRENGTHS, path[:, j], label=name, lw=1.2, **look)
        axis.axhline(0, color="black", lw=0.8)
        axis.set(title=title, xlabel="λ")
        log_scale(axis, "x")
    axes[0, 0].set_ylabel("weight of the standardised feature")
    axes[0, 1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
