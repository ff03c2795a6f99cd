"""Pictures of functions: curves with derivatives, paths over surfaces, decision regions, activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure

from yuanli.inspection.style import BLUE, COLOURS, GREY, RED, new_figure, panels, plain_text, styled


@styled
def function_and_derivative(
    x: np.ndarray,
    functions: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    xlabel: str = "x",
    columns: int = 3,
) -> Figure:
    """A panel for each name: the value, and its derivative dashed.  A jump of the derivative is left open."""
    columns = min(columns, len(functions))
    figure, axes = panels(
        -(-len(functions) // columns), columns, width=3.5 if columns > 1 else 5.6, height=2.9
    )
    for axis in list(axes.flat)[len(functions) :]:
        axis.set_visible(False)
    for axis, (name, (value, slope)) in zip(axes.flat, functions.items(), strict=False):
        axis.axhline(0, color=GREY, lw=0.7)
        axis.axvline(0, color=GREY, lw=0.7)
        axis.plot(x, value, color=BLUE, label="value")
        axis.plot(*broken(x, slope), "--", color=RED, label="derivative")
        axis.set(xlabel=xlabel, title=name)
    axes[0, 0].legend()
    return figure


def broken(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curve with a gap (nan) wherever y jumps by more than a fifth of its range between neighbours."""
    jumps = np.flatnonzero(np.abs(np.diff(y)) > 0.2 * max(float(np.ptp(y)), 1e-12)) + 1
    return np.insert(x.astype(float), jumps, np.nan), np.insert(y.astype(float), jumps, np.nan)


@styled
def paths(
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
    walks: Mapping[str, np.ndarray],
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    minimum: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Paths (steps, 2) over the contour lines of `surface(x, y)`, which is drawn on a logarithmic scale."""
    figure = new_figure(7.2, 4.8)
    axes = figure.add_subplot()
    X, Y = np.meshgrid(np.linspace(*x, 300), np.linspace(*y, 300))
    Z = surface(X, Y)
    Z = Z - Z.min() + 1e-3 * np.ptp(Z)
    levels = np.geomspace(Z.min(), Z.max(), 16)
    axes.contourf(X, Y, Z, levels, cmap="Greys", norm=LogNorm(), alpha=0.25)
    axes.contour(X, Y, Z, levels, colors=GREY, linewidths=0.4)
    for i, (name, walk) in enumerate(walks.items()):
        u, v = np.asarray(walk).T
        look: Any = {"color": COLOURS[i % 8], "marker": "os^Dvpx*"[i % 8], "markevery": max(1, len(u) // 25)}
        axes.plot(u, v, ms=3, lw=1.3, label=plain_text(name, 40), **look)
    if minimum is not None:
        axes.plot(*minimum, "*", color="black", ms=14, label="minimum", zorder=5)
    axes.set(xlim=x, ylim=y, xlabel="$w_1$", ylabel="$w_2$", title=title)
    axes.grid(False)
    axes.legend(frameon=True, facecolor="white", framealpha=0.9, edgecolor="none", loc="best", fontsize=9)
    return figure


@styled
def decision_regions(
    pictures: Sequence[tuple[str, Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray]],
    *,
    columns: int = 3,
) -> Figure:
    """For each (name, classify, points, labels) the regions of the classes and the points on them.

    classify: (M, 2) → classes (M,); points (N, 2), labels (N,).
    """
    columns = min(columns, len(pictures))
    figure, axes = panels(-(-len(pictures) // columns), columns, width=3.1, height=3.2)
    for axis in list(axes.flat)[len(pictures) :]:
        axis.set_visible(False)
    for axis, (name, classify, points, labels) in zip(axes.flat, pictures, strict=False):
        regions(axis, classify, points, labels)
        axis.set_title(name, fontsize=10)
    return figure


def regions(
    axis: Axes, classify: Callable, points: np.ndarray, labels: np.ndarray, *, resolution: int = 160
) -> None:
    """Colour the plane by class, and put the points on it."""
    K = int(labels.max()) + 1
    low, high = points.min(0), points.max(0)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
    X, Y = np.meshgrid(np.linspace(low[0], high[0], resolution), np.linspace(low[1], high[1], resolution))
    plane = classify(np.stack([X.ravel(), Y.ravel()], 1).astype(np.float32)).reshape(X.shape)
    box = (low[0], high[0], low[1], high[1])
    look: Any = {"cmap": ListedColormap(COLOURS[:K]), "vmin": -0.5, "vmax": K - 0.5, "alpha": 0.28}
    axis.imshow(plane, extent=box, origin="lower", aspect="auto", interpolation="nearest", **look)
    for k in range(K):
        u, v = points[labels == k].T
        axis.scatter(u, v, s=9, color=COLOURS[k], marker="os^Dv"[k % 5], edgecolors="white", linewidths=0.3)
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])


@styled
def activation_histograms(methods: Mapping[str, Sequence[np.ndarray]], *, bins: int = 41) -> Figure:
    """A row a method, a panel a layer: how its activations are distributed, with their standard deviation."""
    columns = max(len(layers) for layers in methods.values())
    figure, axes = panels(len(methods), columns, width=1.15, height=1.5)
    for line, (name, layers) in zip(axes, methods.items(), strict=True):
        for i, (axis, values) in enumerate(zip(line, layers, strict=False)):
            counts, edges = np.histogram(values, bins)
            axis.stairs(counts, edges, fill=True, color=BLUE)
            axis.set_yticks([])
            ends = [f"{v:.0e}" if 0 < abs(v) < 0.01 else f"{v:.2g}" for v in edges[[0, -1]]]
            axis.set_xticks(edges[[0, -1]], ends, fontsize=6.5)
            axis.grid(False)
            axis.set_title(f"std {values.std():.2g}", fontsize=7.5, loc="center", fontweight="normal")
            if i == 0:
                axis.set_ylabel(name, fontsize=9)
    for i, axis in enumerate(axes[-1], 1):
        axis.set_xlabel(f"layer {i}", fontsize=8.5)
    return figure
