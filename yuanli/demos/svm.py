"""Support vector machines: the margin and what holds it, kernels, and why the columns need one scale."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_wine, make_moons
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from yuanli.classical import SVC
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.style import BLUE, RED, panels, save, styled

STYLES = ["--", "-", "--"]  # of f = −1, 0, 1
KERNELS: dict[str, dict[str, Any]] = {
    "linear": {},
    "poly": {"degree": 3, "coef0": 1.0, "gamma": 1.0},
    "rbf": {"gamma": 2.0},
    "sigmoid": {"gamma": 0.5, "coef0": -1.0},
}


def svm(out: Path, seed: int = 0, *, C: float = 10.0, points: int = 120) -> Demonstration:
    """The widest street between two classes, four kernels on two moons, and the wines without a scaler."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], 25)
    x = rng.normal(size=(50, 2)) * 0.8 + np.where(y[:, None] == 1, 1.7, -1.7)
    street = SVC(kernel="linear", C=C).fit(x, y)
    width = 2 / float(np.linalg.norm(street.coef_))
    held = np.abs(street.decision_function(x[street.support_]))
    others = np.setdiff1d(np.arange(50), street.support_)[::2]  # half of those that hold nothing
    without = SVC(kernel="linear", C=C).fit(np.delete(x, others, axis=0), np.delete(y, others))
    moved = float(np.abs(without.coef_ - street.coef_).max())

    moons, side = make_moons(points, noise=0.2, random_state=seed)
    machines = {name: SVC(kernel=name, C=C, **options).fit(moons, side) for name, options in KERNELS.items()}
    kernels = {
        name: {"accuracy": float(m.score(moons, side)), "support": int(m.n_support_.sum())}
        for name, m in machines.items()
    }

    wine, cultivar = load_wine(return_X_y=True)
    raw, scaled = (
        float(cross_val_score(machine, wine, cultivar, cv=5).mean())
        for machine in (SVC(), make_pipeline(StandardScaler(), SVC()))
    )
    share = float(wine.var(0).max() / wine.var(0).sum())
    lines = [
        f"the street between 2 × 25 points is {width:.3f} wide; {len(street.support_)} of them hold it, with",
        f"|f(x)| ≤ 1 (the largest {held.max():.4f}); without {len(others)} others w moves by {moved:.1e}",
        "two moons, C = " + f"{C:g}:",
        *table(
            ["kernel", "accuracy", "support vectors"],
            [[name, percent(k["accuracy"]), k["support"]] for name, k in kernels.items()],
        ),
        f"wines, five folds: {percent(raw)} on the columns as they are, {percent(scaled)} standardised;",
        f"one column of 13 has {percent(share)} of the variance, and distances see little else",
    ]
    numbers = {
        "width": width, "support": street.support_.tolist(), "x": x.tolist(), "y": y.tolist(),
        "moved": moved,
        "largest": float(held.max()), "kernels": kernels, "raw": raw, "scaled": scaled,
    }  # fmt: skip
    return Demonstration(lines, numbers, [_draw(out, street, (x, y), machines, (moons, side))])


@styled
def _draw(out: Path, street: SVC, own: Any, machines: dict[str, SVC], moons: Any) -> Path:
    figure, axes = panels(1, 5, width=3.0, height=3.1)
    title = f"margin: {2 / np.linalg.norm(street.coef_):.2f} wide"
    _regions(axes[0, 0], street, own, title)
    for axis, (name, machine) in zip(axes[0, 1:], machines.items(), strict=True):
        _regions(axis, machine, moons, f"{name}: {machine.n_support_.sum()} support vectors")
    return save(figure, out / "svm.png")


def _regions(axis: Axes, machine: SVC, points: tuple[np.ndarray, np.ndarray], title: str) -> None:
    """The two sides, the boundary f = 0, the margin f = ±1, and rings around support vectors."""
    x, y = points
    low, high = x.min(0) - 0.4, x.max(0) + 0.4
    across, up = np.meshgrid(*(np.linspace(a, b, 160) for a, b in zip(low, high, strict=True)))
    f = machine.decision_function(np.stack([across.ravel(), up.ravel()], 1)).reshape(across.shape)
    axis.contourf(across, up, f, levels=[-1e9, 0, 1e9], colors=[BLUE, RED], alpha=0.12)
    axis.contour(across, up, f, levels=[-1, 0, 1], colors="black", linewidths=[1, 1.8, 1], linestyles=STYLES)
    for k, (colour, marker) in enumerate(((BLUE, "o"), (RED, "s"))):
        axis.scatter(x[y == k, 0], x[y == k, 1], s=14, color=colour, marker=marker, linewidths=0, zorder=3)
    held = x[machine.support_]
    axis.scatter(
        held[:, 0], held[:, 1], s=55, facecolors="none", edgecolors="black", linewidths=0.9, zorder=4
    )
    axis.set(title=title, xticks=[], yticks=[], xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axis.grid(False)
